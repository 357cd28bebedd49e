package studio.actions.run;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;

import org.jboss.logging.Logger;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import studio.actions.database.DatabaseHealth;
import studio.actions.database.Notifications;
import studio.actions.egress.FailureKind;
import studio.actions.run.RunJson.Statistics;

/**
 * Statistics of presses and deliveries. The first replica to come counts them a moment after their end, in a separate
 * transaction, so that nothing waits for the counting. Counts are kept for each action and for all actions, by the day (UTC)
 * of the press, by result and by duration. So every query reads only some hundred rows.
 */
@Singleton
class RunStatistics {

    private static final Logger LOG = Logger.getLogger(RunStatistics.class);

    /** For how many days counts are kept, today included. */
    static final int DAYS = 90;

    private static final String ALL = "all";

    private static final int RUNS_AT_ONCE = 500;

    private static final int OUTCOMES_AT_ONCE = 10_000;

    private static final int OPENINGS_AT_ONCE = 1000;

    /** How long to gather ended runs before counting: counting some runs takes as long as counting one. */
    private static final Duration MOMENT = Duration.ofMillis(500);

    /** How long the shutdown waits for a running count. */
    private static final Duration LAST = Duration.ofSeconds(1);

    /** Counts every minute in case a notification was lost. */
    private static final Duration NET = Duration.ofMinutes(1);

    /** Writes rows in a fixed order, so that two replicas that count at once do not deadlock. */
    private static final String PRESSES = """
            WITH ended AS (%s)
            INSERT INTO press_count (subject, day, kind, state, count, last)
            SELECT coalesce(CAST(action_id AS text), 'all') AS subject, day, kind, state, count(*), max(at)
              FROM (SELECT *, (at AT TIME ZONE 'UTC')::date AS day FROM ended) pressed
             GROUP BY GROUPING SETS ((action_id, day, kind, state), (day, kind, state))
             ORDER BY subject, day, kind, state
                ON CONFLICT (subject, day, kind, state) DO UPDATE SET count = press_count.count + excluded.count,
                   last = greatest(press_count.last, excluded.last)""";

    private static final String RUNS = """
            SELECT action_id, created_at AS at, CASE WHEN replay_of IS NULL THEN 'run' ELSE 'replay' END AS kind, state
              FROM run WHERE id = ANY (:runs)""";

    private static final String OPENINGS = """
            DELETE FROM uncounted_opening WHERE id IN (SELECT id FROM uncounted_opening LIMIT :most FOR UPDATE SKIP LOCKED)
            RETURNING action_id, at, 'opening' AS kind, state""";

    private static final String DELIVERIES = """
            INSERT INTO delivery_count (subject, day, state, failure_kind, count)
            SELECT coalesce(CAST(action_id AS text), 'all') AS subject, day, state, failure, count(*)
              FROM (SELECT r.action_id, (r.created_at AT TIME ZONE 'UTC')::date AS day, d.state,
                           coalesce(d.failure_kind, '') AS failure
                      FROM run r JOIN delivery d ON d.run_id = r.id WHERE r.id = ANY (:runs)) ended
             GROUP BY GROUPING SETS ((action_id, day, state, failure), (day, state, failure))
             ORDER BY subject, day, state, failure
                ON CONFLICT (subject, day, state, failure_kind) DO UPDATE SET count = delivery_count.count + excluded.count""";

    /** Leaves out deliveries that were refused before they went out, because they say nothing about the receiver. */
    private static final String DURATIONS = """
            INSERT INTO duration_count (subject, day, took_ms, count)
            SELECT coalesce(CAST(action_id AS text), 'all') AS subject, day, took, count(*)
              FROM (SELECT r.action_id, (r.created_at AT TIME ZONE 'UTC')::date AS day,
                           duration_bucket(d.duration_ms) AS took
                      FROM run r JOIN delivery d ON d.run_id = r.id
                     WHERE r.id = ANY (:runs) AND d.duration_ms IS NOT NULL AND d.state IN ('delivered', 'failed')) ended
             GROUP BY GROUPING SETS ((action_id, day, took), (day, took))
             ORDER BY subject, day, took
                ON CONFLICT (subject, day, took_ms) DO UPDATE SET count = duration_count.count + excluded.count""";

    /** Saves the results of runs for the audit, which outlives the runs. */
    private static final String OUTCOMES = """
            INSERT INTO audit_outcome (run_id, result, detail)
            SELECT id, state, coalesce((SELECT jsonb_object_agg(state, deliveries) FROM (
                   SELECT state, count(*) AS deliveries FROM delivery WHERE run_id = run.id GROUP BY state) counts), '{}')
              FROM run WHERE id = ANY (:runs)
                ON CONFLICT DO NOTHING""";

    private static final String ENDED = """
            SELECT r.id, r.action_id, r.action_name, r.caller_id, r.state, d.state AS delivery, d.failure_kind, count(*)
              FROM run r JOIN delivery d ON d.run_id = r.id
             WHERE r.id = ANY (:runs) AND r.finished_at > now() - interval '1 hour'
             GROUP BY r.id, d.state, d.failure_kind ORDER BY r.id, d.state, d.failure_kind""";

    private final EntityManager entities;
    private final RunMetrics metrics;
    private final DatabaseHealth database;
    private final AtomicBoolean awake = new AtomicBoolean();
    private final ScheduledExecutorService counter = Executors.newSingleThreadScheduledExecutor(work -> {
        Thread thread = new Thread(work, "statistics");
        thread.setDaemon(true);
        return thread;
    });

    RunStatistics(EntityManager entities, RunMetrics metrics, Notifications notifications, DatabaseHealth database) {
        this.entities = entities;
        this.metrics = metrics;
        this.database = database;
        notifications.subscribe(Notifications.Topic.run_changed, told -> {
            if (RunEvents.ended(told)) {
                wake();
            }
        }, this::wake);
    }

    void begin(@Observes StartupEvent start) {
        counter.scheduleWithFixedDelay(this::countAll, 0, NET.toSeconds(), TimeUnit.SECONDS);
    }

    void end(@Observes ShutdownEvent stop) throws InterruptedException {
        counter.shutdownNow();
        counter.awaitTermination(LAST.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Schedules a count, because there is something to count. */
    void wake() {
        if (awake.compareAndSet(false, true)) {
            try {
                counter.schedule(this::countAll, MOMENT.toMillis(), TimeUnit.MILLISECONDS);
            } catch (RejectedExecutionException e) {
                LOG.debug("Not counting ended runs (the service is stopping); another replica or the next start will.", e);
            }
        }
    }

    /** Records an opening for the next count. To be called in the opening's transaction; {@link #wake} after it. */
    void opened(UUID action, Run.State state) {
        entities.createNativeQuery("INSERT INTO uncounted_opening (action_id, state) VALUES (:action, :state)")
                .setParameter("action", action).setParameter("state", state.name()).executeUpdate();
    }

    private void countAll() {
        awake.set(false);
        try {
            Counted counted;
            do {
                counted = QuarkusTransaction.requiringNew().call(this::count);
                metrics.ended(counted.ended());
            } while (counted.runs() == RUNS_AT_ONCE && !counter.isShutdown());
            if (counted.runs() > 0) {
                // There may be more: a batch holds fewer runs if they have many deliveries.
                wake();
            }
        } catch (RuntimeException | Error e) {
            if (counter.isShutdown() || database.failed(e)) {
                return;
            }
            LOG.warnf("Cannot update the statistics (%s); retrying in a minute.", OutcomeWriter.reason(e));
        }
    }

    /** @param ended the runs that ended within the last hour; older ones are too old for metrics and log lines */
    private record Counted(int runs, List<RunMetrics.Ended> ended) {
    }

    private Counted count() {
        entities.createNativeQuery(PRESSES.formatted(OPENINGS)).setParameter("most", OPENINGS_AT_ONCE).executeUpdate();
        UUID[] ended = ((List<?>) entities.createNativeQuery("""
                DELETE FROM uncounted_run WHERE run_id IN (
                    SELECT run_id FROM (
                        SELECT run_id, row_number() OVER chosen AS place, sum(events) OVER chosen AS outcomes
                          FROM (SELECT run_id FROM uncounted_run LIMIT :most FOR UPDATE SKIP LOCKED) queued
                          JOIN run ON run.id = run_id WINDOW chosen AS (ORDER BY run_id)) counted
                     WHERE place = 1 OR outcomes <= :outcomes)
                RETURNING run_id""", UUID.class).setParameter("most", RUNS_AT_ONCE)
                .setParameter("outcomes", OUTCOMES_AT_ONCE).getResultList())
                .toArray(UUID[]::new);
        if (ended.length == 0) {
            return new Counted(0, List.of());
        }
        for (String counts : List.of(PRESSES.formatted(RUNS), DELIVERIES, DURATIONS, OUTCOMES)) {
            entities.createNativeQuery(counts).setParameter("runs", ended).executeUpdate();
        }
        return new Counted(ended.length, ended(ended));
    }

    @SuppressWarnings("unchecked")
    private List<RunMetrics.Ended> ended(UUID[] runs) {
        List<Object[]> rows = entities.createNativeQuery(ENDED, Object[].class).setParameter("runs", runs).getResultList();
        return rows.stream().map(row -> new RunMetrics.Ended((UUID) row[0], (UUID) row[1], (String) row[2], (UUID) row[3],
                Run.State.valueOf((String) row[4]), Delivery.State.valueOf((String) row[5]),
                row[6] == null ? null : FailureKind.valueOf((String) row[6]), ((Number) row[7]).longValue())).toList();
    }

    /** Removes the counts of days that can no longer be queried. */
    void sweep() {
        for (String counts : List.of("press_count", "delivery_count", "duration_count")) {
            entities.createNativeQuery("DELETE FROM " + counts + " WHERE day < (now() AT TIME ZONE 'UTC')::date - :days")
                    .setParameter("days", DAYS - 1).executeUpdate();
        }
    }

    /**
     * Returns the statistics of one action or of all actions.
     *
     * @param action null for all actions
     * @param days the number of days up to today, today included
     */
    @SuppressWarnings("unchecked")
    Statistics read(UUID action, int days) {
        String subject = action == null ? ALL : action.toString();
        return QuarkusTransaction.requiringNew().call(() -> {
            Tally tally = new Tally(action, LocalDate.ofInstant(Run.now(), ZoneOffset.UTC), days);
            ((List<Object[]>) asked("SELECT CAST(day AS text), kind, state, count, last FROM press_count WHERE %s", subject,
                    days)).forEach(row -> tally.press(LocalDate.parse((String) row[0]), (String) row[1],
                            Run.State.valueOf((String) row[2]), (Long) row[3], (Instant) row[4]));
            ((List<Object[]>) asked("SELECT CAST(day AS text), state, failure_kind, count FROM delivery_count WHERE %s",
                    subject,
                    days)).forEach(row -> tally.deliveries(LocalDate.parse((String) row[0]),
                            Delivery.State.valueOf((String) row[1]), (String) row[2], (Long) row[3]));
            ((List<Object[]>) asked("SELECT took_ms, CAST(sum(count) AS bigint) FROM duration_count WHERE %s GROUP BY took_ms",
                    subject, days)).forEach(row -> tally.durations.put((Integer) row[0], (Long) row[1]));
            return tally.statistics();
        });
    }

    private List<?> asked(String select, String subject, int days) {
        return entities
                .createNativeQuery(
                        select.formatted("subject = :subject AND day > (now() AT TIME ZONE 'UTC')::date - :days"),
                        Object[].class)
                .setParameter("subject", subject).setParameter("days", days).getResultList();
    }

    /** Sums of the counts that were read. */
    private static final class Tally {

        private final UUID action;
        private final int days;
        private final LocalDate today;
        private final Map<LocalDate, Day> byDay = new TreeMap<>();
        private final TreeMap<Integer, Long> durations = new TreeMap<>();
        private Instant last;

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

        /** Returns the sums of a day. The day may lie in the future if the clock was set back. */
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

        private static Statistics.Day day(LocalDate date, Day day) {
            return new Statistics.Day(date, day.presses, day.openings, day.replays, Statistics.Runs.of(day.runs),
                    RunJson.Counts.of(day.deliveries), rate(day), day.failures);
        }

        private static Double rate(Day of) {
            RunJson.Counts counts = RunJson.Counts.of(of.deliveries);
            long tried = counts.total() - counts.cancelled();
            return tried == 0 ? null : (double) counts.delivered() / tried;
        }

        /** Returns a percentile by nearest rank: the middle of its bucket, which is within 3.2 % of the exact duration. */
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
