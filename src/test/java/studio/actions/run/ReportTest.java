package studio.actions.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static studio.actions.testing.Json.has;

import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

import jakarta.inject.Inject;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.FakeZou.Comment;
import studio.actions.testing.FakeZou.Fault;
import studio.actions.testing.FakeZou.Request;
import studio.actions.testing.FakeZou.Task;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;

/** What is told in Kitsu of a press: comments on the tasks that it was about. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class ReportTest {

    private final Receiver receiver = Receiver.shared();

    @Inject
    Reports reports;

    @AfterEach
    void letGo() {
        receiver.releaseAll();
    }

    // ---- When

    @ParameterizedTest
    @CsvSource({ "none,200,0", "none,500,0", "failures,200,0", "failures,500,1", "always,200,1", "always,500,1" })
    void tellsWhatTheActionWantsTold(String report, String status, int comments) {
        Task shot = zou().shot(status);
        String action = BesideKitsu.ajax(receiver.url("/" + unique("when") + "/status/{entity_name}"), "report", report);

        press("supervisor", action, shot).then().statusCode(200).body(has("counts.total", equalTo(1)));

        assertThat(comments(shot)).hasSize(comments);
    }

    @Test
    void tellsNothingUnlessTheActionSaysSo() {
        Task shot = zou().shot("SH010");
        String action = BesideKitsu.ajax(receiver.url("/" + unique("default") + "/status/500"));

        press("supervisor", action, shot).then().statusCode(200).body(has("state", equalTo("failed")));

        assertThat(comments(shot)).isEmpty();
    }

    @Test
    void tellsNothingOfAPreview() {
        Task shot = zou().shot("SH010");
        String action = BesideKitsu.ajax("https://api.studio.com/{asset_type_name}", "report", "always");

        BesideKitsu.as("supervisor").body(Map.of("selection", List.of(shot.id())))
                .post(Api.ACTIONS + "/" + action + "/preview").then().statusCode(200)
                .body(has("deliveries[0].problem.code", equalTo("missing_variable")));

        assertThat(comments(shot)).isEmpty();
    }

    @Test
    void tellsOfAPressInKitsuAsWell() {
        Task shot = zou().shot("SH010");
        String action = BesideKitsu.ajax(receiver.url("/" + unique("kitsu") + "/status/500"), "report", "failures");

        BesideKitsu.as("user").body(Map.of("selection", List.of(shot.id()), "userid", UUID.randomUUID()))
                .post(BesideKitsu.PATH + "/" + action + "/run").then().statusCode(502);

        assertThat(comments(shot)).extracting(Comment::person).containsExactly("user");
    }

    // ---- What

    @ParameterizedTest
    @CsvSource({ "200,delivered,''", "500,failed,server_error", "404,failed,client_error", "429,failed,rate_limited",
            "302,failed,redirect" })
    void saysWhichActionAndHowItEnded(String status, String outcome, String kind) {
        Task shot = zou().shot(status);
        String action = BesideKitsu.ajax(receiver.url("/" + unique("what") + "/status/{entity_name}"), "report", "always",
                "name", "Sync <Größe> & co");

        press("supervisor", action, shot).then().statusCode(200);

        assertThat(told(shot)).contains("Sync <Größe> & co", outcome, kind);
        if (kind.isEmpty()) {
            assertThat(told(shot)).doesNotContain("fail", "(");
        }
    }

    @Test
    void saysThatNobodyAnswered() {
        Task shot = zou().shot("SH010");
        String action = BesideKitsu.ajax(receiver.url("/" + unique("silent") + "/silent"), "report", "failures", "timeout_ms",
                100);

        press("supervisor", action, shot).then().statusCode(200);

        assertThat(told(shot)).contains("failed", "timeout");
    }

    @ParameterizedTest
    @CsvSource({ "say/what-the-receiver-says", "status/500", "headers", "redirect" })
    void saysNeitherWhatTheReceiverSaidNorASecret(String behaviour) {
        Task shot = zou().shot("SH010");
        String name = unique("private");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/" + behaviour), "report", "always", "name", "Private",
                "headers", Map.of("X-Farm", "${secret:farm}"));

        press("supervisor", action, shot).then().statusCode(200);

        assertThat(receiver.heard(name).get(0).headers()).containsEntry("X-Farm", BesideKitsu.FARM);
        assertThat(told(shot)).contains("Private").doesNotContain(BesideKitsu.FARM, "X-Farm", "what-the-receiver", "status",
                "http", name, "/");
    }

    // ---- As whom, on which tasks

    @Test
    void commentsAsTheCallerWithTheTokenThatCame() {
        Task shot = zou().shot("SH010");
        String token = BesideKitsu.token("user");
        String action = BesideKitsu.ajax(receiver.url("/" + unique("bearer") + "/ok"), "report", "always");

        BesideKitsu.with(token).body(Map.of("selection", List.of(shot.id()))).post(Api.ACTIONS + "/" + action + "/run").then()
                .statusCode(200);

        assertThat(comments(shot)).extracting(Comment::person).containsExactly("user");
        assertThat(posted(token)).hasSize(1);
        assertThat(posted(token).get(0).headers()).containsEntry("Authorization", "Bearer " + token);
    }

    @Test
    void commentsAsTheCallerWithTheCookieThatCame() {
        Task shot = zou().shot("SH010");
        String token = BesideKitsu.token("supervisor");
        String action = BesideKitsu.ajax(receiver.url("/" + unique("cookie") + "/ok"), "report", "always");

        RestAssured.given().contentType(ContentType.JSON).cookie("access_token_cookie", token)
                .header("Origin", "http://localhost:" + RestAssured.port).body(Map.of("selection", List.of(shot.id())))
                .post(Api.ACTIONS + "/" + action + "/run").then().statusCode(200);

        assertThat(comments(shot)).extracting(Comment::person).containsExactly("supervisor");
        assertThat(posted(token).get(0).headers()).containsEntry("Cookie", "access_token_cookie=" + token)
                .doesNotContainKey("Authorization");
    }

    @Test
    void leavesTheStatusAsItIs() {
        Task shot = zou().shot("SH010");
        Task asset = zou().asset("Chair", "Prop");
        String action = BesideKitsu.ajax(receiver.url("/" + unique("status") + "/ok"), "report", "always");

        press("supervisor", action, shot, asset).then().statusCode(200);

        assertThat(comments(shot)).extracting(Comment::statusId).containsExactly(shot.statusId());
        assertThat(comments(asset)).extracting(Comment::statusId).containsExactly(asset.statusId());
    }

    @Test
    void leavesTheStatusThatATaskHasByThen() {
        Task shot = zou().shot("SH010");
        String name = unique("restatus");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/held"), "report", "always");
        BesideKitsu.as("supervisor").header("Prefer", "respond-async").body(Map.of("selection", List.of(shot.id())))
                .post(Api.ACTIONS + "/" + action + "/run").then().statusCode(202);
        await().until(() -> receiver.heard(name).size() == 1);

        String status = zou().restatus(shot);
        receiver.release(name);

        await().until(() -> !zou().comments(shot.id()).isEmpty());
        assertThat(comments(shot)).extracting(Comment::statusId).containsExactly(status)
                .doesNotContain(shot.statusId());
    }

    @Test
    void commentsOnEveryTaskOfADelivery() {
        List<Task> tasks = Stream.of("SH010", "SH020", "SH030", "SH040", "SH050", "SH060").map(name -> zou().shot(name))
                .toList();
        String token = BesideKitsu.token("supervisor");
        String name = unique("every");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"), "report", "always");

        BesideKitsu.with(token).body(Map.of("selection", tasks.stream().map(Task::id).toList()))
                .post(Api.ACTIONS + "/" + action + "/run").then().statusCode(200).body(has("counts.total", equalTo(1)));

        tasks.forEach(task -> assertThat(comments(task)).hasSize(1));
        assertThat(posted(token)).hasSize(6);
    }

    @Test
    void tellsOfEachDeliveryHowThatOneEnded() {
        Task good = zou().shot("200");
        Task bad = zou().shot("500");
        String action = BesideKitsu.ajax(receiver.url("/" + unique("each") + "/status/{entity_name}"), "report", "always");

        press("supervisor", action, good, bad).then().statusCode(200).body(has("state", equalTo("partial")));

        assertThat(told(good)).contains("delivered").doesNotContain("server_error");
        assertThat(told(bad)).contains("server_error").doesNotContain("delivered");
    }

    @Test
    void commentsOnNothingForATargetWithoutATask() {
        Task shot = zou().shot("SH010");
        String token = BesideKitsu.token("supervisor");
        String action = BesideKitsu.ajax(receiver.url("/" + unique("taskless") + "/ok"), "report", "always");

        BesideKitsu.with(token).body(Map.of("targets", List.of(Api.target("entity_id", shot.entityId()))))
                .post(Api.ACTIONS + "/" + action + "/run").then().statusCode(200).body(has("state", equalTo("succeeded")));

        assertThat(comments(shot)).isEmpty();
        assertThat(posted(token)).isEmpty();
    }

    // ---- Refused

    @ParameterizedTest
    @CsvSource({ "none,0", "failures,1", "always,1" })
    void tellsOfWhatWasRefused(String report, int comments) {
        Task shot = zou().shot("SH010");
        Task asset = zou().asset("Chair", "Prop");
        String wrongType = BesideKitsu.ajax(receiver.url("/" + unique("type") + "/ok"), "report", report, "entity_type",
                "asset");
        String lacking = BesideKitsu.ajax(receiver.url("/" + unique("lack") + "/ok/{sequence_name}"), "report", report);

        press("supervisor", wrongType, shot).then().statusCode(200).body(has("counts.refused", equalTo(1)));
        press("supervisor", lacking, asset).then().statusCode(200).body(has("counts.refused", equalTo(1)));

        assertThat(comments(shot)).hasSize(comments);
        assertThat(comments(asset)).hasSize(comments);
        if (comments > 0) {
            assertThat(told(shot)).contains("not sent", "wrong_entity_type");
            assertThat(told(asset)).contains("not sent", "missing_variable");
        }
    }

    @Test
    void tellsNothingOnWhatThePersonMayNotSee() {
        Task closed = zou().closedShot("SH010");
        Task seen = zou().shot("SH020");
        String token = BesideKitsu.token("supervisor");
        String action = BesideKitsu.ajax(receiver.url("/" + unique("unseen") + "/status/500"), "report", "always");

        BesideKitsu.with(token).body(Map.of("selection", List.of(closed.id(), seen.id())))
                .post(Api.ACTIONS + "/" + action + "/run").then().statusCode(200).body(has("counts.refused", equalTo(1)));

        assertThat(comments(closed)).isEmpty();
        assertThat(posted(token)).extracting(Request::path).containsExactly("/actions/tasks/" + seen.id() + "/comment");
    }

    // ---- A comment that is not taken

    @ParameterizedTest
    @EnumSource(value = Fault.class, names = { "error", "html", "gone", "twoFactor" })
    void isNoFailureOfTheRunIfItCannotBeTold(Fault fault) {
        Task mute = zou().shot("SH010");
        List<Task> others = Stream.of("SH020", "SH030", "SH040", "SH050", "SH060").map(name -> zou().shot(name)).toList();
        String token = BesideKitsu.token("supervisor");
        String action = BesideKitsu.ajax(receiver.url("/" + unique("mute") + "/ok"), "report", "always");
        zou().fault(token, "/actions/tasks/" + mute.id(), fault);

        Json run = Json.of(BesideKitsu.with(token)
                .body(Map.of("selection", Stream.concat(Stream.of(mute), others.stream()).map(Task::id).toList()))
                .post(Api.ACTIONS + "/" + action + "/run").then().statusCode(200).extract());

        await().until(reports::idle);
        assertThat(posted(token)).extracting(Request::path).contains("/actions/tasks/" + mute.id() + "/comment");
        assertThat(run.getString("state")).isEqualTo("succeeded");
        assertThat(run.getList("deliveries.failure")).containsOnlyNulls();
        others.forEach(other -> assertThat(told(other)).contains("delivered"));
    }

    @Test
    void sendsTheRestIfARefusalCannotBeTold() {
        Task shot = zou().shot("SH010");
        Task asset = zou().asset("Chair", "Prop");
        String token = BesideKitsu.token("supervisor");
        String name = unique("untold");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok?t={task_id}"), "report", "always", "entity_type",
                "asset");
        zou().fault(token, "/actions/tasks/" + shot.id(), Fault.error);

        BesideKitsu.with(token).body(Map.of("selection", List.of(shot.id(), asset.id())))
                .post(Api.ACTIONS + "/" + action + "/run").then().statusCode(200).body(has("state", equalTo("partial")));

        assertThat(receiver.heard(name)).hasSize(1);
        assertThat(told(asset)).contains("delivered");
    }

    @Test
    void isNoFailureOfTheRunIfTheStatusCannotBeRead() {
        Task shot = zou().shot("SH010");
        String token = BesideKitsu.token("supervisor");
        String name = unique("unread");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/held"), "report", "always");
        String run = Json
                .of(BesideKitsu.with(token).header("Prefer", "respond-async").body(Map.of("selection", List.of(shot.id())))
                        .post(Api.ACTIONS + "/" + action + "/run").then().statusCode(202).extract())
                .get("id");
        await().until(() -> receiver.heard(name).size() == 1);
        zou().fault(token, "/data/tasks", Fault.error);

        receiver.release(name);

        await().untilAsserted(() -> BesideKitsu.as("supervisor").get(Api.ACTIONS + "/runs/" + run).then().statusCode(200)
                .body(has("state", equalTo("succeeded"))));
        await().until(() -> zou().requests(token).stream()
                .anyMatch(request -> request.path().equals("/data/tasks/" + shot.id())));
        assertThat(posted(token)).isEmpty();
    }

    @Test
    void keepsTheOutcomeBeforeItTellsIt() {
        Task shot = zou().shot("SH010");
        String token = BesideKitsu.token("supervisor");
        String action = BesideKitsu.ajax(receiver.url("/" + unique("before") + "/ok"), "report", "always");
        zou().fault(token, "/actions", Fault.silent);

        String run = Json
                .of(BesideKitsu.with(token).header("Prefer", "respond-async").body(Map.of("selection", List.of(shot.id())))
                        .post(Api.ACTIONS + "/" + action + "/run").then().statusCode(202).extract())
                .get("id");

        await().until(() -> !posted(token).isEmpty());
        BesideKitsu.as("supervisor").get(Api.ACTIONS + "/runs/" + run).then().statusCode(200)
                .body(has("state", equalTo("succeeded")));
    }

    /** What only a fake can be told; a test that does is skipped beside a real Zou. */
    private static FakeZou zou() {
        assumeTrue(BesideKitsu.fake());
        return FakeZou.shared();
    }

    private static Response press(String person, String action, Task... tasks) {
        return BesideKitsu.as(person).body(Map.of("selection", Stream.of(tasks).map(Task::id).toList()))
                .post(Api.ACTIONS + "/" + action + "/run");
    }

    /** Those on a task, once all is told that there is to tell. */
    private List<Comment> comments(Task task) {
        await().until(reports::idle);
        return zou().comments(task.id());
    }

    /** The only comment on the task. */
    private String told(Task task) {
        List<Comment> comments = comments(task);
        assertThat(comments).hasSize(1);
        return comments.get(0).text();
    }

    private List<Request> posted(String token) {
        return zou().requests(token).stream().filter(request -> request.method().equals("POST")).toList();
    }

    private static String unique(String name) {
        return "report-" + name + "-" + UUID.randomUUID();
    }
}
