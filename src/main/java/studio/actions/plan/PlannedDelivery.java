package studio.actions.plan;

import java.util.List;
import java.util.UUID;

import com.fasterxml.jackson.databind.node.ObjectNode;

import studio.actions.address.AddressPolicy;
import studio.actions.egress.FailureKind;
import studio.actions.run.Delivery;
import studio.actions.run.Run;
import studio.actions.run.Target;

/**
 * A request that a press is to make, or a refusal with the reason why the press does not make it.
 *
 * @param tasks the ids of the tasks that the request is about
 * @param guard why the address policy refuses the URL; null if it does not
 */
public record PlannedDelivery(Target target, List<UUID> tasks, String url, ObjectNode body, FailureKind refusal, String why,
        AddressPolicy.Refusal guard) {

    public boolean refused() {
        return refusal != null;
    }

    /** Makes a delivery of a run from this plan, and fills in the ids in the body. */
    public Delivery delivery(Run run, int position) {
        Delivery delivery = Delivery.of(run.id, position, target, tasks, run.method, url);
        if (body != null) {
            delivery.body = body.put("run_id", run.id.toString()).put("delivery_id", delivery.id.toString()).toString();
        }
        if (refused()) {
            delivery.refuse(refusal, why);
        }
        return delivery;
    }

    PlannedDelivery refuse(FailureKind kind, String reason) {
        return new PlannedDelivery(target, tasks, url, body, kind, reason, null);
    }
}
