package studio.actions.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.openqa.selenium.Keys;

import com.fasterxml.jackson.databind.JsonNode;

import studio.actions.testing.Browser;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Json;
import studio.actions.testing.Nginx;
import studio.actions.testing.Packaged;
import studio.actions.testing.Receiver;

/** The page in a real browser, behind a real nginx with the documented rule, with Kitsu's cookie. */
@Tag("browser")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class PageIT {

    private static final String APP = "/api/custom-actions/app";

    @TempDir
    static Path folder;

    private static final FakeZou zou = FakeZou.shared();
    private static final Receiver receiver = Receiver.shared();
    private static Packaged service;
    private static Nginx nginx;
    private static Browser browser;

    /** A second browser, which watches a run without events during all other tests. */
    private static Browser watcher;
    private static String silent;
    private static long watchedSince;

    @BeforeAll
    static void start() throws Exception {
        service = new Packaged(folder, Map.of("CUSTOM_ACTIONS_ZOU_URL", zou.url(),
                "CUSTOM_ACTIONS_EGRESS_ALLOW", "127.0.0.1:" + receiver.port())).ready();
        Path site = Files.createDirectories(folder.resolve("site"));
        Files.writeString(site.resolve("index.html"), "<!doctype html><title>Kitsu</title><link rel='icon' href='data:,'>"
                + "<iframe src='/api/plugins/kitsu-actions/frontend/?dark_theme=true' width='1000' height='600'></iframe>");
        nginx = new Nginx(Files.createDirectories(folder.resolve("nginx")), service.port, zou.url(), site);
        browser = new Browser(Files.createDirectories(folder.resolve("browser")), List.of());
        silent = press("supervisor", action("Silent", "/held", "timeout_ms", 30_000, "max_attempts", 8), 1);
        watcher = new Browser(Files.createDirectories(folder.resolve("watcher")), List.of());
        watcher.open(nginx.url() + APP + "/sign-in");
        watcher.signIn(zou.login("supervisor"));
        watcher.open(nginx.url() + APP + "/runs/" + silent);
        await().atMost(Duration.ofSeconds(15)).until(() -> watcher.text().toLowerCase().contains("running"));
        watcher.script("window.faults = 0; document.addEventListener('htmx:sendError', () => window.faults++)");
        watchedSince = System.nanoTime();
    }

    @AfterAll
    static void stop() {
        browser.close();
        watcher.close();
        receiver.releaseAll();
        nginx.close();
        service.end();
    }

    @AfterEach
    void readConsole() {
        assertThat(browser.console()).isEmpty();
    }

    private static void as(String person) {
        browser.open(nginx.url() + APP + "/sign-in");
        browser.signIn(zou.login(person));
        browser.console();
    }

    private static String action(String name, String behaviour, Object... fields) throws Exception {
        Object[] named = Stream
                .concat(Stream.of("name", name), Arrays.stream(fields))
                .toArray();
        return service.ajax(zou.login("admin"), receiver.url("/" + name.replace(" ", "-") + behaviour + "?e={entity_id}"),
                named);
    }

    private static String press(String person, String action, int shots) {
        return service.press(action, zou.login(person), Json.text(Map.of("selection",
                IntStream.range(1, shots + 1).mapToObj(i -> zou.shot("SH%03d".formatted(10 * i)).id()).toList()))).json()
                .getString("id");
    }

    private static void open(String path) {
        browser.open(nginx.url() + APP + path);
    }

    private static void awaitText(String text) {
        await().atMost(Duration.ofSeconds(15)).until(() -> browser.text().toLowerCase(), shown -> shown.contains(text));
    }

    @Test
    void showsAPressLiveWithoutAReload() throws Exception {
        String run = press("supervisor", action("Live", "/held"), 3);
        as("supervisor");
        open("/runs/" + run);
        awaitText("running");
        browser.script("window.mark = 1");

        receiver.release("Live");

        awaitText("succeeded");
        assertThat(browser.text()).contains("3 delivered");
        assertThat(browser.script("return window.mark").asInt()).as("the same document").isEqualTo(1);
        assertThat(browser.script("return document.querySelectorAll('[data-stream]').length").asInt()).isZero();
    }

    /** The service refuses a stream, for example, while it stops or if a person watches too many runs. */
    @Test
    void followsARunWhoseStreamIsRefused() throws Exception {
        String run = press("supervisor", action("Refused", "/held"), 1);
        as("supervisor");
        open("/runs/" + run);
        awaitText("running");
        browser.script("""
                const source = document.querySelector('[data-stream]');
                const path = source.dataset.stream;
                const look = () => document.dispatchEvent(new Event('visibilitychange'));
                source.removeAttribute('data-stream');
                look();
                window.EventSource = class {
                    static OPEN = 1;
                    readyState = 2;
                    addEventListener() {}
                    close() {}
                };
                source.dataset.stream = path;
                look();""");

        receiver.release("Refused");

        awaitText("succeeded");
    }

    @Test
    void theListFollowsNewRunsAndKeepsTicks() throws Exception {
        String action = action("Listed", "/ok");
        press("supervisor", action, 1);
        as("supervisor");
        open("/runs?action_id=" + action);
        browser.click("tbody input[type=checkbox]");

        press("supervisor", action, 2);

        await().atMost(Duration.ofSeconds(15)).until(
                () -> browser.script("return document.querySelectorAll('tbody tr').length").asInt() == 2);
        assertThat(browser.script("return document.querySelectorAll('tbody input:checked').length").asInt()).isEqualTo(1);
    }

    @Test
    void sendsFailedTargetsAgainWithTwoClicks() throws Exception {
        String run = press("supervisor", action("Again", "/status/500"), 2);
        as("supervisor");
        open("/runs?show=failed");
        awaitText("again");

        browser.click("a[href$='" + run + "']");
        awaitText("the receiver answered 500");
        browser.click("button.main");

        awaitText("an earlier run");
        assertThat(browser.address()).contains("/runs/").doesNotContain(run);
    }

    @Test
    void stopsTheWrongButtonWithOneClickInTheList() throws Exception {
        String action = action("Wrong", "/held");
        String run = press("supervisor", action, 30);
        as("supervisor");
        open("/runs?action_id=" + action);

        browser.click("tbody button");

        awaitText("1 run cancelled");
        receiver.release("Wrong");
        await().atMost(Duration.ofSeconds(15)).until(() -> service.get("/runs/" + run, zou.login("admin")),
                ended -> ended.getString("state").equals("cancelled"));
        assertThat(service.get("/runs/" + run, zou.login("admin")).getInt("counts.cancelled")).isGreaterThanOrEqualTo(14);
        awaitText("/30");
        assertThat(browser.script("return document.querySelectorAll('tbody button').length").asInt())
                .as("an ended run has no button").isZero();
    }

    @Test
    void asksBeforeItSendsDeliveredTargetsAgain() throws Exception {
        String run = press("supervisor", action("Twice", "/ok"), 1);
        as("supervisor");
        open("/runs/" + run);
        awaitText("1 delivered");

        browser.click(".buttons button");
        browser.acceptQuestion();

        awaitText("an earlier run");
        assertThat(receiver.heard("Twice")).hasSize(2);
    }

    @Test
    void worksWithTheKeyboardOnly() throws Exception {
        String run = press("supervisor", action("Keyboard", "/ok"), 1);
        as("supervisor");
        open("/runs");
        browser.script("document.body.focus()");
        for (int i = 0; i < 40 && !browser.script("return document.activeElement.href || ''").asText().endsWith(run); i++) {
            browser.key(Keys.TAB);
        }
        browser.key(Keys.ENTER);

        awaitText("1 delivered");
        assertThat(browser.address()).endsWith(run);
    }

    @Test
    void standsInAFrameOfKitsuInItsTheme() {
        as("supervisor");
        browser.open(nginx.url() + "/");

        await().atMost(Duration.ofSeconds(15)).until(() -> browser.script(
                "const f = document.querySelector('iframe').contentDocument; return f && f.querySelector('h1') ? "
                        + "f.documentElement.dataset.theme + ' ' + f.querySelector('h1').textContent : ''")
                .asText(), "dark Runs"::equals);
    }

    /** The stream's keep-alive lines outlast nginx' time limit of 60 s. */
    @Test
    @Order(Integer.MAX_VALUE)
    void aStreamOutlastsNginxTimeLimit() throws Exception {
        TimeUnit.NANOSECONDS.sleep(watchedSince + TimeUnit.SECONDS.toNanos(70) - System.nanoTime());

        assertThat(watcher.script("return window.faults").asInt()).isZero();
        assertThat(watcher.text()).doesNotContain("does not answer");
        receiver.release("Silent");
        await().atMost(Duration.ofSeconds(60)).until(() -> watcher.text().toLowerCase().contains("succeeded"));
        assertThat(watcher.script("return window.faults").asInt()).as("the same document").isZero();
    }

    @ParameterizedTest
    @CsvSource({ "light, 1440", "dark, 360" })
    void everyScreenIsAccessibleAndFits(String theme, int width) throws Exception {
        String action = action("Screens " + theme + width, "/status/500");
        String run = press("admin", action, 3);
        as("admin");
        browser.size(width, 900);
        browser.cookie("kitsu-actions-theme", theme, APP);
        for (String path : screens(action, run)) {
            open(path);
            browser.picture(Path.of("target/screens/%s-%s-%d.png".formatted(
                    path.replaceAll("[0-9a-f-]{36}", "id").replaceAll("[^a-z]+", "-").replaceAll("^-|-$", ""), theme, width)));
            assertThat(violations()).as(path).isEmpty();
            assertThat(browser.script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
                    .asInt()).as("width of " + path).isZero();
        }
        browser.size(1440, 900);
    }

    private static List<String> screens(String action, String run) {
        return List.of("/runs", "/runs/" + run, "/runs?q=nothing", "/actions", "/actions?show=deleted", "/actions/new",
                "/actions/" + action, "/actions/" + action + "/history", "/why", "/audit", "/move", "/status", "/sign-in");
    }

    /** Returns what axe-core finds. */
    private static List<String> violations() throws Exception {
        try (var axe = PageIT.class.getResourceAsStream("/axe.min.js")) {
            JsonNode found = browser.script(new String(axe.readAllBytes(), StandardCharsets.UTF_8)
                    + "; return axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')))");
            return StreamSupport.stream(found.spliterator(), false).map(JsonNode::asText).toList();
        }
    }
}
