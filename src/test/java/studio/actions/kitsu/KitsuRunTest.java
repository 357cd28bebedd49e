package studio.actions.kitsu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.endsWith;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.startsWith;
import static studio.actions.testing.BesideKitsu.zou;
import static studio.actions.testing.Json.has;

import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou.Request;
import studio.actions.testing.FakeZou.Task;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;

/** The request that Kitsu's action panel posts for an AJAX action. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class KitsuRunTest {

    private final Receiver receiver = Receiver.shared();

    // ---- The receiver's request

    @Test
    void sendsFieldsOfBothDialectsFromZou() {
        Task shot = zou().shot("SH010 é");
        JsonNode supervisor = zou().person("supervisor");
        String name = Api.unique("kitsu-run-dialects");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"), "name", "Dialects");
        Map<String, Object> press = kitsus(List.of(shot.id()));
        press.put("entitytype", "asset");
        Instant before = Instant.now().minusSeconds(1);

        Json run = Json.of(200, run("supervisor", action, press));

        Map<String, Object> expected = new HashMap<>();
        Stream.of("entitytype", "entity_type").forEach(key -> expected.put(key, "shot"));
        Stream.of("originurl", "currentpath").forEach(key -> expected.put(key, press.get("originurl")));
        Stream.of("originserver", "currentserver").forEach(key -> expected.put(key, press.get("originserver")));
        Stream.of("selection", "task_ids").forEach(key -> expected.put(key, List.of(shot.id())));
        Stream.of("productionid", "projectid", "production_id").forEach(key -> expected.put(key, shot.projectId()));
        Stream.of("userid", "personid").forEach(key -> expected.put(key, supervisor.get("id").asText()));
        Stream.of("useremail", "personemail").forEach(key -> expected.put(key, supervisor.get("email").asText()));
        expected.putAll(Map.of("action_id", action, "action_name", "Dialects", "run_id", run.getString("id"), "delivery_id",
                run.getString("deliveries[0].id"), "entity_id", shot.entityId(), "entity_name", "SH010 é"));
        expected.putAll(Map.of("sequence_name", "SQ01", "task_type_name", "Storyboard", "production_name", "Sintel",
                "user_name", supervisor.get("full_name").asText()));
        expected.put("episode_name", null);
        Map<String, Object> body = new HashMap<>(receiver.only(name).json().getMap(""));
        assertThat(Instant.parse((String) body.remove("timestamp"))).isBetween(before, Instant.now());
        assertThat(body).isEqualTo(expected);
    }

    @Test
    void fillsTemplateFromZou() {
        Task shot = zou().shot("SH 020", "SQ/1", "E1");
        JsonNode user = zou().person("user");
        String name = Api.unique("kitsu-run-template");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok/{sequence_name}/{entity_name}"
                + "?p={production_id}{&project_id,episode_name,production_name,entity_type,user_id,user_email,user_name}"));

        run("user", action, kitsus(List.of(shot.id()))).then().statusCode(200);

        assertThat(receiver.only(name).uri())
                .isEqualTo("/" + name + "/ok/SQ%2F1/SH%20020?p=" + shot.projectId() + "&project_id=" + shot.projectId()
                        + "&episode_name=E1&production_name=Sintel&entity_type=shot&user_id=" + user.get("id").asText()
                        + "&user_email=user%40example.com&user_name=User%20Test");
    }

    @Test
    void ignoresCallerClaimedInBody() {
        Task shot = zou().shot("SH010");
        JsonNode admin = zou().person("admin");
        JsonNode supervisor = zou().person("supervisor");
        String name = Api.unique("kitsu-run-claims");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok?u={user_id}"));
        Map<String, Object> press = kitsus(List.of(shot.id()));
        press.put("userid", admin.get("id").asText());
        press.put("useremail", admin.get("email").asText());
        press.put("role", "admin");

        Json run = Json.of(200, run("supervisor", action, press));

        assertThat(run.getMap("caller")).isEqualTo(Map.of("id", supervisor.get("id").asText(), "name", "Supervisor Test",
                "email", "supervisor@example.com", "role", "supervisor"));
        assertThat(receiver.only(name).uri()).endsWith("?u=" + supervisor.get("id").asText());
        assertThat(receiver.only(name).body()).doesNotContain(admin.get("id").asText(), "admin@example.com");
    }

    @Test
    void runsForKitsusCookie() {
        Task shot = zou().shot("SH010");
        String token = BesideKitsu.token("supervisor");
        String name = Api.unique("kitsu-run-cookie");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));

        RestAssured.given().contentType(ContentType.JSON).cookie("access_token_cookie", token)
                .header("Origin", "http://localhost:" + RestAssured.port).body(kitsus(List.of(shot.id())))
                .post(Kitsu.runPath(action)).then().statusCode(200).body(has("caller.role", equalTo("supervisor")));

        assertThat(receiver.only(name).json().getString("entity_id")).isEqualTo(shot.entityId());
        assertThat(receiver.only(name).headers()).doesNotContainKeys("Cookie", "Authorization");
    }

    // ---- The dialect

    @Test
    void ignoresUnknownFields() {
        Task shot = zou().shot("SH010");
        String name = Api.unique("kitsu-run-unknown-fields");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        Map<String, Object> press = kitsus(List.of(shot.id()));
        press.put("future", Map.of("of", List.of(1, Map.of("kitsu", true))));
        press.put("targets", List.of(Map.of("entity_id", UUID.randomUUID(), "entity_name", "claimed")));
        press.put("action_id", UUID.randomUUID().toString());

        run("supervisor", action, press).then().statusCode(200);

        assertThat(receiver.only(name).json().getString("entity_name")).isEqualTo("SH010");
        assertThat(receiver.only(name).json().getString("action_id")).isEqualTo(action);
    }

    /** Kitsu sends null or an empty text from pages that belong to no production. */
    @ParameterizedTest
    @ValueSource(strings = { "null", "\"\"", "\"all\"", "7" })
    void ignoresProductionClaimedInBody(String claim) {
        Task shot = zou().shot("SH010");
        String name = Api.unique("kitsu-run-production");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok?p={production_id}"));

        BesideKitsu.as("supervisor").body("{\"selection\": [\"" + shot.id() + "\"], \"productionid\": " + claim + "}")
                .post(Kitsu.runPath(action)).then().statusCode(200);

        assertThat(receiver.only(name).uri()).endsWith("?p=" + shot.projectId());
        assertThat(receiver.only(name).json().getString("productionid")).isEqualTo(shot.projectId());
    }

    @Test
    void acceptsBodyWithOnlySelection() {
        Task shot = zou().shot("SH010");
        String name = Api.unique("kitsu-run-bare");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));

        run("supervisor", action, Map.of("selection", List.of(shot.id()))).then().statusCode(200);

        assertThat(receiver.only(name).json().getMap("")).containsEntry("originurl", null).containsEntry("currentserver", null)
                .containsEntry("entitytype", "shot");
    }

    @Test
    void takesAThousandTasksAsOneRun() {
        List<String> tasks = IntStream.range(0, 1000).mapToObj(i -> zou().shot("SH" + i, "SQ" + i / 20, "E1").id()).toList();
        String token = BesideKitsu.token(zou().colleague("supervisor"));
        String name = Api.unique("kitsu-run-thousand");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        zou().delay(token, "/data", Duration.ofMillis(10));
        BesideKitsu.with(token).get(Api.ACTIONS).then().statusCode(200);

        Response answer = BesideKitsu.with(token).body(kitsus(tasks)).post(Kitsu.runPath(action));

        answer.then().statusCode(200).body(has("counts.total", equalTo(1)));
        assertThat(receiver.only(name).json().getList("selection")).isEqualTo(tasks);
        assertThat(BesideKitsu.runsOf(action)).hasSize(1);
        assertThat(asked(token)).hasSizeLessThanOrEqualTo(40).noneMatch(path -> path.endsWith("/full"));
        assertThat(answer.time()).isLessThan(2000);
        assertThat(zou().mostAtOnce(token)).isBetween(2, 8);
    }

    @Test
    void sendsFewRequestsToZouForTenProductions() {
        String person = zou().colleague("supervisor");
        List<String> productions = IntStream.range(0, 10).mapToObj(i -> zou().production("Production " + i, person)).toList();
        List<String> tasks = IntStream.range(0, 1000)
                .mapToObj(i -> zou().shotIn(productions.get(i % 10), "SH" + i, "SQ" + i / 50).id()).toList();
        String token = BesideKitsu.token(person);
        String name = Api.unique("kitsu-run-spread");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok?p={production_id}"));

        BesideKitsu.with(token).body(kitsus(tasks)).post(Kitsu.runPath(action)).then().statusCode(200)
                .body(has("counts.delivered", equalTo(10)));

        assertThat(asked(token)).hasSizeLessThanOrEqualTo(60).noneMatch(path -> path.endsWith("/full"));
    }

    @Test
    void removesDuplicateTasks() {
        Task first = zou().shot("SH010");
        Task second = zou().shot("SH020");
        String token = BesideKitsu.token("supervisor");
        String name = Api.unique("kitsu-run-twice");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));

        BesideKitsu.with(token).body(kitsus(List.of(first.id(), second.id(), first.id().toUpperCase(), second.id())))
                .post(Kitsu.runPath(action)).then().statusCode(200);

        assertThat(receiver.only(name).json().getList("selection")).containsExactly(first.id(), second.id());
        assertThat(asked(token)).filteredOn(path -> path.startsWith("/data/tasks?")).singleElement().asString()
                .containsOnlyOnce(first.id()).containsOnlyOnce(second.id());
    }

    // ---- Invalid selections

    @ParameterizedTest
    @ValueSource(strings = { "", "{}", "[]", "null", "{", "{\"selection\": []}", "{\"selection\": null}",
            "{\"selection\": [null]}", "{\"selection\": [\"\"]}", "{\"selection\": [\"no-id\"]}",
            "{\"selection\": [\"1-1-1-1-1\"]}", "{\"selection\": [7]}", "{\"selection\": {}}",
            "{\"selection\": \"a496f819-a923-4da2-b05d-cf472ab3b2f3\"}",
            "{\"selection\": [\"a496f819-a923-4da2-b05d-cf472ab3b2f3\", \"a496f819\"]}" })
    void refusesInvalidSelection(String body) {
        String name = Api.unique("kitsu-run-none");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));

        BesideKitsu.as("supervisor").body(body).post(Kitsu.runPath(action)).then().statusCode(400)
                .contentType(startsWith("application/problem+json")).body(has("error", equalTo(true)));

        assertThat(receiver.heard(name)).isEmpty();
        assertThat(BesideKitsu.runsOf(action)).isEmpty();
    }

    @Test
    void refusesMoreThanAThousandTasks() {
        String token = BesideKitsu.token("supervisor");
        String name = Api.unique("kitsu-run-too-many");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));

        BesideKitsu.with(token).body(kitsus(Collections.nCopies(1001, UUID.randomUUID().toString())))
                .post(Kitsu.runPath(action)).then().statusCode(400)
                .body(has("code", equalTo("invalid_body"), "errors[0].pointer", equalTo("/selection"), "errors[0].code",
                        equalTo("too_many")));

        assertThat(receiver.heard(name)).isEmpty();
        assertThat(BesideKitsu.runsOf(action)).isEmpty();
        if (BesideKitsu.fake()) {
            assertThat(asked(token)).isEmpty();
        }
    }

    // ---- Status by outcome

    @Test
    void answersWithTheRunWhenAllWasDelivered() {
        List<String> tasks = shots("200", "201", "204");
        String action = BesideKitsu.ajax(receiver.url("/" + Api.unique("kitsu-run-all") + "/status/{entity_name}"));

        run("supervisor", action, kitsus(tasks)).then().statusCode(200).body(has("state", equalTo("succeeded"),
                "counts.delivered", equalTo(3), "id", notNullValue()));
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            500         -> 502 -> not_delivered -> server_error
            404         -> 502 -> not_delivered -> client_error
            302         -> 502 -> not_delivered -> redirect
            500 404     -> 502 -> not_delivered -> server_error client_error
            429 500     -> 502 -> not_delivered -> rate_limited server_error
            429         -> 429 -> receiver_busy -> rate_limited
            429 429     -> 429 -> receiver_busy -> rate_limited rate_limited
            """)
    void answersWithErrorWhenAllDeliveriesFailed(String answers, int status, String code, String kinds) {
        List<String> tasks = shots(answers.split(" "));
        String action = BesideKitsu.ajax(receiver.url("/" + Api.unique("kitsu-run-failed") + "/status/{entity_name}"));

        Response answer = run("supervisor", action, kitsus(tasks));

        problem(answer, status, code);
        assertThat(Json.of(answer).getList("errors.code")).containsExactly((Object[]) kinds.split(" "));
        assertThat(runOf(answer).getString("state")).isEqualTo("failed");
        assertThat(runOf(answer).getList("deliveries.failure.kind")).containsExactly((Object[]) kinds.split(" "));
    }

    @ParameterizedTest
    @ValueSource(strings = { "500", "429", ".." })
    void answersWithErrorWhenSomeDeliveriesFailed(String other) {
        List<String> tasks = shots("200", other, "200");
        String action = BesideKitsu.ajax(receiver.url("/" + Api.unique("kitsu-run-some") + "/status/{entity_name}"));

        Response answer = run("supervisor", action, kitsus(tasks));

        problem(answer, 502, "not_delivered");
        assertThat(Json.of(answer).getList("errors.pointer")).containsExactly("/failures/0");
        assertThat(Json.of(answer).getString("detail")).contains("2 of 3");
        assertThat(runOf(answer).getString("state")).isEqualTo("partial");
    }

    @Test
    void sendsRetryAfterIfReceiverIsBusy() {
        List<String> tasks = shots("429");
        String action = BesideKitsu.ajax(receiver.url("/" + Api.unique("kitsu-run-busy") + "/status/{entity_name}"));

        run("supervisor", action, kitsus(tasks)).then().statusCode(429).header("Retry-After", notNullValue());
    }

    @Test
    void answers504WhenAllDeliveriesTimedOut() {
        List<String> tasks = shots("SH010", "SH020");
        String action = BesideKitsu.ajax(receiver.url("/" + Api.unique("kitsu-run-late") + "/silent?e={entity_name}"),
                "timeout_ms", 100);

        Response answer = run("supervisor", action, kitsus(tasks));

        problem(answer, 504, "receiver_timeout");
        assertThat(runOf(answer).getList("deliveries.failure.kind")).containsOnly("timeout");
    }

    @Test
    void answers502WhenNotAllFailuresAreTimeouts() {
        List<String> tasks = shots("silent", "gone");
        String action = BesideKitsu.ajax(receiver.url("/" + Api.unique("kitsu-run-mixed") + "/{entity_name}"), "timeout_ms",
                500);

        Response answer = run("supervisor", action, kitsus(tasks));

        problem(answer, 502, "not_delivered");
        assertThat(Json.of(answer).getList("errors.code")).containsExactly("timeout", "connection_lost");
    }

    @Test
    void statusConsidersDeliveriesBeyondFirstPage() {
        List<String> tasks = shots(Stream.concat(Stream.generate(() -> "silent").limit(100), Stream.of("gone"))
                .toArray(String[]::new));
        String action = BesideKitsu.ajax(receiver.url("/" + Api.unique("kitsu-run-beyond") + "/{entity_name}"), "timeout_ms",
                100);

        Response answer = run("supervisor", action, kitsus(tasks));

        problem(answer, 502, "not_delivered");
        assertThat(runOf(answer).getList("deliveries.failure.kind")).hasSize(100).containsOnly("timeout");
    }

    @Test
    void answers403IfCallerSeesNoTask() {
        Task closed = zou().closedShot("SH010");
        Task deleted = zou().shot("SH020");
        zou().delete(deleted);
        String name = Api.unique("kitsu-run-unseen");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));

        Response answer = run("supervisor", action, kitsus(List.of(closed.id(), deleted.id())));

        problem(answer, 403, "not_visible");
        assertThat(runOf(answer).getList("deliveries.failure.kind")).containsExactly("not_visible", "not_visible");
        assertThat(answer.asString()).doesNotContain(closed.entityId(), closed.projectId(), "Closed Set");
        assertThat(receiver.heard(name)).isEmpty();
    }

    @Test
    void runsOnlyTasksThatCallerSees() {
        Task seen = zou().shot("SH010");
        Task closed = zou().closedShot("SH020");
        String name = Api.unique("kitsu-run-seen");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));

        Response answer = run("supervisor", action, kitsus(List.of(closed.id(), seen.id())));

        problem(answer, 502, "not_delivered");
        assertThat(Json.of(answer).getList("errors.code")).containsExactly("not_visible");
        assertThat(receiver.only(name).json().getList("selection")).containsExactly(seen.id());
        assertThat(runOf(answer).getString("state")).isEqualTo("partial");
    }

    @Test
    void runsInEveryProductionForAnAdmin() {
        Task closed = zou().closedShot("SH010");
        String name = Api.unique("kitsu-run-admin");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok?p={production_name}"));

        run("admin", action, kitsus(List.of(closed.id()))).then().statusCode(200);

        assertThat(receiver.only(name).uri()).endsWith("?p=Closed%20Set");
    }

    @Test
    void refusesEntitiesOfAnotherType() {
        Task shot = zou().shot("SH010");
        String name = Api.unique("kitsu-run-type");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"), "entity_type", "asset");
        Map<String, Object> press = kitsus(List.of(shot.id()));
        press.put("entitytype", "asset");

        Response answer = run("supervisor", action, press);

        problem(answer, 400, "not_for_selection");
        assertThat(Json.of(answer).getList("errors.code")).containsExactly("wrong_entity_type");
        assertThat(receiver.heard(name)).isEmpty();
    }

    @Test
    void refusesEntitiesThatLackVariable() {
        Task shot = zou().shot("SH010");
        Task closed = zou().closedShot("SH020");
        String name = Api.unique("kitsu-run-lacking");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok?a={asset_type_name}"));

        Response answer = run("supervisor", action, kitsus(List.of(shot.id(), closed.id())));

        problem(answer, 400, "not_for_selection");
        assertThat(Json.of(answer).getList("errors.code")).containsExactly("missing_variable", "not_visible");
        assertThat(receiver.heard(name)).isEmpty();
    }

    @Test
    void neverShowsASecret() {
        Task shot = zou().shot("SH010");
        String failing = BesideKitsu.ajax(receiver.url("/" + Api.unique("kitsu-run-secret") + "/status/500"), "headers",
                Map.of("X-Farm", "${secret:farm}"));
        String echo = BesideKitsu.ajax(receiver.url("/" + Api.unique("kitsu-run-secret") + "/headers"), "headers",
                Map.of("X-Farm", "${secret:farm}"));

        for (String each : List.of(failing, echo)) {
            Response answer = run("supervisor", each, kitsus(List.of(shot.id())));

            assertThat(answer.statusCode()).isEqualTo(each.equals(echo) ? 200 : 502);
            assertThat(answer.asString()).doesNotContain(BesideKitsu.FARM);
        }
    }

    // ---- Refused presses

    @Test
    void doesNotRunActionThatBrowserOpens() {
        String action = BesideKitsu.opened(receiver.url("/" + Api.unique("kitsu-run-opened") + "/ok"));

        problem(run("supervisor", action, kitsus(anything())), 409, "not_ajax");
        problem(run("client", action, kitsus(anything())), 404, "not_found");

        assertThat(BesideKitsu.runsOf(action)).isEmpty();
    }

    @Test
    void doesNotRunADisabledAction() {
        String name = Api.unique("kitsu-run-disabled");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"), "enabled", false);

        problem(run("admin", action, kitsus(anything())), 409, "action_disabled");
        problem(run("supervisor", action, kitsus(anything())), 404, "not_found");

        assertThat(receiver.heard(name)).isEmpty();
        assertThat(BesideKitsu.runsOf(action)).isEmpty();
    }

    @Test
    void doesNotRunUnknownAction() {
        problem(run("supervisor", UUID.randomUUID().toString(), kitsus(anything())), 404, "not_found");
        problem(run("supervisor", "no-id", kitsus(anything())), 400, "malformed_id");
    }

    @ParameterizedTest
    @CsvSource({ "'',admin manager supervisor user bot bot2,client vendor", "client,client admin,vendor supervisor manager",
            "vendor,vendor bot,client user", "supervisor,supervisor,user manager vendor" })
    void runsOnlyForRolesOfAction(String roles, String who, String whoNot) {
        Task shot = zou().shot("SH010");
        String name = Api.unique("kitsu-run-roles");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok?u={user_email}"), "roles",
                Stream.of(roles.split(" ")).filter(role -> !role.isEmpty()).toList());

        for (String person : whoNot.split(" ")) {
            problem(run(person, action, kitsus(List.of(shot.id()))), 404, "not_found");
        }
        assertThat(receiver.heard(name)).isEmpty();
        for (String person : who.split(" ")) {
            run(person, action, kitsus(List.of(shot.id()))).then().statusCode(200);
        }
        assertThat(receiver.heard(name)).hasSize(who.split(" ").length);
    }

    @Test
    void refusesCallerWithoutValidToken() {
        String name = Api.unique("kitsu-run-stranger");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));

        RestAssured.given().contentType(ContentType.JSON).body(kitsus(anything())).post(Kitsu.runPath(action)).then()
                .statusCode(401).header("WWW-Authenticate", startsWith("Bearer")).body(has("code", equalTo("unauthenticated")));
        BesideKitsu.with("garbage").body(kitsus(anything())).post(Kitsu.runPath(action)).then().statusCode(422);
        Api.admin().body(kitsus(anything())).post(Kitsu.runPath(action)).then().statusCode(422);

        assertThat(receiver.heard(name)).isEmpty();
        assertThat(BesideKitsu.runsOf(action)).isEmpty();
    }

    @Test
    void refusesForms() {
        String action = BesideKitsu.ajax(receiver.url("/" + Api.unique("kitsu-run-form") + "/ok"));

        BesideKitsu.as("supervisor").contentType("application/x-www-form-urlencoded").body("selection=" + anything().get(0))
                .post(Kitsu.runPath(action)).then().statusCode(415);

        assertThat(BesideKitsu.runsOf(action)).isEmpty();
    }

    /** Returns a press as Kitsu sends it, with a false person and a false production. */
    private static Map<String, Object> kitsus(List<String> tasks) {
        Map<String, Object> press = new LinkedHashMap<>();
        press.put("entitytype", "shot");
        press.put("originurl", "/productions/" + UUID.randomUUID() + "/shots");
        press.put("originserver", "kitsu.studio.com");
        press.put("selection", tasks);
        press.put("productionid", UUID.randomUUID().toString());
        press.put("userid", UUID.randomUUID().toString());
        press.put("useremail", "somebody.else@example.com");
        return press;
    }

    private static List<String> anything() {
        return List.of(UUID.randomUUID().toString());
    }

    private static List<String> shots(String... names) {
        return Stream.of(names).map(name -> zou().shot(name).id()).toList();
    }

    private static Response run(String person, String action, Map<String, Object> press) {
        return BesideKitsu.as(person).body(press).post(Kitsu.runPath(action));
    }

    private static void problem(Response answer, int status, String code) {
        answer.then().statusCode(status).contentType(startsWith("application/problem+json")).body(has("code", equalTo(code),
                "status", equalTo(status), "error", equalTo(true), "message", notNullValue()));
    }

    /** Reads the run in a problem's Location header. */
    private static Json runOf(Response problem) {
        String location = problem.header("Location");
        assertThat(location).isNotNull();
        return Json.of(BesideKitsu.as("supervisor").get(location.substring(location.indexOf("/api/"))).then().statusCode(200)
                .body(has("type", equalTo("Run"))).extract());
    }

    /** Returns the paths of the requests that Zou got with a token, without the identity requests. */
    private static List<String> asked(String token) {
        return zou().requestsOfItsPerson(token).stream().map(Request::path).toList();
    }
}
