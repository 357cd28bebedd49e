package studio.actions.run;

import java.util.List;
import java.util.UUID;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;

import org.eclipse.microprofile.openapi.annotations.media.Schema;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import io.quarkus.panache.common.Sort;
import studio.actions.action.Action;
import studio.actions.egress.FailureKind;

/** One request owed by a run, and how it ended. */
@Entity
public class Delivery extends PanacheEntityBase {

    /** Spelled as on the wire. */
    @Schema(name = "DeliveryState")
    public enum State {
        pending,
        in_flight,
        delivered,
        failed,
        refused,
        lost,
        cancelled
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
    @Enumerated(EnumType.STRING)
    public Action.Method method;
    /** Null where the template could not be filled. */
    public String url;
    public String body;
    @Enumerated(EnumType.STRING)
    public State state;
    public Integer status;
    public int attempts;
    public Integer durationMs;
    @Enumerated(EnumType.STRING)
    public FailureKind failureKind;
    public String failureMessage;
    public String response;

    static Delivery of(Run run, int position, Plan.Owed owed) {
        Delivery delivery = new Delivery();
        delivery.id = UUID.randomUUID();
        delivery.runId = run.id;
        delivery.position = position;
        delivery.entityId = owed.target().entityId();
        delivery.entityType = owed.target().entityType();
        delivery.productionId = owed.target().productionId();
        delivery.taskId = owed.target().taskId();
        delivery.method = run.method;
        delivery.url = owed.url();
        delivery.state = owed.refused() ? State.refused : State.pending;
        delivery.failureKind = owed.refusal();
        delivery.failureMessage = owed.why();
        if (owed.body() != null) {
            delivery.body = owed.body().put("run_id", run.id.toString()).put("delivery_id", delivery.id.toString()).toString();
        }
        return delivery;
    }

    static List<Delivery> ofRun(UUID runId) {
        return list("runId", Sort.by("position"), runId);
    }

    Target target() {
        return new Target(entityId, entityType, productionId, taskId, null, null, null, null, null, null);
    }

    void depart() {
        state = State.in_flight;
        attempts++;
    }

    /** Takes a delivery that has not been sent; false where somebody else has it. */
    static boolean claim(UUID id) {
        return update("state = ?1, attempts = attempts + 1 where id = ?2 and state = ?3", State.in_flight, id,
                State.pending) == 1;
    }

    /** Writes how it ended; false where that is written already. */
    boolean end(State outcome, Integer answered, FailureKind kind, String message, String text, Integer took) {
        return update("state = ?1, status = ?2, failureKind = ?3, failureMessage = ?4, response = ?5, durationMs = ?6"
                + " where id = ?7 and state = ?8", outcome, answered, kind, message, text, took, id, State.in_flight) == 1;
    }

    /** What was on its way when its process died may have arrived, and says so. */
    static void lose(UUID runId) {
        update("state = ?1, failureKind = ?2, failureMessage = ?3 where runId = ?4 and state = ?5", State.lost,
                FailureKind.lost, "The service lost track of this while it was on its way: it may have arrived.", runId,
                State.in_flight);
    }
}
