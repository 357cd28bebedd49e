package studio.actions.delivery;

import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

import jakarta.enterprise.event.Observes;
import jakarta.enterprise.event.ObservesAsync;
import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.quarkus.runtime.ShutdownDelayInitiatedEvent;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.vertx.http.HttpServerStart;
import studio.actions.database.DatabaseHealth;
import studio.actions.limit.RateLimits;
import studio.actions.replica.ReplicaStore;
import studio.actions.replica.Replicas;
import studio.actions.run.RunConfig;
import studio.actions.run.RunEvents;
import studio.actions.thread.Threads;

/**
 * Starts and stops sending in this process. In between, records the heartbeat of this replica, which other replicas watch, and
 * has {@link Recovery} repair what dead replicas and jumps of the clock leave behind.
 */
@Singleton
class SendingLifecycle {

    private static final Logger LOG = Logger.getLogger(SendingLifecycle.class);

    /**
     * The longest time between two heartbeats. A heartbeat writes to the database, so this process notices a database outage no
     * later than this.
     */
    private static final Duration LONGEST = Duration.ofSeconds(10);

    /** How often the shutdown checks whether all deliveries in flight have ended. */
    private static final Duration MOMENT = Duration.ofMillis(50);

    /** How long the shutdown waits for a running heartbeat. */
    private static final Duration LAST_BEAT = Duration.ofSeconds(1);

    private final DeliveryWorker worker;
    private final Sender sender;
    private final OutcomeWriter outcomes;
    private final Recovery recovery;
    private final Replicas replicas;
    private final ReplicaStore store;
    private final RateLimits limits;
    private final RunEvents events;
    private final DatabaseHealth database;
    private final RunConfig config;
    private final Duration interval;
    private volatile long stopSince;
    private volatile boolean stopping;
    private volatile List<UUID> dead = List.of();
    /** Uses a monotonic clock. A clock set back could delay the heartbeat, and other replicas would declare this one dead. */
    private final ScheduledExecutorService duties = Executors.newScheduledThreadPool(2, Threads.daemons("recovery"));

    SendingLifecycle(DeliveryWorker worker, Sender sender, OutcomeWriter outcomes, Recovery recovery, Replicas replicas,
            ReplicaStore store, RateLimits limits, RunEvents events, DatabaseHealth database, RunConfig config) {
        this.worker = worker;
        this.sender = sender;
        this.outcomes = outcomes;
        this.recovery = recovery;
        this.replicas = replicas;
        this.store = store;
        this.limits = limits;
        this.events = events;
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

    private void beat() {
        dead = replicas.beat();
        if (database.refusesWrites().isPresent()) {
            store.tryToWrite();
        }
        database.wrote();
    }

    private void recover() {
        if (stopping) {
            return;
        }
        // Starts the worker if Quarkus fired no HttpServerStart event, for example because the service listens by HTTPS only.
        worker.begin();
        dead.forEach(replica -> attempt(() -> recovery.bury(replica)));
        attempt(recovery::takeBackUnsent);
        attempt(recovery::mendCounts);
        attempt(recovery::mendTimes);
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

    /** Stops claiming deliveries when a shutdown is announced, and answers the callers that wait for the end of a run. */
    void ends(@Observes ShutdownDelayInitiatedEvent beginning) {
        stop();
    }

    /**
     * Waits for deliveries in flight for the rest of the shutdown time. Then hands the deliveries that are still in flight
     * back.
     * The HTTP requests of callers were answered before.
     */
    void end(@Observes ShutdownEvent stop) {
        stop();
        long until = stopSince + config.shutdown().toNanos();
        await(until, () -> worker.ended() && sender.inFlightIds().isEmpty());
        endDuties();
        try {
            recovery.handBack(replicas.own());
            outcomes.end();
        } catch (RuntimeException e) {
            LOG.warnf("Cannot hand back deliveries in flight (%s); another replica will recover them.",
                    DatabaseHealth.reason(e));
        }
    }

    private void stop() {
        if (!stopping) {
            stopSince = System.nanoTime();
            stopping = true;
            sender.stop();
            worker.stop();
            events.stop();
        }
    }

    private static void await(long until, BooleanSupplier done) {
        while (!done.getAsBoolean() && System.nanoTime() < until && Threads.sleep(MOMENT)) {
            // The condition sleeps.
        }
    }

    /** Ends the heartbeat before this replica's row is deleted; a running heartbeat would register the replica again. */
    private void endDuties() {
        duties.shutdown();
        Threads.awaitEnd(duties, LAST_BEAT);
    }
}
