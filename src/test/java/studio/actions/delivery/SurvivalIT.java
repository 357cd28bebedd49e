package studio.actions.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

import org.jboss.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import studio.actions.testing.Json;
import studio.actions.testing.Packaged;
import studio.actions.testing.Postgres;
import studio.actions.testing.Receiver;
import studio.actions.testing.Replicated;

/**
 * Failures of two replicas of the packaged service on one PostgreSQL. After each failure every delivery ends, and its state
 * says how.
 */
@Tag("survival")
class SurvivalIT {

    private static final Logger LOG = Logger.getLogger(SurvivalIT.class);

    private static final Duration PATIENCE = Duration.ofSeconds(90);

    @TempDir
    Path folder;

    private final Receiver receiver = Receiver.shared();
    private Replicated replicated;
    private List<Packaged> replicas;
    private Postgres postgres;
    private String options = "";
    private String name;

    @BeforeEach
    void startDatabase(TestInfo test) throws IOException {
        replicated = new Replicated(folder);
        replicas = replicated.replicas();
        postgres = replicated.postgres();
        name = test.getTestMethod().orElseThrow().getName() + "-" + UUID.randomUUID();
        receiver.script(name, out -> {
            Thread.sleep(50);
            Receiver.ok(out);
        });
    }

    @AfterEach
    void stop() throws Exception {
        receiver.release(name);
        replicated.stop(name);
    }

    // ---- Failures and stops of a replica

    @ParameterizedTest
    @ValueSource(ints = { 0, 1 })
    void endsEveryDeliveryWhenAReplicaIsKilled(int killed) throws Exception {
        two();
        String once = press(1, 500);
        String twice = press(2, 500);
        awaitHeard(300);

        replicas.get(killed).process.destroyForcibly().waitFor();

        Json ended = awaitEnd(replicas.get(1 - killed), once);
        ends(ended, 500);
        assertThat(ended.getInt("counts.delivered") + ended.getInt("counts.lost")).isEqualTo(500);
        assertThat(arrivals(ended)).as("what must not be sent twice is not").doesNotHaveDuplicates();
        Json again = awaitEnd(replicas.get(1 - killed), twice);
        ends(again, 500);
        assertThat(new HashSet<>(arrivals(again))).as("each arrived, under its own id").hasSize(500);
        int unsure = ended.getInt("counts.lost") + arrivals(again).size() - 500;
        assertThat(unsure).as("only what one replica had under way, or not yet written").isBetween(1, 10);
    }

    @Test
    void losesNothingWhenAReplicaIsStopped() throws Exception {
        two();
        String run = press(1, 500);
        awaitHeard(150);

        long since = System.nanoTime();
        replicas.get(0).process.destroy();
        assertThat(replicas.get(0).exit()).isIn(0, 143);

        assertThat(Duration.ofNanos(System.nanoTime() - since)).as("what flies is short").isLessThan(Duration.ofSeconds(5));
        Json ended = awaitEnd(replicas.get(1), run);
        assertThat(ended.getInt("counts.delivered")).isEqualTo(500);
        assertThat(receiver.webhookIds(name)).as("nothing is sent twice without need").hasSize(500);
        assertThat(replicas.get(0).troubles()).as("goes in peace").isEmpty();
    }

    /** The deliveries take longer than a lease, and less than the time that a replica has to stop. */
    @Test
    void isNotDeclaredDeadWhileItStops() throws Exception {
        receiver.script(name, out -> {
            Thread.sleep(7000);
            Receiver.ok(out);
        });
        two();
        String run = press(2, 4);
        var waits = replicas.get(0).send("/" + action(2, "/scripted") + "/run", Packaged.TOKEN, Packaged.targets(1));
        awaitHeard(5);

        replicas.get(0).process.destroy();
        assertThat(waits.get(3, TimeUnit.SECONDS).statusCode()).as("who waits is answered at once").isEqualTo(202);
        assertThat(replicas.get(0).exit()).isIn(0, 143);

        assertThat(awaitEnd(replicas.get(1), run).getInt("counts.delivered")).isEqualTo(4);
        assertThat(receiver.webhookIds(name)).hasSize(5);
        assertThat(replicas.get(1).get("/runs", Packaged.TOKEN).getList("data.state")).containsOnly("succeeded");
        assertThat(replicas.get(1).output()).doesNotContain("is gone");
    }

    @Test
    void handsBackDeliveriesThatOutlastTheShutdown() throws Exception {
        two(Map.of("CUSTOM_ACTIONS_RUN_SHUTDOWN", "3s"));
        String once = press(1, 1, "/held");
        String twice = press(2, 1, "/held");
        awaitHeard(2);

        long since = System.nanoTime();
        replicas.get(0).process.destroy();
        assertThat(replicas.get(0).exit()).isIn(0, 143);

        assertThat(Duration.ofNanos(System.nanoTime() - since)).isBetween(Duration.ofSeconds(3), Duration.ofSeconds(6));
        awaitHeard(3);
        receiver.release(name);
        Json lost = awaitEnd(replicas.get(1), once);
        assertThat(lost.getString("deliveries[0].state")).isEqualTo("lost");
        assertThat(lost.getString("deliveries[0].failure.message")).startsWith("The service stopped while");
        Json again = awaitEnd(replicas.get(1), twice);
        assertThat(again.getString("deliveries[0].state")).isEqualTo("delivered");
        assertThat(again.getInt("deliveries[0].attempts")).isEqualTo(2);
        assertThat(new HashSet<>(arrivals(again))).hasSize(1);
        assertThat(replicas.get(0).troubles()).as("goes in peace").isEmpty();
    }

    @Test
    void goesOnWhenAReplicaThatWasDeclaredDeadWakesUp() throws Exception {
        // The replica may be frozen in the middle of a transaction. Its locks then block the other replica until this
        // time-out.
        two(Map.of("QUARKUS_DATASOURCE_JDBC_NEW_CONNECTION_SQL",
                "SET idle_in_transaction_session_timeout = '6s'; SET lock_timeout = '2s'"));
        String run = press(2, 500);
        awaitHeard(150);

        replicas.get(0).signal("STOP");
        await().atMost(PATIENCE).until(() -> postgres.execute("SELECT id FROM replica").size() == 1);
        replicas.get(0).signal("CONT");

        Json ended = awaitEnd(replicas.get(1), run);
        ends(ended, 500);
        assertThat(new HashSet<>(arrivals(ended))).hasSize(500);
        assertThat(arrivals(ended)).hasSizeLessThanOrEqualTo(510);
        await().atMost(PATIENCE).until(() -> postgres.execute("SELECT id FROM replica").size() == 2);
        assertThat(replicas.get(0).post("/" + action(1, "/ok") + "/run", Packaged.TOKEN, Packaged.targets(1))
                .getString("state")).isEqualTo("succeeded");
    }

    // ---- Failures of the database

    @Test
    void endsEveryDeliveryWhenTheDatabaseGoesDown() throws Exception {
        two();
        List<String> runs = List.of(press(1, 500), press(2, 500));
        awaitHeard(300);

        Packaged replica = replicas.get(0);
        await().until(() -> replica.managementStatus("/q/health/ready") == 200);
        assertThat(replica.managementStatus("/q/health/started")).isEqualTo(200);

        postgres.stop();
        long since = System.nanoTime();
        await().atMost(Duration.ofSeconds(9)).until(() -> replica.managementStatus("/q/health/ready") == 503);
        assertThat(replica.managementStatus("/q/health/live")).as("nothing that a restart would mend").isEqualTo(200);
        assertThat(replica.managementStatus("/q/health/started")).as("what it has seen stays so").isEqualTo(200);
        TimeUnit.NANOSECONDS.sleep(since + TimeUnit.SECONDS.toNanos(10) - System.nanoTime());
        postgres.start();

        deliversAllOnce(runs);
        await().until(() -> replica.managementStatus("/q/health/ready") == 200);
    }

    @Test
    void endsEveryDeliveryWhenConnectionsAreCut() throws Exception {
        two();
        List<String> runs = List.of(press(1, 500), press(2, 500));
        for (int heard = 100; heard <= 700; heard += 100) {
            awaitHeard(heard);
            postgres.cutConnections();
        }

        deliversAllOnce(runs);
    }

    /** Connections hang as after a firewall has forgotten them: no answers and no errors. */
    @Test
    void survivesHangingDatabaseConnections() throws Exception {
        two();
        String run = press(1, 500);
        awaitHeard(50);
        List<String> alive = postgres.execute("SELECT id FROM replica ORDER BY id");
        List<String> hanging = postgres.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'replica-0' "
                + "AND state = 'idle'");
        assertThat(hanging).isNotEmpty();

        assertThat(Packaged.signal("STOP", hanging)).isZero();
        try {
            await().during(Duration.ofSeconds(9)).atMost(Duration.ofSeconds(12))
                    .until(() -> postgres.execute("SELECT id FROM replica ORDER BY id").equals(alive));
        } finally {
            assertThat(Packaged.signal("CONT", hanging)).isZero();
        }

        deliversAllOnce(List.of(run));
    }

    // ---- Jumps of the clock

    @ParameterizedTest
    @ValueSource(strings = { "1 hour", "-1 hour" })
    void endsEveryDeliveryWhenTheClockJumps(String jump) throws Exception {
        postgres.execute("""
                CREATE SCHEMA shifted;
                CREATE TABLE shifted.clock (off interval NOT NULL);
                INSERT INTO shifted.clock VALUES ('0');
                CREATE FUNCTION shifted.now() RETURNS timestamptz LANGUAGE sql STABLE AS
                    'SELECT pg_catalog.now() + (SELECT off FROM shifted.clock)';
                CREATE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
                    'SELECT pg_catalog.clock_timestamp() + (SELECT off FROM shifted.clock)'""");
        options = "&options=-c%20search_path=public,shifted,pg_catalog";
        two();
        String run = press(1, 500);
        // This delivery has failed and waits for its next attempt while the clock jumps.
        String retried = press(2, 1, "/status/503");
        awaitHeard(150);

        postgres.execute("UPDATE shifted.clock SET off = '" + jump + "'");
        assertThat(replicas.get(0).post("/" + action(1, "/ok") + "/run", Packaged.TOKEN, Packaged.targets(3))
                .getString("state")).as("presses go on").isEqualTo("succeeded");

        Json ended = awaitEnd(replicas.get(0), run);
        assertThat(ended.getInt("counts.delivered")).as("nobody is taken for dead").isEqualTo(500);
        assertThat(new HashSet<>(receiver.webhookIds(name))).hasSize(504);
        assertThat(awaitEnd(replicas.get(1), retried).getInt("deliveries[0].attempts")).isEqualTo(2);
        assertThat(receiver.webhookIds(name)).as("one of them twice").hasSize(505);
    }

    // ---- No failure

    @Test
    void startsTwoReplicasOnAnEmptyDatabaseAndSendsNoDeliveryTwice() throws Exception {
        two();
        assertThat(postgres.execute("SELECT version FROM flyway_schema_history WHERE NOT success")).isEmpty();
        assertThat(postgres.execute("SELECT id FROM replica")).hasSize(2);
        String action = action(1, "/ok");

        long since = System.nanoTime();
        List<String> runs = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            runs.add(replicas.get(i % 2).start(action, Packaged.TOKEN, Packaged.targets(1000)));
        }
        for (String run : runs) {
            assertThat(awaitEnd(replicas.get(0), run).getInt("counts.delivered")).isEqualTo(1000);
        }

        LOG.infof("Two replicas sent 10,000 deliveries to one host in %d ms", (System.nanoTime() - since) / 1_000_000);
        assertThat(receiver.webhookIds(name)).hasSize(10_000).doesNotHaveDuplicates();
    }

    // ---- Helpers

    private void two() throws Exception {
        two(Map.of());
    }

    private void two(Map<String, String> more) throws Exception {
        Map<String, String> environment = new HashMap<>(Map.of("CUSTOM_ACTIONS_RUN_LEASE", "5s",
                // The tests allow twice as many unsure deliveries as a replica may have in flight.
                "CUSTOM_ACTIONS_EGRESS_IN_FLIGHT_PER_HOST", "5"));
        environment.putAll(more);
        for (int i = 0; i < 2; i++) {
            environment.put("QUARKUS_DATASOURCE_JDBC_URL", postgres.url() + "&ApplicationName=replica-" + i + options);
            replicated.add(environment);
        }
        replicated.ready();
    }

    private String action(int maxAttempts, String behaviour) throws Exception {
        return replicas.get(replicas.size() - 1).ajax(Packaged.TOKEN, receiver.url("/" + name + behaviour + "?e={entity_id}"),
                "timeout_ms", 30_000, "max_attempts", maxAttempts, "rate_per_minute", 60_000);
    }

    private String press(int maxAttempts, int targets) throws Exception {
        return press(maxAttempts, targets, "/scripted");
    }

    /** Starts a run at the first replica, which answers before the run ends. Returns the run's id. */
    private String press(int maxAttempts, int targets, String behaviour) throws Exception {
        return replicas.get(0).start(action(maxAttempts, behaviour), Packaged.TOKEN, Packaged.targets(targets));
    }

    private void awaitHeard(int count) {
        await().atMost(PATIENCE).pollInterval(Duration.ofMillis(20)).until(() -> receiver.heard(name).size() >= count);
    }

    /**
     * Waits for the end of a run by polling the database. Reading a run of a thousand deliveries from the API again and again
     * would slow down its sending.
     */
    private Json awaitEnd(Packaged replica, String run) {
        String ended = "SELECT id FROM run WHERE finished_at IS NOT NULL AND id = '" + run + "'";
        return await().atMost(PATIENCE).pollInterval(Duration.ofMillis(200)).ignoreExceptions()
                .until(() -> postgres.execute(ended).isEmpty() ? null
                        : replica.get("/runs/" + run + "?limit=500", Packaged.TOKEN),
                        found -> found != null && found.getString("finished_at") != null);
    }

    /** Checks that all deliveries have ended, and that each undelivered one has a reason. */
    private static void ends(Json run, int count) {
        List<Map<String, Object>> deliveries = run.getList("deliveries");
        assertThat(deliveries).hasSize(count).allSatisfy(delivery -> {
            assertThat(delivery.get("state")).isIn("delivered", "failed", "lost");
            if (!delivery.get("state").equals("delivered")) {
                assertThat(delivery.get("failure")).as("says why").isNotNull();
            }
        });
    }

    /** Checks that every delivery arrived exactly once. As no replica died, outcomes were kept until they could be saved. */
    private void deliversAllOnce(List<String> runs) {
        for (String run : runs) {
            Json ended = awaitEnd(replicas.get(1), run);
            ends(ended, 500);
            assertThat(ended.getInt("counts.delivered")).isEqualTo(500);
            assertThat(arrivals(ended)).hasSize(500).doesNotHaveDuplicates();
        }
    }

    /** Returns the webhook ids of the requests of a run, in order of arrival. */
    private List<String> arrivals(Json run) {
        Set<String> its = run.<String> getList("deliveries.id").stream().map(id -> "msg_" + id.replace("-", ""))
                .collect(Collectors.toSet());
        return receiver.webhookIds(name).stream().filter(its::contains).toList();
    }
}
