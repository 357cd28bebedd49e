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
import studio.actions.news.Notifications;

/** Tells waiting presses and streams what happens to runs, whichever replica sends their deliveries. */
@Singleton
class RunEvents {

    /** A net under waiting presses, in case a notification was lost. */
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

    /** Tells all replicas of what has become of runs, once the transaction that writes it is committed. */
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

    /** Tells those who watch here, and does not wait for the notifications to come around. */
    void changed(UUID run, boolean ended) {
        watches.getOrDefault(run, Set.of()).forEach(watch -> watch.hear(ended));
        streams.wake(run);
    }

    /** The same, by whoever has written the end. */
    void ended(UUID run, End how) {
        watches.getOrDefault(run, Set.of()).forEach(watch -> watch.hear(how));
        streams.wake(run);
    }

    /** Whether what was told is that a run has ended. */
    static boolean ended(String told) {
        return told.endsWith(ENDED);
    }

    private void hear(String told) {
        boolean ended = ended(told);
        UUID run = UUID.fromString(ended ? told.substring(0, told.length() - ENDED.length()) : told);
        changed(run, ended);
    }

    /** Lets go whoever waits here: the run goes on elsewhere, and can be watched there. */
    void stop() {
        stopping = true;
        watches.values().forEach(all -> all.forEach(watch -> watch.hear(true)));
        streams.stop();
    }

    boolean stopping() {
        return stopping;
    }

    /** Listens to a run from now on; to be closed. */
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
         * Completes with the run's end, when the time is up, or when the service stops; it does not fail.
         *
         * @param patience may be used up already
         * @return how it ended, where that was written here and heard of first
         */
        Uni<Optional<End>> untilEnd(Duration patience) {
            // A timeout of Mutiny's that is over at once gives its item before its subscription, which breaks what follows it.
            Uni<Optional<End>> told = Uni.createFrom().completionStage(
                    () -> ended.copy().completeOnTimeout(Optional.empty(), patience.toNanos(), TimeUnit.NANOSECONDS));
            Uni<Optional<End>> seen = Multi.createFrom().ticks().startingAfter(POLL).every(POLL).onOverflow().drop()
                    .emitOn(workers)
                    .filter(tick -> over()).toUni().replaceWith(Optional.empty());
            // Whoever hangs up cancels this, never the run.
            return Uni.join().first(told, seen).withItem();
        }

        /** Whether the run has ended, as far as the database says so now. */
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
