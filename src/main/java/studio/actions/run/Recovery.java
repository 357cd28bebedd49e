package studio.actions.run;

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
import jakarta.persistence.EntityManager;

import org.jboss.logging.Logger;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.runtime.ShutdownDelayInitiatedEvent;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.vertx.http.HttpServerStart;
import studio.actions.news.Notifications;
import studio.actions.problem.DatabaseHealth;

/**
 * That what is owed is sent whatever happens: the start and the end of sending here, and what became of the deliveries of
 * processes that died. What such a process had under way goes out again where the action allows another attempt; else it is
 * lost, and says so.
 */
@Singleton
class Recovery {

    private static final Logger LOG = Logger.getLogger(Recovery.class);

    private static final int RUNS_AT_ONCE = 20;

    /** The longest time between two signs of life: {@code ready} and the log follow the database no later than that. */
    private static final Duration LONGEST = Duration.ofSeconds(10);

    /** How often it is looked whether all is written, at the end. */
    private static final Duration MOMENT = Duration.ofMillis(50);

    /** How long the end waits for a beat that is under way. */
    private static final Duration LAST_BEAT = Duration.ofSeconds(1);

    private static final String DIED = "The service lost track of this while it was on its way: it may have arrived.";
    private static final String STOPPED = "The service stopped while this was on its way: it may have arrived.";

    private final DeliveryWorker worker;
    private final OutcomeWriter outcomes;
    private final Replicas replicas;
    private final RateLimits limits;
    private final RunEvents events;
    private final Notifications notifications;
    private final DatabaseHealth database;
    private final EntityManager entities;
    private final RunConfig.Run config;
    private final Duration interval;
    private volatile long stopSince;
    private volatile boolean stopping;
    private volatile List<UUID> dead = List.of();
    /** By a monotonic clock: one that is set back must not have this process stand still, and be taken for dead. */
    private final ScheduledExecutorService duties = Executors.newScheduledThreadPool(2, duty -> {
        Thread thread = new Thread(duty, "recovery");
        thread.setDaemon(true);
        return thread;
    });

    Recovery(DeliveryWorker worker, OutcomeWriter outcomes, Replicas replicas, RateLimits limits, RunEvents events,
            Notifications notifications, DatabaseHealth database, EntityManager entities, RunConfig config) {
        this.worker = worker;
        this.outcomes = outcomes;
        this.replicas = replicas;
        this.limits = limits;
        this.events = events;
        this.notifications = notifications;
        this.database = database;
        this.entities = entities;
        this.config = config.run();
        Duration third = this.config.lease().dividedBy(3);
        this.interval = third.compareTo(LONGEST) < 0 ? third : LONGEST;
    }

    void begin(@Observes StartupEvent start) {
        replicas.register();
        // Two threads: whatever holds up the second, the first goes on. A beat that took long is followed by the next all the sooner.
        long millis = interval.toMillis();
        duties.scheduleAtFixedRate(() -> attempt(this::beat), millis, millis, TimeUnit.MILLISECONDS);
        duties.scheduleWithFixedDelay(this::recover, millis, millis, TimeUnit.MILLISECONDS);
    }

    /** Before the service listens it does not know the port of the practice receiver, and would refuse to send there. */
    void listens(@ObservesAsync HttpServerStart listening) {
        worker.begin();
    }

    /** The first that is known of the end: nothing new begins, and whoever waits for a run is answered. */
    void ends(@Observes ShutdownDelayInitiatedEvent beginning) {
        stop();
    }

    /** The requests of others have been answered. What flies has what is left of the time. */
    void end(@Observes ShutdownEvent stop) {
        stop();
        long until = stopSince + config.shutdown().toNanos();
        await(until, () -> worker.ended() && worker.inFlightIds().isEmpty());
        endDuties();
        try {
            handBack();
            outcomes.end();
        } catch (RuntimeException e) {
            LOG.warnf("What was on its way is left to another replica, since the database does not answer: %s",
                    OutcomeWriter.reason(e));
        }
    }

    /** A beat that is under way must not find this process struck off. */
    private void endDuties() {
        duties.shutdown();
        try {
            duties.awaitTermination(LAST_BEAT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
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
        try {
            while (!done.getAsBoolean() && System.nanoTime() < until) {
                TimeUnit.MILLISECONDS.sleep(MOMENT.toMillis());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void handBack() {
        UUID own = replicas.own();
        Settled settled = QuarkusTransaction.requiringNew().call(() -> {
            Settled all = settle(Delivery.owned(own), (terms, one) -> OutcomeWriter.lost(terms, one.attempt(), STOPPED));
            replicas.forget(own);
            notifications.publish(Notifications.Topic.delivery_due, "");
            return all;
        });
        if (settled.any()) {
            LOG.infof("The time to stop is up. Of what is still on its way, %s", settled);
        }
    }

    private void recover() {
        if (stopping) {
            return;
        }
        // Where the service listens in some other way, nobody has said so.
        worker.begin();
        dead.forEach(replica -> attempt(() -> bury(replica)));
        attempt(this::takeBackUnsent);
        attempt(this::mendCounts);
        attempt(this::mendTimes);
        attempt(limits::sweep);
    }

    /** What goes wrong with one of them keeps nobody from the others. */
    private void attempt(Runnable duty) {
        try {
            duty.run();
        } catch (RuntimeException | Error e) {
            if (!database.failed(e)) {
                LOG.warnf("This replica could not show that it lives, or look after what others left: %s. It tries again.",
                        OutcomeWriter.reason(e));
            }
        }
    }

    private void beat() {
        dead = replicas.beat();
        if (database.refusesWrites().isPresent()) {
            replicas.tryToWrite();
        }
        database.wrote();
    }

    private void bury(UUID dead) {
        Settled settled = QuarkusTransaction.requiringNew().call(() -> {
            if (!replicas.standsStill(dead)) {
                return Settled.NONE;
            }
            Settled all = settle(Delivery.owned(dead), (terms, one) -> OutcomeWriter.lost(terms, one.attempt(), DIED));
            replicas.forget(dead);
            notifications.publish(Notifications.Topic.delivery_due, "");
            return all;
        });
        if (settled.any()) {
            LOG.infof("Replica %s is gone. Of what it had under way, %s", dead, settled);
        }
    }

    /** Claims of this process whose commit was done and never told, since the connection broke: nothing of them was sent. */
    private void takeBackUnsent() {
        UUID own = replicas.own();
        List<Delivery.Owned> owned = QuarkusTransaction.requiringNew().call(() -> Delivery.owned(own));
        Set<UUID> underWay = worker.inFlightIds();
        List<Delivery.Owned> unsent = owned.stream().filter(one -> !underWay.contains(one.delivery())).toList();
        if (!unsent.isEmpty()) {
            QuarkusTransaction.requiringNew().call(() -> settle(unsent,
                    (terms, one) -> terms.cancelled() ? Delivery.Outcome.CANCELLED : Delivery.Outcome.UNSENT));
            worker.wake();
        }
    }

    /** How many deliveries go out again, and how many are lost, as the attempts of their actions say. */
    private record Settled(long again, long lost) {

        static final Settled NONE = new Settled(0, 0);

        boolean any() {
            return again + lost > 0;
        }

        @Override
        public String toString() {
            return "deliveries that go out again: " + again + ", that are lost: " + lost;
        }
    }

    private static Settled settle(List<Delivery.Owned> owned,
            BiFunction<OutcomeBatch.Terms, Delivery.Owned, Delivery.Outcome> becomes) {
        if (owned.isEmpty()) {
            return Settled.NONE;
        }
        Map<Delivery.State, Long> settled = OutcomeBatch.of(owned, becomes).outcomes().values().stream()
                .collect(Collectors.groupingBy(Delivery.Outcome::state, Collectors.counting()));
        return new Settled(settled.getOrDefault(Delivery.State.pending, 0L), settled.getOrDefault(Delivery.State.lost, 0L));
    }

    private void mendCounts() {
        QuarkusTransaction.requiringNew().run(() -> {
            List<UUID> miscounted = Run.miscounted(RUNS_AT_ONCE);
            if (!miscounted.isEmpty()) {
                List<Run> runs = Run.locked(miscounted);
                runs.forEach(Run::recount);
                events.publish(runs);
            }
        });
    }

    /** Where the database's clock went back, what was to go out in a while by the old time goes out now. */
    private void mendTimes() {
        int mended = QuarkusTransaction.requiringNew().call(() -> entities.createNativeQuery("""
                UPDATE delivery d SET due_at = now() WHERE state = 'pending' AND due_at > now()
                    AND (attempts = 0 OR EXISTS (SELECT 1 FROM attempt a WHERE a.delivery_id = d.id AND a.number = d.attempts
                        AND a.ended_at > now()))
                """).executeUpdate());
        if (mended > 0) {
            worker.wake();
        }
    }
}
