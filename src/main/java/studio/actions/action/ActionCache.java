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
 * Cache of the list of all actions, because Kitsu requests this list at every login. The list is ordered by name. A replica
 * that writes an action drops its list before it answers the request. A database trigger on the table {@code action} notifies
 * the other replicas, which then drop their lists. If a notification is lost, a list expires after a minute.
 */
@Singleton
class ActionCache {

    private static final Duration VALID = Duration.ofSeconds(60);

    /** How long {@link #writes} keeps the id of a transaction: longer than its notification takes to arrive. */
    private static final Duration REMEMBERED = Duration.ofMinutes(1);

    /** How long the list is valid while this replica cannot receive notifications of other replicas. */
    private static final Duration VALID_UNNOTIFIED = Duration.ofSeconds(5);

    /**
     * The most bytes of responses that are kept for one list. The responses of the previous list are kept, too, with the same
     * limit. Without a limit the memory would grow, because callers can search for any text and each search has its own
     * response.
     */
    private static final int MOST_BYTES = 4 * 1024 * 1024;

    /** Bytes of memory that a kept response takes in addition to its body and its {@link Question}. */
    private static final int OVERHEAD = 1024;

    /**
     * The list as it was read from the database, and the responses made from it.
     *
     * @param answers the responses by {@link Question}: the request and the caller's roles
     * @param before the responses made from the previous list, which are reused if they are equal to the new ones
     */
    private record Read(List<Action> actions, Instant at, Map<Question, CachedList> answers,
            Map<Question, CachedList> before, AtomicInteger bytes) {

        Read(List<Action> actions, Instant at, Map<Question, CachedList> before) {
            this(actions, at, new ConcurrentHashMap<>(), before, new AtomicInteger());
        }

        void keep(Question asked, CachedList answer) {
            int size = answer.bytes().capacity() + asked.length() + OVERHEAD;
            if (bytes.addAndGet(size) > MOST_BYTES) {
                bytes.addAndGet(-size);
                return;
            }
            // Reuses an equal response of the previous list. A new copy would take memory outside of the heap, which is freed
            // late.
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
    /** The ids of this replica's own transactions that write actions, with the time at which each write began. */
    private final Map<String, Instant> writes = new ConcurrentHashMap<>();
    private volatile Read last;
    /** The responses made from the latest list. They stay when that list is dropped, so that the next list can reuse them. */
    private volatile Map<Question, CachedList> lately = Map.of();

    ActionCache(Notifications notifications, Clock clock, ActionStore store) {
        this.notifications = notifications;
        this.clock = clock;
        this.store = store;
        notifications.subscribe(Notifications.Topic.action_changed, this::hear, this::drop);
    }

    /** Returns all actions, ordered by name. Callers must not change them, because other threads read the same objects. */
    List<Action> all() {
        return read().actions;
    }

    /** Returns the kept response to a request; empty if there is none, or if the list was dropped or has expired. */
    Optional<CachedList> answered(Question asked) {
        return believed().map(read -> read.answers.get(asked));
    }

    /** Makes the response to a request from the list, and keeps it for equal requests of callers with the same roles. */
    CachedList answer(Question asked, Function<List<Action>, CachedList> write) {
        Read read = read();
        CachedList answer = write.apply(read.actions);
        read.keep(asked, answer);
        return answer;
    }

    private Optional<Read> believed() {
        return Optional.ofNullable(last)
                .filter(read -> clock.instant().isBefore(read.at.plus(notifications.isDeaf() ? VALID_UNNOTIFIED : VALID)));
    }

    private Read read() {
        return believed().orElseGet(this::readAnew);
    }

    private Read readAnew() {
        long before = drops.get();
        Instant now = clock.instant();
        Read read = new Read(List.copyOf(store.all()), now, lately);
        synchronized (this) {
            // If a write dropped the list during this read, the list may have been read without that write. Then it is not
            // kept.
            if (drops.get() == before) {
                last = read;
                lately = read.answers;
            }
        }
        return read;
    }

    /**
     * Remembers the id of a transaction of this replica. Its notification reaches this replica, too, and must not drop the list
     * a second time.
     */
    void writes(String transaction) {
        writes.put(transaction, clock.instant());
    }

    /**
     * Drops the list after another replica has written. Ignores the notification of this replica's own write, after which the
     * list was dropped already; a second drop would discard a list that was read since then.
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
