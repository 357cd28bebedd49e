package studio.actions.statistics;

import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import studio.actions.egress.FailureKind;
import studio.actions.run.Run;
import studio.actions.run.RunJson;

/** The statistics of actions, as JSON. */
public record Statistics(UUID actionId,
        LocalDate since,
        int days,
        long presses,
        long openings, long replays,
        Runs runs, RunJson.Counts deliveries,
        Double successRate,
        Durations durationMs,
        Map<FailureKind, Long> failures,
        Instant lastPressedAt,
        List<Day> byDay) {

    public record Runs(long total, long succeeded, long partial, long failed, long cancelled) {

        static Runs of(Map<Run.State, Long> states) {
            return new Runs(states.values().stream().mapToLong(Long::longValue).sum(),
                    states.getOrDefault(Run.State.succeeded, 0L), states.getOrDefault(Run.State.partial, 0L),
                    states.getOrDefault(Run.State.failed, 0L), states.getOrDefault(Run.State.cancelled, 0L));
        }
    }

    public record Durations(int p50, int p95, int p99) {
    }

    public record Day(LocalDate day, long presses, long openings, long replays, Runs runs, RunJson.Counts deliveries,
            Double successRate,
            Map<FailureKind, Long> failures) {
    }

    /**
     * Sums of one action over the last days.
     *
     * @param successRate the share of delivered deliveries; null if none ended
     * @param durationMs null if no request was answered
     * @param lastFailedAt when the last run was pressed that failed, or failed in part; null if none did
     */
    public record Recent(long presses, long deliveries, Double successRate, Durations durationMs,
            Instant lastFailedAt) {
    }
}
