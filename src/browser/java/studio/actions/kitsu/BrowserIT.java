package studio.actions.kitsu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import studio.actions.testing.Browser;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Nginx;
import studio.actions.testing.Packaged;
import studio.actions.testing.Receiver;
import studio.actions.testing.Receiver.Heard;

/**
 * Kitsu's form and XHR in a real browser, behind a real nginx with the documented rule, with Zou's cookie.
 * Needs Debian's nginx, chromium and chromium-driver.
 */
@Tag("browser")
class BrowserIT {

    private static final String LIST = "/api/data/custom-actions";

    /** A false person, who Kitsu's page claims is pressing. */
    private static final Map<String, String> NOBODY = Map.of("id", "somebody", "email", "else@example.com");

    @TempDir
    static Path folder;

    private static final FakeZou zou = FakeZou.shared();
    private static final Receiver receiver = Receiver.shared();
    private static Packaged service;
    private static Nginx nginx;
    private static Browser browser;

    @BeforeAll
    static void start() throws Exception {
        service = new Packaged(folder, Map.of("CUSTOM_ACTIONS_ZOU_URL", zou.url(),
                "CUSTOM_ACTIONS_EGRESS_ALLOW", "127.0.0.1:" + receiver.port())).ready();
        Path site = Files.createDirectories(folder.resolve("site"));
        try (var page = BrowserIT.class.getResourceAsStream("/kitsu/panel.html")) {
            Files.copy(page, site.resolve("panel.html"));
        }
        nginx = new Nginx(Files.createDirectories(folder.resolve("nginx")), service.port, zou.url(), site);
        browser = new Browser(folder, List.of("kitsu.lan", "kitsu.vpn"));
    }

    @AfterAll
    static void stop() {
        browser.close();
        nginx.close();
        service.end();
    }

    @BeforeEach
    void openKitsu() {
        signIn("admin");
    }

    @AfterEach
    void closeTabs() {
        browser.toFirstTab();
    }

    @Test
    void adminCreatesAndEditsActionLikeInZou() {
        JsonNode made = send("POST", LIST + "/", Map.of("name", "Sync", "url", receiver.url("/edited/ok?e={entity_id}"),
                "entity_type", "shot", "is_ajax", true));
        assertThat(made.path("status").asInt()).isEqualTo(201);
        JsonNode action = made.path("body");
        assertThat(action.path("url").asText()).isEqualTo(LIST + "/" + action.path("id").asText() + "/run?v=1#"
                + receiver.url("/edited/ok?e={entity_id}"));
        assertThat(names(send("GET", LIST, null).path("body"))).contains("Sync");

        JsonNode edited = send("PUT", LIST + "/" + action.path("id").asText(),
                Map.of("name", "Sync 2", "url", action.path("url").asText().replace("?e=", "?entity="),
                        "entity_type", "all", "is_ajax", true));

        assertThat(edited.path("body").path("url").asText()).endsWith(receiver.url("/edited/ok?entity={entity_id}"));
        assertThat(names(context())).contains("Sync 2").doesNotContain("Sync");
        assertThat(send("DELETE", LIST + "/" + action.path("id").asText(), null).path("status").asInt()).isEqualTo(204);
        assertThat(names(context())).doesNotContain("Sync 2");
    }

    @Test
    void pressOfTriggerLinkFillsTemplateAndSendsRequest() {
        JsonNode action = make("Farm", receiver.url("/panel/ok?shot={entity_name}"), true);
        FakeZou.Task shot = zou.shot("SH 010");
        signIn("supervisor");

        JsonNode answer = browser.script("return runCustomAction(...arguments)", Map.of("url", action.path("url").asText()),
                Map.of("id", "somebody", "email", "else@example.com"), shot.projectId(), List.of(shot.id()), "shot");

        assertThat(answer.path("status").asInt()).as(answer.toString()).isEqualTo(200);
        assertThat(receiver.heard("panel")).singleElement().satisfies(heard -> {
            assertThat(heard.uri()).isEqualTo("/panel/ok?shot=SH%20010");
            assertThat(heard.headers()).doesNotContainKeys("Cookie", "Origin");
            assertThat(json(heard.body()).path("useremail").asText()).isEqualTo("supervisor@example.com");
            assertThat(json(heard.body()).path("originurl").asText()).isEqualTo("/panel.html");
            assertThat(json(heard.body()).path("currentserver").asText()).isEqualTo(nginx.url().substring("http://".length()));
        });
    }

    /** In the studio's network Kitsu often has another name and no TLS. */
    @ParameterizedTest
    @ValueSource(strings = { "kitsu.lan", "kitsu.vpn" })
    void runsAndOpensUnderKitsusOtherHostNames(String host) {
        JsonNode sent = make("Farm at " + host, receiver.url("/" + host + "/ok?shot={entity_name}"), true);
        JsonNode opened = make("Review at " + host, receiver.url("/" + host + "/say/hello?shot={entity_name}"), false);
        FakeZou.Task shot = zou.shot("SH060");
        browser.open(nginx.url().replace("127.0.0.1", host) + "/panel.html");
        browser.signIn(zou.login("user"));
        JsonNode shown = context();

        JsonNode answer = browser.script("return runCustomAction(...arguments)", Map.of("url", url(shown, sent)), NOBODY,
                shot.projectId(), List.of(shot.id()), "shot");
        browser.script("select(...arguments)", Map.of("url", url(shown, opened)), NOBODY, shot.projectId(), shot.id(), "shot");
        browser.click("#panel button");

        assertThat(answer.path("status").asInt()).as(answer.toString()).isEqualTo(200);
        browser.toNewTab();
        await().untilAsserted(() -> assertThat(browser.address())
                .isEqualTo(receiver.url("/" + host + "/say/hello?shot=SH060#")));
    }

    private static String url(JsonNode shown, JsonNode action) {
        for (JsonNode one : shown) {
            if (one.path("id").equals(action.path("id"))) {
                return one.path("url").asText();
            }
        }
        throw new AssertionError("not in the context: " + action);
    }

    @Test
    void explainsRefusedOpeningOnPage() {
        JsonNode opened = make("Refused", "https://tool.studio.com/{entity_id}", false);
        FakeZou.Task shot = zou.shot("SH070");

        press(opened, "");
        browser.toNewTab();
        await().untilAsserted(() -> assertThat(browser.text()).contains("Nothing is selected", "some versions of Kitsu"));
        assertThat(browser.script("return document.contentType").asText()).isEqualTo("text/html");
        browser.toFirstTab();

        send("DELETE", LIST + "/" + opened.path("id").asText(), null);
        press(opened, shot.id());
        browser.toNewTab();
        await().untilAsserted(() -> assertThat(browser.text()).contains("This action is gone", "Reload Kitsu"));
        browser.toFirstTab();

        browser.signOut();
        press(opened, shot.id());
        browser.toNewTab();
        await().untilAsserted(() -> assertThat(browser.text()).contains("You are signed out of Kitsu"));
        browser.click("a.button");
        await().untilAsserted(() -> assertThat(browser.address()).isEqualTo(nginx.url() + "/"));
    }

    @Test
    void explainsTriggerLinkOpenedFromAddressBar() {
        JsonNode action = make("Tried", "https://tool.studio.com/{entity_id}", true);

        browser.open(nginx.url() + action.path("url").asText());

        assertThat(browser.text()).contains("This link is for Kitsu's action panel", "The link works");
    }

    @ParameterizedTest
    @ValueSource(ints = { 60, 110, 1000 })
    void opensLongSelection(int tasks) {
        String review = receiver.url("/long-" + tasks + "/say/hello{?selection}");
        JsonNode action = make("Long " + tasks, review, false);
        List<String> ids = IntStream.range(0, tasks).mapToObj(i -> zou.shot("SH" + i).id()).toList();

        press(action, String.join(",", ids));

        browser.toNewTab();
        if (tasks == 1000) {
            await().untilAsserted(() -> assertThat(browser.text()).contains("Most web servers refuse more than"));
            assertThat(browser.script("return document.links[0].href.length").asInt()).isGreaterThan(36_000);
        } else {
            await().untilAsserted(() -> assertThat(browser.address())
                    .startsWith(receiver.url("/long-" + tasks + "/say/hello?selection=")).contains(ids.get(tasks - 1)));
            assertThat(browser.source()).contains("hello");
        }
    }

    @Test
    void warnsOfDesktopLinkTooLongForWindows() {
        JsonNode action = make("Desktop", "rv://open{?selection}", false);

        press(action, IntStream.range(0, 60).mapToObj(i -> zou.shot("SH" + i).id()).collect(Collectors.joining(",")));

        browser.toNewTab();
        await().untilAsserted(() -> assertThat(browser.text()).contains("Windows cuts links to desktop programs"));
        assertThat(browser.script("return document.getElementById('launch').href").asText()).startsWith("rv://open?selection=");
    }

    @Test
    void aWebToolOpensInANewTabAtItsOwnAddress() {
        JsonNode action = make("Review", receiver.url("/review/say/hello?shot={entity_name}"), false);
        FakeZou.Task shot = zou.shot("SH020");

        press(action, shot.id());

        browser.toNewTab();
        await().untilAsserted(() -> assertThat(browser.address()).isEqualTo(receiver.url("/review/say/hello?shot=SH020#")));
        assertThat(browser.source()).contains("hello");
        assertThat(receiver.heard("review")).extracting(Heard::method).contains("GET").doesNotContain("POST");
    }

    @Test
    void aToolWithoutVariablesStillGetsKitsusForm() {
        JsonNode action = make("As before", receiver.url("/before/say/thanks"), false);
        FakeZou.Task one = zou.shot("SH030");
        FakeZou.Task other = zou.shot("SH040");

        press(action, one.id() + "," + other.id());

        browser.toNewTab();
        await().untilAsserted(() -> assertThat(browser.address()).isEqualTo(receiver.url("/before/say/thanks#")));
        assertThat(receiver.heard("before")).filteredOn(heard -> heard.method().equals("POST")).singleElement()
                .satisfies(heard -> assertThat(heard.body())
                        .startsWith("personid=dd4ce371-5c3d-4c1d-a1a5-528062145e93&personemail=admin%40example.com&projectid=")
                        .endsWith("&selection=" + one.id() + "%2C" + other.id() + "&entitytype=shot"));
    }

    @Test
    void aDesktopProgramIsLaunchedFromAPageThatEscapesEverything() {
        JsonNode action = make("Maya <b>", "maya://open?file={entity_name}", false);
        FakeZou.Task shot = zou.shot("\"><script>document.title='owned'</script>");

        press(action, shot.id());

        browser.toNewTab();
        await().untilAsserted(() -> assertThat(browser.script("return document.readyState").asText()).isEqualTo("complete"));
        assertThat(browser.script("return document.getElementById('launch').getAttribute('href')").asText())
                .isEqualTo("maya://open?file=%22%3E%3Cscript%3Edocument.title%3D%27owned%27%3C%2Fscript%3E");
        assertThat(browser.script("return document.title").asText()).isEqualTo("Maya <b>");
        assertThat(browser.script("return document.scripts.length").asInt()).isEqualTo(1);
        assertThat(browser.script("return document.body.innerText").asText()).contains("\"><script>");
    }

    @Test
    void vendorsContextOmitsActionsOfOtherRoles() {
        make("Not for vendors", "https://tool.studio.com/", false);
        signIn("vendor");

        JsonNode context = send("GET", "/api/data/user/context", null);

        assertThat(context.path("status").asInt()).isEqualTo(200);
        assertThat(context.path("body").path("custom_actions").isArray()).isTrue();
        assertThat(context.path("body").path("custom_actions")).isEmpty();
        assertThat(context.path("body").path("projects")).isNotEmpty();
    }

    @Test
    void personWithUnknownRoleCanStillUseKitsu() {
        String token = zou.login("user");
        zou.fault(token, "/auth", FakeZou.Fault.unknownRole);
        browser.open(nginx.url() + "/panel.html");
        browser.signIn(token);

        assertThat(send("GET", LIST, null).path("status").asInt()).isEqualTo(403);
        JsonNode context = send("GET", "/api/data/user/context", null);

        assertThat(context.path("status").asInt()).isEqualTo(200);
        assertThat(context.path("body").path("projects")).isNotEmpty();
    }

    @Test
    void aPageOfAnotherSiteCannotPress() {
        JsonNode sent = make("Wanted", receiver.url("/attacked/ok"), true);
        JsonNode opened = make("Wanted too", receiver.url("/attacked/ok?who={user_email}"), false);
        FakeZou.Task shot = zou.shot("SH050");
        // Another port is another origin, but the browser still sends the cookie.
        browser.open(receiver.url("/attacker/say/page"));

        browser.script("""
                return fetch(arguments[0], {method: 'POST', mode: 'no-cors', credentials: 'include', body: arguments[1]})
                        .then(() => 'sent', unreadable => 'sent')""", nginx.url() + sent.path("url").asText(),
                "{\"selection\": [\"" + shot.id() + "\"]}");
        browser.script("""
                const form = document.createElement('form')
                form.method = 'POST'
                form.action = arguments[0]
                form.innerHTML = '<input name=selection value=' + arguments[1] + '>'
                document.body.append(form)
                form.submit()""", nginx.url() + opened.path("url").asText(), shot.id());

        await().untilAsserted(() -> assertThat(browser.address()).startsWith(nginx.url()));
        assertThat(browser.text()).contains("Cross-site request refused");
        assertThat(receiver.heard("attacked")).isEmpty();
    }

    private static void signIn(String person) {
        browser.open(nginx.url() + "/panel.html");
        browser.signIn(zou.login(person));
    }

    private static JsonNode make(String name, String url, boolean ajax) {
        return send("POST", LIST + "/", Map.of("name", name, "url", url, "entity_type", "all", "is_ajax", ajax)).path("body");
    }

    private static void press(JsonNode action, String selection) {
        browser.script("select(...arguments)", Map.of("url", action.path("url").asText()),
                Map.of("id", "dd4ce371-5c3d-4c1d-a1a5-528062145e93", "email", "admin@example.com"),
                zou.recordedShot().projectId(), selection, "shot");
        browser.click("#panel button");
    }

    private static JsonNode context() {
        return send("GET", "/api/data/user/context", null).path("body").path("custom_actions");
    }

    private static JsonNode send(String method, String path, Map<String, ?> body) {
        return body == null ? browser.script("return send(...arguments)", method, path)
                : browser.script("return send(...arguments)", method, path, body);
    }

    private static List<String> names(JsonNode actions) {
        return actions.findValuesAsText("name");
    }

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
