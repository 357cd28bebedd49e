package studio.actions.kitsu;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static studio.actions.testing.Json.has;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusIntegrationTest;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.FakeZou.Task;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;

/** The packaged service, jar or native binary, beside a Kitsu. */
@QuarkusIntegrationTest
@WithTestResource(BesideKitsuIT.Traced.class)
class BesideKitsuIT {

    private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

    /** Adds a collector of traces. */
    public static class Traced extends BesideKitsu {

        @Override
        public Map<String, String> start() {
            Map<String, String> settings = new HashMap<>(super.start());
            settings.put("custom-actions.tracing.endpoint", Receiver.shared().url(""));
            settings.put("quarkus.otel.exporter.otlp.protocol", "http/protobuf");
            return settings;
        }
    }

    private final Receiver receiver = Receiver.shared();

    @BeforeEach
    void onlyTheFake() {
        assumeTrue(BesideKitsu.fake());
    }

    @Test
    void answersListAndContextThatKitsuReads() {
        String id = BesideKitsu.opened("https://review.studio.com/shot/{entity_id}", "name", "Review", "entity_type", "shot");

        BesideKitsu.as("supervisor").get(BesideKitsu.PATH).then().statusCode(200).body("id", hasItem(id))
                .body("find { it.id == '" + id + "' }.url",
                        containsString("/open?v=1#https://review.studio.com/shot/{entity_id}"));
        BesideKitsu.as("vendor").get(BesideKitsu.PATH).then().statusCode(403);
        given().header("Cookie", "access_token_cookie=" + BesideKitsu.token("supervisor")).get("/api/data/user/context").then()
                .statusCode(200).body("custom_actions.id", hasItem(id)).body("projects.size()", equalTo(
                        Json.of(new String(FakeZou.shared().contextBytes())).getList("projects").size()));
    }

    @Test
    void acceptsPressAsKitsuPostsIt() {
        Task shot = FakeZou.shared().shot("SH010");
        String action = BesideKitsu.ajax(receiver.url("/it-kitsu/ok?n={entity_name}"));
        Map<String, Object> press = Map.of("entitytype", "shot", "originurl", "https://kitsu.studio.com/x", "originserver",
                "kitsu.studio.com", "selection", List.of(shot.id()), "productionid", shot.projectId(), "userid", "x",
                "useremail", "x");

        String token = BesideKitsu.token("supervisor");
        BesideKitsu.with(token).header("traceparent", "00-" + TRACE + "-00f067aa0ba902b7-01").body(press)
                .post(BesideKitsu.PATH + "/" + action + "/run").then().statusCode(200);

        Receiver.Heard heard = receiver.heard("it-kitsu").get(0);
        assertThat(heard.uri()).endsWith("?n=SH010");
        assertThat(heard.headers().get("traceparent")).startsWith("00-" + TRACE);
        assertThat(FakeZou.shared().requests(token)).filteredOn(asked -> asked.path().contains(shot.id())).isNotEmpty()
                .allSatisfy(asked -> assertThat(asked.headers().get("traceparent")).startsWith("00-" + TRACE));
    }

    @Test
    void opensPagesAndLaunchesPrograms() {
        Task shot = FakeZou.shared().shot("SH020");
        Response one = open(BesideKitsu.opened("https://review.studio.com/{entity_name}"), shot);
        one.then().statusCode(303).header("Location", equalTo("https://review.studio.com/SH020#"));

        open(BesideKitsu.opened("maya://open?e={entity_name}", "name", "Open <b>"), shot).then().statusCode(200)
                .contentType("text/html").header("Content-Security-Policy", startsWith("default-src 'none'; style-src"))
                .body(containsString("maya://open?e=SH020")).body(containsString("Open &lt;b&gt;"));
    }

    @Test
    void checksTakeOverOfKitsusActions() {
        BesideKitsu.as("admin").post(Api.ACTIONS + "/take-over?mode=check").then().statusCode(200)
                .body(has("errors", notNullValue()));
    }

    private static Response open(String action, Task shot) {
        return given().redirects().follow(false).header("Authorization", "Bearer " + BesideKitsu.token("supervisor"))
                .contentType(ContentType.URLENC).formParam("selection", shot.id()).formParam("projectid", shot.projectId())
                .formParam("entitytype", "shot").post(BesideKitsu.PATH + "/" + action + "/open");
    }
}
