package studio.actions.press;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.endsWith;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Json.has;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

import jakarta.inject.Inject;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import studio.actions.testing.Api;
import studio.actions.testing.Database;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** Repeated presses that get the run of the first press. */
@QuarkusTest
@WithTestResource(Services.class)
class IdempotencyTest {

    @Inject
    Database database;

    /** Replaces the common pool, which has only one thread on two processors. */
    private final ExecutorService clients = Executors.newCachedThreadPool();
    private final Receiver receiver = Receiver.shared();
    private final String name = "idempotent-" + UUID.randomUUID();
    private final Map<String, Object> shot = Api.shot();

    @AfterEach
    void letGo() {
        clients.shutdown();
        receiver.releaseAll();
    }

    // ---- Without a key

    @Test
    void startsOneRunForTheSamePressWithinThreeSeconds() {
        String action = action("/ok");

        String first = id(press(action, null, shot));
        String second = id(press(action, null, shot));

        assertThat(second).isEqualTo(first);
        assertThat(receiver.heard(name)).hasSize(1);
    }

    @Test
    void startsOneRunForTenSimultaneousPresses() {
        String action = action("/ok");

        List<CompletableFuture<Response>> presses = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            presses.add(CompletableFuture.supplyAsync(() -> press(action, null, shot), clients));
        }

        assertThat(presses.stream().map(CompletableFuture::join).map(IdempotencyTest::id).distinct()).hasSize(1);
        assertThat(receiver.heard(name)).hasSize(1);
    }

    @Test
    void answersARepeatedPressWhenTheFirstRunEnds() {
        String action = action("/held");
        CompletableFuture<Response> first = CompletableFuture.supplyAsync(() -> press(action, null, shot), clients);
        await().until(() -> receiver.heard(name).size() == 1);
        CompletableFuture<Response> second = CompletableFuture.supplyAsync(() -> press(action, null, shot), clients);
        CompletableFuture<Response> third = CompletableFuture.supplyAsync(
                () -> Api.run(Api.admin().header("Prefer", "respond-async"), action, Map.of("targets", List.of(shot))),
                clients);

        third.join().then().statusCode(202);
        assertThat(second).isNotDone();
        receiver.release(name);

        second.join().then().statusCode(200).body(has("id", equalTo(id(first.join())), "state", equalTo("succeeded")));
        assertThat(receiver.heard(name)).hasSize(1);
    }

    @Test
    void startsOneRunForTheSameTargetsInAnotherOrder() {
        String action = action("/ok?e={entity_id}");
        Map<String, Object> other = Api.shot();

        String first = id(press(action, null, shot, other));

        assertThat(id(press(action, null, other, shot))).isEqualTo(first);
        assertThat(receiver.heard(name)).hasSize(2);
    }

    @Test
    void startsAnotherRunForAnotherSelection() {
        String action = action("/ok");

        String first = id(press(action, null, shot));

        assertThat(id(press(action, null, Api.shot()))).isNotEqualTo(first);
        assertThat(id(press(action, null, shot, Api.shot()))).isNotEqualTo(first);
        assertThat(id(press(action("/ok"), null, shot))).isNotEqualTo(first);
    }

    @Test
    void startsAnotherRunAfterTheActionWasChanged() {
        String action = action("/status/500");
        String first = id(press(action, null, shot));

        Api.admin().body(Map.of("url", receiver.url("/" + name + "/ok"))).patch(Api.ACTIONS + "/" + action).then()
                .statusCode(200);

        press(action, null, shot).then().statusCode(200).body(has("state", equalTo("succeeded")));
        assertThat(id(press(action, null, shot))).isNotEqualTo(first);
    }

    @Test
    void startsAnotherRunForTheSamePressAfterThreeSeconds() throws SQLException {
        String action = action("/ok");
        String first = id(press(action, null, shot));
        age(first, "3 seconds");

        assertThat(id(press(action, null, shot))).isNotEqualTo(first);
    }

    // ---- With a key

    @Test
    void answersWithTheRunOfTheKey() {
        String action = action("/ok");
        String key = UUID.randomUUID().toString();

        String first = id(press(action, key, shot));

        press(action, key, shot).then().statusCode(200).body(has("id", equalTo(first), "state", equalTo("succeeded")));
        press(action, "\"" + key + "\"", shot).then().statusCode(200).body(has("id", equalTo(first)));
        assertThat(receiver.heard(name)).hasSize(1);
    }

    /** A caller that has lost the answer asks for the outcome of the press, not whether a new press is allowed. */
    @Test
    void answersWithTheRunOfTheKeyAfterItsActionWasDisabledOrDeleted() {
        String action = action("/ok");
        String key = UUID.randomUUID().toString();
        String first = id(press(action, key, shot));

        Api.change(Api.admin(), action, Map.of("enabled", false));
        assertThat(id(press(action, key, shot))).isEqualTo(first);
        Api.admin().delete(Api.ACTIONS + "/" + action).then().statusCode(204);
        assertThat(id(press(action, key, shot))).isEqualTo(first);
    }

    @Test
    void keepsAKeyForADay() throws SQLException {
        String action = action("/ok");
        String key = UUID.randomUUID().toString();
        String first = id(press(action, key, shot));

        age(first, "23 hours 59 minutes");
        assertThat(id(press(action, key, shot))).isEqualTo(first);
        age(first, "2 minutes");

        assertThat(id(press(action, key, shot))).isNotEqualTo(first);
        assertThat(receiver.heard(name)).hasSize(2);
    }

    @Test
    void answersConflictWhileTheRunOfTheKeyIsRunning() {
        String action = action("/held");
        String key = UUID.randomUUID().toString();
        String run = Api.start(Api.admin().header("Idempotency-Key", key), action, Map.of("targets", List.of(shot))).get("id");

        press(action, key, shot).then().statusCode(409).body(has("code", equalTo("still_running")))
                .header("Location", endsWith("/api/custom-actions/runs/" + run));

        receiver.release(name);
        await().untilAsserted(() -> press(action, key, shot).then().statusCode(200).body(has("id", equalTo(run))));
        assertThat(receiver.heard(name)).hasSize(1);
    }

    @Test
    void refusesAKeyThatWasUsedForAnotherPress() {
        String action = action("/ok");
        String key = UUID.randomUUID().toString();
        press(action, key, shot).then().statusCode(200);

        press(action, key, Api.shot()).then().statusCode(422).body(has("code", equalTo("idempotency_key_reused")));
        press(action("/ok"), key, shot).then().statusCode(422).body(has("code", equalTo("idempotency_key_reused")));
        assertThat(receiver.heard(name)).hasSize(1);
    }

    @Test
    void startsAnotherRunForTheSamePressWithAnotherKey() {
        String action = action("/ok");

        List<String> runs = List.of(id(press(action, UUID.randomUUID().toString(), shot)),
                id(press(action, UUID.randomUUID().toString(), shot)), id(press(action, null, shot)));

        assertThat(new HashSet<>(runs)).hasSize(3);
        assertThat(receiver.heard(name)).hasSize(3);
    }

    @Test
    void startsOneRunForTenSimultaneousPressesWithTheSameKey() {
        String action = action("/held");
        String key = UUID.randomUUID().toString();

        List<CompletableFuture<Response>> presses = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            presses.add(CompletableFuture.supplyAsync(() -> press(action, key, shot), clients));
        }
        await().until(() -> receiver.heard(name).size() == 1);
        await().until(() -> presses.stream().filter(CompletableFuture::isDone).count() == 9);
        receiver.release(name);

        List<Integer> statuses = presses.stream().map(CompletableFuture::join).map(Response::statusCode).sorted().toList();
        assertThat(statuses).hasSize(10).startsWith(200).endsWith(409);
        assertThat(statuses.stream().filter(status -> status == 409)).hasSize(9);
        assertThat(receiver.heard(name)).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = { "", "\"\"", "naïve" })
    void refusesInvalidKeys(String key) {
        press(action("/ok"), key, shot).then().statusCode(400).body(has("errors[0].pointer", equalTo("Idempotency-Key")));
        press(action("/ok"), "k".repeat(256), shot).then().statusCode(400).body(has("code", equalTo("invalid_parameter")));
        assertThat(receiver.heard(name)).isEmpty();
    }

    private String action(String behaviour) {
        return Api.ajax(receiver.url("/" + name + behaviour));
    }

    @SafeVarargs
    private static Response press(String action, String key, Map<String, Object>... targets) {
        RequestSpecification request = key == null ? Api.admin() : Api.admin().header("Idempotency-Key", key);
        return Api.run(request, action, Map.of("targets", List.of(targets)));
    }

    private static String id(Response pressed) {
        return Json.of(200, pressed).get("id");
    }

    private void age(String run, String by) throws SQLException {
        database.change("UPDATE run SET created_at = created_at - interval '" + by + "' WHERE id = '" + run + "'");
    }
}
