package studio.actions.kitsu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import studio.actions.testing.FakeZou;
import studio.actions.testing.Nginx;
import studio.actions.testing.Packaged;

/** The committed rule in a real nginx: Kitsu's login works even if the service hangs, is slow or is not running. */
@Tag("browser")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class NginxIT {

    private static final String CONTEXT = "/api/data/user/context";

    @TempDir
    static Path folder;

    private static final FakeZou zou = FakeZou.shared();
    private static final HttpClient client = HttpClient.newHttpClient();
    private static Packaged service;
    private static Nginx nginx;
    private static List<String> theirs;

    @BeforeAll
    static void start() throws Exception {
        service = new Packaged(folder, Map.of("CUSTOM_ACTIONS_ZOU_URL", zou.url())).ready();
        nginx = new Nginx(Files.createDirectories(folder.resolve("nginx")), service.port, zou.url(),
                Files.createDirectories(folder.resolve("site")));
        theirs = new ObjectMapper().readTree(zou.contextBytes()).path("custom_actions").findValuesAsText("id");
    }

    @AfterAll
    static void stop() {
        nginx.close();
        service.end();
    }

    @Test
    @Order(1)
    void sendsAliveCheckWithoutCredential() throws Exception {
        String token = zou.login("user");

        assertThat(actions(token)).isEmpty();

        assertThat(zou.requests(token)).extracting(FakeZou.Request::path).containsOnlyOnce("/data/user/context");
        assertThat(zou.requests("")).isEmpty();
        assertThat(get("/kitsu-actions-alive", token).statusCode()).as("for nginx alone").isEqualTo(404);
        assertThat(get("/api/custom-actions/alive", null).statusCode()).isEqualTo(204);
    }

    /** Zou may need longer for a large studio's context than the two seconds that nginx allows for the alive check. */
    @Test
    @Order(2)
    void waitsForASlowZou() throws Exception {
        String token = zou.login("user");
        zou.delay(token, "/data/user/context", Duration.ofSeconds(8));

        long since = System.nanoTime();
        assertThat(actions(token)).as("ours, not Zou's").isEmpty();
        assertThat(Duration.ofNanos(System.nanoTime() - since)).isGreaterThan(Duration.ofSeconds(8));
    }

    @Test
    @Order(3)
    void letsZouAnswerWhileTheServiceHangs() throws Exception {
        service.signal("STOP");
        try {
            long since = System.nanoTime();
            assertThat(actions(zou.login("user"))).isEqualTo(theirs);
            assertThat(Duration.ofNanos(System.nanoTime() - since)).isBetween(Duration.ofMillis(1900), Duration.ofSeconds(5));
        } finally {
            service.signal("CONT");
        }
        await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> assertThat(actions(zou.login("user"))).isEmpty());
    }

    @Test
    @Order(4)
    void letsZouAnswerWhileTheServiceIsDead() throws Exception {
        service.process.destroyForcibly().waitFor();

        long since = System.nanoTime();
        assertThat(actions(zou.login("user"))).isEqualTo(theirs);
        assertThat(Duration.ofNanos(System.nanoTime() - since)).isLessThan(Duration.ofSeconds(3));
        assertThat(get("/api/data/tasks/" + zou.recordedShot().id(), zou.login("user")).statusCode()).isEqualTo(200);

        nginx.start(false);
        assertThat(actions(zou.login("user"))).as("without the rule").isEqualTo(theirs);
    }

    private static List<String> actions(String token) throws Exception {
        HttpResponse<String> answer = get(CONTEXT, token);
        assertThat(answer.statusCode()).isEqualTo(200);
        JsonNode actions = new ObjectMapper().readTree(answer.body()).path("custom_actions");
        assertThat(actions.isArray()).isTrue();
        return actions.findValuesAsText("id");
    }

    private static HttpResponse<String> get(String path, String token) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(nginx.url() + path)).timeout(Duration.ofSeconds(60));
        return client.send((token == null ? request : request.header("Authorization", "Bearer " + token)).build(),
                HttpResponse.BodyHandlers.ofString());
    }
}
