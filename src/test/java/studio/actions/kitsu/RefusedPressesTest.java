package studio.actions.kitsu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.nullValue;
import static studio.actions.testing.Api.RUNS;
import static studio.actions.testing.BesideKitsu.zou;
import static studio.actions.testing.Json.has;

import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

import jakarta.inject.Inject;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.Database;
import studio.actions.testing.FakeZou.Fault;
import studio.actions.testing.Json;
import studio.actions.testing.Metrics;
import studio.actions.testing.Receiver;

/** Presses by Kitsu's XHR: which count as repeated, and which refused ones are recorded. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class RefusedPressesTest {

    @Inject
    Database database;

    @TestHTTPResource(value = "/metrics", management = true)
    URL metrics;

    private final Receiver receiver = Receiver.shared();
    private final String name = "presses-" + UUID.randomUUID();

    @AfterEach
    void release() {
        receiver.release(name);
    }

    // ---- Repeated presses

    @Test
    void repeatedPressReturnsSameRunUntilThreeSecondsAfterItsEnd() throws Exception {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        String token = BesideKitsu.token("admin");
        String task = zou().shot("SH010").id();
        String run = id(press(token, action, task));

        age(run, "30 seconds", "2 seconds");
        assertThat(id(press(token, action, task))).as("it ended a moment ago").isEqualTo(run);
        age(run, "30 seconds", "5 seconds");
        assertThat(id(press(token, action, task))).as("it ended long ago").isNotEqualTo(run);
    }

    @Test
    void repeatedPressJoinsRunningRunForOneMinute() throws Exception {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/held"));
        String token = BesideKitsu.token("admin");
        String task = zou().shot("SH010").id();
        CompletableFuture<Response> first = CompletableFuture.supplyAsync(() -> press(token, action, task));
        String run = one(token, action, "running");

        age(run, "50 seconds", null);
        CompletableFuture<Response> second = CompletableFuture.supplyAsync(() -> press(token, action, task));
        Thread.sleep(500);
        assertThat(Api.runsOf(BesideKitsu.with(token), action)).as("joins the first").hasSize(1);
        age(run, "61 seconds", null);
        CompletableFuture<Response> third = CompletableFuture.supplyAsync(() -> press(token, action, task));
        await().until(() -> Api.runsOf(BesideKitsu.with(token), action).size() == 2);

        receiver.release(name);
        assertThat(id(first.get())).isEqualTo(run).isEqualTo(id(second.get())).isNotEqualTo(id(third.get()));
    }

    @Test
    void repeatedApiPressReturnsSameRunForThreeSeconds() throws Exception {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        String token = BesideKitsu.token("admin");
        String task = zou().shot("SH010").id();
        String run = id(press(token, action, task));

        age(run, "4 seconds", "1 second");

        Response again = BesideKitsu.run(BesideKitsu.with(token), action, List.of(task));
        assertThat(id(again)).isNotEqualTo(run);
    }

    // ---- Refused presses

    @Test
    void keepsAPressOnADisabledAction() {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"), "enabled", false);
        String artist = zou().login("user");
        double counted = counted("action_disabled");

        press(artist, action, UUID.randomUUID().toString()).then().statusCode(404);

        Json list = Json.of(200, BesideKitsu.with(artist).get(RUNS + "?state=refused&action_id=" + action));
        assertThat(list.getList("data")).hasSize(1);
        Map<String, Object> run = list.<Map<String, Object>> getList("data").get(0);
        assertThat(run).containsEntry("state", "refused").containsEntry("finished_at", run.get("created_at"))
                .containsEntry("refusal", Map.of("code", "action_disabled", "message",
                        "This action is disabled. Ask an admin to enable it."));
        assertThat(list.<Map<String, Integer>> getList("data.counts").get(0).values()).containsOnly(0);
        String id = (String) run.get("id");
        BesideKitsu.with(artist).get(RUNS + "/" + id).then().statusCode(200).body(has("deliveries", equalTo(List.of())),
                has("refusal.code", equalTo("action_disabled")));
        BesideKitsu.with(artist).post(RUNS + "/" + id + "/cancel").then().statusCode(409)
                .body(has("code", equalTo("run_ended")));
        for (String only : List.of("", "?only=all")) {
            BesideKitsu.with(zou().login("admin")).post(RUNS + "/" + id + "/replay" + only).then().statusCode(409)
                    .body(has("code", equalTo("nothing_to_replay")));
        }
        assertThat(BesideKitsu.with(artist).get(RUNS + "/" + id + "/events").asString()).contains("event:end")
                .contains("action_disabled").doesNotContain("event:delivery");
        assertThat(counted("action_disabled")).isEqualTo(counted + 1);
        assertThat(receiver.heard(name)).isEmpty();
    }

    @Test
    void keepsAPressOnADeletedAction() {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        BesideKitsu.as("admin").delete(Api.ACTIONS + "/" + action).then().statusCode(204);
        String artist = zou().login("user");

        press(artist, action, UUID.randomUUID().toString()).then().statusCode(404);

        assertThat(refusals(artist, action)).containsExactly(Map.of("code", "not_found", "message",
                "This action was deleted. Reload Kitsu to see the current actions."));
    }

    @Test
    void keepsPressOnActionThatBrowserOpens() {
        String action = BesideKitsu.opened("https://tool.studio.com/" + name);
        String artist = zou().login("user");

        press(artist, action, UUID.randomUUID().toString()).then().statusCode(409);

        assertThat(refusals(artist, action)).extracting(refusal -> refusal.get("code")).containsExactly("not_ajax");
    }

    @Test
    void keepsAPressWithoutASelection() {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        String artist = zou().login("user");

        BesideKitsu.with(artist).body(Map.of("selection", List.of())).post(Kitsu.runPath(action)).then().statusCode(400);

        assertThat(refusals(artist, action)).extracting(refusal -> refusal.get("code")).containsExactly("invalid_body");
    }

    @Test
    void keepsPressWhileZouIsUnavailable() {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        String task = zou().shot("SH010").id();
        String artist = zou().login("user");
        BesideKitsu.with(artist).get(Api.ACTIONS).then().statusCode(200);
        zou().fault(artist, "/data/", Fault.unavailable);

        press(artist, action, task).then().statusCode(503);

        zou().heal(artist);
        assertThat(refusals(artist, action)).extracting(refusal -> refusal.get("code")).containsExactly("unavailable");
    }

    @Test
    void keepsNoPressOfRevokedToken() {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        String artist = zou().login("user");
        BesideKitsu.with(artist).get(Api.ACTIONS).then().statusCode(200);
        zou().revoke(artist);

        press(artist, action, zou().shot("SH010").id()).then().statusCode(401);

        assertThat(refusals(zou().login("admin"), action)).isEmpty();
    }

    /** Persons reload Kitsu's page if nothing seems to happen, which closes the connection. */
    @Test
    void keepsPressAfterClientDisconnects() {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        String task = zou().shot("SH010").id();
        String artist = zou().login("user");
        BesideKitsu.with(artist).get(Api.ACTIONS).then().statusCode(200);
        zou().fault(artist, "/data/", Fault.silent);

        HttpRequest press = HttpRequest.newBuilder(URI.create("http://localhost:" + RestAssured.port + Kitsu.runPath(action)))
                .header("Authorization", "Bearer " + artist).header("Content-Type", "application/json")
                .timeout(Duration.ofMillis(500))
                .POST(HttpRequest.BodyPublishers.ofString("{\"selection\": [\"" + task + "\"]}")).build();
        HttpClient browser = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        assertThatThrownBy(() -> browser.send(press, HttpResponse.BodyHandlers.ofString()))
                .isInstanceOf(HttpTimeoutException.class);

        String admin = zou().login("admin");
        await().until(() -> !refusals(admin, action).isEmpty());
        assertThat(refusals(admin, action)).extracting(refusal -> refusal.get("code")).containsExactly("unavailable");
        zou().heal(artist);
    }

    @Test
    void keepsOnePressPerMinuteForEachCallerActionAndReason() throws Exception {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"), "enabled", false);
        String other = BesideKitsu.ajax(receiver.url("/" + name + "/ok"), "enabled", false);
        String artist = zou().login("user");
        String supervisor = zou().login("supervisor");

        IntStream.range(0, 12).parallel().forEach(i -> press(artist, action, UUID.randomUUID().toString()));
        press(artist, other, UUID.randomUUID().toString());
        press(supervisor, action, UUID.randomUUID().toString());
        BesideKitsu.with(artist).body(Map.of("selection", List.of())).post(Kitsu.runPath(action));

        assertThat(refusals(artist, action)).as("an empty selection of a disabled action counts as disabled").hasSize(1);
        assertThat(refusals(artist, other)).hasSize(1);
        assertThat(refusals(supervisor, action)).hasSize(1);
        age(one(artist, action, "refused"), "61 seconds", "61 seconds");
        press(artist, action, UUID.randomUUID().toString());
        assertThat(refusals(artist, action)).hasSize(2);
    }

    @ParameterizedTest
    @ValueSource(strings = { "client", "vendor" })
    void keepsNoPressOfRolesThatDoNotSeeAction(String person) {
        for (boolean enabled : List.of(true, false)) {
            String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"), "enabled", enabled);

            press(zou().login(person), action, zou().shot("SH010").id()).then().statusCode(404);

            BesideKitsu.as("admin").get(RUNS + "?action_id=" + action).then().body(has("data", equalTo(List.of())));
        }
    }

    @Test
    void keepsNoPressOnUnknownAction() {
        String never = UUID.randomUUID().toString();

        press(zou().login("admin"), never, UUID.randomUUID().toString()).then().statusCode(404);

        BesideKitsu.as("admin").get(RUNS + "?action_id=" + never).then().body(has("data", equalTo(List.of())));
    }

    @Test
    void statisticsOmitRefusedPresses() {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        press(zou().login("admin"), action, zou().shot("SH010").id()).then().statusCode(200);
        Api.change(BesideKitsu.as("admin"), action, Map.of("enabled", false));
        press(zou().login("user"), action, UUID.randomUUID().toString()).then().statusCode(404);

        await().untilAsserted(() -> BesideKitsu.as("admin")
                .get(Api.ACTIONS + "/" + action + "/stats").then().statusCode(200)
                .body(has("runs.total", equalTo(1)), has("runs.succeeded", equalTo(1)), has("presses", equalTo(1))));
    }

    /** A new press of a now enabled action must not be taken for the refused one. */
    @Test
    void acceptsSamePressAfterActionIsEnabled() {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"), "enabled", false);
        String artist = zou().login("user");
        String task = zou().recordedShot().id();
        press(artist, action, task).then().statusCode(404);
        Api.change(BesideKitsu.as("admin"), action, Map.of("enabled", true));

        press(artist, action, task).then().statusCode(200).body(has("state", equalTo("succeeded")),
                has("refusal", nullValue()));
    }

    private static Response press(String token, String action, String task) {
        return BesideKitsu.with(token).body(Map.of("selection", List.of(task))).post(Kitsu.runPath(action));
    }

    private static String id(Response run) {
        assertThat(run.statusCode()).as(run.asString()).isIn(200, 202);
        return Json.of(run).getString("id");
    }

    private static String one(String token, String action, String state) {
        return await().until(() -> Api.runsOf(BesideKitsu.with(token), action).stream()
                .filter(run -> run.get("state").equals(state)).map(run -> (String) run.get("id")).findFirst().orElse(null),
                found -> found != null);
    }

    private static List<Map<String, Object>> refusals(String token, String action) {
        return Json.of(200, BesideKitsu.with(token).get(RUNS + "?state=refused&action_id=" + action)).getList("data.refusal");
    }

    private double counted(String code) {
        String series = "custom_actions_presses_refused_total{code=\"" + code + "\"}";
        return Metrics.scrape(metrics).contains(series) ? Metrics.of(metrics, series) : 0;
    }

    /** Moves a run into the past. */
    private void age(String run, String pressed, String ended) throws SQLException {
        database.change("UPDATE run SET created_at = clock_timestamp() - interval '" + pressed + "'"
                + (ended == null ? "" : ", finished_at = clock_timestamp() - interval '" + ended + "'") + " WHERE id = '" + run
                + "'");
    }
}
