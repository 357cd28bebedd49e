package studio.actions.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import studio.actions.testing.Packaged;
import studio.actions.testing.Postgres;
import studio.actions.testing.Receiver;

/** Answers to presses while the packaged service stops. */
@Tag("survival")
class StopIT {

    private static final Pattern WHOLE = Pattern.compile("(?is)\\r\\ncontent-length: (\\d+).*?\\r\\n\\r\\n");

    /** A press with its raw answer, or with the error if there was no answer. */
    private record Press(long begun, String answer) {

        String status() {
            return answer.startsWith("HTTP/1.1 ") ? answer.substring(9, 12) : "none: " + answer;
        }
    }

    @TempDir
    Path folder;

    private final List<Press> presses = new CopyOnWriteArrayList<>();

    private final Receiver receiver = Receiver.shared();
    private final String name = "stop-" + UUID.randomUUID();
    private Postgres postgres;
    private Packaged service;

    @BeforeEach
    void start() throws Exception {
        postgres = new Postgres(folder);
        service = new Packaged(folder, Map.of("QUARKUS_DATASOURCE_JDBC_URL", postgres.another(), "CUSTOM_ACTIONS_LOCAL_TOKEN",
                Packaged.TOKEN, "CUSTOM_ACTIONS_EGRESS_ALLOW", "127.0.0.1:" + receiver.port(), "CUSTOM_ACTIONS_RUN_SHUTDOWN",
                "5s",
                "CUSTOM_ACTIONS_LIMITS_PER_CALLER", "60000")).ready();
    }

    @AfterEach
    void stop() throws Exception {
        receiver.release(name);
        service.end();
        postgres.close();
    }

    @Test
    void answersEachPressDuringShutdown() throws Exception {
        String quick = action("/ok");
        service.start(action("/held"), Packaged.TOKEN, Packaged.targets(1));
        await().until(() -> receiver.heard(name).size() == 1);
        List<CompletableFuture<Void>> clients = IntStream.range(0, 4)
                .mapToObj(i -> CompletableFuture.runAsync(() -> pressUntilNothingListens(quick))).toList();
        await().until(() -> presses.size() > 40);

        service.process.destroy();
        clients.forEach(CompletableFuture::join);
        assertThat(service.exit()).isIn(0, 143);

        List<Press> refused = presses.stream().filter(press -> press.status().equals("503")).toList();
        assertThat(refused).hasSizeGreaterThan(4).allSatisfy(press -> assertThat(press.answer)
                .containsPattern("(?i)\r\nRetry-After: [1-9]").containsPattern("(?i)\r\nConnection: close")
                .contains("\"code\":\"unavailable\"").contains("The service is stopping"));
        long stop = refused.stream().mapToLong(Press::begun).min().orElseThrow();
        assertThat(presses).filteredOn(press -> press.begun < stop + 500_000_000).extracting(Press::status)
                .isSubsetOf("200", "202", "503");
        assertThat(service.troubles()).isEmpty();
    }

    /**
     * Presses until nothing listens on the port. Alternates between a connection for one press and a connection for many
     * presses, which ends with the first answer that is no success.
     */
    private void pressUntilNothingListens(String action) {
        for (boolean keep = false;; keep = !keep) {
            try (Socket socket = new Socket("127.0.0.1", service.port)) {
                socket.setSoTimeout(20_000);
                String answer;
                do {
                    long begun = System.nanoTime();
                    answer = press(socket, action);
                    presses.add(new Press(begun, answer));
                } while (keep && answer.startsWith("HTTP/1.1 20"));
            } catch (ConnectException e) {
                return;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static String press(Socket socket, String action) {
        String body = Packaged.targets(1);
        StringBuilder answer = new StringBuilder();
        try {
            socket.getOutputStream().write(("POST /api/custom-actions/" + action + "/run HTTP/1.1\r\nHost: x\r\n"
                    + "Authorization: Bearer " + Packaged.TOKEN + "\r\nContent-Type: application/json\r\nContent-Length: "
                    + body.length()
                    + "\r\n\r\n" + body).getBytes(StandardCharsets.US_ASCII));
            InputStream in = socket.getInputStream();
            for (int c = in.read(); c >= 0; c = in.read()) {
                answer.append((char) c);
                Matcher whole = WHOLE.matcher(answer);
                if (c == '}' && whole.find() && answer.length() - whole.end() == Integer.parseInt(whole.group(1))) {
                    break;
                }
            }
        } catch (IOException e) {
            answer.append(e);
        }
        return answer.toString();
    }

    private String action(String behaviour) throws Exception {
        return service.ajax(Packaged.TOKEN, receiver.url("/" + name + behaviour + "?e={entity_id}"), "timeout_ms", 30_000,
                "rate_per_minute", 60_000);
    }
}
