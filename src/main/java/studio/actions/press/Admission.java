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

/** Refuses presses and openings beyond a limit, and counts the refusals. */
@Singleton
class Admission {

    /** How long a refusal is held back, so that a client that loops without a pause gets one. */
    private static final Duration REFUSAL = Duration.ofMillis(200);

    private final RateLimits limits;
    private final Quota quota;
    private final RunMetrics metrics;

    Admission(RateLimits limits, Quota quota, RunMetrics metrics) {
        this.limits = limits;
        this.quota = quota;
        this.metrics = metrics;
    }

    /** Returns the quota of the current request. */
    Quota quota() {
        return quota.itself();
    }

    RateLimit of(Caller caller) {
        return limits.caller(caller);
    }

    /** Takes one token of the caller's. */
    Taken take(Caller caller) {
        RateLimit limit = of(caller);
        return limits.take(Map.of(limit, 1)).get(limit);
    }

    /** Adds the limit of the action's queue, if it is reached and no other limit is. */
    void queue(Quota quota, Action action, DeliveryQueue.Backlog backlog) {
        if (quota.refusal().isEmpty()) {
            limits.queue(action.id, action.ratePerMinute, backlog.unfinished(), () -> DeliveryQueue.waiting(action.id))
                    .ifPresent(quota::show);
        }
    }

    /** Goes on with {@code next}, or fails with {@code quota_exceeded} after a short delay. */
    <T> Uni<T> admit(Quota quota, Supplier<Uni<T>> next) {
        return quota.refusal().map(metrics::refused)
                .map(refusal -> Uni.createFrom().<T> nullItem().onItem().delayIt().by(REFUSAL)
                        .onItem().<T> failWith(() -> refusal))
                .orElseGet(next);
    }

    /** Throws {@code quota_exceeded} if a limit is reached. */
    void check(Quota quota) {
        quota.refusal().ifPresent(refusal -> {
            throw metrics.refused(refusal);
        });
    }
}
