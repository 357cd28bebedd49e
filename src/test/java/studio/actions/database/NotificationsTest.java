package studio.actions.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;

import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

import io.agroal.api.AgroalDataSource;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Services;

/** The listener for PostgreSQL notifications, also when a proxy in between swallows them. */
@QuarkusTest
@WithTestResource(Services.class)
class NotificationsTest {

    @Inject
    AgroalDataSource database;

    @Inject
    EntityManager entities;

    @Inject
    DatabaseHealth health;

    private final AtomicBoolean swallowing = new AtomicBoolean();

    @Test
    void noticesThatNotificationsDoNotArrive() {
        Notifications notifications = new Notifications((AgroalDataSource) swallowing(AgroalDataSource.class, database),
                entities, health);
        List<String> heard = new CopyOnWriteArrayList<>();
        AtomicInteger missed = new AtomicInteger();
        notifications.subscribe(Notifications.Topic.run_changed, heard::add, missed::incrementAndGet);
        swallowing.set(true);
        notifications.begin(new StartupEvent());
        try {
            await().atMost(Duration.ofSeconds(15)).until(notifications::isDeaf);
            assertThat(heard).isEmpty();
            assertThat(missed).hasValue(1);
        } finally {
            swallowing.set(false);
            notifications.end(new ShutdownEvent());
        }
    }

    @Test
    void receivesItsOwnNotifications() throws Exception {
        Notifications notifications = new Notifications(database, entities, health);
        List<String> heard = new CopyOnWriteArrayList<>();
        notifications.subscribe(Notifications.Topic.run_changed, heard::add, () -> {
        });
        notifications.begin(new StartupEvent());
        try {
            await().atMost(Duration.ofSeconds(10)).untilAsserted(() -> {
                try (Connection connection = database.getConnection()) {
                    connection.createStatement().execute("NOTIFY run_changed, 'something'");
                }
                assertThat(heard).contains("something");
            });
            assertThat(notifications.isDeaf()).isFalse();
        } finally {
            notifications.end(new ShutdownEvent());
        }
    }

    /** Returns a proxy that drops notifications, as a connection pool in transaction mode does. */
    private Object swallowing(Class<?> type, Object behind) {
        return Proxy.newProxyInstance(NotificationsTest.class.getClassLoader(), new Class<?>[] { type },
                (self, method, args) -> {
                    try {
                        Object answer = method.invoke(behind, args);
                        if (answer instanceof PGNotification[] && swallowing.get()) {
                            return new PGNotification[0];
                        }
                        return method.getName().equals("unwrap") ? swallowing(PGConnection.class, answer)
                                : answer instanceof Connection ? swallowing(Connection.class, answer) : answer;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }
}
