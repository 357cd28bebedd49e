package studio.actions.action;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Json.has;

import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

import jakarta.inject.Inject;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.Database;
import studio.actions.testing.Json;

@QuarkusTest
@WithTestResource(BesideKitsu.class)
class ActionHistoryTest {

    @Inject
    Database database;

    private final String admin = BesideKitsu.token("admin");

    @Test
    void listsAuthorAndChangedFieldsOfEachVersion() {
        Instant before = Instant.now().minusSeconds(1);
        String id = create("headers", Map.of("X-Key", "${secret:farm}"));
        patch(id, Map.of("url", "https://api.studio.com/2", "timeout_ms", 20000, "headers", Map.of("X-Queue", "fast")));

        Json history = history(id);

        assertThat(history.<Integer> getList("data.version")).containsExactly(2, 1);
        assertThat(history.<String> getList("data.verb")).containsExactly("changed", "created");
        assertThat(Instant.parse(history.getString("data[0].at"))).isBetween(before, Instant.now().plusSeconds(1));
        assertThat(history.getMap("data[0].by")).containsEntry("email", "admin@example.com").containsEntry("role", "admin")
                .containsOnlyKeys("id", "name", "email", "role");
        assertThat(history.<List<Object>> get("data[0].changes")).containsExactly(
                change("url", "https://api.studio.com/sync", "https://api.studio.com/2"),
                change("headers", both("X-Key", "${secret:farm}", "X-Queue", null), both("X-Key", null, "X-Queue", "fast")),
                change("timeout_ms", 10000, 20000));
        assertThat(history.<String> getList("data[1].changes.field")).containsExactly("name", "url", "entity_type", "is_ajax",
                "enabled", "method", "headers", "timeout_ms", "max_attempts", "rate_per_minute");
        assertThat(history.getMap("data[1].action")).containsEntry("url", "https://api.studio.com/sync")
                .containsEntry("headers", Map.of("X-Key", "${secret:farm}")).containsEntry("roles", List.of());
    }

    @Test
    void createsNoVersionForChangeWithoutEffect() {
        String id = create();
        patch(id, Map.of("timeout_ms", 10000));

        assertThat(history(id).<Integer> getList("data.version")).containsExactly(1);
    }

    @Test
    void recordsChangesMadeOnKitsusPage() {
        String id = Api.id(BesideKitsu.with(admin).body(Map.of("name", "Kitsu's", "url", "https://tool.studio.com/"))
                .post(BesideKitsu.PATH));
        BesideKitsu.with(admin).body(Map.of("name", "Kitsu's own")).put(BesideKitsu.PATH + "/" + id).then().statusCode(200);
        BesideKitsu.with(admin).delete(BesideKitsu.PATH + "/" + id).then().statusCode(204);

        assertThat(history(id).<String> getList("data.verb")).containsExactly("deleted", "changed", "created");
    }

    @Test
    void pagesWithoutGapsOrRepeats() {
        String id = create();
        for (int i = 2; i <= 5; i++) {
            patch(id, Map.of("description", "Version " + i));
        }

        List<Integer> seen = new ArrayList<>();
        List<Object> changes = new ArrayList<>();
        Json page = history(id, "?limit=2");
        for (; page.get("next") != null; page = history(id, "?limit=2&cursor=" + page.get("next"))) {
            seen.addAll(page.getList("data.version"));
            changes.addAll(page.getList("data.changes"));
        }

        seen.addAll(page.getList("data.version"));
        assertThat(seen).containsExactly(5, 4, 3, 2, 1);
        assertThat(changes).startsWith(List.of(change("description", "Version 4", "Version 5")),
                List.of(change("description", "Version 3", "Version 4")));
    }

    // Restoring

    @Test
    void restoresOldVersionAsNewVersion() {
        String id = create("description", "First");
        patch(id, Map.of("url", "https://api.studio.com/2", "description", "Second", "enabled", false));

        Response restored = restore(id, "?version=1");

        restored.then().statusCode(200).header("ETag", "\"3\"").body(has("version", equalTo(3), "description", equalTo("First"),
                "url", equalTo("https://api.studio.com/sync"), "enabled", equalTo(true)));
        Json history = history(id);
        assertThat(history.<String> getList("data.verb")).containsExactly("restored", "changed", "created");
        assertThat(history.<String> getList("data[0].changes.field")).containsExactly("url", "description", "enabled");
    }

    @ParameterizedTest
    @ValueSource(strings = { "", "?version=2" })
    void restoresDeletedActionUnderItsId(String version) {
        String id = create("description", "Back", "headers", Map.of("X-Key", "${secret:farm}"), "roles", List.of("client"));
        Map<String, Object> before = read(id);
        BesideKitsu.with(admin).delete(Api.ACTIONS + "/" + id).then().statusCode(204);
        BesideKitsu.with(admin).get(Api.ACTIONS + "/" + id).then().statusCode(404);

        restore(id, version).then().statusCode(200).header("ETag", "\"3\"");

        Map<String, Object> after = new HashMap<>(read(id));
        assertThat(after).containsEntry("version", 3).containsEntry("created_at", before.get("created_at"));
        after.put("version", 1);
        after.put("updated_at", before.get("updated_at"));
        assertThat(after).isEqualTo(before);
        assertThat(BesideKitsu.as("client").get(Api.ACTIONS).asString()).contains(id);
        assertThat(history(id).<String> getList("data.verb")).containsExactly("restored", "deleted", "created");
    }

    @Test
    void restoresOldVersionOfDeletedAction() {
        String id = create("description", "First");
        patch(id, Map.of("description", "Second"));
        BesideKitsu.with(admin).delete(Api.ACTIONS + "/" + id).then().statusCode(204);

        restore(id, "?version=1").then().statusCode(200).body(has("description", equalTo("First"), "version", equalTo(4)));
    }

    @Test
    void createsNoVersionWhenRestoringCurrentState() {
        String id = create();

        restore(id, "?version=1").then().statusCode(200).body(has("version", equalTo(1)));

        assertThat(history(id).<Integer> getList("data.version")).containsExactly(1);
    }

    @Test
    void validatesRestoredVersionByCurrentRules() throws SQLException {
        String id = create();
        patch(id, Map.of("description", "New"));
        database.execute(
                "UPDATE action_version SET draft = jsonb_set(draft, '{url}', '\"https://10.0.0.1/\"') || '{\"is_ajax\": true}' "
                        + "WHERE action_id = '" + id + "' AND version = 1");

        restore(id, "?version=1").then().statusCode(400).body(has("errors.pointer", contains("/url")));

        assertThat(history(id).<Integer> getList("data.version")).containsExactly(2, 1);
    }

    @Test
    void refusesRestoreWithStaleIfMatch() {
        String id = create();
        patch(id, Map.of("description", "New"));

        BesideKitsu.with(admin).header("If-Match", "\"1\"").post(Api.ACTIONS + "/" + id + "/restore?version=1").then()
                .statusCode(412);
        BesideKitsu.with(admin).header("If-Match", "\"2\"").post(Api.ACTIONS + "/" + id + "/restore?version=1").then()
                .statusCode(200);
    }

    @Test
    void restoresOnceForTwoConcurrentRequests() throws Exception {
        String id = create();
        BesideKitsu.with(admin).delete(Api.ACTIONS + "/" + id).then().statusCode(204);
        BesideKitsu.with(admin).header("If-Match", "\"1\"").post(Api.ACTIONS + "/" + id + "/restore").then().statusCode(412);
        ExecutorService admins = Executors.newFixedThreadPool(2);
        List<Future<Response>> both = List.of(admins.submit(() -> restore(id, "?version=1")),
                admins.submit(() -> restore(id, "?version=1")));

        for (Future<Response> one : both) {
            one.get().then().statusCode(200).body(has("version", equalTo(3)));
        }
        admins.shutdown();
        assertThat(history(id).<Integer> getList("data.version")).containsExactly(3, 2, 1);
    }

    @Test
    void addsVersionsThatAnOlderReleaseDidNotRecord() throws SQLException {
        String id = create("description", "First");
        String somebody = UUID.randomUUID().toString();
        database.execute("UPDATE action SET description = 'Second', version = 2, updated_by = '" + somebody + "' WHERE id = '"
                + id + "'");

        patch(id, Map.of("timeout_ms", 20000));

        Json history = history(id);
        assertThat(history.<Object> getList("data.changes.field")).containsExactly(List.of("timeout_ms"),
                List.of("description"),
                history.get("data[2].changes.field"));
        assertThat(history.getString("data[1].by.id")).isEqualTo(somebody);
        assertThat(history.getString("data[1].by.name")).isNull();
        database.execute("UPDATE action SET description = 'Fourth', version = 4 WHERE id = '" + id + "'");

        restore(id, "?version=1").then().statusCode(200).body(has("version", equalTo(5), "description", equalTo("First")));
        database.execute("UPDATE action SET description = 'Sixth', version = 6 WHERE id = '" + id + "'");
        BesideKitsu.with(admin).contentType("text/csv")
                .body("Name;URL;Description;ID\nSync;https://api.studio.com/;Seventh;" + id)
                .post(Api.ACTIONS + "/import?mode=apply").then().statusCode(200).body(has("updated", equalTo(1)));

        assertThat(history(id).<Integer> getList("data.version")).containsExactly(7, 6, 5, 4, 3, 2, 1);
    }

    // Refused

    @Test
    void refusesUnknownActionsVersionsAndCursors() {
        String id = create();
        String nobody = UUID.randomUUID().toString();

        restore(id, "?version=7").then().statusCode(404);
        restore(id, "?version=0").then().statusCode(400);
        restore(id, "").then().statusCode(400).body(has("errors.pointer", contains("version")));
        restore(nobody, "?version=1").then().statusCode(404).body(has("code", equalTo("not_found")));
        BesideKitsu.with(admin).get(Api.ACTIONS + "/" + nobody + "/history").then().statusCode(404);
        BesideKitsu.with(admin).get(Api.ACTIONS + "/x/history").then().statusCode(400);
        assertThat(history(id, "?cursor=1").<List<Object>> get("data")).isEqualTo(List.of());
        for (String cursor : List.of("x", "-1", "%2B1", "1.0", "9999999999")) {
            BesideKitsu.with(admin).get(Api.ACTIONS + "/" + id + "/history?cursor=" + cursor).then().statusCode(400)
                    .body(has("errors.code", contains("unknown_cursor")));
        }
        BesideKitsu.with(admin).get(Api.ACTIONS + "/" + id + "/history?limit=0").then().statusCode(400);
    }

    @ParameterizedTest
    @ValueSource(strings = { "manager", "supervisor", "user", "client", "vendor" })
    void refusesRolesOtherThanAdmin(String person) {
        String id = create();

        BesideKitsu.as(person).get(Api.ACTIONS + "/" + id + "/history").then().statusCode(403);
        BesideKitsu.as(person).post(Api.ACTIONS + "/" + id + "/restore?version=1").then().statusCode(403);
        for (String path : List.of("/export", "/audit")) {
            BesideKitsu.as(person).get(Api.ACTIONS + path).then().statusCode(403);
        }
        BesideKitsu.as(person).contentType("text/csv").body("Name;URL").post(Api.ACTIONS + "/import?mode=check").then()
                .statusCode(403);
    }

    @Test
    void recordsVersionsOfImportedActions() {
        String name = "Imported " + UUID.randomUUID();
        String file = "Name;URL;Description\n" + name + ";https://api.studio.com/;";
        for (String description : List.of("First", "Second")) {
            BesideKitsu.with(admin).contentType("text/csv").body(file + description).post(Api.ACTIONS + "/import?mode=apply")
                    .then()
                    .statusCode(200).body(has("errors", empty()));
        }
        String id = Json.of(BesideKitsu.with(admin).get(Api.ACTIONS + "?q=" + name.replace(" ", "%20"))).get("data[0].id");

        assertThat(history(id).<String> getList("data.verb")).containsExactly("changed", "created");
    }

    private String create(Object... fields) {
        return Api.id(BesideKitsu.with(admin).body(BesideKitsu.draft(fields)).post(Api.ACTIONS));
    }

    private void patch(String id, Map<String, Object> fields) {
        Map<String, Object> patch = new HashMap<>(fields);
        if (patch.get("headers") instanceof Map<?, ?> headers && !headers.containsKey("X-Key")) {
            patch.put("headers", both("X-Key", null, "X-Queue", headers.get("X-Queue")));
        }
        Api.change(BesideKitsu.with(admin), id, patch);
    }

    private Map<String, Object> read(String id) {
        return Json.of(BesideKitsu.with(admin).get(Api.ACTIONS + "/" + id)).getMap("");
    }

    private Response restore(String id, String query) {
        return BesideKitsu.with(admin).post(Api.ACTIONS + "/" + id + "/restore" + query);
    }

    private Json history(String id) {
        return history(id, "");
    }

    private Json history(String id, String query) {
        return Json.of(200, BesideKitsu.with(admin).get(Api.ACTIONS + "/" + id + "/history" + query));
    }

    private static Map<String, Object> change(String field, Object from, Object to) {
        Map<String, Object> change = new HashMap<>();
        change.put("field", field);
        change.put("from", from instanceof Map<?, ?> map ? present(map) : from);
        change.put("to", to instanceof Map<?, ?> map ? present(map) : to);
        return change;
    }

    private static Map<Object, Object> present(Map<?, ?> map) {
        Map<Object, Object> present = new HashMap<>(map);
        present.values().removeIf(value -> value == null);
        return present;
    }

    private static Map<String, Object> both(String name, Object value, String other, Object otherValue) {
        Map<String, Object> map = new HashMap<>();
        map.put(name, value);
        map.put(other, otherValue);
        return map;
    }
}
