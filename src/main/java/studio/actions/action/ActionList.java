package studio.actions.action;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import org.jboss.logging.Logger;
import org.postgresql.PGConnection;

import io.agroal.api.AgroalDataSource;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;

/**
 * All actions by name, as they were read last: Kitsu asks for them at every login. A write drops them here before it answers;
 * PostgreSQL tells the other replicas (the trigger of {@code V3}), and what it could not tell is forgotten in a minute.
 */
@Singleton
class ActionList {

    private static final Logger LOG = Logger.getLogger(ActionList.class);

    private static final Duration BELIEVED = Duration.ofSeconds(60);

    /** Between two looks at whether the connection still is one; below its socket time-out. */
    private static final int LISTENED_MS = 10_000;

    private static final String LISTEN = "LISTEN action_changed";

    private static final Duration LISTEN_AGAIN = Duration.ofSeconds(1);

    private record Read(List<Action> actions, Instant at) {
    }

    private final AgroalDataSource database;
    private final Clock clock;
    private final AtomicLong drops = new AtomicLong();
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final Thread listener = new Thread(this::listen, "action-list");
    private volatile boolean listening;
    private volatile Read last;

    ActionList(AgroalDataSource database, Clock clock) {
        this.database = database;
        this.clock = clock;
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

    void begin(@Observes StartupEvent start) {
        listener.setDaemon(true);
        listener.start();
    }

    void end(@Observes ShutdownEvent stop) {
        stopping.countDown();
        if (listening) {
            // It waits for news, so that is what wakes it, before the pool closes its connection under it.
            try (Connection connection = database.getConnection(); Statement statement = connection.createStatement()) {
                statement.execute("NOTIFY action_changed");
                listener.join(LISTEN_AGAIN.toMillis());
            } catch (SQLException e) {
                LOG.debugf("The listener ends with its connection: %s", e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void listen() {
        boolean told = false;
        while (stopping.getCount() > 0) {
            try (Connection connection = database.getConnection()) {
                told = false;
                hear(connection);
            } catch (SQLException e) {
                listening = false;
                drop();
                if (!told && stopping.getCount() > 0) {
                    LOG.warnf("Nobody tells when another replica changes an action, until the database is back: %s",
                            e.getMessage());
                    told = true;
                }
                pause();
            }
        }
    }

    private void hear(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(LISTEN);
            listening = true;
            // What changed before we listened, nobody told us.
            drop();
            while (stopping.getCount() > 0) {
                var news = connection.unwrap(PGConnection.class).getNotifications(LISTENED_MS);
                if (news != null && news.length > 0) {
                    drop();
                } else {
                    // Asked for again, for nothing but to see whether anybody is there.
                    statement.execute(LISTEN);
                }
            }
            statement.execute("UNLISTEN *");
        } catch (SQLException e) {
            // The pool would hand it to the next request.
            connection.abort(Runnable::run);
            throw e;
        }
    }

    private void pause() {
        try {
            stopping.await(LISTEN_AGAIN.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
