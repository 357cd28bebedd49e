package studio.actions.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Json.has;

import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

import jakarta.inject.Inject;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.Database;
import studio.actions.testing.FakeZou;
import studio.actions.testing.FakeZou.Task;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;

/** Cancelling runs, and pausing actions. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class CancelTest {

    @Inject
    Database database;

    private final Receiver receiver = Receiver.shared();
    private final String name = "cancel-" + UUID.randomUUID();

    @AfterEach
    void letGo() {
        receiver.releaseAll();
    }

    @Test
    void cancelsPendingButFinishesInFlightDeliveries() {
        String run = hold("supervisor", 12);

        cancel("supervisor", run).then().statusCode(200).body(has("state", equalTo("running"), "finished_at", equalTo(null),
                "counts.cancelled", equalTo(7)));

        receiver.release(name);
        Json ended = BesideKitsu.awaitEnd("admin", run);
        assertThat(ended.getString("state")).isEqualTo("cancelled");
        assertThat(ended.getMap("counts")).containsEntry("delivered", 5).containsEntry("cancelled", 7)
                .containsEntry("total", 12);
        assertThat(ended.getString("deliveries[11].state")).isEqualTo("cancelled");
        assertThat(ended.getString("deliveries[11].failure.kind")).isEqualTo("cancelled");
        assertThat(ended.getString("deliveries[11].failure.message")).startsWith("Cancelled by ");
        assertThat(ended.getInt("deliveries[11].attempts")).isZero();
        assertThat(receiver.heard(name)).hasSize(5);
    }

    @Test
    void answersAPressThatWaitsForTheCancelledRun() {
        String action = action("max_attempts", 8);
        List<Task> shots = shots(1);
        receiver.script(name, out -> {
            Receiver.write(out, "HTTP/1.1 503 Busy\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n");
        });
        CompletableFuture<Response> press = CompletableFuture.supplyAsync(() -> press("supervisor", action, shots, "wait=20"));
        String run = await()
                .until(() -> Json.of(BesideKitsu.as("admin").queryParam("action_id", action).get(Api.RUNS)
                        .then().extract()).get("data[0].id"), id -> id != null);
        await().until(() -> Api.read(BesideKitsu.as("admin"), run).getString("deliveries[0].next_attempt_at") != null);

        cancel("supervisor", run).then().statusCode(200)
                .body(has("state", equalTo("cancelled"), "counts.cancelled", equalTo(1)));

        press.join().then().statusCode(200).body(has("state", equalTo("cancelled"), "deliveries[0].attempts", equalTo(1),
                "deliveries[0].earlier_attempts[0].failure.kind", equalTo("server_error")));
    }

    @Test
    void doesNotRetryDeliveriesThatFailAfterCancelling() {
        String action = action("max_attempts", 8, "timeout_ms", 1000);
        String run = Json.of(202, press("supervisor", action, shots(1), "respond-async")).get("id");
        await().until(() -> receiver.heard(name).size() == 1);

        cancel("supervisor", run).then().statusCode(200).body(has("counts.cancelled", equalTo(0)));

        Json ended = BesideKitsu.awaitEnd("admin", run);
        assertThat(ended.getString("deliveries[0].state")).isEqualTo("failed");
        assertThat(ended.getString("deliveries[0].failure.kind")).isEqualTo("timeout");
        assertThat(ended.getString("state")).as("nothing was kept from going out").isEqualTo("failed");
    }

    @Test
    void onlyTheRunsCallerAndAdminsMayCancel() {
        String run = hold("supervisor", 6);

        cancel("user", run).then().statusCode(404).body(has("code", equalTo("not_found")));
        cancel("manager", run).then().statusCode(403).body(has("code", equalTo("forbidden")));
        assertThat(Api.read(BesideKitsu.as("admin"), run).getInt("counts.cancelled")).isZero();
        cancel("admin", run).then().statusCode(200).body(has("counts.cancelled", equalTo(1)));
        cancel("supervisor", run).then().statusCode(200).body(has("counts.cancelled", equalTo(1)));

        receiver.release(name);
        BesideKitsu.awaitEnd("admin", run);
        cancel("admin", run).then().statusCode(200).body(has("state", equalTo("cancelled")));
    }

    @Test
    void refusesToCancelARunThatHasEnded() {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        String run = Json.of(200, press("supervisor", action, shots(1), "wait=10")).get("id");

        cancel("supervisor", run).then().statusCode(409).body(has("code", equalTo("run_ended")));
        cancel("supervisor", UUID.randomUUID().toString()).then().statusCode(404);
        assertThat(Api.read(BesideKitsu.as("admin"), run).getString("state")).isEqualTo("succeeded");
    }

    /** Watchers of a run resume by the number of an outcome, so each number must occur exactly once. */
    @Test
    void numbersEachOutcomeOnceWhileDeliveriesAreInFlight() throws SQLException {
        receiver.script(name, out -> {
            Receiver.write(out, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        });
        String action = action("max_attempts", 1);
        List<Task> shots = shots(60);
        for (int i = 0; i < 8; i++) {
            int before = receiver.heard(name).size();
            String run = Json.of(202, press("supervisor", action, shots.subList(i, 52 + i), "respond-async")).get("id");
            await().pollInterval(Duration.ofMillis(5)).until(() -> receiver.heard(name).size() > before + 6);
            cancel("supervisor", run).then().statusCode(200);
            BesideKitsu.awaitEnd("admin", run);
            assertThat(database.select("SELECT count(DISTINCT event), max(event), max(r.events) "
                    + "FROM delivery d JOIN run r ON r.id = run_id WHERE run_id = '" + run + "'")).containsExactly("52|52|52");
        }
    }

    // ---- Pausing an action

    @Test
    void refusesAPressWhoseActionIsDisabledDuringItsLookUp() {
        List<Task> shots = shots(1);
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        String token = BesideKitsu.token("supervisor");
        FakeZou.shared().delay(token, "/data/tasks", Duration.ofMillis(900));
        CompletableFuture<Response> press = CompletableFuture.supplyAsync(
                () -> BesideKitsu.run(BesideKitsu.with(token), action, List.of(shots.get(0).id())));
        await().until(
                () -> FakeZou.shared().requests(token).stream().anyMatch(asked -> asked.path().startsWith("/data/tasks")));

        Api.change(BesideKitsu.as("admin"), action, Map.of("enabled", false));

        press.join().then().statusCode(409).body(has("code", equalTo("action_disabled")));
        assertThat(receiver.heard(name)).isEmpty();
    }

    @Test
    void holdsBackPendingDeliveriesWhileTheActionIsDisabled() {
        String run = hold("supervisor", 8);
        String action = Api.read(BesideKitsu.as("admin"), run).getString("action_id");
        Api.change(BesideKitsu.as("admin"), action, Map.of("enabled", false));
        BesideKitsu.run(BesideKitsu.as("admin"), action, List.of(shots(1).get(0).id())).then().statusCode(409)
                .body(has("code", equalTo("action_disabled")));

        receiver.release(name);
        await().until(() -> Api.read(BesideKitsu.as("admin"), run).getInt("counts.delivered") == 5);
        await().during(Duration.ofSeconds(1)).atMost(Duration.ofSeconds(3)).until(() -> receiver.heard(name).size() == 5);
        assertThat(Api.read(BesideKitsu.as("admin"), run).getList("deliveries.state")).containsOnly("delivered", "pending");

        Api.change(BesideKitsu.as("admin"), action, Map.of("enabled", true));
        assertThat(BesideKitsu.awaitEnd("admin", run).getString("state")).isEqualTo("succeeded");
        assertThat(receiver.heard(name)).hasSize(8);
    }

    @Test
    void cancelsAllRunsOfAnAction() {
        String first = hold("supervisor", 6);
        String action = Api.read(BesideKitsu.as("admin"), first).getString("action_id");
        String second = Json.of(202, press("user", action, shots(3), "respond-async")).get("id");
        Api.change(BesideKitsu.as("admin"), action, Map.of("enabled", false));

        BesideKitsu.as("supervisor").queryParam("action_id", action).post(Api.RUNS + "/cancel").then().statusCode(403);
        BesideKitsu.as("admin").post(Api.RUNS + "/cancel").then().statusCode(400);
        List<String> cancelled = Json.of(200, BesideKitsu.as("admin").queryParam("action_id", action)
                .post(Api.RUNS + "/cancel")).get("data.id");

        assertThat(cancelled).containsExactly(second, first);
        assertThat(Api.read(BesideKitsu.as("admin"), second).getString("state")).isEqualTo("cancelled");
        receiver.release(name);
        assertThat(BesideKitsu.awaitEnd("admin", first).getMap("counts")).containsEntry("delivered", 5)
                .containsEntry("cancelled", 1);
        assertThat(receiver.heard(name)).hasSize(5);
    }

    private String action(Object... fields) {
        return BesideKitsu.ajax(receiver.url("/" + name + (fields.length == 2 ? "/scripted" : "/held") + "?t={task_id}"),
                fields);
    }

    private static List<Task> shots(int count) {
        return IntStream.range(0, count).mapToObj(i -> FakeZou.shared().shot("SH" + i)).toList();
    }

    /** Starts a run and waits until the receiver holds five deliveries, as many as a host gets at once. */
    private String hold(String person, int count) {
        String run = Json.of(202, press(person, action(), shots(count), "respond-async")).get("id");
        await().until(() -> receiver.heard(name).size() == 5);
        return run;
    }

    private static Response press(String person, String action, List<Task> tasks, String prefer) {
        return BesideKitsu.run(BesideKitsu.as(person).header("Prefer", prefer), action, tasks.stream().map(Task::id).toList());
    }

    private static Response cancel(String person, String run) {
        return BesideKitsu.as(person).post(Api.RUNS + "/" + run + "/cancel");
    }
}
