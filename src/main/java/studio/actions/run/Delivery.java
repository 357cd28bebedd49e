package studio.actions.run;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;

import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import studio.actions.draft.Method;
import studio.actions.egress.Egress;
import studio.actions.egress.FailureKind;

/** One HTTP request that a run has to make, and how its latest attempt ended. */
@Entity
public class Delivery extends PanacheEntityBase {

    /** The names are the same in the API's JSON. */
    public enum State {
        pending,
        in_flight,
        delivered,
        failed,
        refused,
        lost,
        cancelled;

        public boolean ended() {
            return this != pending && this != in_flight;
        }

        public boolean isFailure() {
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
    /** The target's names at the time of the press; null if unknown. */
    public String entityName;
    public String sequenceName;
    public String episodeName;
    public String assetTypeName;
    public String taskTypeName;
    public String productionName;
    /** The tasks that the request is about. {@link #taskId} is null if there are several. */
    @JdbcTypeCode(SqlTypes.ARRAY)
    public List<UUID> taskIds;
    @Enumerated(EnumType.STRING)
    public Method method;
    /** Null if the delivery was refused when it was planned, for example because a variable of the URL has no value. */
    public String url;
    public String host;
    public String body;
    /** The header {@code webhook-id}, the same in all attempts and replays. */
    public String webhookId;
    @Enumerated(EnumType.STRING)
    public State state;
    /** The replica that is sending the delivery; null unless the state is in flight. */
    public UUID owner;
    /** The time from which a pending delivery may be sent; null in other states. */
    public Instant dueAt;
    public Integer status;
    public int attempts;
    public Integer durationMs;
    @Enumerated(EnumType.STRING)
    public FailureKind failureKind;
    public String failureMessage;
    public String response;
    /** True if the receiver's answer was too long to be read to its end. */
    public boolean truncated;
    /** The number of this delivery's latest outcome, counted from 1 within the run; null before the first outcome. */
    public Integer event;

    /** Returns a new pending delivery. The caller sets {@link #dueAt}. */
    public static Delivery of(UUID run, int position, Target target, List<UUID> tasks, Method method, String url) {
        Delivery delivery = new Delivery();
        delivery.id = UUID.randomUUID();
        delivery.webhookId = "msg_" + delivery.id.toString().replace("-", "");
        return delivery.begin(run, position, target, tasks, method, url);
    }

    /** Returns a new delivery that makes this request again in another run. */
    public Delivery replay(UUID run, int position) {
        Delivery again = new Delivery();
        again.id = UUID.randomUUID();
        again.webhookId = webhookId;
        again.body = body;
        return again.begin(run, position, target(), taskIds, method, url);
    }

    private Delivery begin(UUID run, int index, Target target, List<UUID> tasks, Method verb, String address) {
        runId = run;
        position = index;
        take(target);
        taskIds = tasks;
        method = verb;
        url = address;
        host = address == null ? null : Egress.host(address);
        state = State.pending;
        return this;
    }

    /** Marks this new delivery as refused; it is never sent. */
    public void refuse(FailureKind kind, String why) {
        state = State.refused;
        failureKind = kind;
        failureMessage = why;
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

    public Target target() {
        return new Target(entityId, entityType, productionId, taskId, entityName, sequenceName, episodeName, assetTypeName,
                taskTypeName, productionName);
    }

    /** Copies the final outcome to this delivery. */
    public void end(Outcome outcome) {
        state = outcome.state;
        owner = null;
        status = outcome.status;
        failureKind = outcome.kind;
        failureMessage = outcome.message;
        response = outcome.response;
        truncated = outcome.truncated;
        durationMs = outcome.durationMs;
    }

    /** Marks a delivery as in flight before its first save. */
    public void markInFlight(UUID replica) {
        state = State.in_flight;
        owner = replica;
        dueAt = null;
        attempts++;
    }

    /**
     * The result of an attempt, or the fact that a delivery in flight was not sent after all.
     *
     * @param pause the pause before the next attempt if the state is pending; else null
     * @param uncounted true if nothing was sent; then the number of attempts does not grow
     */
    public record Outcome(State state, Integer status, FailureKind kind, String message, String response, boolean truncated,
            Integer durationMs, Duration pause, boolean uncounted) {

        /** A delivery in flight was not sent; it becomes pending again. */
        public static final Outcome UNSENT = new Outcome(State.pending, null, null, null, null, false, null, Duration.ZERO,
                true);

        /** A delivery in flight was not sent, because its run was cancelled before. */
        public static final Outcome CANCELLED = new Outcome(State.cancelled, null, FailureKind.cancelled,
                "The run was cancelled before this delivery was sent.", null, false, null, null, true);

        public Outcome(State state, Integer status, FailureKind kind, String message, String response, Integer durationMs) {
            this(state, status, kind, message, response, false, durationMs, null, false);
        }

        /** Returns a copy of this outcome that plans another attempt after a pause. */
        public Outcome again(Duration after) {
            return new Outcome(State.pending, status, kind, message, response, truncated, durationMs, after, false);
        }
    }
}
