package studio.actions.statistics;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Stream;

import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Query;
import jakarta.persistence.Tuple;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.egress.FailureKind;
import studio.actions.run.Delivery;
import studio.actions.run.Run;
import studio.actions.run.RunStore;

/**
 * The store of statistics: counts of presses, deliveries and durations, for each action and for all actions, by the day (UTC)
 * of the press.
 */
@Singleton
public class StatisticsStore {

    /** For how many days counts are kept and can be queried, today included. */
    static final int DAYS = 90;

    private static final String ALL = "all";

    static final int RUNS_AT_ONCE = 500;

    private static final int OUTCOMES_AT_ONCE = 10_000;

    private static final int OPENINGS_AT_ONCE = 1000;

    /** Adds presses to the daily counts. Writes rows in a fixed order: else two replicas could deadlock. */
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

    /** Adds durations of delivered and failed deliveries only. Refused deliveries say nothing about the receiver's speed. */
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

    /** Saves the results of runs for the audit, because the audit is kept longer than the runs. */
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

    /** Counts unfinished deliveries by state: in flight, or pending and held by a disabled action, due later, or due now. */
    private static final String QUEUE = """
            SELECT 'in_flight' AS state, count(*) AS count, CAST(NULL AS double precision) AS seconds FROM delivery WHERE owner IS NOT NULL
             UNION ALL
            SELECT CASE WHEN a.enabled IS FALSE THEN 'held' WHEN d.due_at > now() THEN 'later' ELSE 'due' END AS state, count(*),
                   CAST(extract(epoch FROM now() - min(d.due_at)) AS double precision)
              FROM delivery d JOIN run r ON r.id = d.run_id LEFT JOIN action a ON a.id = r.action_id
             WHERE d.state = 'pending' GROUP BY 1""";

    /**
     * How many deliveries of an ended run have the same state and failure kind. A run has one record for each such pair, even
     * if all its deliveries were refused.
     *
     * @param kind why the deliveries failed; null if they were delivered
     */
    record Ended(UUID run, UUID action, String actionName, UUID caller, Run.State state, Delivery.State delivery,
            FailureKind kind, long count) {
    }

    private final EntityManager entities;

    StatisticsStore(EntityManager entities) {
        this.entities = entities;
    }

    /**
     * Saves that a browser opened the URLs of an action; the next count includes it. Call this in the transaction that records
     * the opening in the audit, and {@link RunStatistics#wake} after the commit.
     */
    public void opened(UUID action, Run.State state) {
        entities.createNativeQuery("INSERT INTO uncounted_opening (action_id, state) VALUES (:action, :state)")
                .setParameter("action", action).setParameter("state", state.name()).executeUpdate();
    }

    /**
     * @param runs how many ended runs were counted
     * @param ended the results of runs that ended within the last hour; metrics and log lines leave out runs that ended earlier
     */
    record Counted(int runs, List<Ended> ended) {
    }

    Counted count() {
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

    private List<Ended> ended(UUID[] runs) {
        return rows(entities.createNativeQuery(ENDED, Tuple.class).setParameter("runs", runs)).map(row -> new Ended(
                row.get("id", UUID.class), row.get("action_id", UUID.class), row.get("action_name", String.class),
                row.get("caller_id", UUID.class), Run.State.valueOf(row.get("state", String.class)),
                Delivery.State.valueOf(row.get("delivery", String.class)),
                row.get("failure_kind") == null ? null : FailureKind.valueOf(row.get("failure_kind", String.class)),
                row.get("count", Long.class))).toList();
    }

    /** Deletes the counts of days that are too old to be queried. */
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
    Statistics read(UUID action, int days) {
        String subject = action == null ? ALL : action.toString();
        return QuarkusTransaction.requiringNew().call(() -> {
            Tally tally = new Tally(action, LocalDate.ofInstant(RunStore.now(), ZoneOffset.UTC), days);
            counts("SELECT CAST(day AS text) AS day, kind, state, count, last FROM press_count WHERE %s", subject, days)
                    .forEach(row -> tally.press(day(row), row.get("kind", String.class),
                            Run.State.valueOf(row.get("state", String.class)), row.get("count", Long.class),
                            row.get("last", Instant.class)));
            counts("SELECT CAST(day AS text) AS day, state, failure_kind, count FROM delivery_count WHERE %s", subject, days)
                    .forEach(row -> tally.deliveries(day(row), Delivery.State.valueOf(row.get("state", String.class)),
                            row.get("failure_kind", String.class), row.get("count", Long.class)));
            counts("SELECT took_ms, CAST(sum(count) AS bigint) AS count FROM duration_count WHERE %s GROUP BY took_ms", subject,
                    days).forEach(row -> tally.durations.put(row.get("took_ms", Integer.class), row.get("count", Long.class)));
            return tally.statistics();
        });
    }

    /** Returns the sums of each action over the last days, today included. Leaves out actions that were not pressed. */
    public Map<UUID, Statistics.Recent> recent(int days) {
        return QuarkusTransaction.requiringNew().call(() -> {
            LocalDate today = LocalDate.ofInstant(RunStore.now(), ZoneOffset.UTC);
            Map<String, Tally> tallies = new HashMap<>();
            Function<Tuple, Tally> of = row -> tallies.computeIfAbsent(row.get("subject", String.class),
                    subject -> new Tally(UUID.fromString(subject), today, days));
            recentCounts("SELECT subject, CAST(day AS text) AS day, kind, state, count, last FROM press_count WHERE %s", days)
                    .forEach(row -> of.apply(row).press(day(row), row.get("kind", String.class),
                            Run.State.valueOf(row.get("state", String.class)), row.get("count", Long.class),
                            row.get("last", Instant.class)));
            recentCounts("SELECT subject, CAST(day AS text) AS day, state, failure_kind, count FROM delivery_count WHERE %s",
                    days).forEach(
                            row -> of.apply(row).deliveries(day(row),
                                    Delivery.State.valueOf(row.get("state", String.class)),
                                    row.get("failure_kind", String.class),
                                    row.get("count", Long.class)));
            recentCounts("SELECT subject, took_ms, CAST(sum(count) AS bigint) AS count FROM duration_count WHERE %s "
                    + "GROUP BY subject, took_ms", days).forEach(
                            row -> of.apply(row).durations
                                    .put(row.get("took_ms", Integer.class), row.get("count", Long.class)));
            Map<UUID, Statistics.Recent> recent = new HashMap<>();
            tallies.forEach((subject, tally) -> recent.put(UUID.fromString(subject), tally.recent()));
            return recent;
        });
    }

    private Stream<Tuple> recentCounts(String select, int days) {
        return rows(entities.createNativeQuery(
                select.formatted("subject <> 'all' AND day > (now() AT TIME ZONE 'UTC')::date - :days"), Tuple.class)
                .setParameter("days", days));
    }

    private static LocalDate day(Tuple row) {
        return LocalDate.parse(row.get("day", String.class));
    }

    private Stream<Tuple> counts(String select, String subject, int days) {
        return rows(entities.createNativeQuery(
                select.formatted("subject = :subject AND day > (now() AT TIME ZONE 'UTC')::date - :days"), Tuple.class)
                .setParameter("subject", subject).setParameter("days", days));
    }

    /**
     * The number of unfinished deliveries in one state, as in {@link #QUEUE}.
     *
     * @param seconds how long ago the earliest of them became due; negative if it becomes due in the future; null if in flight
     */
    record Queued(String state, long count, Double seconds) {
    }

    List<Queued> queue() {
        return rows(entities.createNativeQuery(QUEUE, Tuple.class)).map(row -> new Queued(row.get("state", String.class),
                row.get("count", Long.class), row.get("seconds", Double.class))).toList();
    }

    @SuppressWarnings("unchecked")
    private static Stream<Tuple> rows(Query query) {
        return query.getResultStream();
    }
}
