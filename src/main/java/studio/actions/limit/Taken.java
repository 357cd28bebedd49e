package studio.actions.limit;

import java.time.Duration;

/**
 * The result of a take.
 *
 * @param limit the limit at that moment, which may differ from the requested one
 * @param granted tokens taken
 * @param left tokens that are there now
 */
public record Taken(RateLimit limit, int granted, double left) {

    /** Returns whether the take got no token and the bucket is empty. */
    public boolean spent() {
        return granted == 0 && left < 1;
    }

    /** Returns how long it takes until the bucket has so many tokens, if nobody takes any. */
    public Duration until(int tokens) {
        return limit.worth(tokens - left);
    }
}
