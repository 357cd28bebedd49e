package studio.actions.run;

import java.util.List;
import java.util.UUID;

import com.fasterxml.jackson.databind.node.ObjectNode;

import studio.actions.address.AddressPolicy;
import studio.actions.egress.FailureKind;

/**
 * One request that a press makes, or the reason why it makes none.
 *
 * @param tasks the tasks that the request is about
 * @param guard why egress refuses the address; null if it does not
 */
record PlannedDelivery(Target target, List<UUID> tasks, String url, ObjectNode body, FailureKind refusal, String why,
        AddressPolicy.Refusal guard) {

    boolean refused() {
        return refusal != null;
    }

    PlannedDelivery refuse(FailureKind kind, String reason) {
        return new PlannedDelivery(target, tasks, url, body, kind, reason, null);
    }
}
