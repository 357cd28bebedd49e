package studio.actions.run;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.ToLongFunction;

import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.egress.FailureKind;
import studio.actions.run.RunJson.Statistics;

/**
 * What became of presses and deliveries, counted as they end, in the transaction in which they do: by action and over all, by
 * the day (UTC) of the press, by how they ended and how long that took. So a question reads some hundred rows, whatever it is
 * about.
 */
@Singleton
class RunStatistics {

    /** Stands for all actions. */
    private static final UUID ALL = new UUID(0, 0);

    /** Rows are written in one order, so that two who count at once do not wait for each other. */
    private static final String PRESSES = """
            INSERT INTO press_count (action_id, day, kind, state, count, last)
            SELECT coalesce(action_id, :all) AS action, day, kind, state, count(*), max(at)
              FROM (%s) ended
             GROUP BY GROUPING SETS ((action_id, day, kind, state), (day, kind, state))
             ORDER BY action, day, kind, state
                ON CONFLICT (action_id, day, kind, state) DO UPDATE SET count = press_count.count + excluded.count,
                   last = greatest(press_count.last, excluded.last)""";

    private static final String RUNS = """
            SELECT action_id, (created_at AT TIME ZONE 'UTC')::date AS day,
                   CASE WHEN replay_of IS NULL THEN 'run' ELSE 'replay' END AS kind, state, created_at AS at
              FROM run WHERE id = ANY (:runs)""";

    private static final String OPENING = """
            SELECT CAST(:action AS uuid) AS action_id, (clock_timestamp() AT TIME ZONE 'UTC')::date AS day, 'opening' AS kind,
                   :state AS state, clock_timestamp() AS at""";

    private static final String DELIVERIES = """
            INSERT INTO delivery_count (action_id, day, state, failure_kind, count)
            SELECT coalesce(action_id, :all) AS action, day, state, failure, count(*)
              FROM (SELECT r.action_id, (r.created_at AT TIME ZONE 'UTC')::date AS day, d.state,
                           coalesce(d.failure_kind, '') AS failure
                      FROM run r JOIN delivery d ON d.run_id = r.id WHERE r.id = ANY (:runs)) ended
             GROUP BY GROUPING SETS ((action_id, day, state, failure), (day, state, failure))
             ORDER BY action, day, state, failure
                ON CONFLICT (action_id, day, state, failure_kind)
                DO UPDATE SET count = delivery_count.count + excluded.count""";

    private static final String DURATIONS = """
            INSERT INTO duration_count (action_id, day, took_ms, count)
            SELECT coalesce(action_id, :all) AS action, day, took, count(*)
              FROM (SELECT r.action_id, (r.created_at AT TIME ZONE 'UTC')::date AS day,
                           duration_bucket(d.duration_ms) AS took
                      FROM run r JOIN delivery d ON d.run_id = r.id
                     WHERE r.id = ANY (:runs) AND d.duration_ms IS NOT NULL) ended
             GROUP BY GROUPING SETS ((action_id, day, took), (day, took))
             ORDER BY action, day, took
                ON CONFLICT (action_id, day, took_ms) DO UPDATE SET count = duration_count.count + excluded.count""";

    private final EntityManager entities;

    RunStatistics(EntityManager entities) {
        this.entities = entities;
    }

    /** Counts those of the runs that ended in this transaction, and their deliveries. The last that it writes. */
    void count(Collection<Run> runs) {
        UUID[] ended = runs.stream().filter(run -> run.justEnded).map(run -> run.id).toArray(UUID[]::new);
        if (ended.length > 0) {
            for (String counts : List.of(PRESSES.formatted(RUNS), DELIVERIES, DURATIONS)) {
                entities.createNativeQuery(counts).setParameter("all", ALL).setParameter("runs", ended).executeUpdate();
            }
        }
    }

    /** Counts an opening. To be called in its transaction. */
    void opened(UUID action, Run.State state) {
        entities.createNativeQuery(PRESSES.formatted(OPENING)).setParameter("all", ALL).setParameter("action", action)
                .setParameter("state", state.name()).executeUpdate();
    }

    /** Removes what is too old; the days of which something may be younger stay. */
    void sweep(Duration age) {
        for (String counts : List.of("press_count", "delivery_count", "duration_count")) {
            entities.createNativeQuery("DELETE FROM " + counts + " WHERE day < (now() AT TIME ZONE 'UTC')::date - :days")
                    .setParameter("days", (int) age.toDays()).executeUpdate();
        }
    }

    /**
     * @param action null for all of them
     * @param days up to today, which is one of them
     */
    @SuppressWarnings("unchecked")
    Statistics read(UUID action, int days) {
        UUID of = action == null ? ALL : action;
        return QuarkusTransaction.requiringNew().call(() -> {
            Tally tally = new Tally(action, LocalDate.ofInstant(Run.now(), ZoneOffset.UTC), days);
            ((List<Object[]>) asked("SELECT CAST(day AS text), kind, state, count, last FROM press_count WHERE %s", of, days))
                    .forEach(row -> tally.press(LocalDate.parse((String) row[0]), (String) row[1],
                            Run.State.valueOf((String) row[2]), (Long) row[3], (Instant) row[4]));
            ((List<Object[]>) asked("SELECT CAST(day AS text), state, failure_kind, count FROM delivery_count WHERE %s", of,
                    days))
                    .forEach(row -> tally.deliveries(LocalDate.parse((String) row[0]), Delivery.State.valueOf((String) row[1]),
                            (String) row[2], (Long) row[3]));
            ((List<Object[]>) asked("SELECT took_ms, CAST(sum(count) AS bigint) FROM duration_count WHERE %s GROUP BY took_ms",
                    of,
                    days)).forEach(row -> tally.durations.put((Integer) row[0], (Long) row[1]));
            return tally.told();
        });
    }

    private List<?> asked(String select, UUID of, int days) {
        return entities
                .createNativeQuery(select.formatted("action_id = :of AND day > (now() AT TIME ZONE 'UTC')::date - :days"),
                        Object[].class)
                .setParameter("of", of).setParameter("days", days).getResultList();
    }

    /** Adds up what is read. */
    private static final class Tally {

        private final UUID action;
        private final int days;
        private final LocalDate today;
        private final Map<LocalDate, Day> byDay = new TreeMap<>();
        private final Map<Run.State, Long> runs = new EnumMap<>(Run.State.class);
        private final Map<FailureKind, Long> failures = new EnumMap<>(FailureKind.class);
        private final TreeMap<Integer, Long> durations = new TreeMap<>();
        private Instant last;

        private static final class Day {
            private long runs;
            private long replays;
            private long openings;
            private final Map<Delivery.State, Long> deliveries = new EnumMap<>(Delivery.State.class);
        }

        Tally(UUID action, LocalDate today, int days) {
            this.action = action;
            this.today = today;
            this.days = days;
            today.minusDays(days - 1L).datesUntil(today.plusDays(1)).forEach(day -> byDay.put(day, new Day()));
        }

        void press(LocalDate day, String kind, Run.State state, long count, Instant at) {
            Day of = byDay.computeIfAbsent(day, later -> new Day());
            switch (kind) {
                case "opening" -> of.openings += count;
                case "replay" -> of.replays += count;
                default -> of.runs += count;
            }
            if (!kind.equals("opening")) {
                runs.merge(state, count, Long::sum);
            }
            last = last == null || at.isAfter(last) ? at : last;
        }

        void deliveries(LocalDate day, Delivery.State state, String failure, long count) {
            byDay.computeIfAbsent(day, later -> new Day()).deliveries.merge(state, count, Long::sum);
            if (!failure.isEmpty()) {
                failures.merge(FailureKind.valueOf(failure), count, Long::sum);
            }
        }

        Statistics told() {
            Map<Delivery.State, Long> deliveries = new EnumMap<>(Delivery.State.class);
            byDay.values().forEach(day -> day.deliveries.forEach((state, count) -> deliveries.merge(state, count, Long::sum)));
            RunJson.Counts counts = RunJson.Counts.of(deliveries);
            long tried = counts.total() - counts.cancelled();
            return new Statistics(action, today.minusDays(days - 1L), days, sum(day -> day.runs + day.openings),
                    sum(day -> day.openings), sum(day -> day.replays), Statistics.Runs.of(runs), counts,
                    tried == 0 ? null : (double) counts.delivered() / tried,
                    durations.isEmpty() ? null
                            : new Statistics.Durations(percentile(0.5), percentile(0.95), percentile(0.99)),
                    failures, last, byDay.entrySet().stream().map(day -> new Statistics.Day(day.getKey(),
                            day.getValue().runs + day.getValue().openings, day.getValue().openings, day.getValue().replays,
                            RunJson.Counts.of(day.getValue().deliveries))).toList());
        }

        private long sum(ToLongFunction<Day> of) {
            return byDay.values().stream().mapToLong(of).sum();
        }

        /** By nearest rank; the middle of its bucket, which is within 3.2 % of what it was. */
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
}
