package studio.actions.action;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.URL;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Metrics;
import studio.actions.testing.Receiver;

/** Lists that are answered from the cache. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class CachedListsTest {

    private static final String HIT = "custom_actions_list_lookups_total{result=\"hit\"}";

    @TestHTTPResource(value = "/metrics", management = true)
    URL metrics;

    private final String admin = BesideKitsu.token("admin");

    /** Creates an action, which invalidates the cached lists. */
    @BeforeEach
    void change() {
        Api.id(BesideKitsu.with(admin).body(Api.draft("name", "Sync " + UUID.randomUUID())).post(Api.ACTIONS));
    }

    @ParameterizedTest
    @ValueSource(strings = { Api.ACTIONS, Api.ACTIONS + "?entity_type=shot&q=sync", Api.ACTIONS + "?limit=1",
            BesideKitsu.PATH, BesideKitsu.PATH + "/", BesideKitsu.PATH + "?fields=id,name&page=1" })
    void answersRepeatedRequestFromCacheWithSameBytes(String path) {
        double hits = hits();
        Response first = BesideKitsu.with(admin).get(path);
        assertThat(hits()).isEqualTo(hits);
        Response again = BesideKitsu.with(admin).get(path);

        assertThat(hits()).isEqualTo(hits + 1);
        assertThat(again.statusCode()).isEqualTo(200);
        assertThat(again.asByteArray()).isEqualTo(first.asByteArray());
        assertThat(headers(again)).isEqualTo(headers(first)).containsKeys("etag", "content-length", "x-content-type-options");
    }

    @ParameterizedTest
    @ValueSource(strings = { Api.ACTIONS, BesideKitsu.PATH })
    void answers304FromCache(String path) {
        String tag = BesideKitsu.with(admin).get(path).header("ETag");
        double hits = hits();
        Response known = BesideKitsu.with(admin).header("If-None-Match", "\"other\", W/" + tag).get(path);

        assertThat(hits()).isEqualTo(hits + 1);
        assertThat(known.statusCode()).isEqualTo(304);
        assertThat(known.asByteArray()).isEmpty();
        assertThat(known.header("ETag")).isEqualTo(tag);
        assertThat(known.header("Cache-Control")).isEqualTo("private, no-cache");
    }

    @Test
    void showsActionHeadersOnlyToAdmins() {
        Receiver receiver = Receiver.shared();
        String id = BesideKitsu.ajax(receiver.url("/headers-" + UUID.randomUUID() + "/ok"), "headers",
                Map.of("X-Queue", "seen-by-admins"), "name", "Headers");
        Map<String, Object> press = Map.of("selection", List.of(FakeZou.shared().shot("SH010").id()));

        for (String person : List.of("admin", "supervisor", "user")) {
            List<Response> answers = List.of(BesideKitsu.as(person).get(Api.ACTIONS + "/" + id),
                    BesideKitsu.as(person).body(press).post(Api.ACTIONS + "/" + id + "/preview"),
                    BesideKitsu.as(person).get(Api.ACTIONS), BesideKitsu.as(person).get(Api.ACTIONS + "?limit=1000"));
            assertThat(answers).as(person).allSatisfy(answer -> {
                assertThat(answer.statusCode()).isEqualTo(200);
                assertThat(answer.asString().contains("seen-by-admins")).isEqualTo(person.equals("admin"));
                assertThat(answer.asString().contains("\"headers\":null")).isEqualTo(!person.equals("admin"));
            });
            Response run = BesideKitsu.as(person).body(press).post(Api.ACTIONS + "/" + id + "/run");
            assertThat(run.statusCode()).as(run.asString()).isEqualTo(200);
            assertThat(run.asString()).doesNotContain("seen-by-admins");
        }
    }

    /** A new token is not in the identity cache, but the list is in the list cache. */
    @ParameterizedTest
    @ValueSource(strings = { Api.ACTIONS, BesideKitsu.PATH })
    void answersNewTokenFromCache(String path) {
        Response first = BesideKitsu.with(admin).get(path);
        double hits = hits();
        Response same = BesideKitsu.as("admin").get(path);

        assertThat(hits()).isEqualTo(hits + 1);
        assertThat(same.asByteArray()).isEqualTo(first.asByteArray());
        assertThat(headers(same)).isEqualTo(headers(first));
    }

    /** RFC 9110, section 5.3: several lines of one header count as one list. */
    @Test
    void joinsLinesOfRepeatedHeader() {
        String tag = BesideKitsu.with(admin).get(Api.ACTIONS).header("ETag");
        for (int i = 0; i < 2; i++) {
            BesideKitsu.with(admin).header("If-None-Match", "\"other\"").header("If-None-Match", tag).get(Api.ACTIONS).then()
                    .statusCode(304);
            accepting("text/html").header("Accept", "application/json").get(Api.ACTIONS).then().statusCode(200);
            accepting("text/html").get(Api.ACTIONS).then().statusCode(406);
        }
    }

    @Test
    void sendsWwwAuthenticateToAnonymousCaller() {
        for (String path : List.of(Api.ACTIONS, BesideKitsu.PATH)) {
            assertThat(given().get(path).then().statusCode(401).extract().header("WWW-Authenticate"))
                    .isEqualTo("Bearer realm=\"kitsu-actions\"");
        }
    }

    @Test
    void answersNewListAfterChange() {
        String before = BesideKitsu.with(admin).get(BesideKitsu.PATH).header("ETag");
        change();
        Response after = BesideKitsu.with(admin).header("If-None-Match", before).get(BesideKitsu.PATH);

        assertThat(after.statusCode()).isEqualTo(200);
        assertThat(after.header("ETag")).isNotEqualTo(before);
    }

    @Test
    void answersEachRoleWithItsOwnList() {
        String id = Api.id(BesideKitsu.with(admin).body(Api.draft("name", "For supervisors", "roles", List.of("supervisor")))
                .post(Api.ACTIONS));
        for (String path : List.of(Api.ACTIONS, BesideKitsu.PATH)) {
            for (int i = 0; i < 2; i++) {
                assertThat(BesideKitsu.with(admin).get(path).asString()).contains(id);
                assertThat(BesideKitsu.as("supervisor").get(path).asString()).contains(id);
                assertThat(BesideKitsu.as("user").get(path).asString()).doesNotContain(id);
                assertThat(BesideKitsu.as("client").get(path).asString()).doesNotContain(id);
                assertThat(BesideKitsu.as("vendor").get(path).statusCode()).isEqualTo(path.equals(Api.ACTIONS) ? 200 : 403);
                assertThat(BesideKitsu.as("vendor").get(path).asString()).doesNotContain(id);
                given().get(path).then().statusCode(401);
                given().header("Authorization", "Bearer nobody").get(path).then()
                        .statusCode(path.equals(Api.ACTIONS) ? 401 : 422);
            }
        }
    }

    @Test
    void refusesInvalidRequestsDespiteCache() {
        for (int i = 0; i < 2; i++) {
            BesideKitsu.with(admin).get(Api.ACTIONS).then().statusCode(200);
            BesideKitsu.with(admin).get(Api.ACTIONS + "?limit=0").then().statusCode(400);
            accepting("text/html").get(Api.ACTIONS).then().statusCode(406);
            accepting("application/json").get(Api.ACTIONS).then().statusCode(200);
        }
    }

    private RequestSpecification accepting(String type) {
        return BesideKitsu.with(admin).header("Accept", type);
    }

    @Test
    void countsCachedAnswersUnderTheirPath() {
        BesideKitsu.with(admin).get(BesideKitsu.PATH);
        BesideKitsu.with(admin).get(BesideKitsu.PATH);

        assertThat(Metrics.scrape(metrics).lines().filter(line -> line.startsWith("http_server_requests_seconds_count")))
                .anyMatch(line -> line.contains("uri=\"" + BesideKitsu.PATH + "\"") && line.contains("status=\"200\""));
    }

    /** Many different queries must not fill the memory; the cache drops old answers, and every query is still answered. */
    @Test
    void evictsOldAnswersWhenCacheIsFull() {
        for (int i = 0; i < 60; i++) {
            BesideKitsu.with(admin).body(Api.draft("name", "Long " + i, "description", "x".repeat(2000))).post(Api.ACTIONS);
        }
        for (int i = 0; i < 40; i++) {
            assertThat(BesideKitsu.with(admin).get(Api.ACTIONS + "?q=Long&limit=" + (900 + i)).asByteArray())
                    .hasSizeGreaterThan(120_000);
        }
        double hits = hits();
        BesideKitsu.with(admin).get(Api.ACTIONS + "?q=Long&limit=900").then().statusCode(200);
        assertThat(hits()).isEqualTo(hits + 1);
        BesideKitsu.with(admin).get(Api.ACTIONS + "?q=Long&limit=939").then().statusCode(200);
        assertThat(hits()).isEqualTo(hits + 1);
    }

    /** Cache keys take memory, too: some hundreds of these long queries fill the cache, though their answers are tiny. */
    @Test
    void evictsLongKeysWhenCacheIsFull() {
        String padding = "&limit=1".repeat(471) + "&limit=";
        String accept = "application/json;q=0.9, " + "text/x, ".repeat(1200) + "*/*";
        for (int i = 0; i < 320; i++) {
            accepting(accept).get(Api.ACTIONS + "?q=nothing" + padding + i).then().statusCode(200);
        }
        double hits = hits();
        accepting(accept).get(Api.ACTIONS + "?q=nothing" + padding + 0).then().statusCode(200);
        assertThat(hits()).isEqualTo(hits + 1);
        accepting(accept).get(Api.ACTIONS + "?q=nothing" + padding + 319).then().statusCode(200);
        assertThat(hits()).isEqualTo(hits + 1);
    }

    private static Map<String, String> headers(Response response) {
        Map<String, String> headers = new TreeMap<>();
        response.headers().forEach(header -> headers.merge(header.getName().toLowerCase(), header.getValue(),
                (one, other) -> one + " AND " + other));
        return headers;
    }

    private double hits() {
        return Metrics.of(metrics, HIT);
    }
}
