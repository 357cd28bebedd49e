package studio.actions.delivery;

import java.util.List;
import java.util.UUID;

import studio.actions.egress.Egress;
import studio.actions.limit.RateLimit;

/**
 * A delivery that this process has claimed or is about to claim, with its connection slot. It costs one token of each limit:
 * its action's ({@code rate}) and its host's.
 */
public record InFlight(UUID delivery, UUID run, UUID action, RateLimit rate, RateLimit host, Egress.Slot slot) {

    List<RateLimit> tokens() {
        return List.of(rate, host);
    }
}
