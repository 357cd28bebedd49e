package studio.actions.delivery;

import java.util.List;
import java.util.UUID;

import studio.actions.egress.Egress;
import studio.actions.limit.RateLimit;

/** A delivery that this process has claimed or is about to claim, with its slot at the host and the buckets that it costs. */
public record InFlight(UUID delivery, UUID run, UUID action, RateLimit rate, RateLimit host, Egress.Slot slot) {

    List<RateLimit> tokens() {
        return List.of(rate, host);
    }
}
