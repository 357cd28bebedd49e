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

import org.hibernate.StatelessSession;

import studio.actions.news.Notifications;

/**
 * All actions by name, as they were read last: Kitsu asks for them at every login. A write drops them here before it answers;
 * PostgreSQL tells the other replicas (the trigger on {@code action}), and what it could not tell is forgotten in a minute.
 */
@Singleton
class ActionCache {

    private static final Duration BELIEVED = Duration.ofSeconds(60);

    /** Longer than any notification takes to arrive. */
    private static final Duration REMEMBERED = Duration.ofMinutes(1);

    /** The time for which the list is believed while notifications do not arrive. */
    private static final Duration BELIEVED_DEAF = Duration.ofSeconds(5);

    /** Bytes of answers that are kept, and of those before them: questions in somebody's own words have no end. */
    private static final int KEPT = 4 * 1024 * 1024;

    /** What an answer takes beside its body and what was asked. */
    private static final int OVERHEAD = 1024;

    /**
     * @param answers by what was asked, and by whom
     * @param before those of the time before, of which most are the same
     */
    private record Read(List<Action> actions, Instant at, Map<CachedLists.Question, CachedList> answers,
            Map<CachedLists.Question, CachedList> before, AtomicInteger bytes) {

        Read(List<Action> actions, Instant at, Map<CachedLists.Question, CachedList> before) {
            this(actions, at, new ConcurrentHashMap<>(), before, new AtomicInteger());
        }

        void keep(CachedLists.Question asked, CachedList answer) {
            int size = answer.bytes().capacity() + asked.length() + OVERHEAD;
            if (bytes.addAndGet(size) > KEPT) {
                bytes.addAndGet(-size);
                return;
            }
            // What is outside of the heap is not soon collected.
            CachedList same = before.get(asked);
            if (answers.putIfAbsent(asked, answer.equals(same) ? same : answer.outside()) != null) {
                bytes.addAndGet(-size);
            }
        }
    }

    private final Notifications notifications;
    private final Clock clock;
    private final StatelessSession rows;
    private final AtomicLong drops = new AtomicLong();
    /** Transactions of this process that changed actions, and when. */
    private final Map<String, Instant> writes = new ConcurrentHashMap<>();
    private volatile Read last;
    /** The answers that were made of the list before, or of this one. */
    private volatile Map<CachedLists.Question, CachedList> lately = Map.of();

    ActionCache(Notifications notifications, Clock clock, StatelessSession rows) {
        this.notifications = notifications;
        this.clock = clock;
        this.rows = rows;
        notifications.subscribe(Notifications.Topic.action_changed, this::hear, this::drop);
    }

    /** Not to be changed: others are reading them. */
    List<Action> all() {
        return read().actions;
    }

    /** What was answered to this already, and is still true. */
    Optional<CachedList> answered(CachedLists.Question asked) {
        return believed().map(read -> read.answers.get(asked));
    }

    /** Writes an answer, and keeps it for all who ask the same. */
    CachedList answer(CachedLists.Question asked, Function<List<Action>, CachedList> write) {
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
        Read read = new Read(List.copyOf(Action.sorted(rows)), now, lately);
        synchronized (this) {
            // What was dropped while this was being read may have been read too early.
            if (drops.get() == before) {
                last = read;
                lately = read.answers;
            }
        }
        return read;
    }

    /** Remembers a transaction of this process, whose notification need not drop the list again. */
    void writes(String transaction) {
        writes.put(transaction, clock.instant());
    }

    /** What this process has written was dropped with the write; dropped again, it would be a list that was read since. */
    private void hear(String transaction) {
        Instant now = clock.instant();
        writes.values().removeIf(wrote -> wrote.isBefore(now.minus(REMEMBERED)));
        if (writes.remove(transaction) == null) {
            drop();
        }
    }

    /** To be called after a write was committed. */
    synchronized void drop() {
        drops.incrementAndGet();
        last = null;
    }
}
