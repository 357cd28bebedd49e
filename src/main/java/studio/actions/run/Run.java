package studio.actions.run;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Supplier;

import javax.sql.DataSource;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.FlushModeType;
import jakarta.persistence.Id;
import jakarta.persistence.LockModeType;

import org.hibernate.annotations.DynamicUpdate;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import studio.actions.action.Action;
import studio.actions.database.SqlBatch;
import studio.actions.draft.Method;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/**
 * One press of an action, with the settings that its deliveries are sent with. Every writer of outcomes locks the run first,
 * so that the outcomes have an order and exactly one of them is the last.
 */
@Entity
@DynamicUpdate
public class Run extends PanacheEntityBase {

    private static final String KEYED = """
            SELECT id FROM run WHERE caller_id = ? AND idempotency_key = ?
                AND created_at > clock_timestamp() - interval '24 hours' ORDER BY created_at DESC LIMIT 1""";

    /** Finds the run of a repeated press through our API: both presses are at most three seconds apart. */
    private static final String PRESSED = """
            SELECT id FROM run WHERE caller_id = ? AND fingerprint = ? AND action_version = ? AND idempotency_key IS NULL
                AND created_at BETWEEN clock_timestamp() - ? * interval '1 millisecond' - interval '3 seconds'
                    AND least(clock_timestamp(), clock_timestamp() - ? * interval '1 millisecond' + interval '3 seconds')
             ORDER BY created_at DESC LIMIT 1""";

    /**
     * Finds the run of a repeated press in Kitsu. The run was pressed at most 60 seconds before the second press, and has not
     * ended or ended at most three seconds before it.
     */
    private static final String PRESSED_IN_KITSU = """
            SELECT id FROM run WHERE caller_id = ? AND fingerprint = ? AND action_version = ? AND idempotency_key IS NULL
                AND created_at BETWEEN clock_timestamp() - ? * interval '1 millisecond' - interval '60 seconds'
                    AND clock_timestamp()
                AND (finished_at IS NULL
                    OR finished_at > clock_timestamp() - ? * interval '1 millisecond' - interval '3 seconds')
             ORDER BY created_at DESC LIMIT 1""";

    /** Locks a press until the transaction ends, so that equal presses are written one after the other. */
    private static final String LOCK = "SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(?, 0))";

    private static final String READY = "SELECT enabled, (" + Replicas.ALIVE
            + ") IS NOT NULL, clock_timestamp() FROM action WHERE id = ? FOR SHARE";

    /** Stands for an unknown production. No caller has a role in it, so only admins and the person who pressed see the run. */
    static final UUID UNKNOWN_PRODUCTION = new UUID(0, 0);

    /** Spelled as on the wire. */
    public enum State {
        queued,
        running,
        succeeded,
        partial,
        failed,
        cancelled,
        /** The press was refused as a whole before anything was looked up or sent. Deliveries never lead to this state. */
        refused;

        /** Returns the final state of a run from the numbers of its deliveries in each state. */
        static State of(Map<Delivery.State, Long> counts) {
            long delivered = counts.getOrDefault(Delivery.State.delivered, 0L);
            return counts.containsKey(Delivery.State.cancelled) ? cancelled
                    : delivered == 0 ? failed : counts.size() == 1 ? succeeded : partial;
        }
    }

    @Id
    public UUID id;
    public UUID actionId;
    public int actionVersion;
    public String actionName;
    @Enumerated(EnumType.STRING)
    public State state;
    public UUID callerId;
    public String callerName;
    public String callerEmail;
    @Enumerated(EnumType.STRING)
    public Role callerRole;
    @Enumerated(EnumType.STRING)
    public Method method;
    @JdbcTypeCode(SqlTypes.JSON)
    public Map<String, String> headers;
    public int timeoutMs;
    public int maxAttempts;
    public String signingSecret;
    public int ratePerMinute;
    /** Host of all deliveries; null if there is nothing to send, or if an older version of the service wrote the run. */
    public String host;
    /** The run whose deliveries this run sends again; null for a press. */
    public UUID replayOf;
    /** The productions of its targets; {@link #UNKNOWN_PRODUCTION} for a target without a production. */
    @JdbcTypeCode(SqlTypes.ARRAY)
    public List<UUID> productionIds;
    public String fingerprint;
    public String idempotencyKey;
    /** The time of the press. All times of a run are by the database's clock. */
    public Instant createdAt;
    public Instant finishedAt;
    public Instant cancelledAt;
    public int unfinished;
    public int events;
    /** The problem's code if the press was refused as a whole; else null. */
    public String refusalCode;
    public String refusalMessage;

    static Run of(Action action, Caller caller, IdempotencyKey key) {
        Run run = new Run();
        run.id = UUID.randomUUID();
        run.actionId = action.id;
        run.actionVersion = action.version;
        run.actionName = action.name;
        run.method = action.method;
        run.headers = action.headers;
        run.timeoutMs = action.timeoutMs;
        run.maxAttempts = action.maxAttempts;
        run.signingSecret = action.signingSecret;
        run.ratePerMinute = action.ratePerMinute;
        return run.by(caller, key);
    }

    /** Returns a new run with the settings of this run. The action may have changed since, perhaps for another receiver. */
    Run replay(Caller caller, IdempotencyKey key) {
        Run run = new Run();
        run.id = UUID.randomUUID();
        run.actionId = actionId;
        run.actionVersion = actionVersion;
        run.actionName = actionName;
        run.method = method;
        run.headers = headers;
        run.timeoutMs = timeoutMs;
        run.maxAttempts = maxAttempts;
        run.signingSecret = signingSecret;
        run.ratePerMinute = ratePerMinute;
        run.replayOf = id;
        return run.by(caller, key);
    }

    private Run by(Caller caller, IdempotencyKey key) {
        callerId = caller.id();
        callerName = caller.name();
        callerEmail = caller.email();
        callerRole = caller.role();
        fingerprint = key.fingerprint();
        idempotencyKey = key.header();
        return this;
    }

    /**
     * Saves the trace context of the press; null if the press is not traced. It is kept among the headers, since no action can
     * have a header of this name. A new column would break replicas of the previous version during a rolling update.
     */
    void tracedBy(String traceparent) {
        Map<String, String> traced = new TreeMap<>(headers);
        traced.remove(Tracing.HEADER);
        if (traceparent != null) {
            traced.put(Tracing.HEADER, traceparent);
        }
        headers = traced;
    }

    Optional<String> traceparent() {
        return Optional.ofNullable(headers.get(Tracing.HEADER));
    }

    /** Returns the name of this run in log lines. */
    String description() {
        return "run %s of action \"%s\" (%s)".formatted(id, actionName, actionId);
    }

    /** @throws ProblemException {@code not_found} if there is no such run, or the caller may not see it */
    static Run visible(UUID id, RunAccess.Access access) {
        Optional<Run> found = findByIdOptional(id);
        return found.filter(access::sees)
                .orElseThrow(() -> new ProblemException(found.isPresent() ? Code.HIDDEN : Code.NOT_FOUND,
                        "There is no run " + id + ", or it is not yours to see."));
    }

    /** Returns true if the caller may cancel and replay this run. */
    boolean belongsTo(Caller caller) {
        return caller.is(Role.admin) || callerId.equals(caller.id());
    }

    /** Locks runs for writing outcomes. They are locked in the order of their ids, so that transactions do not deadlock. */
    static List<Run> locked(Collection<UUID> ids) {
        return Run.<Run> find("id in ?1 order by id", ids).withLock(LockModeType.PESSIMISTIC_WRITE).list();
    }

    /** Cancels the pending deliveries and returns their number. The run must be locked. */
    int cancel(String why) {
        cancelledAt = now();
        // Deliveries are locked before they are numbered. Else a delivery that is being claimed would leave a gap in the
        // numbers, and a later outcome would get a number that is in use.
        int cancelled = getEntityManager().createNativeQuery("""
                WITH waiting AS MATERIALIZED (SELECT id, position FROM delivery WHERE run_id = :run AND state = 'pending'
                                               ORDER BY position FOR UPDATE)
                UPDATE delivery d SET state = 'cancelled', due_at = NULL, failure_kind = 'cancelled', failure_message = :why,
                    event = :events + w.number
                  FROM (SELECT id, row_number() OVER (ORDER BY position) AS number FROM waiting) w
                 WHERE d.id = w.id""").setParameter("why", why).setParameter("events", events)
                .setParameter("run", id).executeUpdate();
        events += cancelled;
        count(cancelled, cancelledAt);
        return cancelled;
    }

    /**
     * Counts the unfinished deliveries again and ends the run if there are none. The count may be wrong if its writer died in
     * a way that no rollback undid.
     */
    void recount() {
        unfinished = 0;
        Map<Delivery.State, Long> counts = Delivery.counts(id);
        count(-(int) (counts.getOrDefault(Delivery.State.pending, 0L) + counts.getOrDefault(Delivery.State.in_flight, 0L)),
                now());
    }

    private void count(int ended, Instant now) {
        count(ended, now, () -> Delivery.counts(id));
    }

    /**
     * Subtracts ended deliveries from the unfinished ones. The last one ends the run.
     *
     * @param ended the number of deliveries that have ended
     * @param states supplies the numbers of all deliveries by state; called only if the run ends
     */
    void count(int ended, Instant now, Supplier<Map<Delivery.State, Long>> states) {
        unfinished -= ended;
        if (unfinished > 0 || finishedAt != null) {
            return;
        }
        state = State.of(states.get());
        finishedAt = now;
    }

    /** Finds unfinished runs that have neither pending nor in-flight deliveries, because their count is wrong. */
    static List<UUID> miscounted(int limit) {
        return getEntityManager().createNativeQuery("""
                SELECT id FROM run r WHERE finished_at IS NULL
                    AND NOT EXISTS (SELECT 1 FROM delivery WHERE run_id = r.id AND state = 'pending')
                    AND NOT EXISTS (SELECT 1 FROM delivery WHERE run_id = r.id AND owner IS NOT NULL)
                 LIMIT :limit""", UUID.class).setParameter("limit", limit).getResultList();
    }

    /** Sets queued runs to running. Skips locked runs: the outcome that is being written sets their state. */
    static void start(Collection<UUID> ids) {
        getEntityManager().createNativeQuery("""
                UPDATE run SET state = 'running' WHERE id IN (SELECT id FROM run WHERE id = ANY (:ids) AND state = 'queued'
                    FOR NO KEY UPDATE SKIP LOCKED)""").setParameter("ids", ids.toArray(UUID[]::new)).executeUpdate();
    }

    /**
     * What the database has on a press before its selection is looked up.
     *
     * @param same the earlier run of this press; null if there is none. It has the same key or, without a key, began a moment
     *        ago: a double click or a retry by a browser means one press.
     * @param backlog the unfinished deliveries of the action
     * @param version the action's version; 0 if the action was deleted
     */
    record Before(UUID same, Delivery.Backlog backlog, int version) {
    }

    /** Finds the run of an idempotency key. Keys are valid for a day. */
    static Optional<Run> keyed(IdempotencyKey key, UUID caller) {
        UUID keyed = new SqlBatch().add(KEYED, List.of(caller, key.header())).ask(answers -> id(answers.of(0)));
        return Optional.ofNullable(keyed).map(id -> findById(id));
    }

    /** Reads the earlier run of this press, the action's backlog and the action's version in one round trip. */
    Before before(DataSource database, IdempotencyKey key) {
        SqlBatch all = same(new SqlBatch(), key).add(Delivery.BACKLOG, List.of(actionId, actionId));
        return all.add("SELECT version FROM action WHERE id = ?", List.of(actionId)).ask(database, answers -> {
            UUID same = id(answers.of(0));
            Delivery.Backlog backlog = Delivery.Backlog.of(answers.of(1));
            ResultSet version = answers.of(2);
            return new Before(same, backlog, version.next() ? version.getInt(1) : 0);
        });
    }

    /** Adds the query for an earlier run of this press. A press has an age, since the look-up of its selection takes time. */
    private SqlBatch same(SqlBatch all, IdempotencyKey key) {
        long age = key.age().toMillis();
        return key.header() != null ? all.add(KEYED, List.of(callerId, key.header()))
                : all.add(key.inKitsu() ? PRESSED_IN_KITSU : PRESSED,
                        List.of(callerId, key.fingerprint(), actionVersion, age, age));
    }

    private static UUID id(ResultSet found) throws SQLException {
        return found.next() ? found.getObject(1, UUID.class) : null;
    }

    /**
     * What a press finds once it has the lock.
     *
     * @param same the earlier run of this press; null if there is none
     * @param enabled whether the action may be run; the action is locked against changes until the transaction ends
     * @param alive whether this replica may claim; no other replica can declare it dead until the transaction ends
     * @param now the database's time
     */
    record Turn(UUID same, boolean enabled, boolean alive, Instant now) {
    }

    /** Waits until no equal press is being written, then reads the {@link Turn}; in one round trip. */
    Turn turn(IdempotencyKey key, UUID replica) {
        SqlBatch all = same(new SqlBatch().add(LOCK, List.of(key.lock(callerId))), key);
        return all.add(READY, List.of(replica, actionId)).ask(answers -> {
            UUID same = id(answers.of(1));
            ResultSet ready = answers.of(2);
            return ready.next() ? new Turn(same, ready.getBoolean(1), ready.getBoolean(2),
                    ready.getObject(3, OffsetDateTime.class).toInstant()) : new Turn(same, false, false, null);
        });
    }

    /** Returns the database's time, since the clocks of replicas may differ. Does not flush changed entities. */
    static Instant now() {
        return (Instant) getEntityManager().createNativeQuery("SELECT clock_timestamp()", Instant.class)
                .setFlushMode(FlushModeType.COMMIT).getSingleResult();
    }
}
