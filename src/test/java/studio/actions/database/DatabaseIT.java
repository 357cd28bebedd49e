package studio.actions.database;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

import studio.actions.testing.Firewall;
import studio.actions.testing.Packaged;
import studio.actions.testing.Packaged.Answer;
import studio.actions.testing.Postgres;
import studio.actions.testing.Receiver;
import studio.actions.testing.SmallDisk;

/**
 * Failures of the database server beneath the packaged service: the answers to callers, the log lines for the operator, and
 * the recovery.
 */
@Tag("survival")
@Execution(ExecutionMode.CONCURRENT)
class DatabaseIT {

    private static final Path PGBOUNCER = Path.of("/usr/sbin/pgbouncer");

    @TempDir
    Path folder;

    private final Receiver receiver = Receiver.shared();
    private final String name = "database-" + UUID.randomUUID();
    private Postgres postgres;
    private Packaged service;

    @BeforeEach
    void startDatabase() throws IOException {
        postgres = new Postgres(folder);
    }

    @AfterEach
    void stop() throws IOException {
        receiver.release(name);
        if (service != null) {
            service.end();
        }
        postgres.close();
    }

    @Test
    void waitsForAReadOnlyDatabase() throws Exception {
        start(postgres.url());
        String action = action("/ok");
        String held = service.start(action("/held"), Packaged.TOKEN, Packaged.targets(1));
        await().until(() -> receiver.heard(name).size() == 1);

        postgres.execute("ALTER SYSTEM SET default_transaction_read_only = on");
        postgres.execute("SELECT pg_reload_conf()");
        await().atMost(Duration.ofSeconds(15)).until(() -> ready() == 503);
        receiver.release(name);
        assertRefused(action, "The database is read-only.");
        assertThat(service.get("", Packaged.TOKEN).getList("data")).as("what is only read goes on").isNotEmpty();
        assertThat(troubles()).singleElement().asString().contains("The database is read-only (25006");

        postgres.execute("ALTER SYSTEM RESET default_transaction_read_only");
        postgres.execute("SELECT pg_reload_conf()");
        assertComesBack(action);
        await().atMost(Duration.ofSeconds(30)).until(() -> service.get("/runs/" + held, Packaged.TOKEN).getString("state"),
                "succeeded"::equals);
        assertThat(receiver.heard(name)).as("each press once").hasSize(2);
        assertThat(troubles()).hasSize(1);
    }

    @Test
    void waitsForADatabaseWhoseDiskIsFull() throws Exception {
        try (SmallDisk disk = new SmallDisk(folder.resolve("disk"), 300)) {
            postgres.close();
            postgres = new Postgres(disk.folder());
            start(postgres.url());
            String action = action("/ok");
            String held = service.start(action("/held"), Packaged.TOKEN, Packaged.targets(1));
            await().until(() -> receiver.heard(name).size() == 1);

            disk.fill();
            List<String> written = new ArrayList<>();
            Answer last = press(action);
            for (int i = 0; i < 50 && last.status() == 202; i++) {
                written.add(last.json().getString("id"));
                last = press(action);
            }
            assertThat(last.status()).as(last.body()).isEqualTo(503);
            assertRefused(action, "The database's disk is full.");
            await().atMost(Duration.ofSeconds(15)).until(() -> ready() == 503);
            assertThat(service.get("", Packaged.TOKEN).getList("data")).as("what is only read goes on").hasSize(2);
            receiver.release(name);
            await().during(Duration.ofSeconds(12)).atMost(Duration.ofSeconds(15)).until(() -> ready() == 503);
            assertThat(troubles()).allSatisfy(line -> assertThat(line).contains("disk is full (53100")).hasSize(1);
            assertThat(service.output()).doesNotContain("The database is back;");

            disk.makeRoom();
            assertComesBack(action);
            for (String run : Stream.concat(Stream.of(held), written.stream()).toList()) {
                await().atMost(Duration.ofSeconds(60)).until(
                        () -> service.get("/runs/" + run, Packaged.TOKEN).getString("state"), "succeeded"::equals);
            }
            assertThat(receiver.heard(name)).as("each delivery once").hasSize(1 + 100 * written.size() + 1);
            postgres.close();
        }
    }

    /** Presses an action with 100 targets, to fill the disk. */
    private Answer press(String action) {
        return service.press(action, Packaged.TOKEN, Packaged.targets(100));
    }

    @Test
    void waitsForADatabaseThatRefusesTheLogin() throws Exception {
        postgres.execute("CREATE ROLE kitsu LOGIN SUPERUSER PASSWORD 'right'");
        Path access = folder.resolve("postgres/pg_hba.conf");
        Files.writeString(access, "host all kitsu 127.0.0.1/32 scram-sha-256\n" + Files.readString(access));
        postgres.execute("SELECT pg_reload_conf()");
        start(postgres.url().replace("user=postgres", "user=kitsu&password=right"));
        String action = action("/ok");

        postgres.execute("ALTER ROLE kitsu PASSWORD 'other'");
        postgres.cutConnections();
        await().atMost(Duration.ofSeconds(15)).until(() -> ready() == 503);
        assertRefused(action, "The database refuses the service's login.");
        postgres.execute("ALTER ROLE kitsu PASSWORD 'right'");

        assertComesBack(action);
        assertThat(troubles()).as("cut, and then not let in").hasSizeLessThanOrEqualTo(2)
                .anySatisfy(line -> assertThat(line).contains("28P01"));
    }

    @Test
    void waitsForADatabaseThatIsStarting() throws Exception {
        start(postgres.url());
        String action = action("/ok");

        postgres.stop();
        try (ServerSocket starting = answering(postgres.port(), "57P03", "the database system is starting up")) {
            await().atMost(Duration.ofSeconds(15)).until(() -> ready() == 503);
            assertRefused(action, "The database is starting or recovering.");
        }
        postgres.start();

        assertComesBack(action);
        assertThat(troubles()).hasSize(1);
    }

    @Test
    void failsNoPressAfterAFirewallForgotItsConnections() throws Exception {
        try (Firewall firewall = new Firewall(postgres.port(), Duration.ofSeconds(30))) {
            start(postgres.url().replace(":" + postgres.port(), ":" + firewall.port()));
            String action = action("/ok");
            assertThat(tenPresses(action)).isSubsetOf(200, 202);

            TimeUnit.SECONDS.sleep(33);

            long since = System.nanoTime();
            assertThat(tenPresses(action)).isSubsetOf(200, 202);
            assertThat(Duration.ofNanos(System.nanoTime() - since)).isLessThan(Duration.ofSeconds(5));
            assertThat(firewall.lost()).isZero();
            assertThat(troubles()).isEmpty();
        }
    }

    @Test
    void worksWithSessionPoolingAndRefusesTransactionPooling() throws Exception {
        assumeTrue(Files.isExecutable(PGBOUNCER), "needs PgBouncer");
        try (Pool pool = new Pool("transaction")) {
            service = new Packaged(folder, Map.of("QUARKUS_DATASOURCE_JDBC_URL", pool.url()));
            assertThat(service.exit()).isEqualTo(1);
            assertThat(service.output()).contains("by transaction").contains("pool_mode = session").doesNotContain("\tat ");
        }
        try (Pool pool = new Pool("session")) {
            start(pool.url());
            assertThat(tenPresses(action("/ok"))).isSubsetOf(200, 202);
            assertThat(troubles()).isEmpty();
        }
    }

    @Test
    void refusesADatabaseThatIsNotEncodedInUtf8() throws Exception {
        postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");

        service = new Packaged(folder, Map.of("QUARKUS_DATASOURCE_JDBC_URL", postgres.url().replace("/postgres?", "/latin?")));

        assertThat(service.exit()).isEqualTo(1);
        assertThat(service.output()).contains("is encoded in LATIN1").contains("ENCODING 'UTF8'").doesNotContain("\tat ");
    }

    // ---- Helpers

    private void start(String url) throws IOException {
        service = new Packaged(folder, Map.of("QUARKUS_DATASOURCE_JDBC_URL", url, "CUSTOM_ACTIONS_LOCAL_TOKEN", Packaged.TOKEN,
                "CUSTOM_ACTIONS_EGRESS_ALLOW", "127.0.0.1:" + receiver.port(), "CUSTOM_ACTIONS_RUN_LEASE", "6s")).ready();
    }

    private String action(String behaviour) throws Exception {
        return service.ajax(Packaged.TOKEN, receiver.url("/" + name + behaviour + "?e={entity_id}"), "timeout_ms", 30_000);
    }

    private List<Integer> tenPresses(String action) {
        List<CompletableFuture<Integer>> presses = Stream.generate(() -> CompletableFuture
                .supplyAsync(() -> service.press(action, Packaged.TOKEN, Packaged.targets(1)).status())).limit(10).toList();
        return presses.stream().map(CompletableFuture::join).toList();
    }

    /** Waits until presses are refused with the sentence. The first ones may fail with another one, on a cut connection. */
    private void assertRefused(String action, String sentence) {
        await().atMost(Duration.ofSeconds(15)).until(() -> {
            Answer refused = service.press(action, Packaged.TOKEN, Packaged.targets(1));
            assertThat(refused.status()).as(refused.body()).isEqualTo(503);
            assertThat(refused.json().getString("code")).isEqualTo("unavailable");
            assertThat(refused.header("Retry-After")).matches("[1-9]\\d*");
            return refused.json().getString("detail");
        }, detail -> detail.startsWith(sentence));
    }

    private void assertComesBack(String action) {
        await().atMost(Duration.ofSeconds(45)).until(() -> ready() == 200);
        assertThat(service.press(action, Packaged.TOKEN, Packaged.targets(1)).status()).isIn(200, 202);
        await().atMost(Duration.ofSeconds(45)).until(() -> service.output().contains("The database is back;"));
    }

    private int ready() throws Exception {
        return service.managementStatus("/q/health/ready");
    }

    private List<String> troubles() {
        return service.lines().stream().filter(line -> line.contains("\"WARN\"") || line.contains("\"ERROR\"")).toList();
    }

    /** Starts a server that refuses every client in PostgreSQL's protocol. */
    private static ServerSocket answering(int port, String state, String message) throws IOException {
        ServerSocket server = new ServerSocket();
        server.setReuseAddress(true);
        server.bind(new java.net.InetSocketAddress(InetAddress.getByName("127.0.0.1"), port));
        Thread thread = new Thread(() -> {
            while (!server.isClosed()) {
                try (Socket client = server.accept()) {
                    DataInputStream in = new DataInputStream(client.getInputStream());
                    in.readNBytes(in.readInt() - 4);
                    byte[] error = ("SFATAL\0VFATAL\0C" + state + "\0M" + message + "\0\0").getBytes(US_ASCII);
                    client.getOutputStream().write('E');
                    client.getOutputStream().write(new byte[] { 0, 0, 0, (byte) (error.length + 4) });
                    client.getOutputStream().write(error);
                } catch (IOException e) {
                    // The server was closed, or the client closed the connection.
                }
            }
        }, "refuses");
        thread.setDaemon(true);
        thread.start();
        return server;
    }

    /** PgBouncer in front of the server. */
    private final class Pool implements AutoCloseable {

        private final int port = Packaged.freePort();
        private final Process process;

        Pool(String mode) throws IOException {
            Path settings = folder.resolve("pgbouncer-" + mode + ".ini");
            Files.writeString(settings, """
                    [databases]
                    postgres = host=127.0.0.1 port=%d dbname=postgres user=postgres
                    [pgbouncer]
                    listen_addr = 127.0.0.1
                    listen_port = %d
                    unix_socket_dir =
                    auth_type = any
                    pool_mode = %s
                    default_pool_size = 60
                    ignore_startup_parameters = extra_float_digits
                    """.formatted(postgres.port(), port, mode));
            // PgBouncer refuses to run as root.
            process = new ProcessBuilder("/bin/sh", "-c", "chmod -R a+rX " + folder + "; [ $(id -u) = 0 ] && exec "
                    + PGBOUNCER + " -u nobody " + settings + " || exec " + PGBOUNCER + " " + settings).redirectErrorStream(true)
                    .redirectOutput(folder.resolve("pgbouncer.log").toFile()).start();
            await().atMost(Duration.ofSeconds(10)).ignoreExceptions().until(() -> {
                new Socket("127.0.0.1", port).close();
                return true;
            });
        }

        String url() {
            return "jdbc:postgresql://127.0.0.1:" + port + "/postgres?user=postgres";
        }

        @Override
        public void close() {
            process.destroy();
            process.onExit().join();
        }
    }
}
