package studio.actions.kitsu;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.matchesPattern;
import static org.hamcrest.Matchers.startsWith;
import static studio.actions.kitsu.Kitsu.TOOL;
import static studio.actions.kitsu.Kitsu.admin;
import static studio.actions.kitsu.Kitsu.answer;
import static studio.actions.kitsu.Kitsu.list;
import static studio.actions.testing.BesideKitsu.PATH;
import static studio.actions.testing.Json.has;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Receiver;

/** Kitsu's paths with other settings: the public URL and CORS origins, the wait of a press, and the limits per caller. */
@QuarkusTest
@TestProfile(KitsuSettingsTest.Said.class)
@WithTestResource(BesideKitsu.class)
class KitsuSettingsTest {

    public static class Said implements QuarkusTestProfile {

        @Override
        public Map<String, String> getConfigOverrides() {
            return Map.of("quarkus.http.cors.enabled", "true",
                    "quarkus.http.cors.origins",
                    "https://kitsu.studio.com:8443,HTTPS://Kitsu.Studio.com:8443,https://tools.studio.com",
                    "custom-actions.public-url", "https://kitsu.studio.com:8443", "custom-actions.run.wait", "1s",
                    "custom-actions.limits.per-caller", "30", "custom-actions.limits.per-caller-by-role.supervisor", "60",
                    "custom-actions.limits.per-caller-by-role.bot", "600");
        }
    }

    @Test
    void allowsConfiguredOriginsAndKitsusOwn() {
        Map<String, String> preflight = Map.of("Access-Control-Request-Method", "POST", "Access-Control-Request-Headers",
                "authorization,content-type");
        given().headers(preflight).header("Origin", "https://tools.studio.com").options(Api.ACTIONS).then().statusCode(200)
                .header("Access-Control-Allow-Origin", equalTo("https://tools.studio.com"));
        for (String origin : List.of("https://tools.studio.com", "https://kitsu.studio.com:8443")) {
            admin().header("Origin", origin).body(BesideKitsu.draft()).post(Api.ACTIONS).then().statusCode(201)
                    .header("Access-Control-Allow-Origin", equalTo(origin));
        }
        // The service gets plain HTTP behind a proxy that ends TLS, so the origin's scheme differs from the request's.
        given().header("Cookie", "access_token_cookie=" + BesideKitsu.token("admin"))
                .header("Origin", "https://kitsu.studio.com:8443").contentType("application/json").body(BesideKitsu.draft())
                .post(Api.ACTIONS).then().statusCode(201);
        assertThat(given().headers(preflight).header("Origin", "https://evil.example").options(Api.ACTIONS)
                .header("Access-Control-Allow-Origin")).isNull();
    }

    @Test
    void listHasSameETagUnderEveryHost() {
        String list = PATH + "?name=" + UUID.randomUUID();
        String tag = admin().header("Host", "one").get(list).header("ETag");

        assertThat(admin().header("Host", "two").header("If-None-Match", tag).get(list).statusCode()).isEqualTo(304);
    }

    @ParameterizedTest
    @CsvSource({ "https://kitsu.studio.com:8443, 404", "HTTPS://Kitsu.Studio.com:8443, 404",
            "http://kitsu.studio.com:8443, 403",
            "https://kitsu.studio.com, 403", "http://localhost, 403" })
    void acceptsOnlyOriginOfPublicUrl(String origin, int status) {
        given().header("Cookie", "access_token_cookie=" + BesideKitsu.token("admin")).header("Origin", origin)
                .delete(PATH + "/" + UUID.randomUUID()).then().statusCode(status);
    }

    /** In the studio's network Kitsu may have another name and no TLS. Browsers then send no Sec-Fetch-Site. */
    @ParameterizedTest
    @CsvSource({ "kitsu.lan, http://kitsu.lan, 404", "kitsu.lan:8080, http://kitsu.lan:8080, 404",
            "kitsu.lan, http://evil.example, 403",
            "kitsu.lan, http://kitsu.lan:8080, 403" })
    void acceptsOnlyOriginOfRequestedHost(String host, String origin, int status) {
        given().header("Cookie", "access_token_cookie=" + BesideKitsu.token("admin")).header("Host", host)
                .header("Origin", origin).delete(PATH + "/" + UUID.randomUUID()).then().statusCode(status);
    }

    @Test
    void answers202WithLocationForLongRun() {
        Assumptions.assumeTrue(BesideKitsu.fake());
        String name = UUID.randomUUID().toString();
        String action = BesideKitsu.ajax(Receiver.shared().url("/" + name + "/held"));
        String task = FakeZou.shared().shot("SH010").id();

        Response answer = admin().body(Map.of("selection", List.of(task))).post(PATH + "/" + action + "/run");

        assertThat(answer.statusCode()).isEqualTo(202);
        String run = answer.header("Location").replaceFirst("^https?://[^/]+", "");
        assertThat(run).startsWith("/api/custom-actions/runs/");
        Receiver.shared().release(name);
        await().untilAsserted(
                () -> assertThat(answer(200, admin().get(run))).containsEntry("state", "succeeded"));
    }

    @ParameterizedTest
    @CsvSource({ "manager, 30", "supervisor, 60", "bot, 600" })
    void pressLimitDependsOnCaller(String person, int perMinute) {
        Assumptions.assumeTrue(BesideKitsu.fake());
        String action = BesideKitsu.ajax(Receiver.shared().url("/" + UUID.randomUUID() + "/ok"));
        Map<String, Object> press = Map.of("selection", List.of(FakeZou.shared().shot("SH010").id()));

        Response answer = BesideKitsu.as(person).body(press).post(PATH + "/" + action + "/run");

        answer.then().statusCode(200).header("RateLimit-Policy", "\"caller\";q=" + perMinute + ";w=60").header("RateLimit",
                startsWith("\"caller\";r=" + (perMinute - 1) + ";t="));
    }

    @Test
    void openingsCountTowardsPressLimit() {
        Assumptions.assumeTrue(BesideKitsu.fake());
        String action = BesideKitsu.opened(TOOL);
        String form = "selection=" + FakeZou.shared().shot("SH010").id();
        RequestSpecification user = BesideKitsu.as("user").contentType("application/x-www-form-urlencoded").redirects()
                .follow(false).body(form);

        List<Response> answers = new ArrayList<>();
        do {
            answers.add(user.post(PATH + "/" + action + "/open"));
        } while (answers.get(answers.size() - 1).statusCode() == 303 && answers.size() < 40);

        assertThat(answers.get(0).header("RateLimit")).startsWith("\"caller\";r=29;t=");
        assertThat(answers.size() - 1).isBetween(30, 32);
        answers.get(answers.size() - 1).then().statusCode(429).header("Retry-After", matchesPattern("[12]"))
                .body(has("code", equalTo("quota_exceeded"), "violated-policies", contains("caller")));
        Response page;
        do {
            page = user.accept("text/html,*/*;q=0.8").post(PATH + "/" + action + "/open");
        } while (page.statusCode() == 303);
        page.then().statusCode(429).contentType("text/html;charset=utf-8")
                .body(containsString("Too many presses"),
                        containsString("You can press again in " + page.header("Retry-After")));
    }

    @Test
    void previewsDoNotCountTowardsPressLimit() {
        String action = BesideKitsu.ajax("https://api.studio.com/sync");

        Response preview = admin().body(Map.of("selection", List.of(UUID.randomUUID())))
                .post("/api/custom-actions/" + action + "/preview");

        assertThat(preview.headers().hasHeaderWithName("RateLimit")).isFalse();
    }
}
