package studio.actions.delivery;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.random.RandomGenerator;

import studio.actions.egress.FailureKind;
import studio.actions.egress.Reply;

/** The retry policy: whether another attempt follows a failed one, and after how long. Has no state and no side effects. */
final class RetryPolicy {

    /** The pauses after the first failed attempt, the second and so on; the last one repeats. */
    private static final List<Duration> BACK_OFF = List.of(Duration.ofSeconds(5), Duration.ofSeconds(30), Duration.ofMinutes(2),
            Duration.ofMinutes(10), Duration.ofMinutes(30), Duration.ofHours(2), Duration.ofHours(5));

    /** The share by which pauses vary at random, so that deliveries that failed together are not retried together. */
    private static final double JITTER = 0.2;

    /** The shortest and the longest pause that a receiver can ask for with {@code Retry-After}. */
    private static final Duration SHORTEST = Duration.ofSeconds(1);
    private static final Duration LONGEST = Duration.ofHours(24);

    private static final Set<FailureKind> NETWORK = Set.of(FailureKind.dns, FailureKind.connect_refused,
            FailureKind.connect_timeout, FailureKind.tls, FailureKind.timeout, FailureKind.connection_lost);

    /** HTTP statuses of temporary failures: RFC 9110, 15.5.9; RFC 8470, 5.2; RFC 6585, 4. */
    private static final Set<Integer> TEMPORARY = Set.of(408, 425, 429);

    private RetryPolicy() {
    }

    /**
     * Returns how long to wait before the next attempt; empty if no attempt may follow.
     *
     * @param attempt the number of the failed attempt, counted from 1
     */
    static Optional<Duration> after(Reply.Failed failed, int attempt, int maxAttempts, RandomGenerator random) {
        if (attempt >= maxAttempts || !worthwhile(failed)) {
            return Optional.empty();
        }
        // Waits one to two times the pause that the receiver asked for: no retry is too early, and not all come at once.
        return Optional.of(failed.retryAfter() == null
                ? spread(BACK_OFF.get(Math.min(attempt, BACK_OFF.size()) - 1), 1 - JITTER, 1 + JITTER, random)
                : spread(within(failed.retryAfter()), 1, 2, random));
    }

    private static boolean worthwhile(Reply.Failed failed) {
        return failed.status() == null ? NETWORK.contains(failed.kind())
                : failed.status() >= 500 && failed.status() < 600 || TEMPORARY.contains(failed.status())
                // Also retries if the connection broke or timed out after the receiver had sent a status, even one of success.
                        || NETWORK.contains(failed.kind());
    }

    private static Duration within(Duration asked) {
        return asked.compareTo(SHORTEST) < 0 ? SHORTEST : asked.compareTo(LONGEST) > 0 ? LONGEST : asked;
    }

    private static Duration spread(Duration middle, double least, double most, RandomGenerator random) {
        return Duration.ofMillis((long) (middle.toMillis() * random.nextDouble(least, most)));
    }
}
