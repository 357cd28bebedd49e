package studio.actions.database;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;

import org.jboss.logging.Logger;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

import io.agroal.api.AgroalDataSource;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import studio.actions.thread.Threads;

/**
 * Notifications between replicas, through PostgreSQL's {@code LISTEN} and {@code NOTIFY}. One connection listens; if it breaks,
 * another is opened. Notifications may get lost, so every subscriber also polls the database. A pool or proxy may drop
 * notifications silently, so each minute the process sends one to itself and waits for it.
 */
@Singleton
public class Notifications {

    /** The channels of {@code NOTIFY}. Triggers and SQL statements use these names, too. */
    public enum Topic {
        action_changed,
        delivery_due,
        run_changed
    }

    /**
     * The statement that publishes several payloads on one topic, for code that sends it in one batch with other statements.
     * Its parameters are the topic's name and the array of payloads.
     */
    public static final String PUBLISH = "SELECT count(pg_notify(?, what)) FROM unnest(?) what";

    private static final Logger LOG = Logger.getLogger(Notifications.class);

    /** Maximum wait for a notification before the connection is checked; less than the driver's {@code socketTimeout}. */
    private static final int LISTENED_MS = 10_000;

    private static final Duration LISTEN_AGAIN = Duration.ofSeconds(1);

    private static final String ECHO = "notification_echo";
    private static final Duration BETWEEN_ECHOES = Duration.ofMinutes(1);

    /** The time within which a notification that this process sends to itself must arrive. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private record Subscription(Topic topic, Consumer<String> heard, Runnable missed) {
    }

    private final AgroalDataSource database;
    private final EntityManager entities;
    private final DatabaseHealth health;
    private final List<Subscription> subscriptions = new CopyOnWriteArrayList<>();
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final Thread listener = Threads.daemon("notifications", this::listen);
    private final String own = UUID.randomUUID().toString();
    private volatile boolean listening;
    private volatile boolean deaf;

    Notifications(AgroalDataSource database, EntityManager entities, DatabaseHealth health) {
        this.database = database;
        this.entities = entities;
        this.health = health;
    }

    /**
     * Subscribes to a topic. Both callbacks run on the listening thread and must neither block nor fail.
     *
     * @param heard gets the payload of each notification; an empty string if it has no payload
     * @param missed called when listening begins and when notifications may have been lost: the subscriber must then read the
     *        database again
     */
    public void subscribe(Topic topic, Consumer<String> heard, Runnable missed) {
        subscriptions.add(new Subscription(topic, heard, missed));
    }

    /**
     * Notifies all replicas, including this one, when the open transaction commits. Of equal notifications in one transaction,
     * PostgreSQL delivers only one.
     */
    public void publish(Topic topic, String what) {
        publish(topic, List.of(what));
    }

    /** Publishes several payloads with one SQL statement. */
    public void publish(Topic topic, List<String> all) {
        entities.createNativeQuery(PUBLISH, Long.class).setParameter(1, topic.name())
                .setParameter(2, all.toArray(String[]::new)).getSingleResult();
    }

    /** Returns true if the process does not receive its own notifications although the database answers. */
    public boolean isDeaf() {
        return deaf;
    }

    void begin(@Observes StartupEvent start) {
        listener.start();
    }

    void end(@Observes ShutdownEvent stop) {
        stopping.countDown();
        if (listening) {
            // Wakes the listening thread with a notification: that thread must end before the pool closes the connections.
            try (Connection connection = database.getConnection(); Statement statement = connection.createStatement()) {
                statement.execute("NOTIFY " + Topic.action_changed);
                listener.join(LISTEN_AGAIN.toMillis());
            } catch (SQLException e) {
                LOG.debugf("Cannot wake the listener (%s); it ends when its connection closes.", e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void listen() {
        while (stopping.getCount() > 0) {
            try (Connection connection = database.getConnection()) {
                hear(connection);
            } catch (SQLException | RuntimeException e) {
                listening = false;
                missed();
                if (stopping.getCount() > 0 && !health.failed(e)) {
                    LOG.warnf("Cannot listen for notifications of other replicas (%s); retrying every second.", e.getMessage());
                }
                pause();
            }
        }
    }

    private void hear(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (Topic topic : Topic.values()) {
                statement.execute("LISTEN " + topic);
            }
            statement.execute("LISTEN " + ECHO);
            listening = true;
            missed();
            Echo echo = new Echo();
            while (stopping.getCount() > 0) {
                echo.callWhereDue();
                PGNotification[] notifications = connection.unwrap(PGConnection.class).getNotifications(echo.patience());
                if (notifications != null && notifications.length > 0) {
                    List.of(notifications).forEach(this::pass);
                    List.of(notifications).forEach(echo::hear);
                } else {
                    // Repeating LISTEN changes nothing; it only checks that the connection works.
                    statement.execute("LISTEN " + Topic.action_changed);
                }
                echo.judge();
            }
            statement.execute("UNLISTEN *");
        } catch (SQLException | RuntimeException e) {
            // Closes the connection for good. Otherwise the pool would pass it to other code, and it would still listen.
            connection.abort(Runnable::run);
            throw e;
        }
    }

    /** A notification that this process sends to itself over another connection, to check that notifications arrive. */
    private final class Echo {

        private long due = System.nanoTime();
        private boolean awaited;

        void callWhereDue() throws SQLException {
            if (System.nanoTime() - due >= 0) {
                awaited = true;
                due = System.nanoTime() + BETWEEN_ECHOES.toNanos();
                try (Connection connection = database.getConnection();
                        PreparedStatement call = connection.prepareStatement("SELECT pg_notify(?, ?)")) {
                    call.setString(1, ECHO);
                    call.setString(2, own);
                    call.executeQuery();
                }
            }
        }

        /** Returns how long to wait for the next notification, in milliseconds; less while this echo is awaited. */
        int patience() {
            return awaited ? (int) PATIENCE.toMillis() : LISTENED_MS;
        }

        void hear(PGNotification notifications) {
            if (notifications.getName().equals(ECHO) && notifications.getParameter().equals(own)) {
                awaited = false;
                if (deaf) {
                    LOG.info("Notifications of the database arrive again");
                    deaf = false;
                    missed();
                }
            }
        }

        void judge() {
            boolean late = awaited && System.nanoTime() - (due - BETWEEN_ECHOES.toNanos()) >= PATIENCE.toNanos();
            if (late && !deaf) {
                LOG.warn(
                        "Notifications of the database do not arrive (is there a connection pooler or a proxy in between?); "
                                + "reading lists again every few seconds, and waiting presses and events are late.");
                deaf = true;
            }
        }
    }

    private void pass(PGNotification notifications) {
        for (Subscription subscription : subscriptions) {
            try {
                if (subscription.topic.name().equals(notifications.getName())) {
                    subscription.heard.accept(notifications.getParameter());
                }
            } catch (RuntimeException e) {
                // Malformed: any client of the database can send any payload.
                LOG.warnf("Cannot read a notification on %s (%s); ignoring it.", notifications.getName(), e.getMessage());
            }
        }
    }

    private void missed() {
        subscriptions.forEach(subscription -> subscription.missed.run());
    }

    private void pause() {
        try {
            stopping.await(LISTEN_AGAIN.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
