package studio.actions.press;

import java.time.Duration;
import java.util.Map;
import java.util.function.Supplier;

import jakarta.inject.Singleton;

import io.smallrye.mutiny.Uni;
import studio.actions.action.Action;
import studio.actions.delivery.DeliveryQueue;
import studio.actions.identity.Caller;
import studio.actions.limit.Quota;
import studio.actions.limit.RateLimit;
import studio.actions.limit.RateLimits;
import studio.actions.limit.Taken;
import studio.actions.statistics.RunMetrics;

/**
 * Refuses presses that exceed a rate limit, and counts the refusals in the metrics. The limits also hold for actions whose URLs
 * the browser opens.
 */
@Singleton
class Admission {

    /** How long the answer to a refused press is delayed, to slow down a client that repeats its request without a pause. */
    private static final Duration REFUSAL = Duration.ofMillis(200);

    private final RateLimits limits;
    private final Quota quota;
    private final RunMetrics metrics;

    Admission(RateLimits limits, Quota quota, RunMetrics metrics) {
        this.limits = limits;
        this.quota = quota;
        this.metrics = metrics;
    }

    /** Returns the rate limits of the current request. The object stays usable after the request has ended. */
    Quota quota() {
        return quota.itself();
    }

    RateLimit of(Caller caller) {
        return limits.caller(caller);
    }

    /** Takes one token from the caller's bucket. */
    Taken take(Caller caller) {
        RateLimit limit = of(caller);
        return limits.take(Map.of(limit, 1)).get(limit);
    }

    /**
     * Adds the limit of the action's queue to {@code quota} if too many deliveries are queued and no other limit is reached.
     */
    void queue(Quota quota, Action action, DeliveryQueue.Backlog backlog) {
        if (quota.refusal().isEmpty()) {
            limits.queue(action.id, action.ratePerMinute, backlog.unfinished(), () -> DeliveryQueue.waiting(action.id))
                    .ifPresent(quota::show);
        }
    }

    /**
     * Calls {@code next}. If a limit in {@code quota} is reached, fails with {@code quota_exceeded} after a short delay
     * instead.
     */
    <T> Uni<T> admit(Quota quota, Supplier<Uni<T>> next) {
        return quota.refusal().map(metrics::refused)
                .map(refusal -> Uni.createFrom().<T> nullItem().onItem().delayIt().by(REFUSAL)
                        .onItem().<T> failWith(() -> refusal))
                .orElseGet(next);
    }

    /** Throws {@code quota_exceeded} if a limit in {@code quota} is reached. */
    void check(Quota quota) {
        quota.refusal().ifPresent(refusal -> {
            throw metrics.refused(refusal);
        });
    }
}
