package studio.actions.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import jakarta.inject.Inject;

import org.junit.jupiter.api.Test;

import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Metrics;
import studio.actions.testing.Services;

/** Requests with invented methods and paths must not add metric series. */
@QuarkusTest
@WithTestResource(Services.class)
class OddRequestsTest {

    private static final int REQUESTS = 50_000;
    private static final int CONNECTIONS = 10;
    private static final int RESETS = 200;

    private static final List<IntFunction<String>> ODD = List.of(
            i -> "ODD" + i + " /api/custom-actions",
            i -> "ODD" + i + " /odd/" + i,
            i -> "OPTIONS /odd/" + i,
            i -> "OPTIONS /api/custom-actions/odd-" + i,
            i -> "GET /api/custom-actions/odd-" + i,
            i -> "GET /odd/{" + i + "}",
            i -> "GET " + "/".repeat(1 + i % 50) + "odd",
            i -> "GET " + encoded("/api/custom-actions/openapi", i));

    @TestHTTPResource("/")
    URL service;

    @TestHTTPResource(value = "/metrics", management = true)
    URL metrics;

    @Inject
    MeterRegistry meters;

    @Test
    void unknownMethodsAndPathsAddNoMetrics() throws Exception {
        ExecutorService clients = Executors.newFixedThreadPool(CONNECTIONS);
        try {
            List<Future<?>> sent = IntStream.range(0, CONNECTIONS)
                    .<Future<?>> mapToObj(client -> clients.submit(() -> send(client))).toList();
            for (Future<?> client : sent) {
                client.get();
            }
        } finally {
            clients.shutdownNow();
        }
        for (int i = 0; i < RESETS; i++) {
            hangUp(i);
        }

        // The service counts a broken connection only when it notices the break.
        await().untilAsserted(() -> assertThat(tags("status")).contains("RESET"));
        String scrape = Metrics.scrape(metrics);
        assertThat(scrape.length()).isLessThan(1024 * 1024);
        assertThat(scrape).doesNotContainIgnoringCase("odd");
        assertThat(tags("method")).isSubsetOf("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER");
        assertThat(tags("uri")).contains("OTHER")
                .allMatch(uri -> uri.matches("[A-Z_]+|root|/cors-preflight|/api/[a-z{}/_-]+|/q/swagger-ui"));
        assertThat(meters.getMeters().size()).isLessThan(1000);
    }

    private Set<String> tags(String name) {
        Matcher found = Pattern.compile("[{,]" + name + "=\"([^\"]*)\"").matcher(Metrics.scrape(metrics).lines()
                .filter(line -> line.startsWith("http_server_requests_seconds_count")).collect(Collectors.joining("\n")));
        return found.results().map(match -> match.group(1)).collect(Collectors.toSet());
    }

    /** Sends one client's share of the requests without waiting for the answers, which another thread reads. */
    private Void send(int client) throws Exception {
        try (Socket socket = new Socket(service.getHost(), service.getPort())) {
            Thread reader = new Thread(() -> drain(socket));
            reader.start();
            OutputStream out = socket.getOutputStream();
            for (int i = client; i < REQUESTS; i += CONNECTIONS) {
                String last = i + CONNECTIONS < REQUESTS ? "" : "Connection: close\r\n";
                out.write((ODD.get(i / CONNECTIONS % ODD.size()).apply(i) + " HTTP/1.1\r\nHost: x\r\n" + last + "\r\n")
                        .getBytes(StandardCharsets.US_ASCII));
            }
            reader.join(120_000);
            assertThat(reader.isAlive()).as("still waiting for answers").isFalse();
        }
        return null;
    }

    private static void drain(Socket socket) {
        try {
            socket.getInputStream().transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            // The connection was closed.
        }
    }

    /** Sends an invalid chunk, so that the service closes the connection, and resets another connection itself. */
    private void hangUp(int i) throws IOException {
        try (Socket socket = new Socket(service.getHost(), service.getPort())) {
            socket.getOutputStream().write(("POST /api/custom-actions/echo?odd=" + i
                    + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n1\r\na\r\nno chunk\r\n\r\n")
                    .getBytes(StandardCharsets.US_ASCII));
            drain(socket);
        }
        try (Socket socket = new Socket(service.getHost(), service.getPort())) {
            socket.setSoLinger(true, 0);
            socket.getOutputStream()
                    .write(("GET /odd/" + i + "/%2e HTTP/1.1\r\nHost: x\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
        }
    }

    /** Returns the path with some characters percent-encoded, depending on {@code spelling}. */
    private static String encoded(String path, int spelling) {
        return IntStream.range(0, path.length())
                .mapToObj(at -> path.charAt(at) != '/' && (spelling >> at % 17 & 1) == 1
                        ? "%%%02x".formatted((int) path.charAt(at))
                        : String.valueOf(path.charAt(at)))
                .collect(Collectors.joining());
    }
}
