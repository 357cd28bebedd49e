package studio.actions.run;

import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArraySet;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

import jakarta.enterprise.event.Event;
import jakarta.inject.Singleton;

import io.quarkus.arc.Arc;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.database.Notifications;

/** Notifies waiting presses and event streams of changes to runs, even if another replica sends the deliveries. */
@Singleton
public class RunEvents {

    /** How often a waiting press checks the database for the run's end, in case a notification was lost. */
    private static final Duration POLL = Duration.ofSeconds(5);

    private static final String ENDED = " ended";

    private final Notifications notifications;
    private final Event<Changed> observers;
    private final Map<UUID, Set<Watch>> watches = new ConcurrentHashMap<>();
    private final Executor workers = Infrastructure.getDefaultWorkerPool();
    private volatile boolean stopping;

    RunEvents(Notifications notifications, Event<Changed> observers) {
        this.notifications = notifications;
        this.observers = observers;
        notifications.subscribe(Notifications.Topic.run_changed, this::hear, this::changedSomehow);
    }

    /**
     * CDI event: a run may have changed. Observers read the changes from the database. The event may be fired twice for one
     * change, or never if a notification is lost.
     *
     * @param run the run; null if any run may have changed: notifications may have been lost, or the service stops
     * @param ended whether the run has ended
     */
    public record Changed(UUID run, boolean ended) {
    }

    /** Notifies all replicas of changes of runs when the open transaction commits. */
    public void publish(Collection<Run> runs) {
        notifications.publish(Notifications.Topic.run_changed,
                runs.stream().map(run -> payload(run.id, run.finishedAt != null)).toList());
    }

    /** How and when a run ended. */
    public record End(Run.State state, Instant at) {
    }

    public static String payload(UUID run, boolean ended) {
        return ended ? run + ENDED : run.toString();
    }

    /** Notifies this replica's watchers of a run at once, without waiting for PostgreSQL's notification. */
    public void changed(UUID run, boolean ended) {
        watches.getOrDefault(run, Set.of()).forEach(watch -> watch.hear(ended));
        fire(new Changed(run, ended));
    }

    /** Notifies this replica's watchers how a run ended. Only the replica that saved the end of the run calls this method. */
    public void ended(UUID run, End how) {
        watches.getOrDefault(run, Set.of()).forEach(watch -> watch.hear(how));
        fire(new Changed(run, true));
    }

    /** Fires the CDI event. Does nothing after the shutdown of CDI, when the last outcomes may be saved. */
    private void fire(Changed changed) {
        if (Arc.container() != null) {
            observers.fire(changed);
        }
    }

    private void changedSomehow() {
        fire(new Changed(null, false));
    }

    private void hear(String payload) {
        boolean ended = payload.endsWith(ENDED);
        UUID run = UUID.fromString(ended ? payload.substring(0, payload.length() - ENDED.length()) : payload);
        changed(run, ended);
    }

    /**
     * Stops all presses and streams from waiting, because the service stops. Other replicas continue the runs, and clients can
     * watch the runs there.
     */
    public void stop() {
        stopping = true;
        watches.values().forEach(all -> all.forEach(watch -> watch.hear(true)));
        changedSomehow();
    }

    public boolean stopping() {
        return stopping;
    }

    /** Starts to watch a run. The watch must be closed after use. */
    public Watch watch(UUID run) {
        Watch watch = new Watch(run);
        watches.compute(run, (same, all) -> {
            Set<Watch> more = all == null ? new CopyOnWriteArraySet<>() : all;
            more.add(watch);
            return more;
        });
        if (stopping) {
            watch.hear(true);
        }
        return watch;
    }

    public final class Watch implements AutoCloseable {

        private final UUID run;
        private final CompletableFuture<Optional<End>> ended = new CompletableFuture<>();

        private Watch(UUID run) {
            this.run = run;
        }

        public void hear(boolean end) {
            if (end) {
                ended.complete(Optional.empty());
            }
        }

        private void hear(End how) {
            ended.complete(Optional.of(how));
        }

        /**
         * Completes when the run ends, the time is up or the service stops. Never fails.
         *
         * @param patience the longest wait; may be zero or negative
         * @return how the run ended, if this replica saved the end in time; else empty, although the run may have ended
         */
        public Uni<Optional<End>> untilEnd(Duration patience) {
            // A Mutiny timeout of zero would emit its item before the subscription and break later operators, so the future has
            // the timeout.
            Uni<Optional<End>> signalled = Uni.createFrom().completionStage(
                    () -> ended.copy().completeOnTimeout(Optional.empty(), patience.toNanos(), TimeUnit.NANOSECONDS));
            Uni<Optional<End>> seen = Multi.createFrom().ticks().startingAfter(POLL).every(POLL).onOverflow().drop()
                    .emitOn(workers)
                    .filter(tick -> over()).toUni().replaceWith(Optional.empty());
            // A client that disconnects cancels this wait, never the run.
            return Uni.join().first(signalled, seen).withItem();
        }

        /** Returns true if the database says that the run has ended; false if the database does not answer. */
        public boolean over() {
            try {
                return QuarkusTransaction.requiringNew().call(() -> RunStore.isOver(run));
            } catch (RuntimeException away) {
                return false;
            }
        }

        @Override
        public void close() {
            watches.computeIfPresent(run, (same, all) -> {
                all.remove(this);
                return all.isEmpty() ? null : all;
            });
        }
    }
}
