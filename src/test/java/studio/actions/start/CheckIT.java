package studio.actions.start;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

import studio.actions.testing.Packaged;

/** The packaged service, jar or native binary, with {@code --check}, which checks the configuration only. */
@Execution(ExecutionMode.CONCURRENT)
class CheckIT {

    @TempDir
    Path folder;

    private final List<ServerSocket> sockets = new ArrayList<>();

    @AfterEach
    void close() throws IOException {
        for (ServerSocket socket : sockets) {
            socket.close();
        }
    }

    @Test
    void contactsNoServerAndNeedsNoPort() throws Exception {
        Packaged service = check(Map.ofEntries(
                Map.entry("QUARKUS_DATASOURCE_JDBC_URL", "jdbc:postgresql://127.0.0.1:" + taken() + "/postgres"),
                Map.entry("QUARKUS_DATASOURCE_JDBC_MIN_SIZE", "4"),
                Map.entry("QUARKUS_DATASOURCE_JDBC_INITIAL_SIZE", "4"),
                Map.entry("QUARKUS_FLYWAY_VALIDATE_AT_START", "true"),
                Map.entry("QUARKUS_HIBERNATE_ORM_DATABASE_VERSION_CHECK_ENABLED", "true"),
                Map.entry("CUSTOM_ACTIONS_ZOU_URL", "http://127.0.0.1:" + taken()),
                Map.entry("CUSTOM_ACTIONS_TRACING_ENDPOINT", "http://127.0.0.1:" + taken()),
                Map.entry("QUARKUS_OTEL_SDK_DISABLED", "false"),
                Map.entry("QUARKUS_HTTP_PORT", taken()),
                Map.entry("QUARKUS_MANAGEMENT_PORT", taken())));

        assertPasses(service);
        assertThat(sockets).allSatisfy(socket -> assertThatThrownBy(socket::accept)
                .isInstanceOf(SocketTimeoutException.class));
    }

    @Test
    void createsNoEmbeddedDatabase() throws Exception {
        assertPasses(check(Map.of()));
        assertThat(folder.resolve("data")).doesNotExist();
    }

    @Test
    void refusesUnknownArguments() throws Exception {
        Packaged service = new Packaged(folder, Map.of(), "--chekc");

        assertThat(service.exit()).isEqualTo(1);
        assertThat(service.output()).contains("The argument --chekc is not known. Allowed: --check.");
    }

    private Packaged check(Map<String, String> environment) throws IOException {
        return new Packaged(folder, environment, "--check");
    }

    private static void assertPasses(Packaged service) throws InterruptedException {
        assertThat(service.exit()).as(service.output()).isZero();
        assertThat(service.lines()).containsExactly("The configuration is valid; the service can start.");
    }

    /** Returns a port that is in use. Connections to it stay in its queue, so that the test can find them. */
    private String taken() throws IOException {
        ServerSocket socket = new ServerSocket(0, 50, InetAddress.getByName("0.0.0.0"));
        socket.setSoTimeout(50);
        sockets.add(socket);
        return Integer.toString(socket.getLocalPort());
    }
}
