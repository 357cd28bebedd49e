package studio.actions.egress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.hasItem;
import static studio.actions.testing.Json.has;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;

import javax.net.ssl.SSLSocket;

import jakarta.inject.Inject;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import com.sun.management.UnixOperatingSystemMXBean;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.smallrye.mutiny.Uni;
import studio.actions.settings.EgressConfig;
import studio.actions.testing.Api;
import studio.actions.testing.Certificates;
import studio.actions.testing.Database;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** URLs and headers that try to inject lines into the request, and receivers that do not accept or read. */
@QuarkusTest
@WithTestResource(Services.class)
class HostileActionTest {

    /** Exceeds the 4 MB that Linux buffers for a sender. A larger one would take long to encrypt in unoptimized code. */
    private static final String LARGE = "x".repeat(5 * 1024 * 1024);

    @Inject
    Doors doors;

    @Inject
    Egress egress;

    @Inject
    Database database;

    private final Receiver receiver = Receiver.shared();
    private final String name = "action-" + UUID.randomUUID();

    @ParameterizedTest
    @ValueSource(strings = { "a\r\nX-Injected: 1", "a\nX-Injected: 1", "a\rX-Injected: 1", "a\0b", "a\u000bb",
            "ač\u010aX-Injected: 1",
            "a\u007fb" })
    void refusesToSaveHeadersWithControlCharacters(String value) {
        Api.create(Api.draft("is_ajax", true, "headers", Map.of("X-Farm", value))).then().statusCode(400)
                .body(has("errors.pointer", hasItem("/headers/X-Farm")));
    }

    /** The check also applies to headers that were written to the database directly. */
    @ParameterizedTest
    @ValueSource(strings = { "a\\r\\nX-Injected: 1", "a\\nX-Injected: 1", "a\\rX-Injected: 1", "a\\u000bX-Injected: 1",
            "a\\r\\n X-Folded: 1", "a\\n X-Folded: 1", "\u010d\u010aX-Injected: 1" })
    void sendsNoHeaderWithControlCharactersFromTheDatabase(String value) throws SQLException {
        String action = Api.ajax(receiver.url("/" + name + "/ok"));
        database.change("UPDATE action SET headers = '{\"X-Farm\": \"" + value + "\"}' WHERE id = ?", UUID.fromString(action));

        Json run = Api.press(action);

        assertThat(run.getMap("deliveries[0]")).containsEntry("state", "failed");
        assertThat(run.getString("deliveries[0].failure.message")).contains("Is every header's value printable ASCII?");
        assertThat(receiver.heard(name)).isEmpty();
        assertThat(Api.press(Api.ajax(receiver.url("/" + name + "/ok"))).getString("state")).as("the place is free again")
                .isEqualTo("succeeded");
    }

    /** Some clients truncate characters to their low byte, which makes U+010D and U+010A CR and LF. */
    @ParameterizedTest
    @CsvSource({ "/\u010d\u010aX-Injected:1, /%C4%8D%C4%8AX-Injected:1", "/é?q=é, /%C3%A9?q=%C3%A9",
            "/%0d%0aX-Injected:%201, /%0d%0aX-Injected:%201", "/a;b=c//d, /a;b=c//d", "/%2e%2e/%00, /%2e%2e/%00",
            "?only=query, /?only=query", "/x#fragment, /x" })
    void sendsTheUrlAsOneLine(String typed, String sent) {
        String path = "/" + name + "/ok";

        Reply reply = send(egress, receiver.url((typed.startsWith("?") ? "" : path) + typed), Map.of(), 5000);

        assertThat(reply).isInstanceOf(Reply.Delivered.class);
        Receiver.Heard heard = receiver.heard(typed.startsWith("?") ? "" : name).get(0);
        assertThat(heard.uri()).isEqualTo((typed.startsWith("?") ? "" : path) + sent);
        assertThat(heard.headers()).doesNotContainKey("X-Injected");
    }

    @Test
    void sendsNoNulInAHeader() {
        assertThat(send(egress, receiver.url("/" + name + "/ok"), Map.of("X-Nul", "a\0b"), 5000))
                .isInstanceOf(Reply.Failed.class);
        assertThat(receiver.heard(name)).isEmpty();
    }

    @Test
    void saysThatAConnectionIsNotAccepted() throws IOException {
        try (ServerSocket full = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            List<Socket> waiting = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                waiting.add(new Socket(full.getInetAddress(), full.getLocalPort()));
            }
            Egress allowed = doors.allowing(List.of("127.0.0.1:" + full.getLocalPort()));

            Reply reply = send(allowed, "http://127.0.0.1:" + full.getLocalPort() + "/", Map.of(), 10_000);
            Reply shorter = send(allowed, "http://127.0.0.1:" + full.getLocalPort() + "/", Map.of(), 500);

            assertThat(reply).isInstanceOfSatisfying(Reply.Failed.class, failed -> {
                assertThat(failed.kind()).isEqualTo(FailureKind.connect_timeout);
                assertThat(failed.message()).contains("3 s");
                assertThat(failed.durationMs()).isBetween(2990L, 3300L);
            });
            assertThat(shorter).isInstanceOfSatisfying(Reply.Failed.class, failed -> {
                assertThat(failed.kind()).isEqualTo(FailureKind.timeout);
                assertThat(failed.durationMs()).isBetween(490L, 800L);
            });
            for (Socket one : waiting) {
                one.close();
            }
            allowed.close();
        }
    }

    /**
     * The receiver accepts the connection but does not read, and the body is too large for the buffers in between.
     * The receiver answers early or not at all, with TLS or without.
     */
    @Tag("survival")
    @ParameterizedTest
    @CsvSource({ "false, false", "false, true", "true, false", "true, true" })
    void abandonsAReceiverThatDoesNotRead(boolean tlsToo, boolean answers) throws Exception {
        try (ServerSocket deaf = tlsToo ? Certificates.shared().of("IP:127.0.0.1").getServerSocketFactory().createServerSocket()
                : new ServerSocket()) {
            deaf.setReceiveBufferSize(1);
            deaf.bind(new InetSocketAddress("127.0.0.1", 0), 50);
            Egress allowed = doors.of(List.of("127.0.0.1:" + deaf.getLocalPort()), doors.names, large());
            String url = (tlsToo ? "https" : "http") + "://127.0.0.1:" + deaf.getLocalPort() + "/";
            List<Socket> accepted = new CopyOnWriteArrayList<>();
            Thread server = new Thread(() -> {
                try {
                    while (true) {
                        Socket socket = deaf.accept();
                        accepted.add(socket);
                        new Thread(() -> answer(socket, tlsToo, answers)).start();
                    }
                } catch (IOException e) {
                    // The test has closed the socket.
                }
            });
            server.start();
            long before = openFiles();

            List<Uni<Reply>> sent = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                sent.add(Doors.send(allowed, new Outbound("POST", url, Map.of(), LARGE, Duration.ofMillis(500))));
            }
            List<Reply> replies = Uni.join().all(sent).andFailFast().await().atMost(Duration.ofSeconds(40));

            // The receiver never reads, so without the timeout the attempts would last until the test ends.
            assertThat(replies).allSatisfy(reply -> assertThat(reply.durationMs()).isLessThan(10_000));
            if (!answers) {
                assertThat(replies)
                        .allMatch(reply -> reply instanceof Reply.Failed failed && failed.kind() == FailureKind.timeout);
            }
            assertThat(accepted).hasSize(10);
            // TLS gets three seconds to close. Afterwards only this receiver's own sockets are open, which it never closes.
            await().atMost(Duration.ofSeconds(5)).untilAsserted(() -> assertThat(openFiles() - before).isLessThan(10 + 5));
            for (Socket one : accepted) {
                one.close();
            }
            allowed.close();
        }
    }

    private static void answer(Socket socket, boolean tls, boolean answers) {
        try {
            if (tls) {
                ((SSLSocket) socket).startHandshake();
            }
            if (answers) {
                socket.getOutputStream().write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".getBytes());
            }
        } catch (IOException e) {
            // The client closed the connection during the handshake.
        }
    }

    private static EgressConfig large() {
        return new SmallRyeConfigBuilder().addDiscoveredConverters().withMapping(EgressConfig.class)
                .withDefaultValue("custom-actions.egress.max-request", "16M").build().getConfigMapping(EgressConfig.class);
    }

    private static long openFiles() {
        return ((UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getOpenFileDescriptorCount();
    }

    private static Reply send(Egress egress, String url, Map<String, String> headers, int timeout) {
        return Doors.send(egress, new Outbound("POST", url, headers, "{}", Duration.ofMillis(timeout))).await()
                .atMost(Duration.ofSeconds(15));
    }
}
