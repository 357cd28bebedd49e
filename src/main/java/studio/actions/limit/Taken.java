package studio.actions.limit;

import java.time.Duration;

/**
 * The result of taking tokens, or of only reading a bucket.
 *
 * @param limit the limit according to the database, which may differ from the requested one
 * @param granted how many tokens were taken
 * @param left how many tokens are in the bucket now
 */
public record Taken(RateLimit limit, int granted, double left) {

    /** Returns whether no token was taken and the bucket is empty. */
    public boolean spent() {
        return granted == 0 && left < 1;
    }

    /** Returns the time until the bucket has the given number of tokens, if nobody takes any meanwhile. */
    public Duration until(int tokens) {
        return limit.worth(tokens - left);
    }
}
