package studio.actions.run;

import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

import jakarta.persistence.FlushModeType;
import jakarta.persistence.LockModeType;
import jakarta.persistence.Tuple;

import io.quarkus.hibernate.orm.panache.Panache;
import studio.actions.problem.Cursor;

/** Reads and updates runs in the database, in the caller's open transaction. */
public final class RunStore {

    private static final String NAMED = "id in (select d.runId from Delivery d where lower(left(d.entityName, 200)) like lower(:named) "
            + "escape '!')";

    private RunStore() {
    }

    /**
     * The conditions for a list of runs; null stands for any value.
     *
     * @param name the first characters of the name of one of the run's entities
     * @param after the last run of the previous page
     */
    public record Filter(UUID actionId, Set<Run.State> states, UUID callerId, UUID productionId, String name, Instant since,
            Cursor after) {
    }

    /** @param next the cursor of the next page; null on the last page */
    record Page(List<Run> runs, String next) {

        List<UUID> ids() {
            return runs.stream().map(run -> run.id).toList();
        }
    }

    /** Returns a page of the newest runs that match the filter and that the caller may see. */
    static Page list(Filter filter, RunAccess.Access access, int limit) {
        Map<String, Object> values = new HashMap<>();
        StringBuilder where = new StringBuilder("1 = 1");
        and(where, values, "actionId = :actionId", "actionId", filter.actionId);
        and(where, values, "state in :states", "states", filter.states);
        and(where, values, "callerId = :callerId", "callerId", filter.callerId);
        and(where, values, "array_contains(productionIds, :productionId)", "productionId", filter.productionId);
        and(where, values, "createdAt >= :since", "since", filter.since);
        and(where, values, NAMED, "named",
                filter.name == null || filter.name.isBlank() ? null : DeliveryStore.pattern(filter.name));
        if (filter.after != null) {
            and(where, values, "(createdAt < :at or (createdAt = :at and id < :after))", "at", filter.after.at());
            values.put("after", filter.after.id());
        }
        if (!access.all()) {
            and(where, values, "(callerId = :own or array_includes(:inside, productionIds))", "own", access.caller());
            values.put("inside", access.productions().toArray(UUID[]::new));
        }
        List<Run> found = Run.<Run> find(where + " order by createdAt desc, id desc", values).page(0, limit + 1).list();
        List<Run> page = found.subList(0, Math.min(limit, found.size()));
        Run last = found.size() > limit ? page.get(limit - 1) : null;
        return new Page(page, last == null ? null : new Cursor(last.createdAt, last.id).text());
    }

    private static void and(StringBuilder where, Map<String, Object> values, String condition, String name, Object value) {
        if (value != null) {
            where.append(" and ").append(condition);
            values.put(name, value);
        }
    }

    /** Returns the runs that send deliveries of these runs again, oldest first. */
    static List<Run> replaysOf(Collection<UUID> runs) {
        return runs.isEmpty() ? List.of() : Run.list("replayOf in ?1 order by createdAt", runs);
    }

    /** Returns the latest run that sends deliveries of this run again; null if there is none. */
    public static Run lastReplay(UUID run) {
        List<Run> replays = replaysOf(List.of(run));
        return replays.isEmpty() ? null : replays.get(replays.size() - 1);
    }

    /** Returns the runs of an action that have not ended, newest first. */
    static List<Run> unfinished(UUID action) {
        return Run.list("actionId = ?1 and finishedAt is null order by createdAt desc, id desc", action);
    }

    /** Returns the number of pending deliveries of each action. Leaves out actions without any. */
    public static Map<UUID, Long> pendingByAction() {
        Map<UUID, Long> pending = new HashMap<>();
        Panache.getEntityManager().createQuery("""
                select r.actionId as action, count(d) as count from Delivery d join Run r on r.id = d.runId
                where d.state = pending and r.finishedAt is null group by r.actionId""", Tuple.class).getResultList()
                .forEach(row -> pending.put(row.get("action", UUID.class), row.get("count", Long.class)));
        return pending;
    }

    /** Returns whether the run has ended or does not exist. */
    static boolean isOver(UUID run) {
        return Run.count("id = ?1 and finishedAt is null", run) == 0;
    }

    public static List<Run> byId(Collection<UUID> ids) {
        return Run.list("id in ?1", ids);
    }

    /** Locks runs until the transaction ends, in the order of their ids, so that transactions do not deadlock. */
    public static List<Run> locked(Collection<UUID> ids) {
        return Run.<Run> find("id in ?1 order by id", ids).withLock(LockModeType.PESSIMISTIC_WRITE).list();
    }

    /** Cancels the pending deliveries of a locked run and returns their number. */
    static int cancel(Run run, String why) {
        run.cancelledAt = now();
        // The query locks the pending deliveries before it numbers their outcomes. Otherwise a numbered delivery could become
        // in flight before its update: its number would stay unused, and a later outcome would get a number in use.
        int cancelled = Panache.getEntityManager().createNativeQuery("""
                WITH waiting AS MATERIALIZED (SELECT id, position FROM delivery WHERE run_id = :run AND state = 'pending'
                                               ORDER BY position FOR UPDATE)
                UPDATE delivery d SET state = 'cancelled', due_at = NULL, failure_kind = 'cancelled', failure_message = :why,
                    event = :events + w.number
                  FROM (SELECT id, row_number() OVER (ORDER BY position) AS number FROM waiting) w
                 WHERE d.id = w.id""").setParameter("why", why).setParameter("events", run.events)
                .setParameter("run", run.id).executeUpdate();
        run.events += cancelled;
        run.count(cancelled, run.cancelledAt, () -> DeliveryStore.counts(run.id));
        return cancelled;
    }

    /**
     * Counts the pending and in-flight deliveries of a locked run again, and marks the run as ended if there are none. The
     * stored count may be wrong after a failure that PostgreSQL did not roll back.
     */
    public static void recount(Run run) {
        Map<Delivery.State, Long> counts = DeliveryStore.counts(run.id);
        long unfinished = counts.getOrDefault(Delivery.State.pending, 0L) + counts.getOrDefault(Delivery.State.in_flight, 0L);
        run.unfinished = (int) unfinished;
        run.count(0, now(), () -> counts);
    }

    /**
     * Finds runs that are not marked as ended although none of their deliveries is pending or in flight: their count is wrong.
     */
    public static List<UUID> miscounted(int limit) {
        return Panache.getEntityManager().createNativeQuery("""
                SELECT id FROM run r WHERE finished_at IS NULL
                    AND NOT EXISTS (SELECT 1 FROM delivery WHERE run_id = r.id AND state = 'pending')
                    AND NOT EXISTS (SELECT 1 FROM delivery WHERE run_id = r.id AND owner IS NOT NULL)
                 LIMIT :limit""", UUID.class).setParameter("limit", limit).getResultList();
    }

    /** Sets queued runs to running. Skips locked runs: the transaction that holds the lock sets the state of the run. */
    public static void start(Collection<UUID> ids) {
        Panache.getEntityManager().createNativeQuery("""
                UPDATE run SET state = 'running' WHERE id IN (SELECT id FROM run WHERE id = ANY (:ids) AND state = 'queued'
                    FOR NO KEY UPDATE SKIP LOCKED)""").setParameter("ids", ids.toArray(UUID[]::new)).executeUpdate();
    }

    /**
     * Removes a batch of the oldest ended runs and returns their number. Skips runs that another replica is removing, and runs
     * that the statistics do not include yet.
     *
     * @param age how long after its end a run may be removed
     * @param runs the most runs of a batch
     * @param deliveries the most deliveries of a batch, estimated by the number of outcomes; a single run with more outcomes is
     *        removed alone
     */
    static int remove(Duration age, int runs, int deliveries) {
        return Panache.getEntityManager().createNativeQuery("""
                DELETE FROM run WHERE id IN (
                    SELECT id FROM (
                        SELECT id, row_number() OVER oldest AS place, sum(events) OVER oldest AS deliveries
                          FROM (SELECT id, finished_at, events FROM run
                                 WHERE finished_at < now() - make_interval(secs => :age)
                                   AND NOT EXISTS (SELECT FROM uncounted_run WHERE run_id = run.id)
                                 ORDER BY finished_at LIMIT :runs FOR UPDATE SKIP LOCKED) old
                        WINDOW oldest AS (ORDER BY finished_at, id)) counted
                     WHERE place = 1 OR deliveries <= :deliveries)""")
                .setParameter("age", (double) age.toSeconds()).setParameter("runs", runs)
                .setParameter("deliveries", deliveries).executeUpdate();
    }

    /** Returns the database's time, since the clocks of replicas may differ. Does not flush changed entities. */
    public static Instant now() {
        return (Instant) Panache.getEntityManager().createNativeQuery("SELECT clock_timestamp()", Instant.class)
                .setFlushMode(FlushModeType.COMMIT).getSingleResult();
    }
}
