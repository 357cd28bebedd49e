package studio.actions.run;

import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * Buckets that ran out when this process last took from them. What they limit is not looked for before they can have
 * filled; that is a guess, since others take from them too, and only the database knows.
 */
final class EmptyBuckets {

    private record Low(RateLimits.Taken taken, long sinceNanos) {

        double tokens() {
            return taken.left() + (System.nanoTime() - sinceNanos) / 1e9 * taken.policy().perSecond();
        }

        boolean over() {
            return tokens() >= taken.policy().quota();
        }
    }

    /** By bucket: its limit may change. */
    private final Map<String, Low> low = new ConcurrentHashMap<>();

    void update(Collection<RateLimits.Taken> taken) {
        long now = System.nanoTime();
        low.values().removeIf(Low::over);
        taken.stream().filter(one -> one.left() < 1 || contains(one.policy()))
                .forEach(one -> low.put(one.policy().bucket(), new Low(one, now)));
    }

    void forget() {
        low.clear();
    }

    /** Whether it ran out, and has not filled since. */
    boolean contains(RateLimits.Policy policy) {
        Low known = low.get(policy.bucket());
        return known != null && !known.over();
    }

    /** How many tokens may be there at most. */
    int mostTokens(RateLimits.Policy policy) {
        Low known = low.get(policy.bucket());
        return known == null || known.over() ? policy.quota() : (int) known.tokens();
    }

    /** Whom there is nothing for at the moment. */
    Set<String> subjects(RateLimits.Kind kind) {
        return low.values().stream().filter(one -> one.taken().policy().kind() == kind && one.tokens() < 1)
                .map(one -> one.taken().policy().subject()).collect(Collectors.toSet());
    }

    /** How long until there is something for one of those whom there is nothing for. */
    Optional<Duration> untilNextToken() {
        return low.values().stream().filter(one -> one.tokens() < 1)
                .map(one -> one.taken().policy().worth(1 - one.tokens())).min(Comparator.naturalOrder());
    }
}
