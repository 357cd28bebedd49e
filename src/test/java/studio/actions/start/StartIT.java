package studio.actions.start;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

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
import java.util.stream.Collectors;

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
import studio.actions.testing.Raw;
import studio.actions.testing.Receiver;

/** Starting and ending the packaged service, jar or native binary, as an operator does. */
@Execution(ExecutionMode.CONCURRENT)
class StartIT {

    private static final String TARGETS = "{\"targets\": [{\"entity_id\": \"63f8a332-e209-4f8c-b384-747d5eda4b57\"}]}";
    private static final String NOWHERE = "jdbc:postgresql://127.0.0.1:1/nothing";

    /** A shared server for tests that do not need the embedded database, which takes seconds to create. */
    private static Postgres server;

    @TempDir
    Path folder;

    private final List<Packaged> started = new ArrayList<>();

    private static final Receiver RECEIVER = Receiver.shared();
    private static final Receiver STRANGER = Receiver.withTls("127.0.0.1", Certificates.shared().ofNobody("IP:127.0.0.1"));
    private static final String TOKEN = "a-token-that-nobody-logs";

    /** A shared service for tests that do not depend on its other settings. */
    private static Packaged shared;
    private static Path data;

    @BeforeAll
    static void startShared(@TempDir Path folder) throws IOException, SQLException {
        server = new Postgres(Files.createDirectories(folder.resolve("server")));
        data = folder.resolve("data");
        shared = new Packaged(folder,
                Map.of("QUARKUS_DATASOURCE_JDBC_URL", asHostsGiveIt(server.another()), "CUSTOM_ACTIONS_LOCAL_TOKEN",
                        TOKEN + "\n",
                        "CUSTOM_ACTIONS_EGRESS_ALLOW", "127.0.0.1:" + RECEIVER.port() + ",127.0.0.1:" + STRANGER.port(),
                        "CUSTOM_ACTIONS_SECRETS_RENDER_FARM", "pa\"ss w0rd\n",
                        "QUARKUS_HTTP_PROXY_PROXY_ADDRESS_FORWARDING", "true", "QUARKUS_HTTP_PROXY_TRUSTED_PROXIES",
                        "127.0.0.1",
                        // Makes Quarkus' other clients trust every certificate. It must not affect egress.
                        "QUARKUS_TLS_TRUST_ALL", "true",
                        "CUSTOM_ACTIONS_TRACING_ENDPOINT", RECEIVER.url(""), "QUARKUS_OTEL_EXPORTER_OTLP_PROTOCOL",
                        "http/protobuf",
                        "QUARKUS_OTEL_BSP_SCHEDULE_DELAY", "PT0.1S"))
                .ready();
    }

    @AfterAll
    static void stopShared() throws IOException {
        shared.end();
        STRANGER.close();
        server.close();
    }

    @AfterEach
    void stop() {
        started.forEach(Packaged::end);
    }

    @Test
    @Tag("survival")
    void marksAnInFlightDeliveryAsLostAfterAKill() throws Exception {
        Receiver receiver = Receiver.shared();
        Map<String, String> environment = Map.of("CUSTOM_ACTIONS_LOCAL_TOKEN", Packaged.TOKEN,
                "CUSTOM_ACTIONS_EGRESS_ALLOW", "127.0.0.1:" + receiver.port(), "CUSTOM_ACTIONS_RUN_LEASE", "3s",
                "QUARKUS_DATASOURCE_JDBC_URL", server.another());
        Packaged first = start(environment).ready();
        String action = first.ajax(Packaged.TOKEN, receiver.url("/killed/silent?e={entity_id}"), "timeout_ms", 30_000);
        first.send("/" + action + "/run", Packaged.TOKEN, TARGETS);
        await().until(() -> receiver.heard("killed").size() == 1);
        first.process.destroyForcibly().waitFor();

        Packaged again = start(environment).ready();
        String run = again.get("/runs", Packaged.TOKEN).getString("data[0].id");
        await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            Json ended = again.get("/runs/" + run, Packaged.TOKEN);
            assertThat(ended.getString("state")).isEqualTo("failed");
            assertThat(ended.getString("deliveries[0].state")).isEqualTo("lost");
            assertThat(ended.getString("deliveries[0].failure.kind")).isEqualTo("lost");
        });
        assertThat(receiver.heard("killed")).as("not sent twice").hasSize(1);
    }

    @Test
    void logsJsonAndTracesOnePressFromItsCallerToItsReceiver() throws Exception {
        String action = shared.ajax(TOKEN, RECEIVER.url("/traced/ok?secret-of={entity_id}"));

        String trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        Json run = shared.post("/" + action + "/run", TOKEN, TARGETS, "traceparent",
                "00-" + trace + "-00f067aa0ba902b7-01");

        String sent = RECEIVER.heard("traced").get(0).headers().get("traceparent");
        assertThat(sent).matches("00-" + trace + "-\\p{XDigit}{16}-01").doesNotContain("00f067aa0ba902b7");
        await().untilAsserted(() -> assertThat(spans(RECEIVER)).contains("deliver").contains(run.getString("id"))
                .contains("/api/custom-actions/{id}/run"));
        assertThat(spans(RECEIVER)).doesNotContain("secret-of").doesNotContain(TOKEN);

        await().untilAsserted(() -> assertThat(told(run)).hasSize(1));
        assertThat(told(run).get(0).<String> getMap("mdc")).containsEntry("run", run.getString("id"))
                .containsEntry("action", action).containsEntry("caller", run.getString("caller.id"));
        assertThat(shared.lines()).allSatisfy(line -> assertThat(Json.of(line).getString("level")).isNotNull());
        assertThat(shared.output()).doesNotContain(TOKEN).doesNotContain("secret-of").doesNotContain("hunter2");
    }

    /** Returns the URL in the form of hosting providers, with user and password. The tests' server accepts any password. */
    private static String asHostsGiveIt(String jdbcUrl) {
        return jdbcUrl.replaceFirst("jdbc:postgresql://", "postgres://postgres:hunter2%23@").replaceFirst("\\?.*", "");
    }

    private static List<Json> told(Json run) {
        return shared.lines().stream().filter(line -> line.contains("Run " + run.getString("id"))).map(Json::of)
                .filter(line -> line.getString("message").endsWith("succeeded: 1 delivered")).toList();
    }

    private static String spans(Receiver collector) {
        return collector.heard("v1").stream().map(Receiver.Heard::body).collect(Collectors.joining());
    }

    @Test
    @Tag("survival")
    void logsPlainLinesAtATerminal() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/script")), "util-linux, which plays a terminal");
        Packaged service = Packaged.atTerminal(folder, Map.of("QUARKUS_DATASOURCE_JDBC_URL", server.another()));
        started.add(service);

        // Removes the colours.
        assertThat(service.ready().output().replaceAll("\u001b\\[[0-9;]*m", ""))
                .containsPattern("(?m)^\\d{4}-\\d\\d-\\d\\d [0-9:,]+ INFO +\\[.*Listening on")
                .doesNotContain("\"message\"");
    }

    @Test
    void acceptsASecretThatEndsInALineBreakAndNeverShowsIt() throws Exception {
        String action = shared.ajax(TOKEN, "http://127.0.0.1:" + shared.port + "/api/custom-actions/echo?e={entity_id}",
                "headers", Map.of("X-Farm", "${secret:render-farm}"));

        Json run = shared.post("/" + action + "/run", TOKEN, TARGETS);

        assertThat(run.getString("state")).isEqualTo("succeeded");
        assertThat(run.prettify()).contains("••••").doesNotContain("w0rd");
        assertThat(shared.output()).doesNotContain("w0rd");
    }

    /**
     * Rows of start, variable, value and expected text.
     * Each start reports all wrong settings that it finds, so that few starts cover all rows.
     */
    private static final String REFUSED = """
            1 | CUSTOM_ACTIONS_EGRES_TIMEOUT | 5s | CUSTOM_ACTIONS_EGRESS_TIMEOUT
            1 | CUSTOM_ACTIONS_EGRESS_TIMEOUT | banana | "banana" cannot be used. Allowed: a duration from 100ms to 30s
            2 | CUSTOM_ACTIONS_EGRESS_TIMEOUT | 31s | "31s" cannot be used. Allowed: a duration from 100ms to 30s
            1 | CUSTOM_ACTIONS_RUN_PARALLELISM | 0 | "0" cannot be used. Allowed: a whole number from 1 to 1000
            1 | CUSTOM_ACTIONS_EGRESS_MAX_RESPONSE | much | "much" cannot be used. Allowed: a size from 1K to 16M
            1 | CUSTOM_ACTIONS_EGRESS_ALLOW | 127.0.0.0/8 | 127.0.0.0/8
            1 | CUSTOM_ACTIONS_ZOU_URL | zou:5000/%zz | custom-actions.zou.url
            1 | CUSTOM_ACTIONS_LOCAL_TOKEN | with a space | It has 10 characters
            1 | CUSTOM_ACTIONS_SIGNING_SECRET | whsec_short | What follows whsec_ is not base64
            1 | QUARKUS_DATASOURCE_JDBC_URL | mysql://kitsu:hunter2@db/kitsu | Allowed: the address of a PostgreSQL database
            2 | QUARKUS_DATASOURCE_JDBC_URL | postgres://kitsu:hun/ter2@db/kitsu | %2F
            2 | CUSTOM_ACTIONS_ZOU_URL | http://kitsu:hunter2@zou:5000 | http:// or https://
            1 | CUSTOM_ACTIONS_LAUNCH_SCHEMES | maya,javascript | custom-actions.launch.schemes
            1 | CUSTOM_ACTIONS_LIMITS_PER_CALLER_BY_ROLE_KING | 5 | is not known. Did you mean CUSTOM_ACTIONS_LIMITS_PER_CALLER_BY_ROLE_
            1 | CUSTOM_ACTIONS_LIMITS_PER_CALLER_BY_ROLE_ADMIN | many | a whole number from 1 to 60000
            1 | CUSTOM_ACTIONS_SECRETS_FARM | a\u0007b | CUSTOM_ACTIONS_SECRETS_FARM cannot be used
            1 | CUSTOM_ACTIONS_RETENTION_RUNS | 1h | a duration from 1d
            1 | CUSTOM_ACTIONS_TRUST | /no/such/file | The file does not exist or cannot be read
            2 | CUSTOM_ACTIONS_TRUST | pom.xml | It is not a PEM file with certificates
            1 | QUARKUS_TLS_EGRESS_TRUST_ALL | true | are always verified
            1 | QUARKUS_DATASOURCE_JDBC_MAX_SIZE | 3 | "3" cannot be used. Allowed: a whole number from 4
            2 | QUARKUS_TLS_EGRESS_HOSTNAME_VERIFICATION_ALGORITHM | NONE | are always verified
            3 | QUARKUS_HTTP_PORT | abc | "abc" cannot be used
            4 | QUARKUS_DATASOURCE_JDBC_URL | jdbc:postgresql://kitsu:hunter2@127.0.0.1:1/nothing | does not answer""";

    @ParameterizedTest
    @ValueSource(ints = { 1, 2 })
    void refusesInvalidValuesAndSaysWhatIsAllowed(int start) throws Exception {
        assertRefuses(start);
    }

    @ParameterizedTest
    @ValueSource(ints = { 3, 4 })
    @Tag("survival")
    void refusesInvalidQuarkusValuesAndSaysWhatIsAllowed(int start) throws Exception {
        assertRefuses(start);
    }

    @ParameterizedTest
    @ValueSource(ints = { 1, 3 })
    void refusesInvalidValuesWithCheck(int start) throws Exception {
        assertRefuses(start, "--check");
    }

    private void assertRefuses(int start, String... arguments) throws Exception {
        List<String[]> rows = REFUSED.lines().map(row -> row.split(" \\| ")).filter(row -> row[0].equals("" + start)).toList();
        Map<String, String> environment = new HashMap<>(Map.of("QUARKUS_DATASOURCE_JDBC_URL", NOWHERE));
        rows.forEach(row -> environment.put(row[1], row[2]));
        Packaged service = start(environment, arguments);

        assertThat(service.exit()).isEqualTo(1);
        assertThat(service.output()).contains("cannot start").doesNotContain("\tat ").doesNotContain("with a space")
                .doesNotContain("whsec_short").doesNotContain("ter2");
        assertThat(rows).isNotEmpty().allSatisfy(row -> assertThat(service.lines())
                .anyMatch(line -> line.contains(row[1].replace("EGRES_", "EGRESS_")) && line.contains(row[3])));
        assertThat(folder.resolve("data")).doesNotExist();
    }

    @Test
    void sendsSixteenAtOnceToOneHostAndFiftyASecondByDefault() throws Exception {
        String action = shared.ajax(TOKEN, RECEIVER.url("/defaults/held?e={entity_id}"), "timeout_ms", 30_000);
        String targets = Packaged.targets(200);
        shared.start(action, TOKEN, targets);
        await().until(() -> RECEIVER.heard("defaults").size() == 16);
        long since = System.nanoTime();

        RECEIVER.release("defaults");

        await().atMost(Duration.ofMinutes(1)).until(() -> RECEIVER.heard("defaults").size() == 200);
        long last = RECEIVER.heard("defaults").stream().mapToLong(Receiver.Heard::at).max().orElseThrow();
        assertThat(Duration.ofNanos(last - since)).as("at ten a second, 150 behind the first 50 take 15 s")
                .isLessThan(Duration.ofSeconds(12));
        assertThat(RECEIVER.mostAtOnce("defaults")).isEqualTo(16);
    }

    @Test
    void startsNoEmbeddedDatabaseWhenAUrlIsGiven() throws Exception {
        assertThat(shared.get("", TOKEN).getList("data")).isNotNull();
        assertThat(data).doesNotExist();
    }

    @Test
    void verifiesCertificatesEvenIfQuarkusTrustsAll() throws Exception {
        String action = shared.ajax(TOKEN, "https://127.0.0.1:" + STRANGER.port() + "/stranger/ok?e={entity_id}");

        Json run = shared.post("/" + action + "/run", TOKEN, TARGETS);

        assertThat(run.getString("deliveries[0].failure.kind")).as(run.prettify()).isEqualTo("tls");
        assertThat(STRANGER.heard("stranger")).isEmpty();
    }

    @Test
    void refusesTheDatabaseOfAnEarlierBuild() throws Exception {
        String earlier = server.another();
        Postgres.migratedByAnEarlierBuild(earlier);

        Packaged service = start(Map.of("QUARKUS_DATASOURCE_JDBC_URL", earlier));

        assertThat(service.exit()).isEqualTo(1);
        assertThat(service.output()).contains(earlier.replaceAll("\\?.*", "") + " was made by another build")
                .contains("DROP DATABASE").doesNotContain("\tat ");
    }

    @Test
    void refusesInvalidHostHeadersBehindATrustedProxy() throws Exception {
        for (String host : List.of("Host: a\r\nHost: b", "Host: x:99999", "Host: [::::]", "Host: ")) {
            try (Raw client = new Raw("127.0.0.1", shared.port)) {
                assertThat(client.send("GET /api/custom-actions HTTP/1.1\r\n" + host + "\r\nConnection: close\r\n\r\n").hear())
                        .as(host).startsWith("HTTP/1.1 400 ").contains("application/problem+json");
            }
        }
        try (Raw client = new Raw("127.0.0.1", shared.port)) {
            client.send(
                    "POST /api/custom-actions HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.7\r\nAuthorization: "
                            + "Bearer " + TOKEN
                            + "\r\nContent-Type: application/json\r\nContent-Length: 44\r\nConnection: close\r\n\r\n"
                            + "{\"name\": \"Forwarded\", \"url\": \"https://a.io\"}")
                    .hear();
        }
        assertThat(shared.get("/audit?verb=created", TOKEN).<Map<String, Object>> getList("data"))
                .filteredOn(entry -> ((Map<?, ?>) entry.get("subject")).get("name").equals("Forwarded"))
                .extracting(entry -> entry.get("from"))
                .containsExactly("203.0.113.7");
        assertThat(shared.lines()).noneMatch(line -> line.contains("ForwardedParser"));
    }

    @Test
    void saysThatItsPortIsTaken() throws Exception {
        try (ServerSocket taken = new ServerSocket(0)) {
            Packaged service = startOnServer(Map.of("QUARKUS_HTTP_PORT", Integer.toString(taken.getLocalPort())));

            assertThat(service.exit()).isEqualTo(1);
            assertThat(service.output()).contains("Port " + taken.getLocalPort()).contains("QUARKUS_HTTP_PORT")
                    .doesNotContain("export TOKEN");
        }
    }

    @Test
    @Tag("survival")
    void saysThatItsManagementPortIsTaken() throws Exception {
        try (ServerSocket taken = new ServerSocket(0)) {
            Packaged other = startOnServer(Map.of("QUARKUS_MANAGEMENT_PORT", Integer.toString(taken.getLocalPort())));

            assertThat(other.exit()).isEqualTo(1);
            assertThat(other.output()).contains("management port, " + taken.getLocalPort())
                    .contains("QUARKUS_MANAGEMENT_PORT").doesNotContain("\tat ");
        }
    }

    /** An older version finds such a schema during or after an update. */
    @Test
    void startsOnANewerSchema() throws Exception {
        String url = server.another();
        Map<String, String> environment = Map.of("QUARKUS_DATASOURCE_JDBC_URL", url, "CUSTOM_ACTIONS_LOCAL_TOKEN", TOKEN);
        String id = start(environment).ready().post("", TOKEN, """
                {"name": "Kept", "url": "https://tool.studio.com/"}""").getString("id");
        Postgres.execute(url, "CREATE TABLE of_the_future (id uuid PRIMARY KEY)");
        Postgres.execute(url, "INSERT INTO flyway_schema_history SELECT max(installed_rank) + 1, '999', 'of the future', "
                + "'SQL', 'V999__of_the_future.sql', 1, 'postgres', now(), 1, true FROM flyway_schema_history");

        Packaged older = start(environment).ready();

        assertThat(older.get("/" + id, TOKEN).getString("name")).isEqualTo("Kept");
        assertThat(older.managementStatus("/q/health/ready")).isEqualTo(200);
    }

    /** Starts a service on a new database of the shared server. */
    private Packaged startOnServer(Map<String, String> environment) throws IOException, SQLException {
        Map<String, String> all = new HashMap<>(environment);
        all.put("QUARKUS_DATASOURCE_JDBC_URL", server.another());
        return start(all);
    }

    private Packaged start(Map<String, String> environment, String... arguments) throws IOException {
        Packaged service = new Packaged(folder, environment, arguments);
        started.add(service);
        return service;
    }
}
