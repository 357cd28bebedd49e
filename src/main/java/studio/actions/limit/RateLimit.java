package studio.actions.limit;

import java.time.Duration;

/**
 * The limit of one action, caller or host.
 *
 * @param subject the id of the action or the caller, or the host
 * @param quota tokens that the bucket holds
 * @param window how long an empty bucket takes to fill
 */
public record RateLimit(Kind kind, String subject, int quota, Duration window) {

    /** Kinds of limit, spelled like the policies in the API. */
    public enum Kind {
        action,
        caller,
        host
    }

    /** Returns the key of the bucket, which does not depend on the quota. */
    public String bucket() {
        return kind + " " + subject;
    }

    public double perSecond() {
        return quota * 1000d / window.toMillis();
    }

    /** Returns how long the bucket takes to gain so many tokens. */
    public Duration worth(double tokens) {
        return Duration.ofNanos((long) Math.ceil(Math.max(0, tokens) / perSecond() * 1e9));
    }
}
