package studio.actions.run;

import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArraySet;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;

import jakarta.inject.Singleton;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.news.News;

/** Watching runs, whichever replica sends them. */
@Singleton
class RunEvents {

    /** Between two looks where nothing is heard. */
    static final Duration POLL = Duration.ofSeconds(5);

    /** Between two looks where much happens: each costs some queries, and many may watch. */
    private static final Duration PACE = Duration.ofMillis(200);

    /** Outcomes of one look: each may hold an answer of 8 KB. */
    private static final int PAGE = 100;

    private static final String ENDED = " ended";

    private final News news;
    private final Map<UUID, Set<Watch>> watches = new ConcurrentHashMap<>();
    private final Executor workers = Infrastructure.getDefaultWorkerPool();
    private volatile boolean stopping;

    RunEvents(News news) {
        this.news = news;
        news.read(News.Topic.run_changed, this::hear,
                this::ring);
    }

    /**
     * Whatever is new about a run since the last look.
     *
     * @param run null where it was removed in the meantime
     */
    record Look(Run run, List<Delivery> outcomes, Map<UUID, List<Attempt>> earlier, Map<Delivery.State, Long> counts,
            boolean last) {
    }

    /** Tells all replicas of what has become of runs, once the transaction that writes it is committed. */
    void tell(Collection<Run> runs) {
        news.tell(News.Topic.run_changed, runs.stream().map(run -> told(run.id, run.finishedAt != null)).toList());
    }

    /** How a run has ended. */
    record End(Run.State state, Instant at) {
    }

    static String told(UUID run, boolean ended) {
        return ended ? run + ENDED : run.toString();
    }

    /** Tells those who watch here, and does not wait for the news to come around. */
    void changed(UUID run, boolean ended) {
        watches.getOrDefault(run, Set.of()).forEach(watch -> watch.hear(ended));
    }

    /** The same, by whoever has written the end. */
    void ended(UUID run, End how) {
        watches.getOrDefault(run, Set.of()).forEach(watch -> watch.hear(how));
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
    }

    boolean stopping() {
        return stopping;
    }

    /** Has everybody look who watches here. */
    void ring() {
        watches.values().forEach(all -> all.forEach(Watch::ring));
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

    /**
     * The outcomes of a run, beginning behind one of them, until it has ended. Where nothing is new for a while there is a
     * look without outcomes.
     *
     * @param poll between two looks where nothing is heard
     * @param enough asked after each look, whether it was the last one all the same
     */
    Multi<Look> follow(UUID run, int behind, Duration poll, BooleanSupplier enough) {
        return Multi.createFrom().deferred(() -> {
            Watch watch = watch(run);
            watch.behind = behind;
            watch.ring();
            return Multi.createBy().repeating().uni(() -> watch.next(poll))
                    .whilst(look -> !look.last() && !enough.getAsBoolean())
                    .onTermination().invoke(watch::close);
        });
    }

    final class Watch implements AutoCloseable {

        private final UUID run;
        private final CompletableFuture<Optional<End>> ended = new CompletableFuture<>();
        private final AtomicReference<CompletableFuture<Void>> bell = new AtomicReference<>(new CompletableFuture<>());
        private volatile int behind;
        private volatile long notBefore = System.nanoTime();

        private Watch(UUID run) {
            this.run = run;
        }

        void ring() {
            bell.get().complete(null);
        }

        void hear(boolean end) {
            if (end) {
                ended.complete(Optional.empty());
            }
            ring();
        }

        private void hear(End how) {
            ended.complete(Optional.of(how));
            ring();
        }

        /**
         * Completes with the run's end, when the time is up, or when the service stops; it does not fail.
         *
         * @return how it ended, where that was written here and heard of first
         */
        Uni<Optional<End>> untilEnd(Duration patience) {
            Uni<Optional<End>> told = Uni.createFrom().completionStage(ended);
            Uni<Optional<End>> seen = Multi.createFrom().ticks().startingAfter(POLL).every(POLL).onOverflow().drop()
                    .emitOn(workers)
                    .filter(tick -> over()).toUni().replaceWith(Optional.empty());
            // Whoever hangs up cancels this, never the run.
            return Uni.join().first(told, seen).withItem().ifNoItem().after(patience)
                    .recoverWithItem(Optional.empty());
        }

        /** Whether the run has ended, as far as the database says so now. */
        boolean over() {
            try {
                return QuarkusTransaction.requiringNew().call(() -> Run.count("id = ?1 and finishedAt is null", run) == 0);
            } catch (RuntimeException away) {
                return false;
            }
        }

        private Uni<Look> next(Duration poll) {
            return Uni.createFrom().completionStage(bell::get).ifNoItem().after(poll).recoverWithItem((Void) null).onItem()
                    .call(this::pace)
                    .emitOn(workers)
                    .map(rung -> {
                        bell.set(new CompletableFuture<>());
                        Look look = QuarkusTransaction.requiringNew().call(this::look);
                        // Not before it has succeeded: one that fails is repeated, and must not pass over what it saw.
                        behind = look.outcomes.isEmpty() ? behind : look.outcomes.get(look.outcomes.size() - 1).event;
                        if (look.outcomes.size() == PAGE) {
                            ring();
                        } else {
                            notBefore = System.nanoTime() + PACE.toNanos();
                        }
                        return look;
                    }).onFailure().invoke(this::ring).onFailure().retry().withBackOff(Duration.ofSeconds(1), POLL)
                    .indefinitely();
        }

        private Uni<Void> pace() {
            long nanos = notBefore - System.nanoTime();
            Uni<Void> now = Uni.createFrom().voidItem();
            return nanos <= 0 ? now : now.onItem().delayIt().by(Duration.ofNanos(nanos));
        }

        private Look look() {
            Run now = Run.findById(run);
            List<Delivery> outcomes = Delivery.<Delivery> find("runId = ?1 and event > ?2 order by event", run, behind)
                    .page(0, PAGE).list();
            boolean all = outcomes.size() < PAGE;
            return new Look(now, outcomes, Attempt.of(outcomes), Delivery.counts(run),
                    now == null || all && now.finishedAt != null);
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
