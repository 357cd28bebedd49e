package studio.actions.action;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

import jakarta.inject.Singleton;

import studio.actions.news.News;

/**
 * All actions by name, as they were read last: Kitsu asks for them at every login. A write drops them here before it answers;
 * PostgreSQL tells the other replicas (the trigger of {@code V3}), and what it could not tell is forgotten in a minute.
 */
@Singleton
class ActionList {

    private static final Duration BELIEVED = Duration.ofSeconds(60);

    private record Read(List<Action> actions, Instant at) {
    }

    private final Clock clock;
    private final AtomicLong drops = new AtomicLong();
    private volatile Read last;

    ActionList(News news, Clock clock) {
        this.clock = clock;
        news.read(News.Topic.action_changed, nothing -> drop(), this::drop);
    }

    /** Not to be changed: others are reading them. */
    List<Action> all() {
        Read read = last;
        if (read != null && clock.instant().isBefore(read.at.plus(BELIEVED))) {
            return read.actions;
        }
        long before = drops.get();
        Instant now = clock.instant();
        List<Action> actions = List.copyOf(Action.sorted());
        synchronized (this) {
            // What was dropped while this was being read may have been read too early.
            if (drops.get() == before) {
                last = new Read(actions, now);
            }
        }
        return actions;
    }

    /** To be called after a write was committed. */
    synchronized void drop() {
        drops.incrementAndGet();
        last = null;
    }
}
