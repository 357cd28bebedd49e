package studio.actions.testing;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/** Headless Chromium, driven by the few commands of W3C WebDriver that these tests need. Both are Debian's. */
public final class Browser implements AutoCloseable {

    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Process driver;
    private final String session;

    public Browser(Path folder) throws IOException {
        int port = Packaged.freePort();
        driver = new ProcessBuilder("chromedriver", "--port=" + port).redirectErrorStream(true)
                .redirectOutput(folder.resolve("chromedriver.log").toFile()).start();
        String base = "http://127.0.0.1:" + port;
        await().atMost(Duration.ofSeconds(30)).ignoreExceptions()
                .until(() -> call("GET", base + "/status", null).path("ready").asBoolean());
        // Without these, Chromium looks for its maker's servers at every start.
        List<String> arguments = List.of("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--user-data-dir=" + folder.resolve("profile"));
        session = base + "/session/" + call("POST", base + "/session", Map.of("capabilities",
                Map.of("alwaysMatch", Map.of("goog:chromeOptions", Map.of("args", arguments))))).path("sessionId").asText();
    }

    public void open(String url) {
        call("POST", session + "/url", Map.of("url", url));
    }

    /** Where the tab is, with its fragment, be it an empty one. */
    public String address() {
        return script("return location.href").asText();
    }

    public String source() {
        return call("GET", session + "/source", null).asText();
    }

    /** Signs in, or becomes somebody else, as Kitsu's login does. */
    public void signIn(String token) {
        call("POST", session + "/cookie", Map.of("cookie", Map.of("name", "access_token_cookie", "value", token, "path", "/",
                "httpOnly", true)));
    }

    /** Runs a function body in the page; a promise is waited for. */
    public JsonNode script(String body, Object... arguments) {
        return call("POST", session + "/execute/sync", Map.of("script", body, "args", List.of(arguments)));
    }

    /** Clicks as a person does. */
    public void click(String selector) {
        String element = call("POST", session + "/element", Map.of("using", "css selector", "value", selector)).elements()
                .next().asText();
        call("POST", session + "/element/" + element + "/click", Map.of());
    }

    /** Goes to the tab that was opened last, once there is one. */
    public void toNewTab() {
        await().atMost(Duration.ofSeconds(10)).until(() -> tabs().size() > 1);
        to(tabs().get(tabs().size() - 1));
    }

    /** Closes all tabs but the first. */
    public void toFirstTab() {
        List<String> tabs = tabs();
        for (String tab : tabs.subList(1, tabs.size())) {
            to(tab);
            call("DELETE", session + "/window", null);
        }
        to(tabs.get(0));
    }

    private void to(String tab) {
        call("POST", session + "/window", Map.of("handle", tab));
    }

    private List<String> tabs() {
        List<String> handles = new ArrayList<>();
        call("GET", session + "/window/handles", null).forEach(handle -> handles.add(handle.asText()));
        return handles;
    }

    @Override
    public void close() {
        call("DELETE", session, null);
        driver.destroy();
    }

    private static JsonNode call(String method, String url, Object body) {
        try {
            var publisher = body == null ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(body));
            HttpResponse<String> response = HTTP.send(
                    HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(60)).method(method, publisher).build(),
                    HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() >= 400) {
                throw new IllegalStateException(response.body());
            }
            return JSON.readTree(response.body()).path("value");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
