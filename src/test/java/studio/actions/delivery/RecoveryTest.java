package studio.actions.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static studio.actions.testing.Api.ADMIN;

import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

import jakarta.inject.Inject;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Api;
import studio.actions.testing.Database;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** Recovery of runs after a process has died, and the rows that recovery needs. */
@QuarkusTest
@WithTestResource(Services.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RecoveryTest {

    @Inject
    Database database;

    private final Receiver receiver = Receiver.shared();
    private final Map<String, String> left = new HashMap<>();

    /** Creates all abandoned runs at once, because a replica counts as dead only after its lease. */
    @BeforeAll
    void leaveBehind() throws SQLException {
        left.put("left", leave("left", "in_flight", "pending", "pending"));
        left.put("all-lost", leave("all-lost", "in_flight", "in_flight"));
        left.put("ended", leave("ended", "delivered", "pending"));
        left.put("again", leave("again", "in_flight", "in_flight"));
        database.change("UPDATE run SET max_attempts = 2 WHERE id = ?", UUID.fromString(left.get("again")));
        left.put("miscounted", leave("miscounted", "delivered", "delivered"));
        database.change("UPDATE run SET unfinished = 3 WHERE id = ?", UUID.fromString(left.get("miscounted")));
        for (String clock : List.of("clock-back", "clock-kept")) {
            left.put(clock, leave(clock, "pending"));
            database.change("UPDATE delivery SET attempts = 2, due_at = now() + interval '1 hour' WHERE run_id = ?",
                    UUID.fromString(left.get(clock)));
            for (int number = 1; number <= 2; number++) {
                database.change("INSERT INTO attempt (id, delivery_id, number, ended_at, failure_kind, failure_message) SELECT "
                        + "gen_random_uuid(), id, ?, now() + CASE WHEN ? THEN interval '1 hour' ELSE '0' END, 'timeout', 'x' "
                        + "FROM delivery WHERE run_id = ?", number, number == (clock.equals("clock-back") ? 2 : 1),
                        UUID.fromString(left.get(clock)));
            }
        }
        for (int i = 0; i < 25; i++) {
            leave("many", "in_flight", "pending");
        }
    }

    @AfterEach
    void letGo() {
        receiver.releaseAll();
    }

    // ---- On disk before the first request

    @Test
    void savesTheRunBeforeSendingTheFirstRequest() throws SQLException {
        String run = hold("written", 7);

        assertThat(select("SELECT state, unfinished::text, (finished_at IS NULL)::text FROM run WHERE id = ?", run))
                .containsExactly("running|7|true");
        assertThat(select("SELECT d.state, attempts::text, (r.id IS NOT NULL)::text FROM delivery d LEFT JOIN replica r "
                + "ON r.id = d.owner WHERE run_id = ? ORDER BY position", run))
                .containsExactly("in_flight|1|true", "in_flight|1|true", "in_flight|1|true", "in_flight|1|true",
                        "in_flight|1|true", "pending|0|false", "pending|0|false");
        Json seen = Api.read(run);
        assertThat(seen.getString("state")).isEqualTo("running");
        assertThat(seen.getString("finished_at")).isNull();
        assertThat(seen.getList("deliveries.state")).startsWith("in_flight").endsWith("pending").hasSize(7);
        assertThat(seen.getMap("counts")).containsEntry("total", 7).containsEntry("delivered", 0);

        receiver.release("written");
        Api.awaitState(run, "succeeded");
        assertThat(select("SELECT unfinished::text FROM run WHERE id = ?", run)).containsExactly("0");
        assertThat(select("SELECT count(owner)::text FROM delivery WHERE run_id = ?", run)).containsExactly("0");
    }

    @Test
    void claimsADeliveryOnlyWhenItsHostHasAFreeSlot() throws SQLException {
        String first = hold("place", 5);
        String second = Api.start(Api.ajax(receiver.url("/place/held?second={entity_id}")), 3);

        assertThat(select("SELECT DISTINCT state, attempts::text FROM delivery WHERE run_id = ?", second))
                .containsExactly("pending|0");

        receiver.release("place");
        Api.awaitState(first, "succeeded");
        Api.awaitState(second, "succeeded");
    }

    @Test
    void opensNoTransactionWhileItWaitsForAReceiver() {
        String run = hold("idle", 5);

        await().atMost(Duration.ofSeconds(5)).untilAsserted(() -> assertThat(select("SELECT query FROM pg_stat_activity WHERE "
                + "datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND ?::text <> ''", run))
                .isEmpty());

        assertThat(Api.read(run).getString("state")).isEqualTo("running");
        receiver.release("idle");
        Api.awaitState(run, "succeeded");
    }

    // ---- Left behind by a process that died

    @Test
    void finishesTheRunOfADeadReplica() throws SQLException {
        String run = left.get("left");

        Api.awaitState(run, "partial");

        Json seen = Api.read(run);
        assertThat(seen.getList("deliveries.state")).containsExactly("lost", "delivered", "delivered");
        assertThat(seen.getString("deliveries[0].failure.kind")).isEqualTo("lost");
        assertThat(seen.getMap("counts")).containsEntry("lost", 1).containsEntry("delivered", 2).containsEntry("total", 3);
        assertThat(seen.getList("deliveries.attempts")).containsExactly(1, 1, 1);
        assertThat(seen.getString("finished_at")).isNotNull();
        assertThat(receiver.heard("left")).hasSize(2).extracting(Receiver.Heard::uri)
                .containsExactlyInAnyOrder("/left/ok?position=1", "/left/ok?position=2");
        assertThat(receiver.heard("left").get(0).headers()).containsEntry("X-Farm", Services.FARM)
                .containsKeys("webhook-id", "webhook-signature");
        assertThat(receiver.heard("left").get(0).body()).isEqualTo("{\"kept\": true}");
    }

    @Test
    void failsARunWhoseDeliveriesWereAllInFlight() throws SQLException {
        String run = left.get("all-lost");

        Api.awaitState(run, "failed");

        assertThat(Api.read(run).getList("deliveries.failure.kind")).containsExactly("lost", "lost");
        assertThat(receiver.heard("all-lost")).isEmpty();
    }

    @Test
    void keepsFinishedDeliveries() throws SQLException {
        String run = left.get("ended");

        Api.awaitState(run, "succeeded");

        assertThat(Api.read(run).getMap("counts")).containsEntry("delivered", 2);
        assertThat(receiver.heard("ended")).hasSize(1);
    }

    /** A process that ran out of memory may leave a wrong count that no rollback corrected. */
    @Test
    void endsARunWithoutUnfinishedDeliveriesDespiteAWrongCount() throws SQLException {
        Api.awaitState(left.get("miscounted"), "succeeded");
    }

    @Test
    void takesOverMoreRunsThanItProcessesAtOnce() throws SQLException {
        await().atMost(Duration.ofSeconds(20)).until(() -> receiver.heard("many").size() == 25);
    }

    @Test
    void retriesInFlightDeliveriesOfADeadReplicaWhenTheActionAllowsRetries() throws SQLException {
        String run = left.get("again");

        Api.awaitState(run, "succeeded");

        Json seen = Api.read(run);
        assertThat(seen.getList("deliveries.attempts")).containsExactly(2, 2);
        assertThat(seen.getList("deliveries[0].earlier_attempts.failure.kind")).containsExactly("lost");
        assertThat(seen.getString("deliveries[0].failure")).isNull();
        assertThat(receiver.heard("again")).hasSize(2);
    }

    /**
     * In clock-back the last attempt ended in the future, so the clock was set back since, and the delivery is sent at once.
     * In clock-kept an earlier attempt did; that jump was already handled, so the delivery keeps waiting.
     */
    @Test
    void sendsAtOnceAfterTheClockWasSetBack() throws SQLException {
        Api.awaitState(left.get("clock-back"), "succeeded");

        assertThat(Api.read(left.get("clock-back")).getInt("deliveries[0].attempts")).isEqualTo(3);
        assertThat(Api.read(left.get("clock-kept")).getList("deliveries.state")).containsExactly("pending");
        assertThat(receiver.heard("clock-kept")).isEmpty();
    }

    /** Without these time-outs a stalled replica would block all others. */
    @Test
    void setsTimeoutsThatReleaseTheLocksOfAStalledReplica() throws SQLException {
        String any = left.get("left");
        assertThat(select("SELECT current_setting('idle_in_transaction_session_timeout') FROM run WHERE id = ?", any))
                .containsExactly("30s");
        assertThat(select("SELECT current_setting('lock_timeout') FROM run WHERE id = ?", any)).containsExactly("10s");
    }

    @Test
    @Tag("survival")
    void leavesInFlightDeliveriesOfALivingReplicaAlone() throws SQLException {
        String run = leave("others", "in_flight");

        await().during(Duration.ofSeconds(4)).atMost(Duration.ofSeconds(7)).pollInterval(Duration.ofMillis(500)).until(() -> {
            database.change("UPDATE replica SET beat = beat + 1 WHERE id = (SELECT owner FROM delivery WHERE run_id = ?)",
                    UUID.fromString(run));
            return Api.read(run).getList("deliveries.state").equals(List.of("in_flight"));
        });

        Api.awaitState(run, "failed");
        assertThat(Api.read(run).getList("deliveries.state")).containsExactly("lost");
        assertThat(receiver.heard("others")).isEmpty();
    }

    @Test
    @Tag("survival")
    void keepsItsOwnRunLongerThanItsLease() throws SQLException {
        String run = hold("long-held", 1);

        await().during(Duration.ofMillis(4500)).atMost(Duration.ofSeconds(8)).pollInterval(Duration.ofMillis(200))
                .until(() -> select("SELECT r.state, d.state FROM run r JOIN delivery d ON d.run_id = r.id WHERE r.id = ?", run)
                        .equals(List.of("running|in_flight")));
        receiver.release("long-held");

        Api.awaitState(run, "succeeded");
        assertThat(Api.read(run).getInt("deliveries[0].attempts")).isEqualTo(1);
        assertThat(receiver.heard("long-held")).hasSize(1);
    }

    /** The commit of a claim succeeded although the connection broke, so no replica has sent the delivery. */
    @Test
    void sendsDeliveriesThatWereClaimedButNeverSent() throws SQLException {
        String other = hold("holds", 1);
        String run = leave("claimed", "in_flight");
        database.change("UPDATE delivery SET owner = (SELECT owner FROM delivery WHERE run_id = ? AND state = 'in_flight') "
                + "WHERE run_id = ?", UUID.fromString(other), UUID.fromString(run));

        Api.awaitState(run, "succeeded");

        assertThat(Api.read(run).getList("deliveries.attempts")).as("what was never sent is no attempt").containsExactly(1);
        assertThat(receiver.heard("claimed")).hasSize(1);
        receiver.release("holds");
        Api.awaitState(other, "succeeded");
    }

    /** The outcome of a delivery arrives after its replica was declared dead. */
    @Test
    void goesOnUnderANewIdAfterItWasDeclaredDead() throws SQLException {
        String before = hold("buried", 1);
        String owner = select("SELECT owner::text FROM delivery WHERE run_id = ?", before).get(0);
        // Outcomes of earlier tests.
        await().until(() -> select("SELECT count(*)::text FROM delivery WHERE owner = ?", owner), List.of("1")::equals);
        database.change("UPDATE delivery SET state = 'lost', owner = NULL WHERE run_id = ?", UUID.fromString(before));
        // Fails while the replica has another delivery of an earlier test in flight.
        await().ignoreExceptionsInstanceOf(SQLException.class)
                .until(() -> database.execute("DELETE FROM replica WHERE id = ?", UUID.fromString(owner)),
                        deleted -> deleted == 1);

        Json after = Api.press(Api.ajax(receiver.url("/after/ok?e={entity_id}")));
        assertThat(after.getString("state")).isEqualTo("succeeded");

        receiver.release("buried");
        assertThat(Api.press(Api.ajax(receiver.url("/after/ok?e={entity_id}"))).getString("state")).isEqualTo("succeeded");
        assertThat(Api.read(before).getList("deliveries.state")).as("its late outcome changes nothing").containsExactly("lost");
        // The service counts the run's deliveries anew.
        Api.awaitState(before, "failed");
    }

    private List<String> select(String sql, String id) throws SQLException {
        return database.select(sql, UUID.fromString(id));
    }

    /** Starts a run and waits until the receiver holds its deliveries, but at most five: a host gets no more at once. */
    private String hold(String name, int count) {
        String run = Api.start(Api.ajax(receiver.url("/" + name + "/held?e={entity_id}"), "timeout_ms", 30_000), count);
        await().until(() -> receiver.heard(name).size() == Math.min(count, 5));
        return run;
    }

    /** Inserts a run as a dead process leaves it, with one delivery in each of these states. */
    private String leave(String name, String... states) throws SQLException {
        UUID run = UUID.randomUUID();
        UUID dead = UUID.randomUUID();
        database.change("INSERT INTO replica (id, beat) VALUES (?, 17)", dead);
        database.change("""
                INSERT INTO run (id, action_id, action_version, action_name, state, caller_id, caller_name, caller_role, method,
                    headers, timeout_ms, max_attempts, rate_per_minute, signing_secret, production_ids, fingerprint, created_at,
                    unfinished, events)
                VALUES (?, gen_random_uuid(), 1, 'Left behind', 'running', ?, 'Local admin', 'admin', 'POST',
                    '{"X-Farm": "${secret:farm}"}', 5000, 1, 600, 'sign-here',
                    '{00000000-0000-0000-0000-000000000000}', '', now() - interval '2 minutes', ?, 0)""",
                run, UUID.fromString(ADMIN), Stream.of(states).filter(List.of("pending", "in_flight")::contains).count());
        for (int i = 0; i < states.length; i++) {
            boolean flies = states[i].equals("in_flight");
            boolean waits = states[i].equals("pending");
            database.change("INSERT INTO delivery (id, run_id, position, method, url, host, body, webhook_id, task_ids, "
                    + "state, attempts, owner, due_at) VALUES (gen_random_uuid(), ?, ?, 'POST', ?, ?, '{\"kept\": true}', "
                    + "'msg_' || ?, '{}', ?, ?, ?, CASE WHEN ? THEN now() END)", run, i,
                    receiver.url("/" + name + "/ok?position=" + i), "127.0.0.1:" + receiver.port(), name + i, states[i],
                    waits ? 0 : 1, flies ? dead : null, waits);
        }
        return run.toString();
    }
}
