package studio.actions.delivery;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import jakarta.inject.Singleton;

import studio.actions.limit.EmptyBuckets;
import studio.actions.limit.RateLimit;
import studio.actions.limit.RateLimits;
import studio.actions.limit.Taken;

/**
 * Takes rate limit tokens for deliveries and gives them back. Each delivery costs one token of its action and one of its host.
 */
@Singleton
class DeliveryTokens {

    private final RateLimits limits;
    private final EmptyBuckets empty = new EmptyBuckets();

    DeliveryTokens(RateLimits limits) {
        this.limits = limits;
    }

    /** Returns the token buckets that ran out when this process last took tokens from them. */
    EmptyBuckets empty() {
        return empty;
    }

    RateLimit host(String host) {
        return limits.host(host);
    }

    static RateLimit rate(DeliveryQueue.Due due) {
        return RateLimits.action(due.actionId(), due.ratePerMinute());
    }

    /**
     * Takes two rate limit tokens for each delivery: one of its action and one of its host.
     *
     * @return the deliveries that got no tokens, because a bucket was empty
     */
    List<InFlight> take(List<InFlight> chosen) {
        Map<RateLimit, Taken> taken = limits.take(tokens(chosen));
        empty.update(taken.values());
        Map<RateLimit, Integer> granted = new HashMap<>();
        taken.forEach((limit, got) -> granted.put(limit, got.granted()));
        List<InFlight> unpaid = new ArrayList<>();
        for (InFlight inFlight : chosen) {
            if (granted.get(inFlight.rate()) > 0 && granted.get(inFlight.host()) > 0) {
                inFlight.tokens().forEach(limit -> granted.merge(limit, -1, Integer::sum));
            } else {
                unpaid.add(inFlight);
            }
        }
        giveBack(granted);
        return unpaid;
    }

    /** Gives back the tokens of deliveries that are not sent after all. */
    void giveBack(Collection<InFlight> paid) {
        giveBack(tokens(paid));
    }

    private void giveBack(Map<RateLimit, Integer> tokens) {
        empty.update(limits.giveBack(tokens).values());
    }

    private static Map<RateLimit, Integer> tokens(Collection<InFlight> all) {
        Map<RateLimit, Integer> tokens = new HashMap<>();
        all.forEach(inFlight -> inFlight.tokens().forEach(limit -> tokens.merge(limit, 1, Integer::sum)));
        return tokens;
    }
}
