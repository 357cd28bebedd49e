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
import studio.actions.identity.Caller;
import studio.actions.identity.Role;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/**
 * One press of the button, with all that its deliveries are sent with. Whoever writes an outcome locks it first, so its
 * outcomes have an order, and one of them is the last.
 */
@Entity
@DynamicUpdate
public class Run extends PanacheEntityBase {

    private static final String KEYED = """
            SELECT id FROM run WHERE caller_id = ? AND idempotency_key = ?
                AND created_at > clock_timestamp() - interval '24 hours' ORDER BY created_at DESC LIMIT 1""";

    /** By our API: within three seconds. */
    private static final String PRESSED = """
            SELECT id FROM run WHERE caller_id = ? AND fingerprint = ? AND action_version = ? AND idempotency_key IS NULL
                AND created_at BETWEEN clock_timestamp() - ? * interval '1 millisecond' - interval '3 seconds'
                    AND least(clock_timestamp(), clock_timestamp() - ? * interval '1 millisecond' + interval '3 seconds')
             ORDER BY created_at DESC LIMIT 1""";

    /** In Kitsu: until three seconds after the run has ended, and for sixty at most. */
    private static final String PRESSED_IN_KITSU = """
            SELECT id FROM run WHERE caller_id = ? AND fingerprint = ? AND action_version = ? AND idempotency_key IS NULL
                AND created_at BETWEEN clock_timestamp() - ? * interval '1 millisecond' - interval '60 seconds'
                    AND clock_timestamp()
                AND (finished_at IS NULL
                    OR finished_at > clock_timestamp() - ? * interval '1 millisecond' - interval '3 seconds')
             ORDER BY created_at DESC LIMIT 1""";

    /** One press at a time of those that may be the same; until the transaction ends. */
    private static final String LOCK = "SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(?, 0))";

    private static final String READY = "SELECT enabled, (" + Replicas.ALIVE
            + ") IS NOT NULL, clock_timestamp() FROM action WHERE id = ? FOR SHARE";

    /** Stands for a production that is not known, which nobody is shown. */
    static final UUID UNKNOWN_PRODUCTION = new UUID(0, 0);

    /** Spelled as on the wire. */
    public enum State {
        queued,
        running,
        succeeded,
        partial,
        failed,
        cancelled,
        /** Refused as a whole before anything was looked at or sent; it is no outcome of deliveries. */
        refused;

        /** What a run has come to with the last of its deliveries, by what those are. */
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
    public Action.Method method;
    @JdbcTypeCode(SqlTypes.JSON)
    public Map<String, String> headers;
    public int timeoutMs;
    public int maxAttempts;
    public String signingSecret;
    public int ratePerMinute;
    /** Where all of its deliveries go; null where it has none to send, or was written by a version that did not know. */
    public String host;
    /** The run whose deliveries this one sends again; null where it is a press. */
    public UUID replayOf;
    /** Those of its targets; {@link #UNKNOWN_PRODUCTION} for a target without one. */
    @JdbcTypeCode(SqlTypes.ARRAY)
    public List<UUID> productionIds;
    public String fingerprint;
    public String idempotencyKey;
    /** When it was pressed; by the database's clock, as all times here. */
    public Instant createdAt;
    public Instant finishedAt;
    public Instant cancelledAt;
    public int unfinished;
    public int events;
    /** A problem's code, of a press that was refused as a whole; null on others. */
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

    /** The same again, as it was sent: what has been changed since may be meant for another receiver. */
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
     * In which trace it was pressed; null where nobody traces. It stands among the headers, where no action can have one of
     * this
     * name, and not in a column: replicas of the version before would stumble over that in the middle of an update.
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

    /** For a line in the log. */
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

    /** Whether the caller may stop or repeat it. */
    boolean belongsTo(Caller caller) {
        return caller.is(Role.admin) || callerId.equals(caller.id());
    }

    /** For writing outcomes. In one order, so that two who want several do not wait for each other. */
    static List<Run> locked(Collection<UUID> ids) {
        return Run.<Run> find("id in ?1 order by id", ids).withLock(LockModeType.PESSIMISTIC_WRITE).list();
    }

    /** Cancels what has not begun, and says how much that was. To be called on a locked run. */
    int cancel(String why) {
        cancelledAt = now();
        // Locked before they are numbered: what is being claimed at the moment would leave a gap, and others fill it twice.
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

    /** Counts anew what has not ended: whoever wrote the count may have died of something that no transaction undid. */
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
     * Counts off what has ended; the last one ends the run.
     *
     * @param states of all its deliveries; not asked for before
     */
    void count(int ended, Instant now, Supplier<Map<Delivery.State, Long>> states) {
        unfinished -= ended;
        if (unfinished > 0 || finishedAt != null) {
            return;
        }
        state = State.of(states.get());
        finishedAt = now;
    }

    /** Those of which nothing is left to do, and which do not know it. */
    static List<UUID> miscounted(int limit) {
        return getEntityManager().createNativeQuery("""
                SELECT id FROM run r WHERE finished_at IS NULL
                    AND NOT EXISTS (SELECT 1 FROM delivery WHERE run_id = r.id AND state = 'pending')
                    AND NOT EXISTS (SELECT 1 FROM delivery WHERE run_id = r.id AND owner IS NOT NULL)
                 LIMIT :limit""", UUID.class).setParameter("limit", limit).getResultList();
    }

    /** Says of those that waited that they run; where another has them locked, an outcome is about to say so. */
    static void start(Collection<UUID> ids) {
        getEntityManager().createNativeQuery("""
                UPDATE run SET state = 'running' WHERE id IN (SELECT id FROM run WHERE id = ANY (:ids) AND state = 'queued'
                    FOR NO KEY UPDATE SKIP LOCKED)""").setParameter("ids", ids.toArray(UUID[]::new)).executeUpdate();
    }

    /**
     * What there is before a press is looked into.
     *
     * @param same the run of the same press: that of its key, else that of a moment ago, for a finger that was quick or a
     *        browser that tried again means one; null where there is none
     * @param backlog what its action has not ended
     * @param version of its action; 0 where there is none any more
     */
    record Before(UUID same, Delivery.Backlog backlog, int version) {
    }

    /** The run that a key stands for, which is kept for a day. */
    static Optional<Run> keyed(IdempotencyKey key, UUID caller) {
        UUID keyed = new SqlBatch().add(KEYED, List.of(caller, key.header())).ask(answers -> id(answers.of(0)));
        return Optional.ofNullable(keyed).map(id -> findById(id));
    }

    /** All in one round trip. */
    Before before(DataSource database, IdempotencyKey key) {
        SqlBatch all = same(new SqlBatch(), key).add(Delivery.BACKLOG, List.of(actionId, actionId));
        return all.add("SELECT version FROM action WHERE id = ?", List.of(actionId)).ask(database, answers -> {
            UUID same = id(answers.of(0));
            Delivery.Backlog backlog = Delivery.Backlog.of(answers.of(1));
            ResultSet version = answers.of(2);
            return new Before(same, backlog, version.next() ? version.getInt(1) : 0);
        });
    }

    /** Asks for the run of the same press. Looking up what is selected takes its time, so a press has an age. */
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
     * What a press finds when its turn has come.
     *
     * @param same the run of the same press; null where there is none
     * @param enabled whether its action may be run, which then stays as it is until the transaction ends
     * @param alive whether its replica may claim, which nobody takes for dead until then
     * @param now the database's time
     */
    record Turn(UUID same, boolean enabled, boolean alive, Instant now) {
    }

    /** Waits until no other press that may be the same is being written, and looks; in one round trip. */
    Turn turn(IdempotencyKey key, UUID replica) {
        SqlBatch all = same(new SqlBatch().add(LOCK, List.of(key.lock(callerId))), key);
        return all.add(READY, List.of(replica, actionId)).ask(answers -> {
            UUID same = id(answers.of(1));
            ResultSet ready = answers.of(2);
            return ready.next() ? new Turn(same, ready.getBoolean(1), ready.getBoolean(2),
                    ready.getObject(3, OffsetDateTime.class).toInstant()) : new Turn(same, false, false, null);
        });
    }

    /** The database's time: replicas' clocks may differ. What has changed by then is not written for it. */
    static Instant now() {
        return (Instant) getEntityManager().createNativeQuery("SELECT clock_timestamp()", Instant.class)
                .setFlushMode(FlushModeType.COMMIT).getSingleResult();
    }
}
