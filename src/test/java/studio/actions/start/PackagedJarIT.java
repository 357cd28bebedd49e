package studio.actions.start;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import studio.actions.testing.Certificates;
import studio.actions.testing.Json;
import studio.actions.testing.Packaged;
import studio.actions.testing.Postgres;
import studio.actions.testing.Receiver;

/** The packaged service as a newcomer starts it, and as an operator kills it. */
@Execution(ExecutionMode.CONCURRENT)
class PackagedJarIT {

    private static final String TARGETS = "{\"targets\": [{\"entity_id\": \"63f8a332-e209-4f8c-b384-747d5eda4b57\"}]}";
    private static final String NOWHERE = "jdbc:postgresql://127.0.0.1:1/nothing";

    /** For those tests to which it does not matter whose database it is: the service's own takes seconds to make. */
    private static Postgres server;

    @TempDir
    Path folder;

    private final List<Packaged> started = new ArrayList<>();

    @BeforeAll
    static void startServer(@TempDir Path servers) throws IOException {
        server = new Postgres(servers);
    }

    @AfterAll
    static void stopServer() throws IOException {
        server.close();
    }

    @AfterEach
    void stop() throws IOException {
        started.forEach(Packaged::end);
        for (String shared : List.of("data/binaries", "other/binaries")) {
            if (Files.isSymbolicLink(folder.resolve(shared))) {
                Files.delete(folder.resolve(shared));
            }
        }
    }

    @Test
    void keepsActionsAndRunsOverAKill() throws Exception {
        Packaged first = start(Map.of()).ready();
        assertThat(first.lines()).as("the log fits on a screen").hasSizeLessThanOrEqualTo(20);
        String token = first.token();
        Json action = first.post("", token, """
                {"name": "Echo", "is_ajax": true, "url": "http://127.0.0.1:%d/api/custom-actions/echo?e={entity_id}"}"""
                .formatted(first.port));
        Json run = first.post("/" + action.getString("id") + "/run", token, TARGETS);
        assertThat(run.getString("state")).isEqualTo("succeeded");
        assertThat(run.getString("deliveries[0].response")).contains("63f8a332-e209-4f8c-b384-747d5eda4b57");

        Packaged second = start(Map.of());
        assertThat(second.exit()).isEqualTo(1);
        assertThat(second.output()).contains("Another Kitsu Actions is running on the data folder " + folder.toRealPath());

        first.process.destroyForcibly().waitFor();
        assertThat(postgres()).as("PostgreSQL outlives a kill").isNotEmpty();

        Packaged again = start(Map.of()).ready();
        String newToken = again.token();
        assertThat(newToken).as("a token for each start").isNotEqualTo(token);
        assertThat(again.get("/" + action.getString("id"), newToken).getString("name")).isEqualTo("Echo");
        Json kept = again.get("/runs/" + run.getString("id"), newToken);
        assertThat(kept.getMap("")).isEqualTo(run.getMap(""));
        assertThat(postgres()).as("one PostgreSQL on the folder").hasSize(1);

        again.process.destroy();
        assertThat(again.exit()).isIn(0, 143);
        await().atMost(Duration.ofSeconds(10)).untilAsserted(() -> assertThat(postgres()).isEmpty());
    }

    @Test
    @Tag("survival")
    void saysOfADeliveryThatWasOnItsWayAtAKillThatItIsLost() throws Exception {
        Receiver receiver = Receiver.shared();
        Map<String, String> environment = Map.of("CUSTOM_ACTIONS_LOCAL_TOKEN", "t",
                "CUSTOM_ACTIONS_EGRESS_ALLOW", "127.0.0.1:" + receiver.port(), "CUSTOM_ACTIONS_RUN_LEASE", "3s",
                "QUARKUS_DATASOURCE_JDBC_URL", server.another());
        Packaged first = start(environment).ready();
        Json action = first.post("", "t", """
                {"name": "Slow", "is_ajax": true, "timeout_ms": 30000, "url": "%s"}"""
                .formatted(receiver.url("/killed/silent?e={entity_id}")));
        first.send("/" + action.getString("id") + "/run", "t", TARGETS);
        await().until(() -> receiver.heard("killed").size() == 1);
        first.process.destroyForcibly().waitFor();

        Packaged again = start(environment).ready();
        String run = again.get("/runs", "t").getString("data[0].id");
        await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            Json ended = again.get("/runs/" + run, "t");
            assertThat(ended.getString("state")).isEqualTo("failed");
            assertThat(ended.getString("deliveries[0].state")).isEqualTo("lost");
            assertThat(ended.getString("deliveries[0].failure.kind")).isEqualTo("lost");
        });
        assertThat(receiver.heard("killed")).as("not sent twice").hasSize(1);
    }

    @Test
    void startsItsDatabaseAgainWhenItEnds() throws Exception {
        Packaged service = startUnpacked(Map.of("CUSTOM_ACTIONS_LOCAL_TOKEN", "t")).ready();
        Json action = service.post("", "t", "{\"name\": \"Kept\", \"url\": \"https://tool.studio.com/\"}");

        ProcessHandle.of(postgres().get(0)).orElseThrow().destroyForcibly();

        await().atMost(Duration.ofSeconds(60)).untilAsserted(() -> assertThat(
                service.get("/" + action.getString("id"), "t").getString("name")).isEqualTo("Kept"));
        assertThat(service.output()).contains("it was started again");
    }

    @Test
    @Tag("survival")
    void startsWhereAStartWasCutShortAndLeavesStrangersAlone() throws Exception {
        Path data = folder.resolve("data");
        Packaged first = start(Map.of()).ready();
        first.end();
        try (Stream<Path> unpacked = Files.list(data.resolve("binaries"))) {
            Files.delete(unpacked.findFirst().orElseThrow().resolve(".exists"));
        }
        Process stranger = new ProcessBuilder("sleep", "600").start();
        try {
            Files.writeString(data.resolve("postgresql-17/postmaster.pid"), stranger.pid() + "\n");
            Packaged second = start(Map.of()).ready();
            assertThat(stranger.isAlive()).isTrue();
            second.end();

            Files.delete(data.resolve("postgresql-17.made"));
            start(Map.of()).ready();
            try (Stream<Path> files = Files.list(data)) {
                assertThat(files.map(Path::getFileName).map(Path::toString))
                        .as("moved aside, not deleted").anyMatch(name -> name.startsWith("postgresql-17.unfinished-"));
            }
        } finally {
            stranger.destroyForcibly();
        }
    }

    @Test
    void takesASecretThatEndsInALineBreakAndNeverShowsIt() throws Exception {
        Packaged service = startOnServer(
                Map.of("CUSTOM_ACTIONS_LOCAL_TOKEN", "t", "CUSTOM_ACTIONS_SECRETS_RENDER_FARM", "pa\"ss w0rd\n"))
                .ready();
        Json action = service.post("", "t", """
                {"name": "Echo", "is_ajax": true, "headers": {"X-Farm": "${secret:render-farm}"},
                 "url": "http://127.0.0.1:%d/api/custom-actions/echo?e={entity_id}"}""".formatted(service.port));

        Json run = service.post("/" + action.getString("id") + "/run", "t", TARGETS);

        assertThat(run.getString("state")).isEqualTo("succeeded");
        assertThat(run.prettify()).contains("••••").doesNotContain("w0rd");
        assertThat(service.output()).doesNotContain("w0rd");
    }

    @Test
    void leavesItsDatabaseAloneWhereAnotherIsGiven() throws Exception {
        Path other = Files.createDirectories(folder.resolve("other"));
        Postgres.shareBinaries(other);
        try (EmbeddedDatabase database = EmbeddedDatabase.open(other)) {
            Path unused = folder.resolve("unused");
            Packaged service = start(Map.of("QUARKUS_DATASOURCE_JDBC_URL", database.jdbcUrl(),
                    "CUSTOM_ACTIONS_DATA_DIR", unused.toString())).ready();

            assertThat(service.get("", service.token()).getList("")).isEmpty();
            assertThat(unused).doesNotExist();
        }
    }

    /** In as few starts as there can be: each names all that it can see. */
    private static final String REFUSED = """
            1 | CUSTOM_ACTIONS_EGRES_TIMEOUT | 5s | CUSTOM_ACTIONS_EGRESS_TIMEOUT
            1 | CUSTOM_ACTIONS_EGRESS_TIMEOUT | banana | "banana" cannot be used. Allowed: a duration from 100ms to 30s
            2 | CUSTOM_ACTIONS_EGRESS_TIMEOUT | 31s | "31s" cannot be used. Allowed: a duration from 100ms to 30s
            1 | CUSTOM_ACTIONS_RUN_PARALLELISM | 0 | "0" cannot be used. Allowed: a whole number from 1 to 1000
            1 | CUSTOM_ACTIONS_EGRESS_MAX_RESPONSE | much | "much" cannot be used. Allowed: a size from 1K to 16M
            1 | CUSTOM_ACTIONS_EGRESS_ALLOW | 127.0.0.0/8 | 127.0.0.0/8
            1 | CUSTOM_ACTIONS_ZOU_URL | zou:5000/%zz | custom-actions.zou.url
            1 | CUSTOM_ACTIONS_LOCAL_TOKEN | with a space | custom-actions.local.token
            1 | CUSTOM_ACTIONS_SIGNING_SECRET | whsec_short | custom-actions.signing.secret
            1 | CUSTOM_ACTIONS_LAUNCH_SCHEMES | maya,javascript | custom-actions.launch.schemes
            1 | CUSTOM_ACTIONS_LIMITS_PER_CALLER_BY_ROLE_KING | 5 | is not known. Did you mean CUSTOM_ACTIONS_LIMITS_PER_CALLER_BY_ROLE_
            1 | CUSTOM_ACTIONS_LIMITS_PER_CALLER_BY_ROLE_ADMIN | many | a whole number from 1 to 60000
            1 | CUSTOM_ACTIONS_SECRETS_FARM | a\u0007b | CUSTOM_ACTIONS_SECRETS_FARM cannot be used
            1 | CUSTOM_ACTIONS_RETENTION_RUNS | 1h | a duration from 1d
            1 | CUSTOM_ACTIONS_EGRESS_TRUST | /no/such/file | There is no such file to read
            2 | CUSTOM_ACTIONS_EGRESS_TRUST | pom.xml | It is no PEM file with certificates
            1 | QUARKUS_TLS_EGRESS_TRUST_ALL | true | are always verified
            2 | QUARKUS_TLS_EGRESS_HOSTNAME_VERIFICATION_ALGORITHM | NONE | are always verified
            3 | QUARKUS_HTTP_PORT | abc | "abc" cannot be used
            4 | QUARKUS_DATASOURCE_JDBC_URL | jdbc:postgresql://127.0.0.1:1/nothing | does not answer""";

    @ParameterizedTest
    @ValueSource(ints = { 1, 2, 3, 4 })
    void saysWhatIsAllowedWhereAValueCannotBe(int start) throws Exception {
        List<String[]> rows = REFUSED.lines().map(row -> row.split(" \\| ")).filter(row -> row[0].equals("" + start)).toList();
        Map<String, String> environment = new HashMap<>(Map.of("QUARKUS_DATASOURCE_JDBC_URL", NOWHERE));
        rows.forEach(row -> environment.put(row[1], row[2]));
        Packaged service = start(environment);

        assertThat(service.exit()).isEqualTo(1);
        assertThat(service.output()).contains("cannot start").doesNotContain("\tat ").doesNotContain("with a space")
                .doesNotContain("whsec_short");
        assertThat(rows).isNotEmpty().allSatisfy(row -> assertThat(service.lines())
                .anyMatch(line -> line.contains(row[1].replace("EGRES_", "EGRESS_")) && line.contains(row[3])));
        assertThat(folder.resolve("data")).doesNotExist();
    }

    /** Quarkus' switch for everything else has no say in what leaves by egress. */
    @Test
    void verifiesCertificatesWhereQuarkusTrustsAll() throws Exception {
        try (Receiver stranger = Receiver.withTls("127.0.0.1", Certificates.shared().ofNobody("IP:127.0.0.1"))) {
            Packaged service = startOnServer(Map.of("CUSTOM_ACTIONS_LOCAL_TOKEN", "t", "QUARKUS_TLS_TRUST_ALL", "true",
                    "CUSTOM_ACTIONS_EGRESS_ALLOW", "127.0.0.1:" + stranger.port())).ready();
            Json action = service.post("", "t", """
                    {"name": "Stranger", "is_ajax": true, "url": "https://127.0.0.1:%d/stranger/ok?e={entity_id}"}"""
                    .formatted(stranger.port()));

            Json run = service.post("/" + action.getString("id") + "/run", "t", TARGETS);

            assertThat(run.getString("deliveries[0].failure.kind")).as(run.prettify()).isEqualTo("tls");
            assertThat(stranger.heard("stranger")).isEmpty();
        }
    }

    @Test
    void saysThatItsPortIsTaken() throws Exception {
        try (ServerSocket taken = new ServerSocket(0)) {
            Packaged service = startOnServer(Map.of("QUARKUS_HTTP_PORT", Integer.toString(taken.getLocalPort())));

            assertThat(service.exit()).isEqualTo(1);
            assertThat(service.output()).contains("Port " + taken.getLocalPort()).contains("QUARKUS_HTTP_PORT")
                    .doesNotContain("export TOKEN");

            Packaged other = startOnServer(Map.of("QUARKUS_MANAGEMENT_PORT", Integer.toString(taken.getLocalPort())));

            assertThat(other.exit()).isEqualTo(1);
            assertThat(other.output()).contains("management port, " + taken.getLocalPort())
                    .contains("QUARKUS_MANAGEMENT_PORT").doesNotContain("\tat ");
        }
    }

    /** The servers on the folder; each has children of the same name. */
    private List<Long> postgres() {
        return ProcessHandle.allProcesses().filter(this::servesFolder)
                .filter(process -> process.parent().map(parent -> !servesFolder(parent)).orElse(true))
                .map(ProcessHandle::pid).toList();
    }

    private boolean servesFolder(ProcessHandle process) {
        return process.info().commandLine().map(line -> line.contains("postgres") && line.contains(folder.toString()))
                .orElse(false);
    }

    /** A service whose database is unpacked already. */
    private Packaged startUnpacked(Map<String, String> environment) throws IOException {
        if (Files.notExists(folder.resolve("data"))) {
            Postgres.shareBinaries(folder.resolve("data"));
        }
        return start(environment);
    }

    /** A service on a server that runs already. */
    private Packaged startOnServer(Map<String, String> environment) throws IOException, SQLException {
        Map<String, String> all = new HashMap<>(environment);
        all.put("QUARKUS_DATASOURCE_JDBC_URL", server.another());
        return start(all);
    }

    private Packaged start(Map<String, String> environment) throws IOException {
        Packaged service = new Packaged(folder, environment);
        started.add(service);
        return service;
    }
}
