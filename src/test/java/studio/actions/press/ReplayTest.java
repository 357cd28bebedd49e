package studio.actions.press;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Json.has;

import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

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
import studio.actions.testing.Receiver.Heard;

/** Replays of runs, of deliveries that were sent and of deliveries that were not. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class ReplayTest {

    @Inject
    Database database;

    private final Receiver receiver = Receiver.shared();
    private final String name = "replay-" + UUID.randomUUID();

    @AfterEach
    void letGo() {
        receiver.releaseAll();
    }

    @Test
    void resendsFailedDeliveriesWithTheSameWebhookId() {
        Json run = pressed("200", "500", "404");

        Json again = Json.of(200, replay("supervisor", run, ""));

        assertThat(again.getString("id")).isNotEqualTo(run.getString("id"));
        assertThat(again.getString("replay_of")).isEqualTo(run.getString("id"));
        assertThat(again.getString("action_name")).isEqualTo(run.getString("action_name"));
        assertThat(again.getList("deliveries.url")).isEqualTo(run.getList("deliveries.url").subList(1, 3));
        assertThat(again.getList("deliveries.attempts")).containsExactly(1, 1);
        assertThat(again.getList("deliveries.id")).doesNotContainAnyElementsOf(run.getList("deliveries.id"));
        assertThat(receiver.heard(name)).hasSize(5);
        for (String status : List.of("500", "404")) {
            List<Heard> heard = receiver.heard(name).stream().filter(one -> one.uri().contains("/status/" + status)).toList();
            assertThat(heard).hasSize(2);
            assertThat(heard.get(1).headers().get("webhook-id")).isEqualTo(heard.get(0).headers().get("webhook-id"));
            assertThat(heard.get(1).body()).as("the same message").isEqualTo(heard.get(0).body());
        }
        assertThat(Api.read(BesideKitsu.as("supervisor"), run.getString("id")).getMap("")).as("the first stays as it was")
                .isEqualTo(run.getMap(""));
    }

    @Test
    void resendsAllDeliveriesOnRequest() {
        Json run = pressed("200", "500");

        Json again = Json.of(200, replay("supervisor", run, "?only=all"));

        assertThat(again.getMap("counts")).containsEntry("total", 2).containsEntry("delivered", 1).containsEntry("failed", 1);
        assertThat(receiver.webhookIds(name)).hasSize(4).containsOnly(receiver.webhookIds(name).get(0),
                receiver.webhookIds(name).get(1));
        assertThat(again.getString("state")).isEqualTo("partial");
    }

    /** A delivery keeps its webhook id from replay to replay. */
    @Test
    void replaysAReplay() {
        Json again = Json.of(200, replay("supervisor", pressed("500"), ""));

        replay("supervisor", again, "").then().statusCode(200).body(has("replay_of", equalTo(again.getString("id"))));

        assertThat(receiver.webhookIds(name)).hasSize(3).containsOnly(receiver.webhookIds(name).get(0));
    }

    @Test
    void sendsCancelledDeliveries() {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/held?t={task_id}"));
        List<String> tasks = Stream.of(1, 2, 3, 4, 5, 6).map(i -> FakeZou.shared().shot("SH" + i).id()).toList();
        String run = BesideKitsu.start(BesideKitsu.as("supervisor"), action, tasks).get("id");
        await().until(() -> receiver.heard(name).size() == 5);
        BesideKitsu.as("supervisor").post(Api.RUNS + "/" + run + "/cancel").then().statusCode(200);
        receiver.release(name);
        Json ended = BesideKitsu.awaitEnd("supervisor", run);

        replay("supervisor", ended, "?only=failed").then().statusCode(200).body(has("state", equalTo("succeeded"),
                "counts.total", equalTo(1)));

        assertThat(receiver.webhookIds(name)).hasSize(6).doesNotHaveDuplicates();
    }

    @Test
    void answersAtOnceWithRespondAsync() {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/held"), "timeout_ms", 500);
        Json run = Json.of(200, BesideKitsu.run(BesideKitsu.as("supervisor"), action,
                List.of(FakeZou.shared().shot("SH010").id())));

        BesideKitsu.as("supervisor").header("Prefer", "respond-async")
                .post(Api.RUNS + "/" + run.getString("id") + "/replay").then().statusCode(202)
                .header("Location", containsString("/api/custom-actions/runs/"));
    }

    @Test
    void startsOneReplayForARepeatedRequest() {
        Json run = pressed("500");

        String first = Json.of(200, replay("supervisor", run, "")).get("id");

        replay("supervisor", run, "").then().statusCode(200).body(has("id", equalTo(first)));
        assertThat(receiver.heard(name)).hasSize(2);
    }

    // ---- Refused

    @Test
    void refusesToReplayARunWithoutFailedDeliveries() {
        Json run = pressed("200");

        replay("supervisor", run, "").then().statusCode(409).body(has("code", equalTo("nothing_to_replay")));
        replay("supervisor", run, "?only=some").then().statusCode(400).body(has("code", equalTo("invalid_parameter")));
        replay("supervisor", run, "?only=all").then().statusCode(200);
    }

    @Test
    void refusesToReplayARunThatIsStillRunning() {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/held"));
        Json run = BesideKitsu.start(BesideKitsu.as("supervisor"), action, List.of(FakeZou.shared().shot("SH010").id()));

        replay("supervisor", run, "").then().statusCode(409).body(has("code", equalTo("still_running")));
    }

    @Test
    void onlyTheRunsCallerAndAdminsMayReplay() {
        Json run = pressed("500");

        replay("user", run, "").then().statusCode(404);
        replay("manager", run, "").then().statusCode(403);
        replay("admin", run, "").then().statusCode(200).body(has("caller.role", equalTo("admin")));
    }

    @Test
    void refusesCallersWhoMayNoLongerRunTheAction() {
        Json run = pressed("500");
        String action = run.getString("action_id");

        Api.change(BesideKitsu.as("admin"), action, Map.of("roles", List.of("manager")));
        replay("supervisor", run, "").then().statusCode(404);
        Api.change(BesideKitsu.as("admin"), action, Map.of("roles", List.of(), "enabled", false));
        replay("admin", run, "").then().statusCode(409).body(has("code", equalTo("action_disabled")));
        assertThat(receiver.heard(name)).hasSize(1);
    }

    @Test
    void refusesTargetsThatTheCallerMayNoLongerSee() {
        FakeZou zou = FakeZou.shared();
        Task stays = zou.shot("500");
        Task goes = zou.shot("500");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/status/{entity_name}?t={task_id}"));
        Json run = press(action, stays, goes);
        zou.delete(goes);

        Json again = Json.of(200, replay("supervisor", run, ""));

        assertThat(again.getList("deliveries.state")).containsExactlyInAnyOrder("failed", "refused");
        assertThat(again.getList("deliveries.failure.kind")).containsExactlyInAnyOrder("server_error", "not_visible");
        assertThat(receiver.heard(name)).hasSize(3);
    }

    @Test
    void refusesTargetsThatTheActionNoLongerCovers() {
        Json run = pressed("500");

        Api.change(BesideKitsu.as("admin"), run.getString("action_id"), Map.of("project_ids", List.of(UUID.randomUUID())));

        replay("supervisor", run, "").then().statusCode(200).body(has("counts.refused", equalTo(1),
                "deliveries[0].failure.kind", equalTo("not_visible")));
        assertThat(receiver.heard(name)).hasSize(1);
    }

    /** The replay sends the original body, with the id of the first run, although that body never went out. */
    @Test
    void sendsDeliveriesThatLackedASecretOnceItExists() throws SQLException {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        database.change("UPDATE action SET headers = '{\"X-Farm\": \"${secret:gone}\"}' WHERE id = ?", UUID.fromString(action));
        Json run = press(action, FakeZou.shared().shot("SH010"));
        assertThat(run.getList("deliveries.failure.kind")).containsExactly("missing_variable");
        database.change("UPDATE run SET headers = '{}' WHERE id = ?", UUID.fromString(run.getString("id")));

        replay("supervisor", run, "").then().statusCode(200).body(has("state", equalTo("succeeded")));

        assertThat(receiver.heard(name)).hasSize(1);
        assertThat(receiver.heard(name).get(0).body()).contains("\"run_id\":\"" + run.getString("id") + "\"");
    }

    private Json pressed(String... statuses) {
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/status/{entity_name}?t={task_id}"));
        return press(action, Stream.of(statuses).map(FakeZou.shared()::shot).toArray(Task[]::new));
    }

    private static Json press(String action, Task... tasks) {
        return Json.of(200, BesideKitsu.run(BesideKitsu.as("supervisor"), action, Stream.of(tasks).map(Task::id).toList()));
    }

    private static Response replay(String person, Json run, String query) {
        return BesideKitsu.as(person).post(Api.RUNS + "/" + run.getString("id") + "/replay" + query);
    }
}
