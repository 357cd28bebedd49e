package studio.actions.run;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;

import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import io.quarkus.panache.common.Sort;
import studio.actions.action.Action;
import studio.actions.egress.Egress;
import studio.actions.egress.FailureKind;

/** One request owed by a run, and how its last attempt ended. */
@Entity
public class Delivery extends PanacheEntityBase {

    /** Asks for the {@link Backlog} of an action, which it wants to know twice. */
    static final String BACKLOG = """
            SELECT (SELECT coalesce(sum(unfinished), 0) FROM run WHERE action_id = ? AND finished_at IS NULL),
                   EXISTS (SELECT FROM run r
                            CROSS JOIN LATERAL (SELECT FROM delivery
                                                 WHERE run_id = r.id AND state = 'pending' AND (due_at <= now()) IS TRUE LIMIT 1) owes
                            WHERE r.action_id = ? AND r.finished_at IS NULL)""";

    /** Spelled as on the wire. */
    public enum State {
        pending,
        in_flight,
        delivered,
        failed,
        refused,
        lost,
        cancelled;

        boolean ended() {
            return this != pending && this != in_flight;
        }

        boolean isFailure() {
            return this == failed || this == lost || this == refused;
        }
    }

    @Id
    public UUID id;
    public UUID runId;
    public int position;
    public UUID entityId;
    @Enumerated(EnumType.STRING)
    public Target.Kind entityType;
    public UUID productionId;
    public UUID taskId;
    /** Names as they were when it was pressed; null where they are not known. */
    public String entityName;
    public String sequenceName;
    public String episodeName;
    public String assetTypeName;
    public String taskTypeName;
    public String productionName;
    /** All that it stands for; {@link #taskId} is what they have in common. */
    @JdbcTypeCode(SqlTypes.ARRAY)
    public List<UUID> taskIds;
    @Enumerated(EnumType.STRING)
    public Action.Method method;
    /** Null where the template could not be filled. */
    public String url;
    public String host;
    public String body;
    /** The same for all attempts, and for those of a replay. */
    public String webhookId;
    @Enumerated(EnumType.STRING)
    public State state;
    /** The replica that has it under way; null where none has. */
    public UUID owner;
    /** When it may go out; null where it is not pending. */
    public Instant dueAt;
    public Integer status;
    public int attempts;
    public Integer durationMs;
    @Enumerated(EnumType.STRING)
    public FailureKind failureKind;
    public String failureMessage;
    public String response;
    /** Whether the answer was longer than what is read of one. */
    public boolean truncated;
    /** The number of its last outcome among those of the run; null while there is none. */
    public Integer event;

    static Delivery of(Run run, int position, PlannedDelivery planned) {
        Delivery delivery = new Delivery();
        delivery.id = UUID.randomUUID();
        delivery.runId = run.id;
        delivery.position = position;
        delivery.take(planned.target());
        delivery.taskIds = planned.tasks();
        delivery.method = run.method;
        delivery.url = planned.url();
        delivery.webhookId = "msg_" + delivery.id.toString().replace("-", "");
        delivery.failureKind = planned.refusal();
        delivery.failureMessage = planned.why();
        if (planned.body() != null) {
            delivery.body = planned.body().put("run_id", run.id.toString()).put("delivery_id", delivery.id.toString())
                    .toString();
        }
        delivery.begin(planned.refused());
        return delivery;
    }

    /** The same request again, for another run. */
    Delivery replay(Run run, int position, Optional<Selection.Refusal> refusal) {
        Delivery again = new Delivery();
        again.id = UUID.randomUUID();
        again.runId = run.id;
        again.position = position;
        again.take(target());
        again.taskIds = taskIds;
        again.method = method;
        again.url = url;
        again.body = body;
        again.webhookId = webhookId;
        refusal.ifPresent(found -> {
            again.failureKind = found.kind();
            again.failureMessage = found.why();
        });
        again.begin(refusal.isPresent());
        return again;
    }

    private void begin(boolean refused) {
        state = refused ? State.refused : State.pending;
        host = url == null ? null : Egress.host(url);
    }

    static List<Delivery> ofRun(UUID runId) {
        return list("runId", Sort.by("position"), runId);
    }

    private void take(Target target) {
        entityId = target.entityId();
        entityType = target.entityType();
        productionId = target.productionId();
        taskId = target.taskId();
        entityName = target.entityName();
        sequenceName = target.sequenceName();
        episodeName = target.episodeName();
        assetTypeName = target.assetTypeName();
        taskTypeName = target.taskTypeName();
        productionName = target.productionName();
    }

    Target target() {
        return new Target(entityId, entityType, productionId, taskId, entityName, sequenceName, episodeName, assetTypeName,
                taskTypeName, productionName);
    }

    /** It has ended, and nothing of it changes any more. */
    void end(Outcome outcome) {
        state = outcome.state;
        owner = null;
        status = outcome.status;
        failureKind = outcome.kind;
        failureMessage = outcome.message;
        response = outcome.response;
        truncated = outcome.truncated;
        durationMs = outcome.durationMs;
    }

    /** Claims what is being written. */
    void markInFlight(UUID replica) {
        state = State.in_flight;
        owner = replica;
        dueAt = null;
        attempts++;
    }

    /**
     * One that may go out now.
     *
     * @param ratePerMinute of its action
     */
    record Due(UUID id, UUID runId, String url, String host, UUID actionId, int ratePerMinute) {
    }

    /**
     * What a replica may claim.
     *
     * @param alive whether it may claim at all: nobody has taken it for dead, or will before the transaction ends
     * @param due in the order in which the runs were pressed
     */
    record Offer(boolean alive, List<Due> due) {
    }

    /**
     * LATERAL and LIMIT have each run looked up by its index, however wrong PostgreSQL's idea is of how many there are; IS TRUE
     * keeps it from the index of times, in which everything that is due stands.
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
     * Some of what is due and nobody has: a few of each of some runs, so that no run waits for another to end; the oldest
     * runs of each action, so that no action waits for another. What belongs to an action that is disabled waits. They
     * are locked until the transaction ends, and others pass them over.
     *
     * @param free how many some hosts take at the moment
     * @param room how many more of some runs may be under way
     * @param paused actions that may send no more at the moment
     * @param runs how many runs get a chance this time
     * @param each how many deliveries of each, where its host takes as many
     */
    static Offer offer(UUID replica, Map<String, Integer> free, Map<UUID, Integer> room, Collection<UUID> paused, int runs,
            int each) {
        List<String> hosts = List.copyOf(free.keySet());
        List<UUID> busy = List.copyOf(room.keySet());
        String[] full = hosts.stream().filter(host -> free.get(host) == 0).toArray(String[]::new);
        return new SqlBatch().add(Replicas.ALIVE, List.of(replica)).add(OFFER,
                List.of(paused.toArray(UUID[]::new), full, full, runs, runs, each, hosts.toArray(String[]::new),
                        hosts.stream().map(free::get).toArray(Integer[]::new), busy.toArray(UUID[]::new),
                        busy.stream().map(room::get).toArray(Integer[]::new), full))
                .ask(answers -> {
                    boolean alive = answers.of(0).next();
                    ResultSet found = answers.of(1);
                    List<Due> due = new ArrayList<>();
                    while (found.next()) {
                        due.add(new Due(found.getObject(1, UUID.class), found.getObject(2, UUID.class), found.getString(3),
                                found.getString(4), found.getObject(5, UUID.class), found.getInt(6)));
                    }
                    return new Offer(alive, due);
                });
    }

    /**
     * What an action has not ended.
     *
     * @param unfinished how many deliveries, those under way and those that are to be tried again later included
     * @param waits whether any could go out, but for a limit
     */
    record Backlog(long unfinished, boolean waits) {

        static Backlog of(ResultSet found) throws SQLException {
            found.next();
            return new Backlog(found.getLong(1), found.getBoolean(2));
        }
    }

    /**
     * How many of an action's could go out, but for a limit.
     *
     * @param host where to; null where nobody has written it down
     */
    record Waiting(long count, String host) {
    }

    static Waiting waiting(UUID action) {
        Object[] found = (Object[]) getEntityManager().createNativeQuery("""
                SELECT coalesce(sum(owed.deliveries), 0), max(r.host)
                  FROM run r
                 CROSS JOIN LATERAL (SELECT count(*) AS deliveries FROM delivery
                                      WHERE run_id = r.id AND state = 'pending' AND (due_at <= now()) IS TRUE) owed
                 WHERE r.action_id = :action AND r.finished_at IS NULL""", Object[].class)
                .setParameter("action", action).getSingleResult();
        return new Waiting(((Number) found[0]).longValue(), (String) found[1]);
    }

    /** By id alone: asked for its state as well, PostgreSQL reads all of the index of what is pending. */
    private static final String CLAIM = """
            UPDATE delivery SET state = 'in_flight', owner = ?, due_at = NULL, attempts = attempts + 1
             WHERE id = ANY (?) RETURNING id, run_id, method, url, host, body, webhook_id, attempts""";

    /**
     * Takes what {@link #offer} has locked, and ends the transaction.
     *
     * @return as much of them as they are sent with
     */
    static List<Delivery> claim(Collection<UUID> ids, UUID replica) {
        return new SqlBatch().add(CLAIM, List.of(replica, ids.toArray(UUID[]::new))).askLast(answers -> {
            List<Delivery> claimed = new ArrayList<>();
            for (ResultSet row = answers.of(0); row.next();) {
                Delivery delivery = new Delivery();
                delivery.id = row.getObject(1, UUID.class);
                delivery.runId = row.getObject(2, UUID.class);
                delivery.method = Action.Method.valueOf(row.getString(3));
                delivery.url = row.getString(4);
                delivery.host = row.getString(5);
                delivery.body = row.getString(6);
                delivery.webhookId = row.getString(7);
                delivery.attempts = row.getInt(8);
                delivery.state = State.in_flight;
                delivery.owner = replica;
                claimed.add(delivery);
            }
            return claimed;
        });
    }

    /** How long until something may go out that may not yet; empty where there is nothing. */
    static Optional<Duration> nextDue() {
        Number seconds = (Number) getEntityManager().createNativeQuery("""
                SELECT extract(epoch FROM (SELECT min(due_at) FROM delivery WHERE state = 'pending' AND due_at > now()) - now())
                """).getSingleResult();
        return Optional.ofNullable(seconds).map(found -> Duration.ofMillis((long) (found.doubleValue() * 1000) + 1));
    }

    /**
     * How an attempt ended, or what else became of it.
     *
     * @param pause before the next one, where the state is pending; else null
     * @param uncounted whether it never went out
     */
    record Outcome(State state, Integer status, FailureKind kind, String message, String response, boolean truncated,
            Integer durationMs, Duration pause, boolean uncounted) {

        /** Its claim was written, and nothing else happened. */
        static final Outcome UNSENT = new Outcome(State.pending, null, null, null, null, false, null, Duration.ZERO, true);

        /** The same, and it is not to go out any more. */
        static final Outcome CANCELLED = new Outcome(State.cancelled, null, FailureKind.cancelled,
                "The run was cancelled before this went out.", null, false, null, null, true);

        Outcome(State state, Integer status, FailureKind kind, String message, String response, Integer durationMs) {
            this(state, status, kind, message, response, false, durationMs, null, false);
        }

        /** It goes out again, after a while. */
        Outcome again(Duration after) {
            return new Outcome(State.pending, status, kind, message, response, truncated, durationMs, after, false);
        }
    }

    /** What a replica has under way, as far as the database knows. */
    record Owned(UUID delivery, UUID run, UUID owner, int attempt) implements OutcomeBatch.Attempted {
    }

    static List<Owned> owned(UUID replica) {
        return getEntityManager()
                .createQuery("select d.id, d.runId, d.attempts from Delivery d where d.owner = :replica", Object[].class)
                .setParameter("replica", replica).getResultStream()
                .map(row -> new Owned((UUID) row[0], (UUID) row[1], replica, (Integer) row[2])).toList();
    }

    static Map<State, Long> counts(UUID runId) {
        Map<State, Long> counts = new EnumMap<>(State.class);
        getEntityManager().createQuery("select state, count(*) from Delivery where runId = :run group by state", Object[].class)
                .setParameter("run", runId).getResultList().forEach(row -> counts.put((State) row[0], (Long) row[1]));
        return counts;
    }
}
