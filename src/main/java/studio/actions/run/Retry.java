package studio.actions.run;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.random.RandomGenerator;

import studio.actions.egress.FailureKind;
import studio.actions.egress.Reply;

/** Whether a failed attempt is worth another, and when. Pure. */
final class Retry {

    /** After the first attempt, the second and so on. */
    private static final List<Duration> BACK_OFF = List.of(Duration.ofSeconds(5), Duration.ofSeconds(30), Duration.ofMinutes(2),
            Duration.ofMinutes(10), Duration.ofMinutes(30), Duration.ofHours(2), Duration.ofHours(5));

    /** So that what failed together does not come back together. */
    private static final double JITTER = 0.2;

    /** The shortest and the longest that a receiver can have us wait. */
    private static final Duration SHORTEST = Duration.ofSeconds(1);
    private static final Duration LONGEST = Duration.ofHours(24);

    private static final Set<FailureKind> NETWORK = Set.of(FailureKind.dns, FailureKind.connect_refused,
            FailureKind.connect_timeout, FailureKind.tls, FailureKind.timeout, FailureKind.connection_lost);

    /** RFC 9110, 15.5.9; RFC 8470, 5.2; RFC 6585, 4. */
    private static final Set<Integer> TEMPORARY = Set.of(408, 425, 429);

    private Retry() {
    }

    /**
     * How long to wait before the next attempt; empty where there is to be none.
     *
     * @param attempt that failed, counted from 1
     */
    static Optional<Duration> after(Reply.Failed failed, int attempt, int maxAttempts, RandomGenerator random) {
        if (attempt >= maxAttempts || !worthwhile(failed)) {
            return Optional.empty();
        }
        // A receiver that says when is not asked sooner, and not by all at once.
        return Optional.of(failed.retryAfter() == null
                ? spread(BACK_OFF.get(Math.min(attempt, BACK_OFF.size()) - 1), 1 - JITTER, 1 + JITTER, random)
                : spread(within(failed.retryAfter()), 1, 2, random));
    }

    private static boolean worthwhile(Reply.Failed failed) {
        return failed.status() == null ? NETWORK.contains(failed.kind())
                : failed.status() >= 500 && failed.status() < 600 || TEMPORARY.contains(failed.status())
                // The answer began well and was cut off, or came too late.
                        || NETWORK.contains(failed.kind());
    }

    private static Duration within(Duration asked) {
        return asked.compareTo(SHORTEST) < 0 ? SHORTEST : asked.compareTo(LONGEST) > 0 ? LONGEST : asked;
    }

    private static Duration spread(Duration middle, double least, double most, RandomGenerator random) {
        return Duration.ofMillis((long) (middle.toMillis() * random.nextDouble(least, most)));
    }
}
