package studio.actions.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** The packaged service in its own process: the jar, or the native binary in native tests. */
public final class Packaged {

    private static final Path JAR = Path.of("target/quarkus-app/quarkus-run.jar");

    /** The classes of the service as a start loads them (JEP 350), since loading them is more than a third of a start. */
    private static final Path CLASSES = Path.of("target/service.jsa");

    /** A value for {@code CUSTOM_ACTIONS_LOCAL_TOKEN}. */
    public static final String TOKEN = "a-token-of-sixteen-and-more";

    /** Long, because several services start at once and other processes may use the cores. */
    private static final Duration PATIENCE = Duration.ofMinutes(3);

    private static final AtomicInteger NEXT_PORT = new AtomicInteger(new Random().nextInt(20_000));

    private static final HttpClient HTTP = HttpClient.newHttpClient();

    public final Process process;
    private final Path log;
    public final int port;
    public final int managementPort;

    public Packaged(Path folder, Map<String, String> environment, String... arguments) throws IOException {
        this(folder, environment, Stream.concat(command().stream(), Stream.of(arguments)).toList());
    }

    private Packaged(Path folder, Map<String, String> environment, List<String> command) throws IOException {
        port = freePort();
        managementPort = freePort();
        log = Files.createTempFile(Files.createDirectories(Confidential.LOGS), "process-", ".log");
        environment.forEach((name, value) -> {
            if (name.matches("CUSTOM_ACTIONS_(LOCAL_TOKEN|SECRETS_.*|SIGNING_.*)|.*_PASSWORD")) {
                Confidential.note(value);
            }
        });
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().keySet().removeIf(name -> name.startsWith("CUSTOM_ACTIONS_") || name.startsWith("QUARKUS_"));
        builder.environment().put("CUSTOM_ACTIONS_DATA_DIR", folder.resolve("data").toString());
        builder.environment().put("QUARKUS_HTTP_PORT", Integer.toString(port));
        builder.environment().put("QUARKUS_MANAGEMENT_PORT", Integer.toString(managementPort));
        builder.environment().putAll(environment);
        process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    }

    /** Starts the service at a terminal, as a person who reads its output does. */
    public static Packaged atTerminal(Path folder, Map<String, String> environment) throws IOException {
        return new Packaged(folder, environment,
                List.of("/usr/bin/script", "--quiet", "--command", "exec " + String.join(" ", command()), "/dev/null"));
    }

    private static synchronized List<String> command() throws IOException {
        if (Boolean.getBoolean("testing.native")) {
            return List.of(System.getProperty("native.image.path"));
        }
        if (Files.notExists(CLASSES) || Files.getLastModifiedTime(CLASSES).compareTo(Files.getLastModifiedTime(JAR)) < 0) {
            Files.deleteIfExists(CLASSES);
            Path folder = Files.createTempDirectory(Files.createDirectories(Path.of("target")), "service-");
            Postgres.shareBinaries(folder.resolve("data"));
            new Packaged(folder, Map.of(), java("-XX:ArchiveClassesAtExit=" + CLASSES)).ready().end();
            assertThat(CLASSES).exists();
        }
        return java("-XX:SharedArchiveFile=" + CLASSES);
    }

    private static List<String> java(String archive) {
        return List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), archive, "-Xlog:disable",
                "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar", JAR.toString());
    }

    /** Waits for the last line of a start, which a separate thread logs soon after Quarkus logs that it listens. */
    public Packaged ready() {
        await().atMost(PATIENCE).until(
                () -> output().contains("Listening on") && output().contains("Documentation: ") || !process.isAlive());
        assertThat(process.isAlive()).as(output()).isTrue();
        return this;
    }

    public int exit() throws InterruptedException {
        assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).as("ends: " + output()).isTrue();
        return process.exitValue();
    }

    public void end() {
        process.destroy();
        try {
            if (!process.waitFor(30, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Sends a signal to the service. */
    public void signal(String signal) throws IOException, InterruptedException {
        assertThat(signal(signal, List.of(Long.toString(process.pid())))).isZero();
    }

    /** Sends a signal to processes and returns 0 if it reached all of them. */
    public static int signal(String signal, List<String> processes) throws IOException, InterruptedException {
        List<String> kill = new ArrayList<>(List.of("kill", "-" + signal));
        kill.addAll(processes);
        return new ProcessBuilder(kill).inheritIO().start().waitFor();
    }

    public String output() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public List<String> lines() {
        return output().lines().toList();
    }

    /**
     * Returns warnings and errors, except the warning about {@code run.shutdown}, which each start with a shorter value logs.
     */
    public List<String> troubles() {
        return lines().stream().filter(line -> line.contains("WARN") || line.contains("ERROR"))
                .filter(line -> !line.contains("(egress.max-timeout), but a shutdown waits for")).toList();
    }

    public String token() {
        String export = "export TOKEN=";
        return await()
                .until(() -> lines().stream().filter(line -> line.startsWith(export)).findFirst(), Optional::isPresent)
                .map(line -> Confidential.note(line.substring(export.length()))).orElseThrow();
    }

    public Json get(String path, String token) throws Exception {
        return Json.of(HTTP.send(request(path, token).GET().build(), HttpResponse.BodyHandlers.ofString()).body());
    }

    /** Returns the status of an answer on the management port, or 0 if there is no answer. */
    public int managementStatus(String path) throws InterruptedException {
        try {
            return HTTP.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + managementPort + path))
                    .timeout(Duration.ofSeconds(20)).build(), HttpResponse.BodyHandlers.discarding()).statusCode();
        } catch (IOException e) {
            return 0;
        }
    }

    /** @param header a name and a value; may be left out */
    public Json post(String path, String token, String body, String... header) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(posting(path, token, body), (name, value) -> true);
        HttpResponse<String> response = HTTP.send((header.length > 0 ? request.headers(header) : request).build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isIn(200, 201);
        return Json.of(response.body());
    }

    /** The answer to a press. */
    public record Answer(int status, HttpHeaders headers, String body) {

        public Json json() {
            return Json.of(body);
        }

        public String header(String name) {
            return headers.firstValue(name).orElse(null);
        }
    }

    /** Presses without waiting for the run, and returns the answer with any status. */
    public Answer press(String action, String token, String body) {
        HttpRequest request = HttpRequest.newBuilder(posting("/" + action + "/run", token, body), (name, value) -> true)
                .header("Prefer", "respond-async").build();
        try {
            HttpResponse<String> response = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
            return new Answer(response.statusCode(), response.headers(), response.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Creates an AJAX action with this URL and returns its id. */
    public String ajax(String token, String url, Object... fields) throws Exception {
        return post("", token, Json.text(Api.ajax(Api.draft(fields), url))).getString("id");
    }

    /** Returns the body of a press on this many new targets. */
    public static String targets(int count) {
        return Json.text(Map.of("targets",
                Stream.generate(() -> Map.of("entity_id", UUID.randomUUID())).limit(count).toList()));
    }

    /** Starts a run and returns its id without waiting for the end of the run. */
    public String start(String action, String token, String body) {
        Answer answer = press(action, token, body);
        assertThat(answer.status()).as(answer.body()).isEqualTo(202);
        return answer.json().getString("id");
    }

    public CompletableFuture<HttpResponse<Void>> send(String path, String token, String body) {
        return HTTP.sendAsync(posting(path, token, body), HttpResponse.BodyHandlers.discarding());
    }

    private HttpRequest posting(String path, String token, String body) {
        return request(path, token).header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)).build();
    }

    private HttpRequest.Builder request(String path, String token) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/api/custom-actions" + path))
                .header("Authorization", "Bearer " + token);
    }

    /**
     * Returns a free port below the range that Linux uses for outgoing connections, which could take the port before its user
     * does.
     */
    public static int freePort() {
        while (true) {
            int port = 10_000 + Math.floorMod(NEXT_PORT.getAndIncrement(), 20_000);
            try (ServerSocket socket = new ServerSocket(port)) {
                return socket.getLocalPort();
            } catch (IOException e) {
                // Another process uses this port.
            }
        }
    }
}
