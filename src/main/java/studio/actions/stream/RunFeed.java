package studio.actions.stream;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

import org.jboss.logging.Logger;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import studio.actions.database.DatabaseHealth;

/**
 * The events of one run, read from the database once for all clients that watch the run at this replica. The feed reads only
 * while a client waits and the database may hold something new for this client: at the start, after a notification, after the
 * end of the run, or if the client lacks the latest event.
 */
final class RunFeed {

    private static final Logger LOG = Logger.getLogger(RunFeed.class);

    /** The pause after a read that returned the latest event; limits the reads of a busy run. */
    private static final Duration PACE = Duration.ofMillis(200);

    /** The pause before each read. Several clients that have got the same last event then share one read. */
    private static final Duration GATHERING = Duration.ofMillis(10);

    /** The pause between two reads while the database does not answer. */
    private static final Duration RETRY = Duration.ofSeconds(1);

    /**
     * An SSE comment, which clients ignore. It is sent if there are no events, so that no proxy closes the silent connection.
     */
    static final byte[] COMMENT = ":\n\n".getBytes(StandardCharsets.US_ASCII);

    /**
     * Some successive events of a stream, sent to a client at once.
     *
     * @param text the events as server-sent events, or {@link #COMMENT}
     * @param through the number of the last event that a client has once it has received this part
     * @param latest the number of the run's latest event when the part was read
     * @param ended whether the run had ended when the part was read
     * @param last whether no event can follow this part
     */
    record Part(byte[] text, int through, int latest, boolean ended, boolean last) {

        static Part empty(int through) {
            return new Part(COMMENT, through, through, false, false);
        }

        boolean isNews() {
            return last || text != COMMENT;
        }
    }

    /** One client that watches the run. The client gets a part only after it has taken the previous part. */
    final class Watcher {
        private int position;
        private UniEmitter<? super Part> waiting;

        private Watcher(int position) {
            this.position = position;
        }

        /** Completes with the next part once there is one; never fails. */
        Uni<Part> next() {
            return Uni.createFrom().emitter(emitter -> {
                synchronized (RunFeed.this) {
                    waiting = emitter;
                    if (mayHaveNews(this)) {
                        schedule();
                    }
                }
            });
        }

        /**
         * Sends a part without events if the client waits for a part.
         *
         * @return false if the client does not wait, because it has not taken its last part
         */
        boolean keepAlive() {
            UniEmitter<? super Part> waited = take();
            if (waited != null) {
                waited.complete(Part.empty(position));
            }
            return waited != null;
        }

        private UniEmitter<? super Part> take() {
            synchronized (RunFeed.this) {
                UniEmitter<? super Part> waited = waiting;
                waiting = null;
                return waited;
            }
        }

        /** Stops watching. */
        void leave() {
            synchronized (RunFeed.this) {
                waiting = null;
                watchers.remove(this);
            }
        }
    }

    private final IntFunction<Part> reader;
    private final DatabaseHealth database;
    private final ScheduledExecutorService workers;
    private final Set<Watcher> watchers = new HashSet<>();
    private int latest = -1;
    private boolean ended;
    private boolean notified;
    private boolean flushing;
    private boolean scheduled;
    private long notBefore = System.nanoTime();

    /**
     * @param reader reads the part that follows the event with the given number; may fail while the database does not answer
     */
    RunFeed(IntFunction<Part> reader, DatabaseHealth database, ScheduledExecutorService workers) {
        this.reader = reader;
        this.database = database;
        this.workers = workers;
    }

    /** @param behind the number of the last event that the client has; 0 to send all events */
    synchronized Watcher watch(int behind) {
        Watcher watcher = new Watcher(behind);
        watchers.add(watcher);
        return watcher;
    }

    synchronized boolean isUnwatched() {
        return watchers.isEmpty();
    }

    /** Notifies the feed that the run may have new events. */
    synchronized void wake() {
        notified = true;
        schedule();
    }

    /** Answers every waiting client at once; a client for which there are no events gets a part without events. */
    synchronized void flush() {
        flushing = true;
        wake();
    }

    private void schedule() {
        if (!scheduled) {
            scheduled = true;
            long nanos = Math.max(GATHERING.toNanos(), notBefore - System.nanoTime());
            // Quarkus runs scheduled tasks on an event loop, which must not block on the database.
            workers.schedule(() -> workers.execute(this::read), nanos, TimeUnit.NANOSECONDS);
        }
    }

    private boolean mayHaveNews(Watcher watcher) {
        return watcher.waiting != null && (notified || ended || latest < 0 || watcher.position < latest);
    }

    private void read() {
        Set<Integer> positions = new TreeSet<>();
        boolean all;
        synchronized (this) {
            watchers.stream().filter(this::mayHaveNews).forEach(watcher -> positions.add(watcher.position));
            all = flushing;
            notified = false;
            flushing = false;
        }
        Duration pause = Duration.ZERO;
        try {
            for (int position : positions) {
                Part part = reader.apply(position);
                hand(part, position, all || part.isNews());
                pause = part.through() < part.latest() ? pause : PACE;
            }
        } catch (RuntimeException away) {
            if (!database.failed(away)) {
                LOG.warnf("Cannot read the events of a run (%s); reading again in %d s", away.getMessage(), RETRY.toSeconds());
            }
            pause = RETRY;
            synchronized (this) {
                notified = true;
            }
            if (all) {
                positions.forEach(position -> hand(Part.empty(position), position, true));
            }
        } finally {
            synchronized (this) {
                scheduled = false;
                notBefore = System.nanoTime() + pause.toNanos();
                if (watchers.stream().anyMatch(this::mayHaveNews)) {
                    schedule();
                }
            }
        }
    }

    private void hand(Part part, int position, boolean wanted) {
        List<UniEmitter<? super Part>> waited = new ArrayList<>();
        synchronized (this) {
            latest = Math.max(latest, part.latest());
            ended |= part.ended();
            for (Watcher watcher : watchers) {
                if (watcher.waiting != null && watcher.position == position) {
                    watcher.position = part.through();
                    if (wanted) {
                        waited.add(watcher.take());
                    }
                }
            }
        }
        waited.forEach(emitter -> emitter.complete(part));
    }
}
