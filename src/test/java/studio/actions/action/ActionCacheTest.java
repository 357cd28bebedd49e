package studio.actions.action;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.UUID;

import jakarta.inject.Inject;

import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;
import studio.actions.identity.TimeFormat;
import studio.actions.testing.Api;
import studio.actions.testing.Database;
import studio.actions.testing.Json;
import studio.actions.testing.Services;

/** The list in memory while another replica writes. SQL on a separate connection stands for the other replica. */
@QuarkusTest
@WithTestResource(Services.class)
class ActionCacheTest {

    @Inject
    Database database;

    @Inject
    Actions actions;

    @Test
    void listsLocalChangesImmediately() {
        for (int i = 0; i < 10; i++) {
            String name = "At once " + i;
            String id = Api.id(Api.create(Api.draft("name", name)));
            assertThat(names()).contains(name);
            Api.admin().body("{\"name\": \"" + name + " changed\"}").patch(Api.ACTIONS + "/" + id).then().statusCode(200);
            assertThat(names()).contains(name + " changed").doesNotContain(name);
            Api.admin().delete(Api.ACTIONS + "/" + id).then().statusCode(204);
            assertThat(names()).doesNotContain(name + " changed");
        }
    }

    @Test
    void listsChangesOfAnotherReplica() throws SQLException {
        String id = Api.id(Api.create(Api.draft("name", "Here")));
        assertThat(names()).contains("Here");

        database.execute("UPDATE action SET name = 'Elsewhere', version = version + 1 WHERE id = '" + id + "'");

        await().atMost(Duration.ofSeconds(5)).untilAsserted(() -> assertThat(names()).contains("Elsewhere"));
    }

    /** A press that finds a newer version than the cached one reads the action again, within the same request. */
    @Test
    void readsCurrentVersionForPress() throws SQLException {
        UUID id = UUID.fromString(Api.ajax("https://farm.studio.com/now"));
        Caller admin = new Caller(UUID.randomUUID(), "Ada", "ada@example.com", Role.admin, false, List.of(), Set.of(),
                TimeFormat.DEFAULT);
        assertThat(actions.pressableNow(id, admin).version).isEqualTo(1);

        database.execute("UPDATE action SET version = 2 WHERE id = '" + id + "'");

        assertThat(actions.pressableAsBefore(id, admin).version).isEqualTo(1);
        assertThat(actions.pressableNow(id, admin).version).isEqualTo(2);
        assertThat(actions.pressableAsBefore(id, admin).version).isEqualTo(2);
    }

    /** The first request after the break must not get the broken connection. */
    @RepeatedTest(3)
    void listensAgainAfterLostConnection() throws SQLException {
        String id = Api.id(Api.create(Api.draft("name", "Before the break")));
        assertThat(names()).contains("Before the break");

        database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'");
        database.execute("UPDATE action SET name = 'In the break', version = version + 1 WHERE id = '" + id + "'");
        await().atMost(Duration.ofSeconds(10)).ignoreExceptions()
                .untilAsserted(() -> assertThat(names()).contains("In the break"));

        // Once a notification has arrived, LISTEN is active again, so that every later write arrives too.
        await().atMost(Duration.ofSeconds(10)).ignoreExceptions().untilAsserted(() -> {
            String now = "After " + System.nanoTime();
            names();
            database.execute("UPDATE action SET name = '" + now + "', version = version + 1 WHERE id = '" + id + "'");
            await().atMost(Duration.ofSeconds(1)).untilAsserted(() -> assertThat(names()).contains(now));
        });
    }

    private static List<String> names() {
        return Json.of(200, Api.admin().get(Api.ACTIONS)).get("data.name");
    }
}
