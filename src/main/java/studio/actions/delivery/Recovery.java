package studio.actions.delivery;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiFunction;
import java.util.stream.Collectors;

import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.database.Notifications;
import studio.actions.egress.FailureKind;
import studio.actions.replica.ReplicaStore;
import studio.actions.replica.Replicas;
import studio.actions.run.Delivery;
import studio.actions.run.Run;
import studio.actions.run.RunEvents;
import studio.actions.run.RunStore;

/**
 * Repairs the queue: ends or requeues deliveries that dead replicas had in flight or that this one has claimed but not sent,
 * and
 * corrects what lost messages and jumps of the clock left wrong. A delivery in flight at a dead replica is sent again if its
 * run
 * is not cancelled and allows another attempt. Otherwise it ends in state {@code lost}.
 */
@Singleton
class Recovery {

    private static final Logger LOG = Logger.getLogger(Recovery.class);

    private static final int RUNS_AT_ONCE = 20;

    private static final String DIED = "The service lost track of this delivery while it was in flight: it may have arrived.";
    private static final String STOPPED = "The service stopped while this delivery was in flight: it may have arrived.";

    private final Sender sender;
    private final WakeUps wakeUps;
    private final Replicas replicas;
    private final ReplicaStore store;
    private final RunEvents events;
    private final Notifications notifications;

    Recovery(Sender sender, WakeUps wakeUps, Replicas replicas, ReplicaStore store, RunEvents events,
            Notifications notifications) {
        this.sender = sender;
        this.wakeUps = wakeUps;
        this.replicas = replicas;
        this.store = store;
        this.events = events;
        this.notifications = notifications;
    }

    /** Ends or requeues the deliveries that this replica still has in flight when it stops, and removes the replica. */
    void handBack(UUID own) {
        Settled settled = QuarkusTransaction.requiringNew().call(() -> {
            Settled all = settle(DeliveryQueue.owned(own), (terms, one) -> lost(terms, one.attempt(), STOPPED));
            store.remove(own);
            notifications.publish(Notifications.Topic.delivery_due, "");
            return all;
        });
        if (settled.any()) {
            LOG.infof("The time for the shutdown is over. Of the deliveries in flight, %s.", settled);
        }
    }

    /** Does the same for a replica that another one has declared dead, unless it had a heartbeat meanwhile. */
    void bury(UUID dead) {
        Settled settled = QuarkusTransaction.requiringNew().call(() -> {
            if (!replicas.standsStill(dead)) {
                return Settled.NONE;
            }
            Settled all = settle(DeliveryQueue.owned(dead), (terms, one) -> lost(terms, one.attempt(), DIED));
            store.remove(dead);
            notifications.publish(Notifications.Topic.delivery_due, "");
            return all;
        });
        if (settled.any()) {
            LOG.infof("Replica %s is gone. Of its deliveries in flight, %s.", dead, settled);
        }
    }

    /**
     * Returns deliveries to the queue that this process has claimed but not sent; cancels them if their run is cancelled. Their
     * claim was committed, but the database's answer to the commit got lost or came too late ({@link Sender.Claim#send}).
     */
    void takeBackUnsent() {
        UUID own = replicas.own();
        List<DeliveryQueue.Owned> owned = QuarkusTransaction.requiringNew().call(() -> DeliveryQueue.owned(own));
        Set<UUID> underWay = sender.inFlightIds();
        List<DeliveryQueue.Owned> unsent = owned.stream().filter(one -> !underWay.contains(one.delivery())).toList();
        if (!unsent.isEmpty()) {
            QuarkusTransaction.requiringNew().call(() -> settle(unsent,
                    (terms, one) -> terms.cancelled() ? Delivery.Outcome.CANCELLED : Delivery.Outcome.UNSENT));
            wakeUps.wake();
        }
    }

    /**
     * How many deliveries are sent again, and how many are lost because their run is cancelled or allows no further attempt.
     */
    private record Settled(long again, long lost) {

        static final Settled NONE = new Settled(0, 0);

        boolean any() {
            return again + lost > 0;
        }

        @Override
        public String toString() {
            return again + " will be sent again and " + lost + " are lost";
        }
    }

    private static Settled settle(List<DeliveryQueue.Owned> owned,
            BiFunction<OutcomeBatch.Terms, DeliveryQueue.Owned, Delivery.Outcome> becomes) {
        if (owned.isEmpty()) {
            return Settled.NONE;
        }
        Map<Delivery.State, Long> settled = OutcomeBatch.of(owned, becomes).outcomes().values().stream()
                .collect(Collectors.groupingBy(Delivery.Outcome::state, Collectors.counting()));
        return new Settled(settled.getOrDefault(Delivery.State.pending, 0L), settled.getOrDefault(Delivery.State.lost, 0L));
    }

    /**
     * Returns the outcome of an attempt whose replica died or stopped. The receiver may have got the request, so the request is
     * sent again only if the run is not cancelled and allows another attempt.
     */
    private static Delivery.Outcome lost(OutcomeBatch.Terms terms, int attempt, String why) {
        Delivery.Outcome lost = new Delivery.Outcome(Delivery.State.lost, null, FailureKind.lost, why, null, null);
        return attempt < terms.maxAttempts() && !terms.cancelled() ? lost.again(Duration.ZERO) : lost;
    }

    /** Counts again the deliveries of runs whose saved counts are wrong. */
    void mendCounts() {
        QuarkusTransaction.requiringNew().run(() -> {
            List<UUID> miscounted = RunStore.miscounted(RUNS_AT_ONCE);
            if (!miscounted.isEmpty()) {
                List<Run> runs = RunStore.locked(miscounted);
                runs.forEach(RunStore::recount);
                events.publish(runs);
            }
        });
    }

    /** Makes deliveries due that a jump of the clock has put off. */
    void mendTimes() {
        int mended = QuarkusTransaction.requiringNew().call(DeliveryQueue::mendTimes);
        if (mended > 0) {
            wakeUps.wake();
        }
    }
}
