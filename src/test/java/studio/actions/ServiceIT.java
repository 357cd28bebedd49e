package studio.actions;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItems;
import static org.hamcrest.Matchers.startsWith;
import static studio.actions.testing.Json.has;

import java.net.MalformedURLException;
import java.net.URL;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusIntegrationTest;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.Confidential;
import studio.actions.testing.Json;
import studio.actions.testing.Metrics;
import studio.actions.testing.Packaged;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** Uses each feature of the packaged service, jar or native binary, so that a class or resource missing there shows. */
@QuarkusIntegrationTest
@WithTestResource(ServiceIT.WithManagement.class)
class ServiceIT {

    /** Sets a fixed management port, since the process reports only its main port. */
    public static class WithManagement extends Services {

        private static final int PORT = Packaged.freePort();

        @Override
        public Map<String, String> start() {
            Map<String, String> settings = new HashMap<>(super.start());
            settings.put("quarkus.management.port", Integer.toString(PORT));
            return settings;
        }
    }

    private static final String ACTIONS = Api.ACTIONS;

    private final Receiver receiver = Receiver.shared();

    @Test
    void keepsActionsAndTheirHistory() {
        Response made = Api.create(Api.draft("name", "First", "roles", List.of("supervisor"), "headers",
                Map.of("X-Farm", "${secret:farm}")));
        String there = ACTIONS + "/" + Api.id(made);
        made.then().header("Location", containsString(there)).header("ETag", startsWith("\""));

        Api.admin().contentType("application/merge-patch+json").body("{\"name\": \"Second\"}").patch(there).then()
                .statusCode(200).body(has("name", equalTo("Second"), "version", equalTo(2)));
        Api.admin().header("If-Match", made.header("ETag")).body(Api.draft()).put(there).then().statusCode(412);
        Api.admin().delete(there).then().statusCode(204);
        Api.admin().get(there).then().statusCode(404).body("code", equalTo("not_found"));
        Api.admin().get(there + "/history").then().statusCode(200)
                .body(containsString("First")).body(containsString("Second"));
        Api.admin().post(there + "/restore?version=1").then().statusCode(200).body(has("name", equalTo("First")));
        Api.admin().get(ACTIONS + "?q=first&limit=5").then().statusCode(200).body(has("data.name", hasItems("First")));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = { "{\"name\": 7, \"url\": \"https://api.studio.com/\"} | /name",
            "{\"name\": \"x\", \"url\": \"https://api.studio.com/{nobody}\"} | /url",
            "{\"name\": \"x\", \"url\": \"https://10.0.0.1/\", \"is_ajax\": true} | /url",
            "{\"name\": \"x\", \"url\": \"https://api.studio.com/\", \"entity_type\": \"banana\"} | /entity_type",
            "{\"name\": \"x\", \"url\": \"https://api.studio.com/\", \"colour\": \"red\"} | /colour" })
    void pointsAtTheInvalidField(String draft, String pointer) {
        Api.admin().body(draft).post(ACTIONS).then().statusCode(400).contentType("application/problem+json")
                .body("errors[0].pointer", equalTo(pointer)).body("error", equalTo(true));
    }

    @Test
    void answersErrorsAsProblems() {
        given().get(ACTIONS).then().statusCode(401).body("code", equalTo("unauthenticated"));
        Api.admin().get("/nothing").then().statusCode(404).body("code", equalTo("not_found"));
        Api.admin().body("{}").post(ACTIONS + "/runs").then().statusCode(405).header("Allow", containsString("GET"));
        given().header("Authorization", "Bearer " + Services.TOKEN).contentType("text/plain").body("x").post(ACTIONS).then()
                .statusCode(415);
        Api.admin().accept("image/png").get(ACTIONS).then().statusCode(406);
        Api.admin().body("[").post(ACTIONS).then().statusCode(400).body("code", equalTo("invalid_json"));
        Api.admin().get(ACTIONS + "/runs?limit=many").then().statusCode(400);
    }

    @Test
    void sendsASignedRequestAndShowsItsAnswer() {
        String action = Api.ajax(
                receiver.url("/it-pressed/headers?e={entity_id}" + Confidential.note("&no-log-has-this=1") + "{&entity_name}"),
                "headers",
                Map.of("X-Farm", "${secret:farm}"), "signing_secret", "sign-here");
        Map<String, Object> shot = Api.shot("SH é/1");

        Api.admin().body(Map.of("targets", List.of(shot))).post(ACTIONS + "/" + action + "/preview").then().statusCode(200)
                .body(has("deliveries[0].headers.X-Farm", equalTo("••••"), "deliveries[0].method", equalTo("POST")));
        Json run = Json.of(200, Api.run(action, List.of(shot)));

        assertThat(run.getString("state")).as(run.prettify()).isEqualTo("succeeded");
        assertThat(run.prettify()).doesNotContain(Services.FARM);
        Receiver.Heard heard = receiver.heard("it-pressed").get(0);
        assertThat(heard.uri()).endsWith("&entity_name=SH%20%C3%A9%2F1");
        assertThat(heard.headers()).containsEntry("X-Farm", Services.FARM).containsKey("webhook-signature");
        assertThat(Json.of(heard.body()).getString("run_id")).isEqualTo(run.getString("id"));

        String events = Api.admin().accept("text/event-stream").get(ACTIONS + "/runs/" + run.getString("id") + "/events")
                .then().statusCode(200).extract().asString();
        assertThat(events).contains("event:delivery").contains("event:end");
        Api.admin().get(ACTIONS + "/runs?action_id=" + action).then().statusCode(200).body(has("data[0].id",
                equalTo(run.getString("id"))));
        Api.admin().post(ACTIONS + "/runs/" + run.getString("id") + "/replay?only=all").then().statusCode(200)
                .body(has("state", equalTo("succeeded")));
        await().untilAsserted(() -> Api.admin().get(ACTIONS + "/" + action + "/stats").then().statusCode(200)
                .body(has("presses", equalTo(1), "deliveries.delivered", equalTo(2))));
        Api.admin().get(ACTIONS + "/audit?subject=" + action).then().statusCode(200).body(has("data.verb",
                hasItems("created", "ran", "replayed")));
        Api.admin().accept("text/csv").get(ACTIONS + "/audit?subject=" + action).then().statusCode(200)
                .body(containsString("\"replayed\""));
    }

    @Test
    void reachesAReceiverWithACertificateOfTheStudiosAuthority() {
        Json run = Api.press(Api.ajax("https://127.0.0.1:" + Receiver.sharedWithTls().port() + "/it-tls/ok?e={entity_id}"));

        assertThat(run.getString("state")).as(run.prettify()).isEqualTo("succeeded");
    }

    @Test
    void reportsFailuresAndRecognizesARepeatedRequest() {
        Json refused = Api.press(Api.ajax("https://private.studio.test/?e={entity_id}"));
        assertThat(refused.getString("deliveries[0].failure.kind")).isIn("forbidden_address", "dns");

        String action = Api.ajax(receiver.url("/it-failing/status/503?e={entity_id}"));
        Map<String, Object> body = Map.of("targets", List.of(Api.shot()));
        String key = UUID.randomUUID().toString();
        Json first = Json.of(200, Api.admin().header("Idempotency-Key", key).body(body).post(ACTIONS + "/" + action + "/run"));
        assertThat(first.getString("deliveries[0].failure.kind")).isEqualTo("server_error");
        Api.admin().header("Idempotency-Key", key).body(body).post(ACTIONS + "/" + action + "/run").then().statusCode(200)
                .body(has("id", equalTo(first.getString("id"))));
        Api.admin().header("Idempotency-Key", key).body(Map.of("targets", List.of(Api.shot())))
                .post(ACTIONS + "/" + action + "/run").then().statusCode(422);
    }

    @Test
    void exportsAndImportsActionsAsCsv() {
        String id = Api.id(Api.create(Api.draft("name", "Moved; \"quoted\"")));
        String csv = Api.admin().get(ACTIONS + "/export").then().statusCode(200).contentType("text/csv").extract().asString();
        assertThat(csv).contains("\"Moved; \"\"quoted\"\"\"").contains(id);

        for (String mode : List.of("check", "apply")) {
            given().header("Authorization", "Bearer " + Services.TOKEN).contentType("text/csv")
                    .body("Type;Name;URL;Entity Type;Use AJAX;ID\nCustomAction;Moved back;https://api.studio.com/;shot;yes;"
                            + id)
                    .post(ACTIONS + "/import?mode=" + mode).then().statusCode(200)
                    .body(has("updated", equalTo(1), "changes[0].from.name", equalTo("Moved; \"quoted\"")));
        }
        Api.admin().get(ACTIONS + "/" + id).then().body(has("name", equalTo("Moved back")));
    }

    @Test
    void servesItsApiDescription() {
        given().get(ACTIONS + "/openapi").then().statusCode(200).body(containsString("openapi: 3.1.0"));
        given().get(ACTIONS + "/docs/").then().statusCode(200).body(containsString("swagger-ui-bundle.js"));
        given().get(ACTIONS + "/docs/swagger-ui-bundle.js").then().statusCode(200);
        given().redirects().follow(false).get("/").then().statusCode(303);
    }

    @Test
    void answersHealthProbesAndExportsMetrics() throws MalformedURLException {
        String management = "http://127.0.0.1:" + WithManagement.PORT + "/q/";
        for (String check : List.of("live", "ready", "started")) {
            given().get(management + "health/" + check).then().statusCode(200).body("status", equalTo("UP"));
        }
        assertThat(Metrics.scrape(new URL(management + "metrics"))).contains("custom_actions_runs_total{state=\"succeeded\"}")
                .contains("custom_actions_delivery_duration_seconds_bucket").contains("agroal_active_count")
                .contains("http_server_requests_seconds_count");
    }
}
