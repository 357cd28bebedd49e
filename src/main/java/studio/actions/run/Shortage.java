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
final class Shortage {

    private record Low(RateLimits.Taken taken, long sinceNanos) {

        double tokens() {
            return taken.left() + (System.nanoTime() - sinceNanos) / 1e9 * taken.policy().perSecond();
        }

        boolean over() {
            return tokens() >= taken.policy().quota();
        }
    }

    private final Map<RateLimits.Policy, Low> low = new ConcurrentHashMap<>();

    void note(Collection<RateLimits.Taken> taken) {
        long now = System.nanoTime();
        taken.stream().filter(one -> one.left() < 1 || knows(one.policy()))
                .forEach(one -> low.put(one.policy(), new Low(one, now)));
        low.values().removeIf(Low::over);
    }

    void forget() {
        low.clear();
    }

    /** Whether it ran out, and has not filled since. */
    boolean knows(RateLimits.Policy policy) {
        return low.containsKey(policy);
    }

    /** How many tokens may be there at most. */
    int likely(RateLimits.Policy policy) {
        Low known = low.get(policy);
        return known == null ? policy.quota() : (int) known.tokens();
    }

    /** Whom there is nothing for at the moment. */
    Set<String> of(RateLimits.Kind kind) {
        return low.entrySet().stream().filter(one -> one.getKey().kind() == kind && one.getValue().tokens() < 1)
                .map(one -> one.getKey().subject()).collect(Collectors.toSet());
    }

    /** How long until there is something for one of those whom there is nothing for. */
    Optional<Duration> ends() {
        return low.values().stream().filter(one -> one.tokens() < 1)
                .map(one -> one.taken().policy().worth(1 - one.tokens())).min(Comparator.naturalOrder());
    }
}
