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

import jakarta.inject.Singleton;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.database.Notifications;

/** Notifies waiting presses and streams of changes of runs, no matter which replica sends the deliveries. */
@Singleton
class RunEvents {

    /** The pause between two checks by a waiting press, in case a notification was lost. */
    private static final Duration POLL = Duration.ofSeconds(5);

    private static final String ENDED = " ended";

    private final Notifications notifications;
    private final RunStreams streams;
    private final Map<UUID, Set<Watch>> watches = new ConcurrentHashMap<>();
    private final Executor workers = Infrastructure.getDefaultWorkerPool();
    private volatile boolean stopping;

    RunEvents(Notifications notifications, RunStreams streams) {
        this.notifications = notifications;
        this.streams = streams;
        notifications.subscribe(Notifications.Topic.run_changed, this::hear, streams::wake);
    }

    /** Notifies all replicas of changes of runs when the open transaction commits. */
    void publish(Collection<Run> runs) {
        notifications.publish(Notifications.Topic.run_changed,
                runs.stream().map(run -> payload(run.id, run.finishedAt != null)).toList());
    }

    /** How a run has ended. */
    record End(Run.State state, Instant at) {
    }

    static String payload(UUID run, boolean ended) {
        return ended ? run + ENDED : run.toString();
    }

    /** Notifies this replica's watchers at once, without waiting for PostgreSQL's notification. */
    void changed(UUID run, boolean ended) {
        watches.getOrDefault(run, Set.of()).forEach(watch -> watch.hear(ended));
        streams.wake(run);
    }

    /** Notifies this replica's watchers how a run ended. Called by the replica that saved the end. */
    void ended(UUID run, End how) {
        watches.getOrDefault(run, Set.of()).forEach(watch -> watch.hear(how));
        streams.wake(run);
    }

    /** Returns true if a notification says that a run has ended. */
    static boolean ended(String told) {
        return told.endsWith(ENDED);
    }

    private void hear(String told) {
        boolean ended = ended(told);
        UUID run = UUID.fromString(ended ? told.substring(0, told.length() - ENDED.length()) : told);
        changed(run, ended);
    }

    /** Releases all waiting presses and streams. Their runs go on at other replicas and can be watched there. */
    void stop() {
        stopping = true;
        watches.values().forEach(all -> all.forEach(watch -> watch.hear(true)));
        streams.stop();
    }

    boolean stopping() {
        return stopping;
    }

    /** Starts to watch a run. The watch must be closed after use. */
    Watch watch(UUID run) {
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

    final class Watch implements AutoCloseable {

        private final UUID run;
        private final CompletableFuture<Optional<End>> ended = new CompletableFuture<>();

        private Watch(UUID run) {
            this.run = run;
        }

        void hear(boolean end) {
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
         * @return how the run ended, if this replica saved the end and nothing else completed the wait first; else empty
         */
        Uni<Optional<End>> untilEnd(Duration patience) {
            // Mutiny's timeout would break later operators: if it is over at once, it emits its item before the subscription.
            Uni<Optional<End>> told = Uni.createFrom().completionStage(
                    () -> ended.copy().completeOnTimeout(Optional.empty(), patience.toNanos(), TimeUnit.NANOSECONDS));
            Uni<Optional<End>> seen = Multi.createFrom().ticks().startingAfter(POLL).every(POLL).onOverflow().drop()
                    .emitOn(workers)
                    .filter(tick -> over()).toUni().replaceWith(Optional.empty());
            // A client that disconnects cancels this wait, never the run.
            return Uni.join().first(told, seen).withItem();
        }

        /** Returns true if the database says that the run has ended; false if the database does not answer. */
        boolean over() {
            try {
                return QuarkusTransaction.requiringNew().call(() -> Run.count("id = ?1 and finishedAt is null", run) == 0);
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
