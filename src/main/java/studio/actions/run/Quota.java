package studio.actions.run;

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
 * What a press leaves of its limits, as it stands in the headers of its answer (draft-ietf-httpapi-ratelimit-headers-10).
 */
@RequestScoped
class Quota {

    private final Map<RateLimits.Kind, RateLimits.Taken> limits = new EnumMap<>(RateLimits.Kind.class);

    /** Without the scope: a press goes on when its request has ended. */
    Quota itself() {
        return this;
    }

    /** That of its action only where it is reached: it is no limit of presses as long as it is not. */
    synchronized void show(RateLimits.Taken now) {
        if (now.policy().kind() == RateLimits.Kind.caller || now.spent()) {
            limits.put(now.policy().kind(), now);
        }
    }

    synchronized boolean known() {
        return !limits.isEmpty();
    }

    /** That a limit is reached: {@code quota_exceeded}, with the time when none is any more. */
    synchronized Optional<ProblemException> refusal() {
        List<RateLimits.Taken> spent = limits.values().stream().filter(RateLimits.Taken::spent).toList();
        return spent.stream().max(Comparator.comparing(limit -> limit.until(1))).map(longest -> ProblemException.exceeded(
                spent.stream().map(limit -> limit.policy().kind().name()).toList(), Math.max(1, wholeSeconds(longest.until(1))),
                why(longest.policy())));
    }

    private static String why(RateLimits.Policy policy) {
        return policy.kind() == RateLimits.Kind.caller
                ? "You may start %d runs a minute. 'Retry-After' says when the next one may be.".formatted(policy.quota())
                : "More than %d minutes' worth of this action's deliveries are waiting (%d a minute). Wait, or cancel some."
                        .formatted(RateLimits.LONGEST_QUEUE, policy.quota() / RateLimits.LONGEST_QUEUE);
    }

    /** {@code RateLimit-Policy}: what is allowed. */
    String policies() {
        return each(limit -> "q=%d;w=%d".formatted(limit.policy().quota(), limit.policy().window().toSeconds()));
    }

    /** {@code RateLimit}: how many are left, and how many seconds until there are all of them. */
    String left() {
        return each(limit -> "r=%d;t=%d".formatted((int) Math.max(0, limit.left()),
                wholeSeconds(limit.until(limit.policy().quota()))));
    }

    private synchronized String each(Function<RateLimits.Taken, String> parameters) {
        return limits.entrySet().stream()
                .map(limit -> "\"%s\";%s".formatted(limit.getKey(), parameters.apply(limit.getValue())))
                .collect(Collectors.joining(", "));
    }

    private static long wholeSeconds(Duration time) {
        return time.plusSeconds(1).minusNanos(1).toSeconds();
    }
}
