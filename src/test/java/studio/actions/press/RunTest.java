package studio.actions.press;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.endsWith;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Api.ADMIN;
import static studio.actions.testing.Json.has;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

import jakarta.inject.Inject;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.Database;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Receiver.Heard;
import studio.actions.testing.Services;

@QuarkusTest
@WithTestResource(Services.class)
class RunTest {

    @Inject
    Database database;

    private final Receiver receiver = Receiver.shared();

    @AfterEach
    void letGo() {
        receiver.releaseAll();
    }

    // ---- Answers to the caller

    @Test
    void answersWithTheWholeRun() {
        String action = Api.ajax(receiver.url("/whole/ok?e={entity_id}"), "name", "Whole");
        Map<String, Object> shot = Api.target("entity_id", id(), "entity_type", "shot", "production_id", id(), "task_id", id());

        Json run = Json.of(200, Api.run(action, List.of(shot)));

        assertThat(run.getMap("")).containsOnlyKeys("id", "type", "action_id", "action_name", "state", "caller", "created_at",
                "finished_at", "counts", "refusal", "deliveries", "next", "failures")
                .containsEntry("type", "Run").containsEntry("action_id", action).containsEntry("action_name", "Whole")
                .containsEntry("state", "succeeded")
                .containsEntry("caller",
                        Map.of("id", ADMIN, "name", "Local admin", "email", "admin@localhost", "role", "admin"))
                .containsEntry("counts",
                        Map.of("total", 1, "delivered", 1, "failed", 0, "refused", 0, "lost", 0, "cancelled", 0));
        assertThat(run.getString("created_at")).endsWith("Z");
        assertThat(Instant.parse(run.getString("finished_at"))).isAfter(Instant.parse(run.getString("created_at")));
        assertThat(run.getList("deliveries")).hasSize(1);
        assertThat(run.getMap("deliveries[0]")).containsOnlyKeys("id", "target", "method", "url", "state", "status", "attempts",
                "duration_ms", "failure", "response")
                .containsEntry("target", shot).containsEntry("method", "POST")
                .containsEntry("url", receiver.url("/whole/ok?e=" + shot.get("entity_id")))
                .containsEntry("state", "delivered").containsEntry("status", 200).containsEntry("attempts", 1)
                .containsEntry("failure", null).containsEntry("response", "{\"ok\": true}");
        assertThat(run.getInt("deliveries[0].duration_ms")).isBetween(0, 10_000);
        assertThat(UUID.fromString(run.getString("deliveries[0].id"))).isNotEqualTo(UUID.fromString(run.getString("id")));
    }

    @Test
    void readsTheRunAsThePressAnsweredIt() {
        String action = Api.ajax(receiver.url("/afterwards/status/500"));

        Json run = Api.press(action);

        assertThat(Api.read(run.getString("id")).getMap("")).isEqualTo(run.getMap(""));
    }

    @Test
    void keepsTheOrderOfTheSelection() {
        String action = Api.ajax(receiver.url("/order/ok?e={entity_id}"));
        List<Map<String, Object>> shots = Api.shots(12);

        Json run = Json.of(200, Api.run(action, shots));

        assertThat(run.getList("deliveries.target.entity_id")).isEqualTo(shots.stream().map(s -> s.get("entity_id")).toList());
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            200 200 -> succeeded -> 2 -> 0 -> 0
            200 500 -> partial   -> 1 -> 1 -> 0
            200 ..  -> partial   -> 1 -> 0 -> 1
            500 404 -> failed    -> 0 -> 2 -> 0
            500 ..  -> failed    -> 0 -> 1 -> 1
            .. .    -> failed    -> 0 -> 0 -> 2
            """)
    void derivesTheRunsStateFromItsDeliveries(String answers, String state, int delivered, int failed, int refused) {
        String action = Api.ajax(receiver.url("/" + Api.unique("sum") + "/status/{entity_name}"));

        Response answer = Api.run(action, Stream.of(answers.split(" ")).map(Api::shot).toList());

        answer.then().statusCode(200).body(has("state", equalTo(state), "counts.total", equalTo(2),
                "counts.delivered", equalTo(delivered), "counts.failed", equalTo(failed), "counts.refused", equalTo(refused)));
        assertThat(Json.of(answer).getString("finished_at")).isNotNull();
    }

    @Test
    void refusesASingleDeliveryAndSendsTheOthers() {
        String action = Api.ajax(receiver.url("/single/ok?e={entity_name}"));
        Map<String, Object> nameless = Api.shot();

        Json run = Json.of(200, Api.run(action, List.of(Api.shot("a"), nameless, Api.shot("b"))));

        assertThat(run.getList("deliveries.state")).containsExactly("delivered", "refused", "delivered");
        assertThat(run.getMap("deliveries[1]")).containsEntry("target", Api.target("entity_id", nameless.get("entity_id"),
                "entity_type", "shot", "production_id", null, "task_id", null))
                .containsEntry("url", null).containsEntry("status", null).containsEntry("attempts", 0);
        assertThat(run.getString("deliveries[1].failure.kind")).isEqualTo("missing_variable");
        assertThat(run.getString("deliveries[1].failure.message")).contains("{entity_name}");
        assertThat(receiver.heard("single")).hasSize(2);
    }

    @Test
    void refusesOnlyTheTargetThatIsOfTheWrongType() {
        String action = Api.ajax(receiver.url("/wrong/ok"), "entity_type", "shot");
        List<String> tasks = List.of(id(), id(), id());
        String production = id();

        Json run = Json.of(200, Api.run(action,
                List.of(Api.target("task_id", tasks.get(0), "entity_type", "shot", "production_id", production),
                        Api.target("task_id", tasks.get(1), "entity_type", "asset", "production_id", production),
                        Api.target("task_id", tasks.get(2), "entity_type", "shot", "production_id", production))));

        assertThat(run.getString("state")).isEqualTo("partial");
        assertThat(run.getList("deliveries.failure.kind")).containsExactly(null, "wrong_entity_type");
        assertThat(receiver.heard("wrong")).hasSize(1);
        assertThat(receiver.only("wrong").json().getList("selection")).containsExactly(tasks.get(0), tasks.get(2));
    }

    @Test
    void refusesATargetOfAnotherProduction() {
        String ours = id();
        String action = Api.ajax(receiver.url("/production/ok?p={production_id}"), "project_ids", List.of(ours));

        Json run = Json.of(200, Api.run(action,
                List.of(Api.target("entity_id", id(), "entity_type", "shot", "production_id", id()),
                        Api.target("entity_id", id(), "entity_type", "shot"),
                        Api.target("entity_id", id(), "entity_type", "shot", "production_id", ours))));

        assertThat(run.getList("deliveries.state")).containsExactly("refused", "refused", "delivered");
        assertThat(run.getList("deliveries.failure.kind")).containsExactly("not_visible", "not_visible", null);
    }

    /** Another replica may stall in the middle of a transaction and hold its locks. */
    @ParameterizedTest
    @ValueSource(strings = { "55P03", "25P03", "40P01" })
    void answersUnavailableWhenTheDatabaseIsBlocked(String state) throws SQLException {
        String action = Api.ajax(receiver.url("/heldup/ok"));
        database.execute("CREATE FUNCTION held_up() RETURNS trigger AS "
                + "'BEGIN RAISE ''held up'' USING ERRCODE = ''%s''; END' LANGUAGE plpgsql".formatted(state));
        database.execute("CREATE TRIGGER held_up BEFORE INSERT ON run FOR EACH ROW "
                + "WHEN (NEW.action_id = '%s') EXECUTE FUNCTION held_up()".formatted(action));
        try {
            Api.run(action, List.of(Api.shot())).then().statusCode(503).header("Retry-After", "5")
                    .body(has("code", equalTo("unavailable")));
        } finally {
            database.execute("DROP FUNCTION held_up() CASCADE");
        }
    }

    // ---- Presses that start no run

    @Test
    void doesNotRunADisabledAction() {
        String action = Api.ajax(receiver.url("/disabled/ok"), "enabled", false);

        Api.run(action, List.of(Api.shot())).then().statusCode(409).body(has("code", equalTo("action_disabled")));

        assertThat(receiver.heard("disabled")).isEmpty();
        assertThat(Api.runsOf(Api.admin(), action)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://tool.studio.com/open?e={entity_id}", "maya://open/{entity_id}" })
    void doesNotRunActionsThatTheBrowserOpens(String url) {
        String action = Api.id(Api.create(Api.draft("url", url)));

        Api.run(action, List.of(Api.shot())).then().statusCode(409).body(has("code", equalTo("not_ajax")));

        assertThat(Api.runsOf(Api.admin(), action)).isEmpty();
    }

    /** Changes the action as another replica would: the database decides, not the cache of this replica. */
    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            UPDATE action SET enabled = false, version = version + 1 -> 409 -> action_disabled
            UPDATE action SET is_ajax = false, version = version + 1 -> 409 -> not_ajax
            DELETE FROM action                                       -> 404 -> not_found
            """)
    void doesNotRunActionsThatAnotherReplicaDisabledOrDeleted(String change, int status, String code) throws SQLException {
        String name = Api.unique("anymore");
        String action = Api.ajax(receiver.url("/" + name + "/ok"));
        Api.press(action);

        database.execute(change + " WHERE id = '" + action + "'");

        for (int i = 0; i < 2; i++) {
            Api.run(action, List.of(Api.shot())).then().statusCode(status).body(has("code", equalTo(code)));
        }
        assertThat(receiver.heard(name)).hasSize(1);
    }

    @Test
    void runsTheCurrentVersionOfTheAction() throws SQLException {
        String before = Api.unique("before");
        String now = Api.unique("now");
        String action = Api.ajax(receiver.url("/" + before + "/ok"));
        Map<String, Object> shot = Api.shot();
        Api.run(action, List.of(shot)).then().statusCode(200);

        database.execute("UPDATE action SET url = '%s', version = version + 1 WHERE id = '%s'"
                .formatted(receiver.url("/" + now + "/ok"), action));

        Api.run(action, List.of(shot)).then().statusCode(200).body(has("state", equalTo("succeeded")));
        assertThat(receiver.heard(before)).hasSize(1);
        assertThat(receiver.heard(now)).hasSize(1);
    }

    @Test
    void refusesUnknownAndMalformedActionIds() {
        Api.run(id(), List.of(Api.shot())).then().statusCode(404).body(has("code", equalTo("not_found")));
        Api.run("no-id", List.of(Api.shot())).then().statusCode(400).body(has("code", equalTo("malformed_id")));
    }

    @Test
    void doesNotRunForUnauthenticatedCallers() {
        String action = Api.ajax(receiver.url("/stranger/ok"));

        RestAssured.given().contentType("application/json").body(Map.of("targets", List.of(Api.shot())))
                .post(Api.ACTIONS + "/" + action + "/run").then().statusCode(401);

        assertThat(receiver.heard("stranger")).isEmpty();
    }

    @Test
    void refusesInvalidSelections() {
        String action = Api.ajax(receiver.url("/broken/ok"));

        for (String body : List.of("", "{}", "{\"targets\": []}", "{\"selection\": [\"1-1-1-1-1\"]}", "{\"targets\": [null]}",
                "{\"targets\": [{}]}", "{\"shots\": []}", "[]", "null", "{")) {
            Api.admin().body(body).post(Api.ACTIONS + "/" + action + "/run").then().statusCode(400);
        }

        assertThat(receiver.heard("broken")).isEmpty();
        assertThat(Api.runsOf(Api.admin(), action)).isEmpty();
    }

    // ---- Requests at the receiver

    @Test
    void sendsTheHeadersOfStandardWebhooks() {
        String action = Api.ajax(receiver.url("/headers/ok"), "headers", Map.of("X-Queue", "fast"));
        long before = Instant.now().getEpochSecond();

        Json run = Api.press(action);

        Map<String, String> headers = receiver.only("headers").headers();
        assertThat(headers).containsEntry("Content-Type", "application/json")
                .containsEntry("User-Agent", "kitsu-actions/0.2.0-SNAPSHOT").containsEntry("Accept-Encoding", "identity")
                .containsEntry("X-Queue", "fast").containsEntry("Idempotency-Key", headers.get("webhook-id"))
                .containsEntry("Host", "127.0.0.1:" + receiver.port())
                .doesNotContainKeys("webhook-signature", "Cookie", "Authorization");
        assertThat(headers.get("webhook-id")).isNotBlank().doesNotContain(".");
        assertThat(Long.parseLong(headers.get("webhook-timestamp"))).isBetween(before, Instant.now().getEpochSecond());
        assertThat(headers.get("traceparent")).matches("00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}");
        assertThat(run.getString("state")).isEqualTo("succeeded");
    }

    @Test
    void givesEachDeliveryAnIdOfItsOwn() {
        String action = Api.ajax(receiver.url("/ids/ok?e={entity_id}"));

        Api.run(action, Api.shots(6)).then().statusCode(200);

        assertThat(receiver.heard("ids")).extracting(heard -> heard.headers().get("webhook-id")).doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @ValueSource(strings = { "POST", "GET", "PUT", "PATCH", "DELETE" })
    void signsWithTheSecretOfTheAction(String method) throws Exception {
        String name = Api.unique("signed");
        String action = Api.ajax(receiver.url("/" + name + "/ok?e={entity_name}"), "method", method, "signing_secret",
                "sign-here");

        Api.run(action, List.of(Api.shot("Größe 日本 😀"))).then().statusCode(200).body(has("state", equalTo("succeeded")));

        Heard heard = receiver.only(name);
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(Base64.getDecoder().decode(Services.SIGNING.substring("whsec_".length())), "HmacSHA256"));
        String signed = heard.headers().get("webhook-id") + "." + heard.headers().get("webhook-timestamp") + "." + heard.body();
        assertThat(heard.headers().get("webhook-signature"))
                .isEqualTo("v1," + Base64.getEncoder().encodeToString(mac.doFinal(signed.getBytes(StandardCharsets.UTF_8))));
    }

    /** Preference-Applied is defined in RFC 7240, section 3. */
    @ParameterizedTest
    @CsvSource({ "respond-async, respond-async", "'respond-async, wait=5', wait=5", "'wait=\"5\"', wait=5", "wait=0, wait=0",
            "wait=100000,", "return=minimal," })
    void reportsTheAppliedPreference(String preference, String applied) {
        String action = Api.ajax(receiver.url("/" + Api.unique("preferred") + "/ok"));

        Response run = Api.run(Api.admin().header("Prefer", preference), action, Map.of("targets", List.of(Api.shot())));

        assertThat(run.header("Preference-Applied")).isEqualTo(applied);
    }

    @Test
    void fillsSecretsIntoHeadersOnlyWhenSending() {
        String action = Api.ajax(receiver.url("/render/ok"), "headers",
                Map.of("X-Farm", "${secret:farm}", "Authorization", "Bearer ${secret:FARM}!"));

        Json run = Api.press(action);

        assertThat(receiver.only("render").headers()).containsEntry("X-Farm", Services.FARM)
                .containsEntry("Authorization", "Bearer " + Services.FARM + "!");
        assertThat(run.prettify()).doesNotContain(Services.FARM);
    }

    @ParameterizedTest
    @ValueSource(strings = { "POST", "PUT", "PATCH", "DELETE" })
    void sendsTheBodyWithEveryMethodButGet(String method) {
        String name = Api.unique("method");
        String action = Api.ajax(receiver.url("/" + name + "/ok"), "method", method);

        Json run = Api.press(action);

        assertThat(run.getString("deliveries[0].method")).isEqualTo(method);
        assertThat(receiver.only(name).method()).isEqualTo(method);
        assertThat(receiver.only(name).json().getString("action_id")).isEqualTo(action);
    }

    @Test
    void sendsNoBodyWithGet() {
        String action = Api.ajax(receiver.url("/get/ok?e={entity_id}"), "method", "GET");

        assertThat(Api.press(action).getString("state")).isEqualTo("succeeded");

        assertThat(receiver.only("get").method()).isEqualTo("GET");
        assertThat(receiver.only("get").body()).isEmpty();
        assertThat(receiver.only("get").headers()).doesNotContainKeys("Content-Type", "Transfer-Encoding");
    }

    @Test
    void sendsTheFieldNamesOfBothKitsuDialectsAndOurs() {
        String action = Api.ajax(receiver.url("/dialects/ok?e={entity_id}"), "name", "Dialects");
        String entity = id();
        String production = id();
        String task = id();
        Instant before = Instant.now().minusSeconds(1);

        Json run = Json.of(200, Api.run(action,
                List.of(Api.target("entity_id", entity, "entity_type", "shot", "production_id", production, "task_id", task,
                        "entity_name", "SH010"))));

        Map<String, Object> expected = new HashMap<>();
        Stream.of("originurl", "originserver", "currentpath", "currentserver").forEach(key -> expected.put(key, null));
        Stream.of("entitytype", "entity_type").forEach(key -> expected.put(key, "shot"));
        Stream.of("selection", "task_ids").forEach(key -> expected.put(key, List.of(task)));
        Stream.of("productionid", "projectid", "production_id").forEach(key -> expected.put(key, production));
        Stream.of("userid", "personid").forEach(key -> expected.put(key, ADMIN));
        Stream.of("useremail", "personemail").forEach(key -> expected.put(key, "admin@localhost"));
        Stream.of("sequence_name", "episode_name", "task_type_name", "production_name")
                .forEach(key -> expected.put(key, null));
        expected.put("user_name", "Local admin");
        expected.putAll(Map.of("action_id", action, "action_name", "Dialects", "run_id", run.getString("id"),
                "delivery_id", run.getString("deliveries[0].id"), "entity_id", entity, "entity_name", "SH010"));
        Map<String, Object> body = new HashMap<>(receiver.only("dialects").json().getMap(""));
        assertThat(Instant.parse((String) body.remove("timestamp"))).isBetween(before, Instant.now());
        assertThat(body).isEqualTo(expected);
    }

    @Test
    void sendsNullForUnknownFields() {
        String action = Api.ajax(receiver.url("/unknown/ok"));

        Api.run(Api.admin(), action, Map.of("selection", List.of(id()))).then().statusCode(200);

        assertThat(receiver.only("unknown").json().getMap("")).hasSize(27).containsEntry("entity_id", null)
                .containsEntry("entity_type", null).containsEntry("entitytype", null).containsEntry("entity_name", null)
                .containsEntry("production_id", null).containsEntry("productionid", null).containsEntry("projectid", null);
    }

    // ---- Deliveries at a time, and how long the caller waits

    @Test
    void sendsFortyTargetsOnceEach() {
        String action = Api.ajax(receiver.url("/forty/ok?e={entity_id}"));
        List<Map<String, Object>> shots = Api.shots(40);

        Api.run(action, shots).then().statusCode(200).body(has("state", equalTo("succeeded"), "counts.delivered", equalTo(40)));

        assertThat(receiver.heard("forty")).extracting(Heard::uri)
                .containsExactlyInAnyOrderElementsOf(shots.stream().map(s -> "/forty/ok?e=" + s.get("entity_id")).toList());
    }

    @Test
    void sendsSeveralAtATimeButNeverMoreThanFiveToAHost() {
        String first = Api.ajax(receiver.url("/five/held?e={entity_id}"));
        String second = Api.ajax(receiver.url("/five/held?second={entity_id}"));

        String one = Api.start(first, Api.shots(7));
        String other = Api.start(second, Api.shots(4));
        await().until(() -> receiver.heard("five").size() == 5);
        await().during(Duration.ofMillis(500)).atMost(Duration.ofSeconds(3)).until(() -> receiver.heard("five").size() == 5);
        receiver.release("five");

        Api.awaitState(one, "succeeded");
        Api.awaitState(other, "succeeded");
        assertThat(receiver.heard("five")).hasSize(11);
        assertThat(receiver.mostAtOnce("five")).isEqualTo(5);
    }

    @Test
    void answersAtOnceWithRespondAsync() {
        String action = Api.ajax(receiver.url("/later/held"));

        Response answer = Api.run(Api.admin().header("Prefer", "respond-async"), action,
                Map.of("targets", List.of(Api.shot())));

        answer.then().statusCode(202).body(has("state", equalTo("running"), "finished_at", equalTo(null)))
                .header("Location", endsWith(Api.RUNS + "/" + Json.of(answer).get("id")));
        receiver.release("later");
        await().untilAsserted(() -> Api.admin().get(answer.header("Location")).then().statusCode(200)
                .body(has("state", equalTo("succeeded"), "deliveries[0].response", equalTo("{\"held\": true}"))));
    }

    @ParameterizedTest
    @ValueSource(strings = { "wait=1", "wait=0", "handling=strict, WAIT=1", "respond-async, wait=1" })
    void answersWhenTheWaitIsOver(String prefer) {
        String name = Api.unique("wait");
        String action = Api.ajax(receiver.url("/" + name + "/held"));

        Response answer = Api.run(Api.admin().header("Prefer", prefer), action, Map.of("targets", List.of(Api.shot())));

        answer.then().statusCode(202).body(has("state", equalTo("running"), "deliveries[0].state", equalTo("in_flight")));
        assertThat(answer.time()).isLessThan(8000);
        receiver.release(name);
        Api.awaitState(Json.of(answer).get("id"), "succeeded");
    }

    @Test
    void answersWhenTheRunEndsBeforeTheWaitIsOver() {
        String action = Api.ajax(receiver.url("/soon/ok"));

        Api.run(Api.admin().header("Prefer", "wait=20"), action, Map.of("targets", List.of(Api.shot()))).then().statusCode(200)
                .body(has("state", equalTo("succeeded")));
    }

    @Test
    void goesOnWhenTheCallerHangsUp() throws IOException {
        String action = Api.ajax(receiver.url("/hangup/held?e={entity_id}"));
        StringBuilder targets = new StringBuilder();
        Api.shots(7).forEach(shot -> targets.append(targets.isEmpty() ? "" : ",").append("{\"entity_id\": \"")
                .append(shot.get("entity_id")).append("\", \"entity_type\": \"shot\"}"));
        String body = "{\"targets\": [" + targets + "]}";

        try (Socket caller = new Socket("127.0.0.1", RestAssured.port)) {
            caller.getOutputStream().write(("POST " + Api.ACTIONS + "/" + action + "/run HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                    + "Authorization: Bearer " + Services.TOKEN + "\r\nContent-Type: application/json\r\nContent-Length: "
                    + body.length() + "\r\n\r\n" + body).getBytes(StandardCharsets.US_ASCII));
            await().until(() -> receiver.heard("hangup").size() == 5);
            caller.setSoLinger(true, 0);
        }
        String run = (String) Api.runsOf(Api.admin(), action).get(0).get("id");
        await().during(Duration.ofMillis(500)).atMost(Duration.ofSeconds(3))
                .until(() -> Collections.frequency(Api.read(run).getList("deliveries.state"), "in_flight") == 5);
        receiver.release("hangup");

        Api.awaitState(run, "succeeded");
        assertThat(receiver.heard("hangup")).hasSize(7);
    }

    private static String id() {
        return UUID.randomUUID().toString();
    }
}
