package studio.actions.statistics;

import java.time.Instant;
import java.time.LocalDate;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

import studio.actions.egress.FailureKind;
import studio.actions.run.Delivery;
import studio.actions.run.Run;
import studio.actions.run.RunJson;

/** Sums up daily counts to the statistics of a period. */
final class Tally {

    private final UUID action;
    private final int days;
    private final LocalDate today;
    private final Map<LocalDate, Day> byDay = new TreeMap<>();
    final TreeMap<Integer, Long> durations = new TreeMap<>();
    private Instant last;
    private Instant lastFailure;

    private static final class Day {
        private long presses;
        private long openings;
        private long replays;
        private final Map<Run.State, Long> runs = new EnumMap<>(Run.State.class);
        private final Map<Delivery.State, Long> deliveries = new EnumMap<>(Delivery.State.class);
        private final Map<FailureKind, Long> failures = new EnumMap<>(FailureKind.class);

        void add(Day other) {
            presses += other.presses;
            openings += other.openings;
            replays += other.replays;
            other.runs.forEach((state, count) -> runs.merge(state, count, Long::sum));
            other.deliveries.forEach((state, count) -> deliveries.merge(state, count, Long::sum));
            other.failures.forEach((kind, count) -> failures.merge(kind, count, Long::sum));
        }
    }

    Tally(UUID action, LocalDate today, int days) {
        this.action = action;
        this.today = today;
        this.days = days;
        today.minusDays(days - 1L).datesUntil(today.plusDays(1)).forEach(day -> byDay.put(day, new Day()));
    }

    /** Returns the sums of a day. A counted day can lie in the future if the database's clock was set back. */
    private Day of(LocalDate day) {
        return byDay.computeIfAbsent(day, later -> new Day());
    }

    void press(LocalDate day, String kind, Run.State state, long count, Instant at) {
        Day of = of(day);
        of.presses += kind.equals("replay") ? 0 : count;
        of.openings += kind.equals("opening") ? count : 0;
        of.replays += kind.equals("replay") ? count : 0;
        if (!kind.equals("opening")) {
            of.runs.merge(state, count, Long::sum);
        }
        if ((state == Run.State.failed || state == Run.State.partial)
                && (lastFailure == null || at.isAfter(lastFailure))) {
            lastFailure = at;
        }
        last = kind.equals("replay") || last != null && last.isAfter(at) ? last : at;
    }

    void deliveries(LocalDate day, Delivery.State state, String failure, long count) {
        of(day).deliveries.merge(state, count, Long::sum);
        if (!failure.isEmpty() && state != Delivery.State.cancelled) {
            of(day).failures.merge(FailureKind.valueOf(failure), count, Long::sum);
        }
    }

    Statistics statistics() {
        Day all = new Day();
        byDay.values().forEach(all::add);
        return new Statistics(action, today.minusDays(days - 1L), days, all.presses, all.openings, all.replays,
                Statistics.Runs.of(all.runs), RunJson.Counts.of(all.deliveries), rate(all),
                durations.isEmpty() ? null
                        : new Statistics.Durations(percentile(0.5), percentile(0.95), percentile(0.99)),
                all.failures, last, byDay.entrySet().stream().map(of -> day(of.getKey(), of.getValue())).toList());
    }

    Statistics.Recent recent() {
        Statistics sums = statistics();
        return new Statistics.Recent(sums.presses(), sums.deliveries().total(), sums.successRate(), sums.durationMs(),
                lastFailure);
    }

    private static Statistics.Day day(LocalDate date, Day day) {
        return new Statistics.Day(date, day.presses, day.openings, day.replays, Statistics.Runs.of(day.runs),
                RunJson.Counts.of(day.deliveries), rate(day), day.failures);
    }

    private static Double rate(Day of) {
        RunJson.Counts counts = RunJson.Counts.of(of.deliveries);
        long tried = counts.total() - counts.cancelled();
        return tried == 0 ? null : (double) counts.delivered() / tried;
    }

    /**
     * Returns a percentile of the durations by nearest rank. Durations are counted in buckets: the middle of a bucket is
     * within 3.2 % of the exact duration.
     */
    private int percentile(double share) {
        long rank = (long) Math.ceil(share * durations.values().stream().mapToLong(Long::longValue).sum());
        long passed = 0;
        for (Map.Entry<Integer, Long> bucket : durations.entrySet()) {
            passed += bucket.getValue();
            if (passed >= rank) {
                int low = bucket.getKey();
                int width = Math.max(1, Integer.highestOneBit(low) >> 4);
                return low + (width - 1) / 2;
            }
        }
        throw new IllegalStateException("there is no rank beyond the last");
    }
}
