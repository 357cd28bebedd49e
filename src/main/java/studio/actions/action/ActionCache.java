package studio.actions.action;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

import jakarta.inject.Singleton;

import studio.actions.action.CachedList.Question;
import studio.actions.database.Notifications;

/**
 * Cache of all actions by name, because Kitsu asks for the list at every login. A write drops the list on this replica before
 * its response. PostgreSQL notifies the other replicas (the trigger on {@code action}). If a notification is lost, the list
 * expires after a minute.
 */
@Singleton
class ActionCache {

    private static final Duration BELIEVED = Duration.ofSeconds(60);

    /** How long a transaction of this process is remembered. Longer than any notification takes to arrive. */
    private static final Duration REMEMBERED = Duration.ofMinutes(1);

    /** How long the list is valid while notifications do not arrive. */
    private static final Duration BELIEVED_DEAF = Duration.ofSeconds(5);

    /**
     * The most bytes of answers that are kept for the present list, and again for the list before. Without a limit the memory
     * would grow, because callers can search for any text.
     */
    private static final int KEPT = 4 * 1024 * 1024;

    /** Bytes that an answer takes beside its body and its question. */
    private static final int OVERHEAD = 1024;

    /**
     * A list that was read, and the answers made from this list.
     *
     * @param answers the answers by question, which includes the caller's roles
     * @param before the answers made from the list before; most of them are equal to the new ones
     */
    private record Read(List<Action> actions, Instant at, Map<Question, CachedList> answers,
            Map<Question, CachedList> before, AtomicInteger bytes) {

        Read(List<Action> actions, Instant at, Map<Question, CachedList> before) {
            this(actions, at, new ConcurrentHashMap<>(), before, new AtomicInteger());
        }

        void keep(Question asked, CachedList answer) {
            int size = answer.bytes().capacity() + asked.length() + OVERHEAD;
            if (bytes.addAndGet(size) > KEPT) {
                bytes.addAndGet(-size);
                return;
            }
            // Reuses an equal answer of the list before, because memory outside of the heap is freed late.
            CachedList same = before.get(asked);
            if (answers.putIfAbsent(asked, answer.equals(same) ? same : answer.outside()) != null) {
                bytes.addAndGet(-size);
            }
        }
    }

    private final Notifications notifications;
    private final Clock clock;
    private final ActionStore store;
    private final AtomicLong drops = new AtomicLong();
    /** Transactions of this process that changed actions, with the time of the change. */
    private final Map<String, Instant> writes = new ConcurrentHashMap<>();
    private volatile Read last;
    /** The answers made from the list that was read last; they are kept when that list is dropped. */
    private volatile Map<Question, CachedList> lately = Map.of();

    ActionCache(Notifications notifications, Clock clock, ActionStore store) {
        this.notifications = notifications;
        this.clock = clock;
        this.store = store;
        notifications.subscribe(Notifications.Topic.action_changed, this::hear, this::drop);
    }

    /** Returns all actions by name. Callers must not change them, because other threads read the same objects. */
    List<Action> all() {
        return read().actions;
    }

    /** Returns the cached answer to a question; empty if there is none, or the list is dropped or expired. */
    Optional<CachedList> answered(Question asked) {
        return believed().map(read -> read.answers.get(asked));
    }

    /** Writes the answer to a question, and keeps it for all callers with an equal question. */
    CachedList answer(Question asked, Function<List<Action>, CachedList> write) {
        Read read = read();
        CachedList answer = write.apply(read.actions);
        read.keep(asked, answer);
        return answer;
    }

    private Optional<Read> believed() {
        return Optional.ofNullable(last)
                .filter(read -> clock.instant().isBefore(read.at.plus(notifications.isDeaf() ? BELIEVED_DEAF : BELIEVED)));
    }

    private Read read() {
        return believed().orElseGet(this::readAnew);
    }

    private Read readAnew() {
        long before = drops.get();
        Instant now = clock.instant();
        Read read = new Read(List.copyOf(store.all()), now, lately);
        synchronized (this) {
            // A write that dropped the list meanwhile may be missing in this one, so it is not kept.
            if (drops.get() == before) {
                last = read;
                lately = read.answers;
            }
        }
        return read;
    }

    /** Remembers a transaction of this process, so that its notification does not drop the list again. */
    void writes(String transaction) {
        writes.put(transaction, clock.instant());
    }

    /**
     * Drops the list unless the change was made by this process. Such a change has dropped the list already; a second drop
     * would discard a list that was read since.
     */
    private void hear(String transaction) {
        Instant now = clock.instant();
        writes.values().removeIf(wrote -> wrote.isBefore(now.minus(REMEMBERED)));
        if (writes.remove(transaction) == null) {
            drop();
        }
    }

    /** Drops the list. To be called after a write was committed. */
    synchronized void drop() {
        drops.incrementAndGet();
        last = null;
    }
}
