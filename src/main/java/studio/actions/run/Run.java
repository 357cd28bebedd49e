package studio.actions.run;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Supplier;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;

import org.hibernate.annotations.DynamicUpdate;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import studio.actions.action.Action;
import studio.actions.draft.Method;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;

/**
 * What one press of an action starts, with a copy of the action's settings. A transaction that saves outcomes of deliveries
 * first locks the row of the run. So outcomes get successive numbers, and exactly one transaction marks the run as ended.
 */
@Entity
@DynamicUpdate
public class Run extends PanacheEntityBase {

    /**
     * The id that replaces an unknown production. No caller has a role in this production, so only admins and the person who
     * pressed see the run.
     */
    public static final UUID UNKNOWN_PRODUCTION = new UUID(0, 0);

    /** The names are the same in the API's JSON. */
    public enum State {
        queued,
        running,
        succeeded,
        partial,
        failed,
        cancelled,
        /** The press was refused as a whole, and nothing was sent. {@link #of} never returns this state. */
        refused;

        /** Returns the final state of a run from the numbers of its deliveries in each state. */
        public static State of(Map<Delivery.State, Long> counts) {
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
    /**
     * Host and port of all deliveries; null if there is nothing to send, or if an older version of the service wrote the run.
     */
    public String host;
    /** The run whose deliveries this run sends again; null for a press. */
    public UUID replayOf;
    /** The productions of the run's targets; {@link #UNKNOWN_PRODUCTION} for a target without a production. */
    @JdbcTypeCode(SqlTypes.ARRAY)
    public List<UUID> productionIds;
    public String fingerprint;
    public String idempotencyKey;
    /** The trace context of the press (W3C Trace Context, 3.2); null if the press is not traced. */
    public String traceparent;
    /** The time of the press. All times of a run are by the database's clock. */
    public Instant createdAt;
    public Instant finishedAt;
    public Instant cancelledAt;
    public int unfinished;
    public int events;
    /** The problem code, as in the API, if the press was refused as a whole; else null. */
    public String refusalCode;
    public String refusalMessage;

    /** Returns a new run of an action, without fingerprint and idempotency key. */
    public static Run of(Action action, Caller caller) {
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
        return run.by(caller);
    }

    /**
     * Returns a new run with the settings of this run. The action's current settings are not used, because they may name
     * another receiver.
     */
    public Run replay(Caller caller) {
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
        return run.by(caller);
    }

    private Run by(Caller caller) {
        callerId = caller.id();
        callerName = caller.name();
        callerEmail = caller.email();
        callerRole = caller.role();
        return this;
    }

    /** Returns the text that names this run in log lines. */
    public String description() {
        return "run %s of action \"%s\" (%s)".formatted(id, actionName, actionId);
    }

    /** Returns true if the caller may cancel and replay this run. */
    public boolean belongsTo(Caller caller) {
        return caller.is(Role.admin) || callerId.equals(caller.id());
    }

    /**
     * Subtracts newly ended deliveries from {@link #unfinished}. If none is left, sets the run's final state and end.
     *
     * @param ended the number of newly ended deliveries
     * @param states supplies the number of the run's deliveries in each state; called only if the run ends
     */
    public void count(int ended, Instant now, Supplier<Map<Delivery.State, Long>> states) {
        unfinished -= ended;
        if (unfinished > 0 || finishedAt != null) {
            return;
        }
        state = State.of(states.get());
        finishedAt = now;
    }
}
