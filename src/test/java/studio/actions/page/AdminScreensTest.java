package studio.actions.page;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.FakeZou.Fault;
import studio.actions.testing.Json;
import studio.actions.testing.Services;

/** The screens for admins: status, audit, history and move. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class AdminScreensTest {

    private static final String APP = "/api/custom-actions/app";
    private static final String URL = "https://api.studio.com/sync";

    private final FakeZou zou = BesideKitsu.zou();
    private final String mark = UUID.randomUUID().toString().substring(0, 13);
    private List<Map<String, Object>> before;

    @BeforeEach
    void remember() {
        before = Json.of(200, given().header("Authorization", "Bearer " + zou.login("admin"))
                .get(zou.url() + "/data/custom-actions")).getList("");
    }

    @AfterEach
    void restore() {
        zou.back();
        zou.customActions(before);
    }

    @ParameterizedTest
    @ValueSource(strings = { "manager", "supervisor", "user", "client", "vendor" })
    void refusesOthersThanAdmins(String person) {
        String action = BesideKitsu.opened(URL);

        for (String path : List.of("/status", "/audit", "/audit/csv", "/move", "/actions/" + action + "/history")) {
            Response answer = as(person).get(APP + path);
            assertThat(answer.statusCode()).as(path).isEqualTo(403);
            assertThat(answer.contentType()).startsWith("text/html");
        }
        for (String path : List.of("/move/import", "/move/take-over", "/actions/" + action + "/history")) {
            assertThat(post(person, path, Map.of("do", "apply", "version", "1")).statusCode()).as(path).isEqualTo(403);
        }
    }

    @Test
    void sendsBrowserWithoutSessionToSignIn() {
        given().accept("text/html").redirects().follow(false).get(APP + "/status").then().statusCode(303);
    }

    // Status

    @Test
    void showsSettingsWithoutSecrets() {
        String page = page("/status");

        assertThat(page).contains("zou.timeout", "egress.allow", "127.0.0.1:", "this one")
                .doesNotContain(Services.TOKEN, Services.FARM, Services.SIGNING);
    }

    @Test
    void saysWhatToDoAboutEachCheck() {
        zou.customActions(List.of());
        assertThat(check(page("/status"), "Kitsu's own copies deleted")).contains("yes");

        String taken = BesideKitsu.opened(URL);
        zou.customActions(List.of(kitsu(taken, "taken"), kitsu(UUID.randomUUID().toString(), "new")));
        String page = page("/status");

        assertThat(check(page, "Kitsu's own copies deleted")).contains("no", "1 copy still in Kitsu");
        assertThat(check(page, "Kitsu's actions taken over")).contains("no", "1 action of Kitsu is not here yet");
        assertThat(check(page, "Reached through Kitsu's host")).contains("no", "Open this page in Kitsu");
        assertThat(check(page, "Forwarded headers trusted")).contains("unknown");
        assertThat(check(page, "The database accepts writes")).contains("yes");
    }

    @Test
    void namesTheProxyWhoseHeadersAreIgnored() {
        String page = as("admin").header("X-Forwarded-For", "192.0.2.7").get(APP + "/status").asString();

        assertThat(check(page, "Reached through Kitsu's host")).contains("yes");
        assertThat(check(page, "Forwarded headers trusted")).contains("no", "QUARKUS_HTTP_PROXY_TRUSTED_PROXIES=127.0.0.1");
    }

    @Test
    void showsStatusWhileZouIsAway() {
        String admin = zou.login("admin");
        zou.fault(admin, "/data/custom-actions", Fault.unavailable);

        String page = given().accept("text/html").header("Authorization", "Bearer " + admin).get(APP + "/status").asString();

        assertThat(check(page, "Kitsu's API server answers")).contains("no", "CUSTOM_ACTIONS_ZOU_URL");
        assertThat(check(page, "Kitsu's own copies deleted")).contains("unknown");
    }

    // Audit and history

    @Test
    void filtersTheAudit() {
        String action = BesideKitsu.opened(URL, "name", mark + " <b>bold</b>");
        Api.change(BesideKitsu.as("admin"), action, Map.of("description", "changed"));

        assertThat(page("/audit?action=" + action)).contains(mark + " &lt;b&gt;bold", "created", "changed")
                .doesNotContain("<b>");
        assertThat(rows(page("/audit?verb=created&action=" + action))).isEqualTo(1);
        assertThat(rows(page("/audit?verb=&action=" + action + "&person=&since="))).isEqualTo(2);
        assertThat(page("/audit?since=2999-01-01")).contains("No entry matches");
    }

    @ParameterizedTest
    @ValueSource(strings = { "verb=wrong", "since=yesterday", "action=x", "cursor=x", "wrong=1" })
    void refusesWrongFilter(String query) {
        as("admin").get(APP + "/audit?" + query).then().statusCode(400).contentType("text/html");
    }

    @Test
    void downloadsTheFilteredAudit() {
        String action = BesideKitsu.opened(URL, "name", mark);

        Response answer = given().accept("text/html,*/*;q=0.8").header("Authorization", "Bearer " + zou.login("admin"))
                .get(APP + "/audit/csv?action=" + action);

        assertThat(answer.contentType()).startsWith("text/csv");
        assertThat(answer.asString().lines()).hasSize(2).last().asString().contains(mark);
    }

    @Test
    void restoresVersion() {
        String action = BesideKitsu.opened(URL, "name", mark + " <b>", "description", "first");
        Api.change(BesideKitsu.as("admin"), action, Map.of("description", "second <b>"));
        String path = "/actions/" + action + "/history";
        assertThat(page(path)).contains("<del>first</del>", "<ins>second &lt;b&gt;</ins>", "in effect").doesNotContain("<b>");

        post("admin", path, Map.of("version", "1")).then().statusCode(303);

        BesideKitsu.as("admin").get(Api.ACTIONS + "/" + action).then().statusCode(200);
        assertThat(page(path)).contains("restored", "<ins>first</ins>");
        assertThat(post("admin", path, Map.of("version", "9")).asString()).contains("Nothing was restored", "no version 9");
        assertThat(post("admin", path, Map.of("version", "x")).statusCode()).isEqualTo(400);
    }

    @Test
    void restoresDeletedAction() {
        String action = BesideKitsu.opened(URL, "name", mark);
        String path = "/actions/" + action + "/history";
        BesideKitsu.as("admin").delete(Api.ACTIONS + "/" + action).then().statusCode(204);
        assertThat(page(path)).contains("deleted").doesNotContain("in effect");

        post("admin", path, Map.of("version", "1")).then().statusCode(303);

        BesideKitsu.as("admin").get(Api.ACTIONS + "/" + action).then().statusCode(200);
    }

    @Test
    void missesUnknownAction() {
        as("admin").get(APP + "/actions/" + UUID.randomUUID() + "/history").then().statusCode(404).contentType("text/html");
    }

    // Move

    @Test
    void importsWhatThePlanShows() {
        String csv = "Name;URL;Description\r\n" + mark + " <b>;" + URL + ";\"two\r\nlines\"\r\n";

        Response plan = post("admin", "/move/import", Map.of("do", "check", "csv", csv));
        assertThat(plan.statusCode()).isEqualTo(200);
        assertThat(plan.asString()).contains("create", mark + " &lt;b&gt;", "Apply").doesNotContain("<b>");
        assertThat(named()).isEmpty();

        Response applied = post("admin", "/move/import", Map.of("do", "apply", "csv", csv));
        assertThat(applied.statusCode()).isEqualTo(303);
        assertThat(page(applied.header("Location").replaceFirst(".*/app", ""))).contains("1 created");
        assertThat(named()).singleElement().satisfies(made -> assertThat(made.get("description"))
                .isEqualTo("two\nlines"));
    }

    @Test
    void showsErrorsOfFile() {
        String csv = "Name;URL\n" + mark + ";" + URL + "\n" + mark + " wrong;javascript:alert(1)\n";

        assertThat(post("admin", "/move/import", Map.of("do", "check", "csv", csv)).asString())
                .contains("error", "Apply the lines without errors");
        assertThat(post("admin", "/move/import", Map.of("do", "apply", "csv", csv)).statusCode()).isEqualTo(422);
        assertThat(named()).isEmpty();
        assertThat(post("admin", "/move/import", Map.of("do", "apply", "csv", csv, "skip_invalid", "true")).statusCode())
                .isEqualTo(303);
        assertThat(post("admin", "/move/import", Map.of("do", "check", "csv", "")).asString()).contains("The file is empty");
    }

    @Test
    void takesOverDeletesAndPutsBack() {
        String id = UUID.randomUUID().toString();
        zou.customActions(List.of(kitsu(id, "one <b>")));

        assertThat(post("admin", "/move/take-over", Map.of("do", "check")).asString())
                .contains(mark + " one &lt;b&gt;", "Apply").doesNotContain("<b>");
        assertThat(done("apply")).contains("1 created");
        assertThat(done("clear")).contains("1 deleted in Kitsu");
        assertThat(done("undo")).contains("created");
    }

    /** Returns this test's actions in the service. */
    private List<Map<String, Object>> named() {
        return Json.of(200, BesideKitsu.as("admin").get(Api.ACTIONS + "?q=" + mark)).getList("data");
    }

    private String done(String mode) {
        Response answer = post("admin", "/move/take-over", Map.of("do", mode));
        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(303);
        return page(answer.header("Location").replaceFirst(".*/app", ""));
    }

    private Map<String, Object> kitsu(String id, String name) {
        return Map.of("id", id, "name", mark + " " + name, "url", URL, "entity_type", "all", "is_ajax", false, "created_at",
                "2026-01-01T00:00:00");
    }

    private static String page(String path) {
        Response answer = as("admin").get(APP + path);
        assertThat(answer.statusCode()).as(path + answer.asString()).isEqualTo(200);
        return answer.asString().replace("&#39;", "'");
    }

    /** Returns the cells after the name of a set-up check. */
    private static String check(String page, String name) {
        String cells = page.replace("&#39;", "'").split(">" + name + "<", 2)[1];
        return cells.substring(0, cells.indexOf("</tr>"));
    }

    private static int rows(String page) {
        return page.split("<time ").length - 1;
    }

    private static Response post(String person, String path, Map<String, String> fields) {
        return given().accept("text/html").header("Authorization", "Bearer " + BesideKitsu.token(person))
                .contentType("application/x-www-form-urlencoded").formParams(fields).redirects().follow(false).post(APP + path);
    }

    private static RequestSpecification as(String person) {
        return given().accept("text/html,*/*;q=0.8").header("Authorization", "Bearer " + BesideKitsu.token(person))
                .urlEncodingEnabled(false);
    }
}
