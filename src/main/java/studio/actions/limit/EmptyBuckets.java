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
 * Buckets that ran out when this process last took from them. The delivery worker does not look for deliveries of a bucket
 * before it can have gained a token. That is a guess, since other replicas take from the buckets, too, and only the database
 * knows.
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

    /** By {@link RateLimit#bucket}, since a bucket's limit may change. */
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

    /** Returns whether the bucket ran out and has not filled since. */
    public boolean contains(RateLimit limit) {
        Low known = low.get(limit.bucket());
        return known != null && !known.over();
    }

    /** Returns how many tokens the bucket may have at most. */
    public int mostTokens(RateLimit limit) {
        Low known = low.get(limit.bucket());
        return known == null || known.over() ? limit.quota() : (int) known.tokens();
    }

    /** Returns the subjects whose buckets are empty at the moment. */
    public Set<String> subjects(RateLimit.Kind kind) {
        return low.values().stream().filter(one -> one.taken().limit().kind() == kind && one.tokens() < 1)
                .map(one -> one.taken().limit().subject()).collect(Collectors.toSet());
    }

    /** Returns the time until the first empty bucket has a token. */
    public Optional<Duration> untilNextToken() {
        return low.values().stream().filter(one -> one.tokens() < 1)
                .map(one -> one.taken().limit().worth(1 - one.tokens())).min(Comparator.naturalOrder());
    }
}
