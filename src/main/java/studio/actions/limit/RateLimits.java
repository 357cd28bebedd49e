package studio.actions.limit;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;

import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;

import studio.actions.database.SqlBatch;
import studio.actions.identity.Caller;
import studio.actions.limit.LimitConfig.Standing;

/**
 * The rate limits of deliveries and presses. Each limit is a token bucket that all replicas share ({@link TokenBuckets}). A
 * full bucket holds what the limit allows in one window; buckets fill evenly and start full.
 */
@Singleton
public class RateLimits {

    private static final Logger LOG = Logger.getLogger(RateLimits.class);

    /** How many minutes it may take to send an action's waiting deliveries; if it takes longer, presses are refused. */
    public static final int LONGEST_QUEUE = 10;

    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final Duration SECOND = Duration.ofSeconds(1);

    /**
     * How long {@link #look} may return a bucket's level from memory. It does so only if the bucket was more than half full.
     */
    private static final Duration BELIEVED = SECOND;

    /** The most buckets whose level is kept in memory. */
    private static final int REMEMBERED = 1000;

    private final TokenBuckets buckets;
    private final LimitConfig config;
    private final Cache<String, Taken> seen = Caffeine.newBuilder().maximumSize(REMEMBERED).expireAfterWrite(BELIEVED).build();

    RateLimits(TokenBuckets buckets, LimitConfig config) {
        this.buckets = buckets;
        this.config = config;
    }

    /** Returns the limit of a caller, in runs a minute. */
    public RateLimit caller(Caller caller) {
        Map<Standing, Integer> exceptions = config.perCallerByRole();
        Integer ofRole = exceptions.getOrDefault(Standing.valueOf(caller.role().name()), config.perCaller());
        return new RateLimit(RateLimit.Kind.caller, caller.id().toString(),
                caller.bot() ? exceptions.getOrDefault(Standing.bot, ofRole) : ofRole, MINUTE);
    }

    /** Returns the limit of an action, in deliveries a minute. */
    public static RateLimit action(UUID id, int ratePerMinute) {
        return new RateLimit(RateLimit.Kind.action, id.toString(), ratePerMinute, MINUTE);
    }

    /** Returns the limit of a host, in deliveries a second. */
    public RateLimit host(String host) {
        return new RateLimit(RateLimit.Kind.host, host, config.perHost(), SECOND);
    }

    /** Takes from each bucket as many of the wanted tokens as it has, in one round trip. */
    public Map<RateLimit, Taken> take(Map<RateLimit, Integer> wanted) {
        return buckets.take(wanted);
    }

    /**
     * Gives back tokens that were taken but not used.
     *
     * @return the new levels of the buckets; empty if there was nothing to give back, or if the database failed. Such a failure
     *         does no harm, since buckets fill by themselves
     */
    public Map<RateLimit, Taken> giveBack(Map<RateLimit, Integer> unused) {
        Map<RateLimit, Integer> wanted = new HashMap<>(unused);
        wanted.values().removeIf(tokens -> tokens == 0);
        wanted.replaceAll((limit, tokens) -> -tokens);
        try {
            return wanted.isEmpty() ? Map.of() : take(wanted);
        } catch (RuntimeException e) {
            LOG.debugf(e, "Cannot give back unused tokens (%s); the buckets refill by themselves.", unused);
            return Map.of();
        }
    }

    /**
     * Takes one token in the last statement of the open transaction, and commits. If the bucket is empty, the whole transaction
     * is rolled back. The bucket stays locked only until the commit, so other transactions wait for it no longer than the disk
     * needs.
     *
     * @param before the statements to execute before the take, in the same round trip
     * @return what the bucket granted. If it granted nothing, {@code left} is 0, although the bucket may hold a fraction of a
     *         token
     */
    public Taken takeAndCommit(SqlBatch before, RateLimit limit) {
        Optional<Taken> taken = buckets.takeAndCommit(before, limit);
        if (taken.isEmpty()) {
            // If the limit's quota has changed, the rollback has discarded the new one. Taking zero tokens saves it, so that
            // the bucket fills at the rate in the answer.
            take(Map.of(limit, 0));
            return new Taken(limit, 0, 0);
        }
        seen.put(limit.bucket(), taken.get());
        return taken.get();
    }

    /**
     * Returns the level of the limit's bucket, without taking a token. If this process took a token within the last second and
     * left the bucket more than half full, returns the level of that time without a query.
     */
    public Taken look(RateLimit limit) {
        Taken lately = seen.getIfPresent(limit.bucket());
        if (lately != null && lately.limit().equals(limit) && lately.left() > limit.quota() / 2d) {
            return lately;
        }
        // If the saved quota is not the limit's, take() saves the new one, so that the bucket fills at the rate in the
        // RateLimit headers.
        return buckets.look(limit).orElseGet(() -> take(Map.of(limit, 0)).get(limit));
    }

    /**
     * The number of an action's due deliveries. Only a limit can keep them from being sent now.
     *
     * @param host the receiver's host; null if it is not saved with the runs of these deliveries
     */
    public record Waiting(long count, String host) {
    }

    /**
     * Returns the limit of an action's queue and how many more deliveries fit into it. The queue is full if it takes more than
     * ten minutes to send the due deliveries at the action's rate, or at its host's if that is lower. Deliveries for which the
     * bucket of this rate already has tokens do not count.
     *
     * @param unfinished the number of the action's deliveries that have not ended, due or not
     * @param waiting counts the due deliveries; called only if the {@code unfinished} ones alone could fill the queue
     * @return the limit; empty if {@code unfinished} is too small to fill the queue
     */
    public Optional<Taken> queue(UUID action, int ratePerMinute, long unfinished, Supplier<Waiting> waiting) {
        // All deliveries of an action go to one host, whose rate limit may be lower than the action's.
        int longest = LONGEST_QUEUE * Math.min(ratePerMinute, 60 * config.perHost());
        if (unfinished <= longest) {
            return Optional.empty();
        }
        Waiting now = waiting.get();
        RateLimit slower = ratePerMinute <= 60 * config.perHost() || now.host() == null ? action(action, ratePerMinute)
                : host(now.host());
        RateLimit queue = new RateLimit(RateLimit.Kind.action, action.toString(), longest, MINUTE.multipliedBy(LONGEST_QUEUE));
        return Optional.of(new Taken(queue, 0, longest + 1 - now.count() + look(slower).left()));
    }

    /** Deletes buckets that are full by now, and repairs buckets that do not fill because the database's clock was set back. */
    public void sweep() {
        buckets.sweep();
    }
}
