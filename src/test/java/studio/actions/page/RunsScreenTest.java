package studio.actions.page;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;

import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.FakeZou.Task;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;

/** The list of runs and the screen of one run, beside Kitsu. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class RunsScreenTest {

    private static final String RUNS = "/api/custom-actions/app/runs";

    private final Receiver receiver = Receiver.shared();
    private final FakeZou zou = FakeZou.shared();
    private final String name = "page-" + UUID.randomUUID();

    /** Returns a request of this person's browser, with Kitsu's cookie. */
    private static RequestSpecification browser(String person) {
        return given().redirects().follow(false).accept("text/html").header("Sec-Fetch-Site", "same-origin")
                .cookie("access_token_cookie", BesideKitsu.token(person)).urlEncodingEnabled(false);
    }

    private static String page(String person, String path) {
        return browser(person).get(path).then().statusCode(200).contentType(ContentType.HTML).extract().asString();
    }

    private static Response post(String person, String path, Object... fields) {
        return browser(person).contentType(ContentType.URLENC).urlEncodingEnabled(true).formParams(Api.fields(fields))
                .post(path);
    }

    private String action(String behaviour, Object... fields) {
        return BesideKitsu.ajax(receiver.url("/" + name + behaviour + "?e={entity_id}"), fields);
    }

    /** Presses as this person and returns the ended run. */
    private Json pressed(String person, String action, List<Task> tasks) {
        Json run = Json.of(BesideKitsu.run(BesideKitsu.as(person), action, tasks.stream().map(Task::id).toList()));
        return BesideKitsu.awaitEnd("admin", run.getString("id"));
    }

    @Test
    void tellsWhatHappenedToAShot() {
        String shot = "SH" + UUID.randomUUID().toString().substring(0, 8);
        Json failed = pressed("supervisor", action("/status/500", "name", "Sync " + name), List.of(zou.shot("Other"),
                zou.shot(shot)));

        String found = page("supervisor", RUNS + "?q=" + shot);

        assertThat(found).contains("Sync " + name, "/app/runs/" + failed.getString("id"), shot,
                "The receiver answered 500", ">failed<", "0/2").doesNotContain("Nobody has pressed");
        assertThat(page("supervisor", RUNS + "?q=" + shot + "&show=succeeded")).contains("No run matches.");
    }

    @Test
    void showsFailedTargetsFirstAndSendsThemAgain() {
        List<Task> shots = List.of(zou.shot("SH010"), zou.shot("SH020"), zou.shot("SH030"));
        String bad = shots.get(2).entityId();
        receiver.script(name, out -> Receiver.ok(out));
        String action = action("/status/500");
        Json run = pressed("supervisor", action, List.of(shots.get(2)));

        String screen = page("supervisor", RUNS + "/" + run.getString("id"));

        assertThat(screen).contains("SH030", "The receiver answered 500", "Send failed again", "e=" + bad)
                .contains("/productions/" + shots.get(2).projectId() + "/shots/tasks/" + shots.get(2).id());
        Response again = post("supervisor", RUNS + "/" + run.getString("id") + "/replay", "only", "failed");
        again.then().statusCode(303);
        String location = again.header("Location");
        assertThat(location).contains(RUNS + "/").doesNotContain(run.getString("id"));
        String replay = location.substring(location.lastIndexOf('/') + 1);
        assertThat(Api.read(BesideKitsu.as("admin"), replay).getString("replay_of")).isEqualTo(run.getString("id"));
        assertThat(page("supervisor", RUNS + "/" + run.getString("id"))).contains("Sent again");
        assertThat(page("supervisor", RUNS + "/" + replay)).contains("an earlier run");
    }

    @Test
    void cancelsARunThatHasNotEnded() {
        String action = action("/held");
        String run = BesideKitsu.start(BesideKitsu.as("supervisor"), action,
                Stream.generate(() -> zou.shot("SH").id()).limit(12).toList()).getString("id");

        assertThat(page("supervisor", RUNS + "/" + run)).contains("data-stream=\"/api/custom-actions/runs/" + run
                + "/events\"").contains("Cancel").doesNotContain("Send failed again");
        post("supervisor", RUNS + "/" + run + "/cancel").then().statusCode(303).header("Location",
                containsString(RUNS + "/" + run));
        receiver.release(name);

        assertThat(BesideKitsu.awaitEnd("admin", run).getString("state")).isEqualTo("cancelled");
        assertThat(page("supervisor", RUNS + "/" + run)).doesNotContain("data-stream");
        assertThat(page("supervisor", RUNS + "?show=cancelled")).contains(run);
    }

    @Test
    void changesSeveralRunsAtOnceAndSaysForWhichItWasRefused() {
        Json failed = pressed("supervisor", action("/status/500"), List.of(zou.shot("A")));
        Json delivered = pressed("supervisor", action("/ok"), List.of(zou.shot("B")));

        Response done = browser("supervisor").contentType(ContentType.URLENC)
                .body("do=replay&run=" + failed.getString("id") + "&run=" + delivered.getString("id") + "&back=" + RUNS
                        + "%3Fshow%3Dfailed")
                .post(RUNS);

        done.then().statusCode(303);
        assertThat(done.header("Location")).contains("show=failed&sent=1&refused=1&why=");
        assertThat(page("supervisor", done.header("Location").replaceFirst("^https?://[^/]*", "")))
                .contains("The failed targets of 1 run are sent again.").contains("Refused for 1: Every delivery");
    }

    @Test
    void ignoresIdsThatCannotBeRead() {
        post("supervisor", RUNS, "do", "cancel", "run", "1").then().statusCode(303).header("Location",
                containsString("cancelled=0"));
    }

    @Test
    void anotherSiteCannotPutWordsIntoThePage() {
        String path = RUNS + "?sent=1&refused=1&why=Call+this+number";

        assertThat(page("supervisor", path)).contains("Call this number");
        assertThat(given().accept("text/html").header("Sec-Fetch-Site", "cross-site")
                .cookie("access_token_cookie", BesideKitsu.token("supervisor")).get(path).then().statusCode(200).extract()
                .asString()).doesNotContain("Call this number", "Refused for");
    }

    @Test
    void anotherPersonsRunIsOnlyForReading() {
        Json run = pressed("supervisor", action("/status/500"), List.of(zou.shot("SH010")));

        assertThat(page("manager", RUNS + "/" + run.getString("id"))).contains("The receiver answered 500")
                .doesNotContain("Send failed again");
        post("manager", RUNS + "/" + run.getString("id") + "/replay", "only", "failed").then().statusCode(403)
                .body(containsString("another person")).contentType(ContentType.HTML);
    }

    @Test
    void aVendorSeesOwnRunsWithoutRequestsAndAnswers() {
        String action = action("/status/500", "roles", List.of("vendor", "supervisor"));
        Json other = pressed("supervisor", action, List.of(zou.shot("Hidden")));
        Task task = zou.shotIn(zou.production("Vendors " + name, "vendor", "supervisor"), "SH010", "SQ01", "vendor");
        Json own = pressed("vendor", action, List.of(task));

        String list = page("vendor", RUNS);
        String screen = page("vendor", RUNS + "/" + own.getString("id"));

        assertThat(list).contains(own.getString("id")).doesNotContain(other.getString("id"));
        assertThat(screen).contains("SH010").doesNotContain("Request and answer", receiver.url(""));
        browser("vendor").get(RUNS + "/" + other.getString("id")).then().statusCode(404)
                .body(containsString("or you may not see it"));
        for (String entry : List.of("app/why", "app/audit", "app/move", "app/status")) {
            assertThat(list).doesNotContain(entry);
        }
    }

    @Test
    void escapesWhatPeopleAndReceiversWrite() {
        String shot = "<b>SH</b>" + name;
        Json run = pressed("supervisor", action("/ok", "name", "<i>Sync</i> " + name.substring(0, 30)),
                List.of(zou.shot(shot)));

        assertThat(page("supervisor", RUNS + "/" + run.getString("id"))).doesNotContain("<b>SH", "<i>Sync")
                .contains("&lt;b&gt;SH");
        assertThat(page("supervisor", RUNS)).doesNotContain("<b>SH", "<i>Sync");
        assertThat(page("supervisor", RUNS + "?q=%22%3E%3Cscript%3E")).doesNotContain("\"><script>");
    }

    @Test
    void limitsTheListToTheProductionThatIsOpenInKitsu() {
        String production = zou.production("Open " + name, "supervisor");
        Task inside = zou.shotIn(production, "SH010", "SQ01");
        Json here = pressed("supervisor", action("/ok"), List.of(inside));
        Json elsewhere = pressed("supervisor", action("/ok"), List.of(zou.shot("SH020")));

        Response frame = browser("supervisor").get("/api/custom-actions/app/in-kitsu?production_id=" + production
                + "&dark_theme=true&locale=en");

        frame.then().statusCode(303).header("Location", containsString("/app/runs?production_id=" + production));
        assertThat(frame.header("Set-Cookie")).contains("kitsu-actions-theme=dark");
        assertThat(page("supervisor", RUNS + "?production_id=" + production)).contains(here.getString("id"), "Open " + name)
                .doesNotContain(elsewhere.getString("id"));
        assertThat(browser("supervisor").cookie("kitsu-actions-theme", "dark").get(RUNS).asString())
                .contains("data-theme=\"dark\"");
    }

    @ParameterizedTest
    @CsvSource({ "?production_id=1,200", "?show=none,400", "?unknown=1,400", "?cursor=!,400", "/1,400" })
    void answersOddAddressesWithAPage(String path, int status) {
        browser("supervisor").get(RUNS + path).then().statusCode(status).contentType(ContentType.HTML);
    }

    @ParameterizedTest
    @ValueSource(strings = { "admin", "manager", "supervisor", "user", "vendor", "client" })
    void opensForEveryRole(String person) {
        assertThat(page(person, RUNS)).contains("<h1>Runs</h1>");
    }

    @Test
    void saysWhereToSignInWithoutKitsusCookie() {
        given().redirects().follow(false).accept("text/html").get(RUNS).then().statusCode(303);
        given().accept("text/html").get("/api/custom-actions/app/sign-in").then().statusCode(200)
                .body(containsString("Sign in to Kitsu in this browser"));
    }

    @Test
    void saysThatKitsuIsAway() {
        String token = BesideKitsu.token("manager");
        BesideKitsu.zou().fault(token, "/", FakeZou.Fault.values()[0]);
        try {
            given().accept("text/html").cookie("access_token_cookie", token).get(RUNS).then().statusCode(503)
                    .contentType(ContentType.HTML);
        } finally {
            BesideKitsu.zou().heal(token);
        }
    }

    @Test
    void isAmongThePluginsOfKitsuForPeopleWhoSeeActions() {
        BesideKitsu.opened("https://tool.studio.com/", "roles", List.of("admin", "supervisor"));
        for (String person : List.of("admin", "supervisor")) {
            List<Map<String, Object>> plugins = Json.of(200, BesideKitsu.as(person).get("/api/data/user/context"))
                    .getList("plugins");
            assertThat(plugins.get(plugins.size() - 1)).as(person).containsEntry("plugin_id", "kitsu-actions")
                    .containsEntry("frontend_studio_enabled", true).containsEntry("frontend_project_enabled", true)
                    .containsKeys("name", "icon");
        }
        assertThat(Json.of(200, BesideKitsu.as("client").get("/api/data/user/context")).<Object> getList("plugins"))
                .noneMatch(plugin -> plugin.toString().contains("kitsu-actions"));
    }
}
