package studio.actions.limit;

import java.time.Duration;

/**
 * The rate limit of one action, caller or host.
 *
 * @param subject the id of the action or the caller, or the host
 * @param quota how many tokens a full bucket holds
 * @param window how long an empty bucket takes to fill
 */
public record RateLimit(Kind kind, String subject, int quota, Duration window) {

    /** Kinds of limit. Their names are the policy names in the {@code RateLimit} headers. */
    public enum Kind {
        action,
        caller,
        host
    }

    /** Returns the key of the limit's token bucket, which stays the same if the quota changes. */
    public String bucket() {
        return kind + " " + subject;
    }

    public double perSecond() {
        return quota * 1000d / window.toMillis();
    }

    /** Returns how long the bucket takes to gain the given number of tokens. */
    public Duration worth(double tokens) {
        return Duration.ofNanos((long) Math.ceil(Math.max(0, tokens) / perSecond() * 1e9));
    }
}
