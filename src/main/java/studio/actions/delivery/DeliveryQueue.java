package studio.actions.delivery;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

import jakarta.persistence.Tuple;

import io.quarkus.hibernate.orm.panache.Panache;
import studio.actions.database.SqlBatch;
import studio.actions.draft.Method;
import studio.actions.limit.RateLimits;
import studio.actions.replica.ReplicaStore;
import studio.actions.run.Delivery;

/** The queue of unfinished deliveries: rows of the table {@code delivery}. All queries run in the open transaction. */
public final class DeliveryQueue {

    /** SQL that reads the {@link Backlog} of an action. Both question marks stand for the action's id. */
    public static final String BACKLOG = """
            SELECT (SELECT coalesce(sum(unfinished), 0) FROM run WHERE action_id = ? AND finished_at IS NULL) AS unfinished,
                   EXISTS (SELECT FROM run r
                            CROSS JOIN LATERAL (SELECT FROM delivery
                                                 WHERE run_id = r.id AND state = 'pending' AND (due_at <= now()) IS TRUE LIMIT 1) owes
                            WHERE r.action_id = ? AND r.finished_at IS NULL) AS waits""";

    private DeliveryQueue() {
    }

    /**
     * A delivery that may be sent now.
     *
     * @param ratePerMinute how many deliveries a minute the action may send
     */
    record Due(UUID id, UUID runId, String url, String host, UUID actionId, int ratePerMinute) {
    }

    /**
     * The due deliveries that a replica may claim, which means reserve for itself to send.
     *
     * @param alive whether the replica may claim: no other replica has declared it dead, and none can do so before the
     *        transaction ends
     * @param due the deliveries, earliest press first
     */
    record Offer(boolean alive, List<Due> due) {
    }

    /**
     * LATERAL and LIMIT make PostgreSQL look up each run's deliveries by the index on {@code run_id}, even if its row estimates
     * are wrong. IS TRUE keeps PostgreSQL from using the index on {@code due_at}, where it would read the due deliveries of all
     * runs.
     */
    private static final String OFFER = """
            SELECT d.id, d.run_id, d.url, d.host, r.action_id, r.rate
              FROM (SELECT oldest.*,
                           row_number() OVER (PARTITION BY oldest.action_id ORDER BY oldest.created_at, oldest.id) AS turn,
                           count(*) OVER (PARTITION BY oldest.action_id) AS runs,
                           -- One for all of its runs: where it was deleted, they may have begun with several.
                           coalesce(a.rate_per_minute, (SELECT max(rate_per_minute) FROM run
                               WHERE action_id = owing.action_id AND finished_at IS NULL)) AS rate
                      FROM (SELECT DISTINCT action_id FROM run
                             WHERE finished_at IS NULL AND action_id <> ALL (?)) owing
                      LEFT JOIN action a ON a.id = owing.action_id
                     CROSS JOIN LATERAL (
                           SELECT r.id, r.action_id, r.created_at, r.host
                             FROM run r
                            CROSS JOIN LATERAL (SELECT FROM delivery
                                                 WHERE run_id = r.id AND state = 'pending' AND (due_at <= now()) IS TRUE
                                                   AND host <> ALL (?) LIMIT 1) owes
                            WHERE r.action_id = owing.action_id AND r.finished_at IS NULL
                              AND (r.host IS NULL OR r.host <> ALL (?))
                            ORDER BY r.created_at, r.id LIMIT ?) oldest
                     WHERE a.enabled IS NOT FALSE
                     ORDER BY turn, random()
                     LIMIT ?) r
             CROSS JOIN LATERAL (SELECT least(CAST(? AS int4), (SELECT free FROM unnest(?, ?) AS places (host, free)
                                                                WHERE places.host = r.host),
                                                              (SELECT room FROM unnest(?, ?) AS rooms (run, room)
                                                                WHERE rooms.run = r.id)) AS most) can
             CROSS JOIN LATERAL (SELECT id, run_id, url, host, position FROM delivery
                                  WHERE run_id = r.id AND state = 'pending' AND (due_at <= now()) IS TRUE AND host <> ALL (?)
                                  ORDER BY position
                                  -- What is locked and not taken others cannot take: of all runs but the first, a share.
                                  LIMIT CASE WHEN turn = 1 THEN most ELSE (most + runs - 1) / runs END
                                    FOR UPDATE SKIP LOCKED) d
             ORDER BY r.created_at, r.id, d.position""";

    /**
     * Finds and locks due deliveries that no replica has claimed. Returns only a few deliveries of each run, so that a long run
     * does not hold up other runs, and only the oldest runs of each action, so that a busy action does not hold up other
     * actions. Leaves out deliveries of disabled actions. The locks last until the transaction ends; other replicas skip locked
     * deliveries.
     *
     * @param replica the replica that wants to claim
     * @param free the number of free connection slots by host; at a host that is missing here, all slots are free
     * @param room how many more deliveries of a run may be in flight, by the run's id; a run that is missing here has none in
     *        flight
     * @param paused the actions that may send nothing at the moment, because their rate limit is reached
     * @param runs the most runs to return deliveries of
     * @param each the most deliveries to return of each run
     */
    static Offer offer(UUID replica, Map<String, Integer> free, Map<UUID, Integer> room, Collection<UUID> paused, int runs,
            int each) {
        List<String> hosts = List.copyOf(free.keySet());
        List<UUID> busy = List.copyOf(room.keySet());
        String[] full = hosts.stream().filter(host -> free.get(host) == 0).toArray(String[]::new);
        return new SqlBatch().add(ReplicaStore.ALIVE, List.of(replica)).add(OFFER,
                List.of(paused.toArray(UUID[]::new), full, full, runs, runs, each, hosts.toArray(String[]::new),
                        hosts.stream().map(free::get).toArray(Integer[]::new), busy.toArray(UUID[]::new),
                        busy.stream().map(room::get).toArray(Integer[]::new), full))
                .ask(answers -> {
                    boolean alive = answers.of(0).next();
                    ResultSet found = answers.of(1);
                    List<Due> due = new ArrayList<>();
                    while (found.next()) {
                        due.add(new Due(found.getObject("id", UUID.class), found.getObject("run_id", UUID.class),
                                found.getString("url"), found.getString("host"), found.getObject("action_id", UUID.class),
                                found.getInt("rate")));
                    }
                    return new Offer(alive, due);
                });
    }

    /**
     * The unfinished deliveries of an action.
     *
     * @param unfinished their number, including deliveries in flight and deliveries that wait for another attempt
     * @param waits whether at least one of them is due, so that only a limit can keep it from being sent now
     */
    public record Backlog(long unfinished, boolean waits) {

        public static Backlog of(ResultSet found) throws SQLException {
            found.next();
            return new Backlog(found.getLong("unfinished"), found.getBoolean("waits"));
        }
    }

    /** Counts the deliveries of an action that could be sent now, if neither a rate limit nor a busy host held them back. */
    public static RateLimits.Waiting waiting(UUID action) {
        Tuple found = (Tuple) Panache.getEntityManager().createNativeQuery("""
                SELECT coalesce(sum(owed.deliveries), 0) AS deliveries, max(r.host) AS host
                  FROM run r
                 CROSS JOIN LATERAL (SELECT count(*) AS deliveries FROM delivery
                                      WHERE run_id = r.id AND state = 'pending' AND (due_at <= now()) IS TRUE) owed
                 WHERE r.action_id = :action AND r.finished_at IS NULL""", Tuple.class)
                .setParameter("action", action).getSingleResult();
        return new RateLimits.Waiting(found.get("deliveries", Number.class).longValue(), found.get("host", String.class));
    }

    /** Selects by id only. With a condition on the state, too, PostgreSQL would read the whole index of pending deliveries. */
    private static final String CLAIM = """
            UPDATE delivery SET state = 'in_flight', owner = ?, due_at = NULL, attempts = attempts + 1
             WHERE id = ANY (?) RETURNING id, run_id, method, url, host, body, webhook_id, attempts""";

    /**
     * Marks deliveries as in flight at a replica, and commits the transaction, in which {@link #offer} has locked them.
     *
     * @return the claimed deliveries; only the fields that are needed to send them are set
     */
    static List<Delivery> claimAndCommit(Collection<UUID> ids, UUID replica) {
        return new SqlBatch().add(CLAIM, List.of(replica, ids.toArray(UUID[]::new))).askAndCommit(answers -> {
            List<Delivery> claimed = new ArrayList<>();
            for (ResultSet row = answers.of(0); row.next();) {
                Delivery delivery = new Delivery();
                delivery.id = row.getObject("id", UUID.class);
                delivery.runId = row.getObject("run_id", UUID.class);
                delivery.method = Method.valueOf(row.getString("method"));
                delivery.url = row.getString("url");
                delivery.host = row.getString("host");
                delivery.body = row.getString("body");
                delivery.webhookId = row.getString("webhook_id");
                delivery.attempts = row.getInt("attempts");
                delivery.state = Delivery.State.in_flight;
                delivery.owner = replica;
                claimed.add(delivery);
            }
            return claimed;
        });
    }

    /** Returns the time until the next delivery becomes due; empty if no delivery has a due time in the future. */
    static Optional<Duration> nextDue() {
        Number seconds = (Number) Panache.getEntityManager().createNativeQuery("""
                SELECT extract(epoch FROM (SELECT min(due_at) FROM delivery WHERE state = 'pending' AND due_at > now()) - now())
                """).getSingleResult();
        return Optional.ofNullable(seconds).map(found -> Duration.ofMillis((long) (found.doubleValue() * 1000) + 1));
    }

    /** A delivery that the database shows as in flight. Its owner is the replica that has claimed it. */
    record Owned(UUID delivery, UUID run, UUID owner, int attempt) implements OutcomeBatch.Attempted {
    }

    static List<Owned> owned(UUID replica) {
        return Panache.getEntityManager()
                .createQuery(
                        "select d.id as id, d.runId as run, d.attempts as attempts from Delivery d where d.owner = :replica",
                        Tuple.class)
                .setParameter("replica", replica).getResultStream()
                .map(row -> new Owned(row.get("id", UUID.class), row.get("run", UUID.class), replica,
                        row.get("attempts", Integer.class)))
                .toList();
    }

    /**
     * Makes deliveries due now that would become due too late because the database's clock was set back. Such a delivery has a
     * due time in the future, and either no attempt yet or a last attempt that ended in the future.
     *
     * @return the number of deliveries that were made due
     */
    static int mendTimes() {
        return Panache.getEntityManager().createNativeQuery("""
                UPDATE delivery d SET due_at = now() WHERE state = 'pending' AND due_at > now()
                    AND (attempts = 0 OR EXISTS (SELECT 1 FROM attempt a WHERE a.delivery_id = d.id AND a.number = d.attempts
                        AND a.ended_at > now()))
                """).executeUpdate();
    }
}
