package studio.actions.delivery;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

import jakarta.enterprise.event.Observes;
import jakarta.enterprise.event.ObservesAsync;
import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.runtime.ShutdownDelayInitiatedEvent;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.vertx.http.HttpServerStart;
import studio.actions.database.DatabaseHealth;
import studio.actions.database.Notifications;
import studio.actions.egress.FailureKind;
import studio.actions.limit.RateLimits;
import studio.actions.run.Delivery;
import studio.actions.run.Run;
import studio.actions.run.RunConfig;
import studio.actions.run.RunEvents;
import studio.actions.run.RunStore;
import studio.actions.thread.Threads;

/**
 * Starts and stops sending in this process, and takes care of deliveries that dead replicas had in flight. Such a delivery is
 * sent again if its run is not cancelled and allows another attempt. Otherwise it ends in state {@code lost}.
 */
@Singleton
class Recovery {

    private static final Logger LOG = Logger.getLogger(Recovery.class);

    private static final int RUNS_AT_ONCE = 20;

    /**
     * The longest time between two heartbeats. A heartbeat writes to the database, so this process notices a database outage no
     * later than this.
     */
    private static final Duration LONGEST = Duration.ofSeconds(10);

    /** How often the shutdown checks whether all deliveries in flight have ended. */
    private static final Duration MOMENT = Duration.ofMillis(50);

    /** How long the shutdown waits for a running heartbeat. */
    private static final Duration LAST_BEAT = Duration.ofSeconds(1);

    private static final String DIED = "The service lost track of this delivery while it was in flight: it may have arrived.";
    private static final String STOPPED = "The service stopped while this delivery was in flight: it may have arrived.";

    private final DeliveryWorker worker;
    private final OutcomeWriter outcomes;
    private final Replicas replicas;
    private final ReplicaStore store;
    private final RateLimits limits;
    private final RunEvents events;
    private final Notifications notifications;
    private final DatabaseHealth database;
    private final RunConfig config;
    private final Duration interval;
    private volatile long stopSince;
    private volatile boolean stopping;
    private volatile List<UUID> dead = List.of();
    /** Uses a monotonic clock. A clock set back could delay the heartbeat, and other replicas would declare this one dead. */
    private final ScheduledExecutorService duties = Executors.newScheduledThreadPool(2, Threads.daemons("recovery"));

    Recovery(DeliveryWorker worker, OutcomeWriter outcomes, Replicas replicas, ReplicaStore store, RateLimits limits,
            RunEvents events,
            Notifications notifications, DatabaseHealth database, RunConfig config) {
        this.worker = worker;
        this.outcomes = outcomes;
        this.replicas = replicas;
        this.store = store;
        this.limits = limits;
        this.events = events;
        this.notifications = notifications;
        this.database = database;
        this.config = config;
        Duration third = this.config.lease().dividedBy(3);
        this.interval = third.compareTo(LONGEST) < 0 ? third : LONGEST;
    }

    void begin(@Observes StartupEvent start) {
        replicas.register();
        // The executor has two threads, so that a slow recovery does not delay the heartbeat. Heartbeats start at a fixed rate,
        // so that a slow heartbeat does not delay the next one.
        long millis = interval.toMillis();
        duties.scheduleAtFixedRate(() -> attempt(this::beat), millis, millis, TimeUnit.MILLISECONDS);
        duties.scheduleWithFixedDelay(this::recover, millis, millis, TimeUnit.MILLISECONDS);
    }

    /**
     * Starts the worker once the HTTP server listens. Before, the port of the built-in receiver for practice is unknown, and
     * deliveries to it would be refused.
     */
    void listens(@ObservesAsync HttpServerStart listening) {
        worker.begin();
    }

    /** Stops claiming deliveries when a shutdown is announced, and answers the callers that wait for the end of a run. */
    void ends(@Observes ShutdownDelayInitiatedEvent beginning) {
        stop();
    }

    /**
     * Waits for deliveries in flight for the rest of the shutdown time. Then ends the attempts that are still in flight as
     * {@link #lost} decides. The HTTP requests of callers were answered before.
     */
    void end(@Observes ShutdownEvent stop) {
        stop();
        long until = stopSince + config.shutdown().toNanos();
        await(until, () -> worker.ended() && worker.inFlightIds().isEmpty());
        endDuties();
        try {
            handBack();
            outcomes.end();
        } catch (RuntimeException e) {
            LOG.warnf("Cannot hand back deliveries in flight (%s); another replica will recover them.",
                    DatabaseHealth.reason(e));
        }
    }

    /** Ends the heartbeat before this replica's row is deleted; a running heartbeat would register the replica again. */
    private void endDuties() {
        duties.shutdown();
        Threads.awaitEnd(duties, LAST_BEAT);
    }

    private void stop() {
        if (!stopping) {
            stopSince = System.nanoTime();
            stopping = true;
            worker.stop();
            events.stop();
        }
    }

    private static void await(long until, BooleanSupplier done) {
        while (!done.getAsBoolean() && System.nanoTime() < until && Threads.sleep(MOMENT)) {
            // The condition sleeps.
        }
    }

    private void handBack() {
        UUID own = replicas.own();
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

    private void recover() {
        if (stopping) {
            return;
        }
        // Starts the worker if Quarkus fired no HttpServerStart event, for example because the service listens by HTTPS only.
        worker.begin();
        dead.forEach(replica -> attempt(() -> bury(replica)));
        attempt(this::takeBackUnsent);
        attempt(this::mendCounts);
        attempt(this::mendTimes);
        attempt(limits::sweep);
    }

    /** Runs a periodic duty. Catches its failure, so that the other duties and its own next run take place. */
    private void attempt(Runnable duty) {
        try {
            duty.run();
        } catch (RuntimeException | Error e) {
            if (!database.failed(e)) {
                LOG.warnf("Cannot record the heartbeat or recover deliveries (%s); retrying at the next heartbeat.",
                        DatabaseHealth.reason(e));
            }
        }
    }

    private void beat() {
        dead = replicas.beat();
        if (database.refusesWrites().isPresent()) {
            store.tryToWrite();
        }
        database.wrote();
    }

    private void bury(UUID dead) {
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
     * claim was committed, but the database's answer to the commit got lost or came too late ({@link DeliveryWorker#stale}).
     */
    private void takeBackUnsent() {
        UUID own = replicas.own();
        List<DeliveryQueue.Owned> owned = QuarkusTransaction.requiringNew().call(() -> DeliveryQueue.owned(own));
        Set<UUID> underWay = worker.inFlightIds();
        List<DeliveryQueue.Owned> unsent = owned.stream().filter(one -> !underWay.contains(one.delivery())).toList();
        if (!unsent.isEmpty()) {
            QuarkusTransaction.requiringNew().call(() -> settle(unsent,
                    (terms, one) -> terms.cancelled() ? Delivery.Outcome.CANCELLED : Delivery.Outcome.UNSENT));
            worker.wake();
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

    private void mendCounts() {
        QuarkusTransaction.requiringNew().run(() -> {
            List<UUID> miscounted = RunStore.miscounted(RUNS_AT_ONCE);
            if (!miscounted.isEmpty()) {
                List<Run> runs = RunStore.locked(miscounted);
                runs.forEach(RunStore::recount);
                events.publish(runs);
            }
        });
    }

    private void mendTimes() {
        int mended = QuarkusTransaction.requiringNew().call(DeliveryQueue::mendTimes);
        if (mended > 0) {
            worker.wake();
        }
    }
}
