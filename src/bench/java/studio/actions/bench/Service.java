package studio.actions.bench;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import io.vertx.core.json.JsonObject;
import studio.actions.testing.Packaged;

/** The packaged service, or the bare app, in a process of its own with 128 MB of heap. */
final class Service implements AutoCloseable {

    static final String TOKEN = "the-token-of-the-bench";
    static final String ACTIONS = "/api/custom-actions";

    private static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    final int port;
    private final Process process;
    private final String token;
    /** The time from the start of the process to its first 200. */
    final Duration started;
    private final Path log;

    /** @param first the path that is requested until the answer is 200 */
    private Service(List<String> command, Map<String, String> environment, String token, String first) throws Exception {
        this.token = token;
        port = Packaged.freePort();
        log = Files.createTempFile(Bench.FOLDER, "service-", ".log");
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().keySet().removeIf(name -> name.startsWith("CUSTOM_ACTIONS_") || name.startsWith("QUARKUS_"));
        builder.environment().putAll(environment);
        builder.environment().put("QUARKUS_HTTP_PORT", Integer.toString(port));
        builder.environment().put("QUARKUS_MANAGEMENT_PORT", Integer.toString(Packaged.freePort()));
        long since = System.nanoTime();
        process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
        HttpRequest question = request(first).GET().build();
        while (!answers(question)) {
            if (!process.isAlive() || System.nanoTime() - since > PATIENCE.toNanos()) {
                close();
                throw new IllegalStateException("It does not start: " + Files.readString(log));
            }
            Thread.sleep(10);
        }
        started = Duration.ofNanos(System.nanoTime() - since);
    }

    /** Starts our service on a database. */
    static Service start(String jdbcUrl, Map<String, String> settings) throws Exception {
        return start(jdbcUrl, TOKEN, settings);
    }

    /** Starts our service on a database, for requests with the given token of Kitsu's. */
    static Service start(String jdbcUrl, String token, Map<String, String> settings) throws Exception {
        Map<String, String> environment = new HashMap<>(Map.of(
                "QUARKUS_DATASOURCE_JDBC_URL", jdbcUrl,
                "CUSTOM_ACTIONS_LOCAL_TOKEN", TOKEN,
                // The highest limits. Rate limiting stays on, so that each press and delivery still takes its tokens.
                "CUSTOM_ACTIONS_LIMITS_PER_CALLER", "60000",
                "CUSTOM_ACTIONS_LIMITS_PER_HOST", "10000"));
        environment.putAll(settings);
        return new Service(command("quarkus-app", Bench.RUNNER), environment, token,
                ACTIONS + "/openapi");
    }

    /** Starts the bare app, which uses the same frameworks but does nothing. */
    static Service startBare(String jdbcUrl) throws Exception {
        return new Service(command("bare/quarkus-app", "bare/bare-1-runner"), Map.of("QUARKUS_DATASOURCE_JDBC_URL", jdbcUrl),
                TOKEN, "/things");
    }

    private static List<String> command(String jar, String runner) {
        if (Bench.NATIVE) {
            return List.of(Bench.FOLDER.resolve(runner).toString(), "-Xmx128m");
        }
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx128m",
                        "-XX:+ExitOnOutOfMemoryError"));
        command.addAll(List.of(System.getProperty("bench.options", "").strip().split("\\s+")));
        command.removeIf(String::isEmpty);
        command.addAll(List.of("-jar", Bench.FOLDER.resolve(jar).resolve("quarkus-run.jar").toString()));
        return command;
    }

    private static boolean answers(HttpRequest question) throws InterruptedException {
        try {
            return HTTP.send(question, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
        } catch (IOException e) {
            return false;
        }
    }

    String bearer() {
        return "Bearer " + token;
    }

    HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                .header("Authorization", bearer());
    }

    HttpResponse<String> get(String path, String... headers) throws Exception {
        HttpRequest.Builder request = request(path);
        return HTTP.send((headers.length > 0 ? request.headers(headers) : request).GET().build(),
                HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> send(String method, String path, String type, String body, String... headers) throws Exception {
        HttpRequest.Builder request = request(path).header("Content-Type", type);
        HttpResponse<String> response = HTTP.send((headers.length > 0 ? request.headers(headers) : request)
                .method(method, HttpRequest.BodyPublishers.ofString(body)).build(), HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() >= 300) {
            throw new IllegalStateException(
                    method + " " + path + " was answered " + response.statusCode() + ": " + response.body());
        }
        return response;
    }

    /** Creates an AJAX action that is sent to the URL and returns its id. */
    String action(String url) throws Exception {
        return new JsonObject(send("POST", ACTIONS, "application/json", new JsonObject().put("name", "Bench").put("url", url)
                .put("is_ajax", true).put("rate_per_minute", 60_000).put("timeout_ms", 30_000).encode()).body())
                .getString("id");
    }

    /** Returns the bytes that the process has allocated so far; 0 if it does not report them. */
    long allocated() throws Exception {
        HttpResponse<String> answer = get("/bench/allocated");
        return answer.statusCode() == 200 ? Long.parseLong(answer.body()) : 0;
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(40, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
