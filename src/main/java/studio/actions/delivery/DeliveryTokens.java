package studio.actions.delivery;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import jakarta.inject.Singleton;

import studio.actions.limit.EmptyBuckets;
import studio.actions.limit.RateLimits;

/** Takes and gives back the tokens of deliveries: each costs one of its action's and one of its host's. */
@Singleton
class DeliveryTokens {

    private final RateLimits limits;
    private final EmptyBuckets empty = new EmptyBuckets();

    DeliveryTokens(RateLimits limits) {
        this.limits = limits;
    }

    /** Returns the buckets that ran out when this process last took from them. */
    EmptyBuckets empty() {
        return empty;
    }

    RateLimits.Policy host(String host) {
        return limits.host(host);
    }

    static RateLimits.Policy rate(DeliveryQueue.Due due) {
        return RateLimits.action(due.actionId(), due.ratePerMinute());
    }

    /**
     * Takes the tokens for the chosen deliveries.
     *
     * @return the deliveries for which there was no token
     */
    List<InFlight> take(List<InFlight> chosen) {
        Map<RateLimits.Policy, RateLimits.Taken> taken = limits.take(tokens(chosen));
        empty.update(taken.values());
        Map<RateLimits.Policy, Integer> granted = new HashMap<>();
        taken.forEach((policy, got) -> granted.put(policy, got.granted()));
        List<InFlight> unpaid = new ArrayList<>();
        for (InFlight inFlight : chosen) {
            if (granted.get(inFlight.rate()) > 0 && granted.get(inFlight.host()) > 0) {
                inFlight.tokens().forEach(policy -> granted.merge(policy, -1, Integer::sum));
            } else {
                unpaid.add(inFlight);
            }
        }
        giveBack(granted);
        return unpaid;
    }

    /** Gives back the tokens of paid deliveries that do not go out. */
    void giveBack(Collection<InFlight> paid) {
        giveBack(tokens(paid));
    }

    private void giveBack(Map<RateLimits.Policy, Integer> tokens) {
        empty.update(limits.giveBack(tokens).values());
    }

    private static Map<RateLimits.Policy, Integer> tokens(Collection<InFlight> all) {
        Map<RateLimits.Policy, Integer> tokens = new HashMap<>();
        all.forEach(inFlight -> inFlight.tokens().forEach(policy -> tokens.merge(policy, 1, Integer::sum)));
        return tokens;
    }
}
