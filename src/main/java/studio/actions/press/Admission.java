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

/** Refuses presses that exceed a rate limit, also if the browser sends their requests. Counts the refusals. */
@Singleton
class Admission {

    /** How long a refusal is delayed, to slow down a client that repeats its request without a pause. */
    private static final Duration REFUSAL = Duration.ofMillis(200);

    private final RateLimits limits;
    private final Quota quota;
    private final RunMetrics metrics;

    Admission(RateLimits limits, Quota quota, RunMetrics metrics) {
        this.limits = limits;
        this.quota = quota;
        this.metrics = metrics;
    }

    /** Returns the limits of the current request, usable after its end. */
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

    /** Adds the limit of the action's queue to the quota, if the queue is too long and no other limit is reached. */
    void queue(Quota quota, Action action, DeliveryQueue.Backlog backlog) {
        if (quota.refusal().isEmpty()) {
            limits.queue(action.id, action.ratePerMinute, backlog.unfinished(), () -> DeliveryQueue.waiting(action.id))
                    .ifPresent(quota::show);
        }
    }

    /** Continues with {@code next}, or fails with {@code quota_exceeded} after a short delay if a limit is reached. */
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
