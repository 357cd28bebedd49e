package studio.actions.delivery;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;

import jakarta.enterprise.event.Event;
import jakarta.inject.Singleton;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;

import io.opentelemetry.api.trace.Span;
import io.smallrye.mutiny.Uni;
import studio.actions.address.Refusals;
import studio.actions.egress.Egress;
import studio.actions.egress.FailureKind;
import studio.actions.egress.Reply;
import studio.actions.limit.RateLimit;
import studio.actions.limit.RateLimits;
import studio.actions.log.LogContext;
import studio.actions.run.Delivery;
import studio.actions.run.Run;
import studio.actions.run.RunConfig;
import studio.actions.webhook.Tracing;
import studio.actions.webhook.WebhookRequests;

/** The deliveries that this process has in flight: sends their requests, and passes on how the attempts ended. */
@Singleton
public class Sender {

    /** The most deliveries in flight at this process. Each has a connection, and an answer of up to 64 KB in memory. */
    private static final int AT_ONCE = 512;

    /** The most runs whose refused addresses are remembered. */
    private static final int RUNS = 50;

    private final Egress egress;
    private final WebhookRequests requests;
    private final OutcomeWriter outcomes;
    private final DeliveryTokens tokens;
    private final WakeUps wakeUps;
    private final Event<AttemptEnded> ends;
    private final Tracing tracing;
    private final Refusals refusals;
    private final RunConfig config;
    private final Map<UUID, InFlight> allInFlight = new ConcurrentHashMap<>();
    private final Cache<UUID, Refusals.Of> logged = Caffeine.newBuilder().maximumSize(RUNS).build();
    private volatile boolean stopping;

    Sender(Egress egress, WebhookRequests requests, OutcomeWriter outcomes, DeliveryTokens tokens, WakeUps wakeUps,
            Event<AttemptEnded> ends, Tracing tracing, Refusals refusals, RunConfig config) {
        this.egress = egress;
        this.requests = requests;
        this.outcomes = outcomes;
        this.tokens = tokens;
        this.wakeUps = wakeUps;
        this.ends = ends;
        this.tracing = tracing;
        this.refusals = refusals;
        this.config = config;
    }

    /**
     * Deliveries that this process is about to send: {@link #reserve} a connection slot for each, {@link #takeTokens}, commit
     * that
     * this replica has them in flight, and {@link #send}. Closing gives back the slots and tokens of deliveries that were not
     * sent.
     * Not thread-safe.
     */
    public final class Claim implements AutoCloseable {

        private final long sinceNanos = System.nanoTime();
        private final List<InFlight> reserved = new ArrayList<>();
        private boolean paid;

        private Claim() {
        }

        /** Reserves a connection slot for a delivery. Returns false if its host has no free slot. */
        boolean reserve(UUID delivery, UUID run, UUID action, String url, RateLimit rate, RateLimit host) {
            return Sender.this.reserve(url, slot -> new InFlight(delivery, run, action, rate, host, slot)).map(reserved::add)
                    .orElse(false);
        }

        /**
         * Takes rate limit tokens for the reserved deliveries, in a transaction of its own. Deliveries that get none leave the
         * claim.
         *
         * @return whether all deliveries got their tokens
         */
        boolean takeTokens() {
            if (reserved.isEmpty()) {
                return true;
            }
            List<InFlight> unpaid = tokens.take(reserved);
            paid = true;
            reserved.removeAll(unpaid);
            unpaid.forEach(Sender.this::release);
            return unpaid.isEmpty();
        }

        /** Returns the ids of the deliveries, in the order in which they were reserved. */
        public List<UUID> ids() {
            return reserved.stream().map(InFlight::delivery).toList();
        }

        List<UUID> runs() {
            return reserved.stream().map(InFlight::run).distinct().toList();
        }

        public boolean isEmpty() {
            return reserved.isEmpty();
        }

        /**
         * Sends the deliveries. To be called after the commit. Sends nothing if the lease has passed since this claim began:
         * other
         * replicas may have declared this one dead and taken the deliveries over. If they have not, {@code Recovery} returns
         * the
         * deliveries to the queue.
         *
         * @param runs the runs of the deliveries, by id
         * @param deliveries the deliveries as they were committed, by id
         * @param saved receives the id of a delivery and its outcome, after the commit of the outcome; not called if another
         *        replica
         *        took the delivery over, or if a commit that seemed to fail has saved the outcome
         */
        public void send(Map<UUID, Run> runs, Map<UUID, Delivery> deliveries, BiConsumer<UUID, Delivery.Outcome> saved) {
            if (leaseHasPassed(sinceNanos)) {
                return;
            }
            List<InFlight> sent = List.copyOf(reserved);
            reserved.clear();
            sent.forEach(inFlight -> Sender.this.send(inFlight, runs.get(inFlight.run()), deliveries.get(inFlight.delivery()),
                    outcome -> saved.accept(inFlight.delivery(), outcome)));
        }

        /** Gives back the slots and tokens of deliveries that were not sent, which leave the claim. */
        @Override
        public void close() {
            List<InFlight> unsent = List.copyOf(reserved);
            reserved.clear();
            unsent.forEach(Sender.this::release);
            if (paid) {
                tokens.giveBack(unsent);
            }
        }
    }

    /** Returns an empty claim. */
    public Claim claim() {
        return new Claim();
    }

    /**
     * Claims the deliveries of a new run that can be sent at once, with slots and tokens. Claims none if a token bucket that
     * they
     * need ran out and is not full again, because earlier deliveries wait for its tokens.
     */
    public Claim claim(Run run, int ratePerMinute, List<Delivery> pending) {
        Claim claim = claim();
        RateLimit rate = RateLimits.action(run.actionId, ratePerMinute);
        try {
            for (Delivery delivery : pending) {
                RateLimit host = tokens.host(delivery.host);
                if (stopping || claim.reserved.size() >= config.parallelism() || isFull() || tokens.empty().contains(rate)
                        || tokens.empty().contains(host)) {
                    break;
                }
                claim.reserve(delivery.id, run.id, run.actionId, delivery.url, rate, host);
            }
            claim.takeTokens();
            return claim;
        } catch (RuntimeException | Error e) {
            claim.close();
            throw e;
        }
    }

    /** Makes later calls of {@link #claim(Run, int, List)} claim nothing. */
    void stop() {
        stopping = true;
    }

    boolean isFull() {
        return allInFlight.size() >= AT_ONCE;
    }

    /** Returns the ids of the deliveries that are reserved, in flight, or answered with the outcome still unsaved. */
    Set<UUID> inFlightIds() {
        return Set.copyOf(allInFlight.keySet());
    }

    boolean hasInFlight(UUID delivery) {
        return allInFlight.containsKey(delivery);
    }

    /** Returns the deliveries that hold a connection slot. Answered deliveries, whose outcome is being saved, hold none. */
    Stream<InFlight> sending() {
        return allInFlight.values().stream().filter(inFlight -> !inFlight.slot().isReleased());
    }

    /**
     * Takes a connection slot at the URL's host; empty if none is free. Adds the delivery to {@code allInFlight} before its
     * claim
     * is saved. So a saved claim missing there was never sent.
     */
    private Optional<InFlight> reserve(String url, Function<Egress.Slot, InFlight> delivery) {
        return egress.trySlot(url).map(slot -> {
            InFlight inFlight = delivery.apply(slot);
            allInFlight.put(inFlight.delivery(), inFlight);
            slot.whenReleased(wakeUps::slotReleased);
            return inFlight;
        });
    }

    private void release(InFlight unsent) {
        allInFlight.remove(unsent.delivery());
        unsent.slot().release();
    }

    /** Returns whether the lease has passed since the given {@link System#nanoTime}. */
    private boolean leaseHasPassed(long sinceNanos) {
        return System.nanoTime() - sinceNanos >= config.lease().toNanos();
    }

    /**
     * Sends a delivery whose claim was committed.
     *
     * @param saved receives the outcome after its commit; not called if another replica took the delivery over, or if a commit
     *        that seemed to fail has saved the outcome
     */
    private void send(InFlight inFlight, Run run, Delivery delivery, Consumer<Delivery.Outcome> saved) {
        UUID owner = delivery.owner;
        int attempt = delivery.attempts;
        Span span = tracing.attempt(run, delivery);
        // Secrets are checked again: the press may have been handled by a replica with a secret that is missing here.
        Uni<Reply> reply = Uni.createFrom().deferred(() -> requests.missingSecret(run.headers, run.signingSecret).map(why -> {
            inFlight.slot().release();
            return Uni.createFrom().<Reply> item(Reply.Refused.of(FailureKind.missing_variable, why));
        }).orElseGet(() -> egress.send(inFlight.slot(),
                requests.build(run, delivery, tracing.traceparent(run, span)))));
        reply.onFailure().invoke(inFlight.slot()::release)
                .onFailure().recoverWithItem(failure -> new Reply.Failed(FailureKind.protocol,
                        "The request could not be built: " + failure.getClass().getSimpleName() + ".", null, null, 0,
                        null))
                .subscribe().with(ended -> {
                    // Save before metrics and logs, which may fail: a delivery without an outcome stays in flight for ever.
                    outcomes.add(new OutcomeWriter.Ended(delivery.id, run.id, owner, attempt, ended,
                            outcome -> ended(delivery.id, outcome, saved)));
                    AttemptEnded.fire(ends, ended);
                    Tracing.end(span, ended);
                    if (ended instanceof Reply.Refused refused && refused.guard() != null) {
                        LogContext.about(run.callerId, run.actionId, run.id, () -> refusals(run).note(refused.guard()));
                    }
                });
    }

    /** @param outcome as committed; null if this process's outcome was not saved */
    private void ended(UUID delivery, Delivery.Outcome outcome, Consumer<Delivery.Outcome> saved) {
        allInFlight.remove(delivery);
        if (outcome == null || !outcome.state().ended()) {
            wakeUps.wake();
        } else {
            wakeUps.slotReleased();
        }
        if (outcome != null) {
            saved.accept(outcome);
        }
    }

    /** Returns the run's log of addresses that this service refused to call. It logs equal refusals once. */
    private Refusals.Of refusals(Run run) {
        return logged.get(run.id,
                unseen -> refusals.of(run.description(), run.callerId, run.callerName, run.callerEmail));
    }
}
