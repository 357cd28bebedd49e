package studio.actions.limit;

import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * Token buckets that ran out when this process last took from them. The delivery worker does not look for deliveries that need
 * such a bucket until the bucket may have a token again. The levels are estimates: other replicas take from the buckets, too,
 * and only the database knows the true levels.
 */
public final class EmptyBuckets {

    private record Low(Taken taken, long sinceNanos) {

        double tokens() {
            return taken.left() + (System.nanoTime() - sinceNanos) / 1e9 * taken.limit().perSecond();
        }

        boolean over() {
            return tokens() >= taken.limit().quota();
        }
    }

    /** Levels by {@link RateLimit#bucket}; not by limit, since the quota of a limit may change. */
    private final Map<String, Low> low = new ConcurrentHashMap<>();

    public void update(Collection<Taken> taken) {
        long now = System.nanoTime();
        low.values().removeIf(Low::over);
        taken.stream().filter(one -> one.left() < 1 || contains(one.limit()))
                .forEach(one -> low.put(one.limit().bucket(), new Low(one, now)));
    }

    public void forget() {
        low.clear();
    }

    /** Returns whether the limit's bucket ran out and has not become full since. */
    public boolean contains(RateLimit limit) {
        Low known = low.get(limit.bucket());
        return known != null && !known.over();
    }

    /** Returns an upper bound of the tokens in the limit's bucket. */
    public int mostTokens(RateLimit limit) {
        Low known = low.get(limit.bucket());
        return known == null || known.over() ? limit.quota() : (int) known.tokens();
    }

    /** Returns the subjects (ids or hosts) whose buckets are empty at the moment. */
    public Set<String> subjects(RateLimit.Kind kind) {
        return low.values().stream().filter(one -> one.taken().limit().kind() == kind && one.tokens() < 1)
                .map(one -> one.taken().limit().subject()).collect(Collectors.toSet());
    }

    /** Returns the time until the first empty bucket has a token; absent if none is empty. */
    public Optional<Duration> untilNextToken() {
        return low.values().stream().filter(one -> one.tokens() < 1)
                .map(one -> one.taken().limit().worth(1 - one.tokens())).min(Comparator.naturalOrder());
    }
}
