package studio.actions.limit;

import java.time.Duration;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

import jakarta.enterprise.context.RequestScoped;

import studio.actions.problem.ProblemException;

/**
 * The rate limits of a press and their remaining tokens, for the HTTP headers of its answer
 * (draft-ietf-httpapi-ratelimit-headers-10).
 */
@RequestScoped
public class Quota {

    private final Map<RateLimit.Kind, Taken> limits = new EnumMap<>(RateLimit.Kind.class);

    /** Returns this object. Its request-scoped proxy fails after the HTTP request, but the press may take longer. */
    public Quota itself() {
        return this;
    }

    /**
     * Adds a limit to the rate limit headers of the answer. Ignores the limit of an action's queue unless the queue is full.
     */
    public synchronized void show(Taken now) {
        if (now.limit().kind() == RateLimit.Kind.caller || now.spent()) {
            limits.put(now.limit().kind(), now);
        }
    }

    synchronized boolean known() {
        return !limits.isEmpty();
    }

    /** Returns the problem {@code quota_exceeded} if a limit is reached, with the time until presses are possible again. */
    public synchronized Optional<ProblemException> refusal() {
        List<Taken> spent = limits.values().stream().filter(Taken::spent).toList();
        return spent.stream().max(Comparator.comparing(limit -> limit.until(1))).map(longest -> ProblemException.exceeded(
                spent.stream().map(limit -> limit.limit().kind().name()).toList(), Math.max(1, wholeSeconds(longest.until(1))),
                why(longest.limit())));
    }

    private static String why(RateLimit limit) {
        return limit.kind() == RateLimit.Kind.caller
                ? "You may press %d times a minute. 'Retry-After' says when you may press again.".formatted(limit.quota())
                : "More than %d minutes of this action's deliveries are queued (%d a minute). Wait, or cancel runs."
                        .formatted(RateLimits.LONGEST_QUEUE, limit.quota() / RateLimits.LONGEST_QUEUE);
    }

    /** Returns the header {@code RateLimit-Policy}: the quota of each limit and its window in seconds. */
    String policies() {
        return each(limit -> "q=%d;w=%d".formatted(limit.limit().quota(), limit.limit().window().toSeconds()));
    }

    /** Returns the header {@code RateLimit}: how many tokens each limit has left, and the seconds until it has all of them. */
    String left() {
        return each(limit -> "r=%d;t=%d".formatted((int) Math.max(0, limit.left()),
                wholeSeconds(limit.until(limit.limit().quota()))));
    }

    private synchronized String each(Function<Taken, String> parameters) {
        return limits.entrySet().stream()
                .map(limit -> "\"%s\";%s".formatted(limit.getKey(), parameters.apply(limit.getValue())))
                .collect(Collectors.joining(", "));
    }

    private static long wholeSeconds(Duration time) {
        return time.plusSeconds(1).minusNanos(1).toSeconds();
    }
}
