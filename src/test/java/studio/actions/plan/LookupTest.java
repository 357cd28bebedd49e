package studio.actions.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.startsWith;
import static studio.actions.testing.BesideKitsu.zou;
import static studio.actions.testing.Json.has;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou.Fault;
import studio.actions.testing.FakeZou.Request;
import studio.actions.testing.FakeZou.Task;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;

/** Look-ups of the selection in Kitsu, with the rights of the caller. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class LookupTest {

    private final Receiver receiver = Receiver.shared();

    // ---- Names come from Kitsu

    @Test
    void knowsTheNamesOfAShotsTask() {
        Task shot = zou().shot("SH 010", "SQ01", "E1");

        assertThat(filled("/{entity_name}/{sequence_name}/{episode_name}/{task_type_name}/{production_name}{?asset_type_name}",
                Api.target("task_id", shot.id()))).isEqualTo("/SH%20010/SQ01/E1/Storyboard/Sintel");
    }

    @Test
    void knowsTheNamesOfAnAssetsTask() {
        Task asset = zou().asset("Chair", "Prop 日本");

        assertThat(filled("/{entity_name}/{asset_type_name}/{task_type_name}/{production_name}{?sequence_name,episode_name}",
                Api.target("task_id", asset.id()))).isEqualTo("/Chair/Prop%20%E6%97%A5%E6%9C%AC/Concept/Sintel");
    }

    @Test
    void knowsTheNamesOfAShot() {
        Task shot = zou().shot("SH010", "SQ01", "E1");

        assertThat(filled("/{entity_name}/{sequence_name}/{episode_name}/{production_name}"
                + "{?asset_type_name,task_type_name,task_id}", Api.target("entity_id", shot.entityId())))
                .isEqualTo("/SH010/SQ01/E1/Sintel");
    }

    @Test
    void knowsTheNamesOfAnAsset() {
        Task asset = zou().asset("Chair", "Prop");

        assertThat(filled("/{entity_name}/{asset_type_name}/{production_name}{?sequence_name,episode_name,task_type_name}",
                Api.target("entity_id", asset.entityId()))).isEqualTo("/Chair/Prop/Sintel");
    }

    @Test
    void knowsTheNameOfAProduction() {
        Task shot = zou().recordedShot();

        assertThat(filled("/{production_name}/{production_id}{?entity_id,entity_name,entity_type,sequence_name,task_type_name}",
                Api.target("production_id", shot.projectId()))).isEqualTo("/Sintel/" + shot.projectId());
    }

    @Test
    void treatsNamesThatAShotLacksAsMissing() {
        Task shot = zou().shot("SH010", null, null);
        String url = "https://api.studio.com/x{?sequence_name,episode_name,asset_type_name}";

        for (Map<String, Object> target : List.of(Api.target("task_id", shot.id()),
                Api.target("entity_id", shot.entityId()))) {
            assertThat(preview(BesideKitsu.ajax(url), target).getString("deliveries[0].url"))
                    .isEqualTo("https://api.studio.com/x");
            assertThat(preview(BesideKitsu.ajax("https://api.studio.com/{episode_name}"), target)
                    .getString("deliveries[0].problem.code")).isEqualTo("missing_variable");
        }
    }

    @ParameterizedTest
    @CsvSource({ "Shot,shot", "Sequence,sequence", "Episode,episode", "Edit,edit", "Scene,scene", "Concept,concept",
            "Character,asset", "FX,asset", "Shots,asset", "Änderung,asset" })
    void knowsTheKindOfAnEntity(String zous, String kind) {
        Task task = zou().task(zous, "Name");
        String template = "/{entity_type}/{entity_name}/{production_name}/{production_id}";

        assertThat(filled(template, Api.target("task_id", task.id()))).isEqualTo(filled(template,
                Api.target("entity_id", task.entityId()))).isEqualTo("/" + kind + "/Name/Sintel/" + task.projectId());
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            all      -> Shot Sequence Episode Edit Scene Concept Prop
            shot     -> Shot
            sequence -> Sequence
            episode  -> Episode
            edit     -> Edit
            asset    -> Prop
            """)
    void refusesEntitiesWhoseTypeInKitsuIsNotTheActions(String entityType, String covered) {
        List<String> kinds = List.of("Shot", "Sequence", "Episode", "Edit", "Scene", "Concept", "Prop");
        List<Task> tasks = kinds.stream().map(kind -> zou().task(kind, kind)).toList();
        String action = BesideKitsu.ajax("https://api.studio.com/{entity_id}", "entity_type", entityType);
        List<String> codes = kinds.stream()
                .map(kind -> List.of(covered.split(" ")).contains(kind) ? null : "wrong_entity_type").toList();

        assertThat(preview(action, tasks.stream().map(task -> Api.target("task_id", task.id())).toArray())
                .getList("deliveries.problem.code")).isEqualTo(codes);
        assertThat(preview(action, tasks.stream().map(task -> Api.target("entity_id", task.entityId())).toArray())
                .getList("deliveries.problem.code")).isEqualTo(codes);
    }

    @Test
    void sendsNamesFromKitsuInTheBody() {
        Task shot = zou().shot("SH010");
        String name = Api.unique("lookup-body");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));

        Json run = Json.of(200, run("supervisor", action, Api.target("entity_id", shot.entityId())));

        assertThat(receiver.only(name).json().getMap("")).containsEntry("entity_name", "SH010")
                .containsEntry("entity_type", "shot").containsEntry("entitytype", "shot")
                .containsEntry("production_id", shot.projectId()).containsEntry("task_ids", List.of())
                .containsEntry("useremail", "supervisor@example.com");
        assertThat(run.getMap("deliveries[0].target")).isEqualTo(Api.target("entity_id", shot.entityId(), "entity_type",
                "shot", "production_id", shot.projectId(), "task_id", null, "entity_name", "SH010", "sequence_name", "SQ01",
                "production_name", "Sintel"));
    }

    @ParameterizedTest
    @CsvSource({ "Edit, Cut 1, E1, '', E1", "Prop, Chair, E2, '', E2", "Episode, E3, , '', E3", "Sequence, SQ7, E4, SQ7, E4" })
    void knowsTheEpisodeOfAnEntity(String type, String entity, String episode, String sequenceName, String episodeName) {
        Task task = episode == null ? zou().task(type, entity) : zou().inEpisode(type, entity, episode);

        for (Map<String, Object> target : List.of(Api.target("task_id", task.id()), Api.target("entity_id", task.entityId()))) {
            assertThat(filled("/{entity_name}/{episode_name}{?sequence_name}", target))
                    .isEqualTo("/" + entity.replace(" ", "%20")
                            + "/" + episodeName + (sequenceName.isEmpty() ? "" : "?sequence_name=" + sequenceName));
        }
    }

    @Test
    void previewsTheRequestThatIsSent() {
        Task shot = zou().shot("SH010", "SQ01", null);
        String name = Api.unique("lookup-preview");
        String url = receiver.url("/" + name + "/ok/{sequence_name}/{entity_name}");
        Map<String, Object> draft = BesideKitsu.draft("url", url, "is_ajax", true);
        String action = BesideKitsu.ajax(url);

        Json draftPreview = Json.of(200, BesideKitsu.as("admin")
                .body(Map.of("action", draft, "targets", List.of(Api.target("task_id", shot.id()))))
                .post(Api.ACTIONS + "/preview"));
        Json preview = preview(action, Api.target("task_id", shot.id()));
        assertThat(receiver.heard(name)).isEmpty();
        run("supervisor", action, Api.target("task_id", shot.id())).then().statusCode(200);

        assertThat(preview.getString("deliveries[0].url")).isEqualTo(receiver.url("/" + name + "/ok/SQ01/SH010"))
                .isEqualTo(draftPreview.getString("deliveries[0].url")).isEqualTo(receiver.url(receiver.only(name).uri()));
        assertThat(preview.getString("deliveries[0].body.entity_name")).isEqualTo("SH010");
    }

    @ParameterizedTest
    @ValueSource(strings = { "entity_name", "sequence_name", "episode_name", "asset_type_name", "task_type_name",
            "production_name" })
    void refusesNamesFromTheCaller(String variable) {
        Task shot = zou().shot("SH010");
        String name = Api.unique("lookup-named");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        Map<String, Object> named = Api.target("task_id", shot.id(), variable, "claimed");

        for (String verb : List.of("run", "preview")) {
            BesideKitsu.as("supervisor").body(Map.of("targets", List.of(Api.target("task_id", shot.id()), named)))
                    .post(Api.ACTIONS + "/" + action + "/" + verb).then().statusCode(400)
                    .body(has("code", equalTo("invalid_body"), "errors.pointer", equalTo(List.of("/targets/1")),
                            "errors[0].code", equalTo("names_from_kitsu")));
        }
        assertThat(receiver.heard(name)).isEmpty();
        assertThat(BesideKitsu.runsOf(action)).isEmpty();
    }

    // ---- Targets that the caller may not see, and targets that contradict Kitsu

    @Test
    void refusesTargetsThatTheCallerMayNotSeeAndSendsTheRest() {
        Task shot = zou().shot("SH010");
        Task closed = zou().closedShot("SH020");
        Task deleted = zou().shot("SH030");
        zou().delete(deleted);
        String name = Api.unique("lookup-unseen");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok?p={production_id}"));

        Json run = Json.of(200, run("supervisor", action, Api.target("task_id", closed.id()),
                Api.target("task_id", deleted.id()), Api.target("entity_id", closed.entityId()),
                Api.target("entity_id", deleted.entityId()), Api.target("production_id", closed.projectId()),
                Api.target("production_id", UUID.randomUUID().toString()), Api.target("task_id", shot.id())));

        assertThat(run.getString("state")).isEqualTo("partial");
        assertThat(run.getList("deliveries.failure.kind")).containsExactly("not_visible", "not_visible",
                "not_visible", "not_visible", "not_visible", "not_visible", null);
        assertThat(run.getList("deliveries.state").subList(0, 6)).containsOnly("refused");
        assertThat(run.getList("deliveries.target.entity_id")).containsExactly(null, null, closed.entityId(),
                deleted.entityId(), null, null, shot.entityId());
        assertThat(run.prettify()).doesNotContain("SH020", "Closed Set");
        assertThat(receiver.only(name).json().getList("selection")).containsExactly(shot.id());
        assertThat(preview(action, Api.target("task_id", closed.id())).getString("deliveries[0].problem.code"))
                .isEqualTo("not_visible");
    }

    @ParameterizedTest
    @CsvSource({ "task_id entity_id production_id entity_type,'',", "entity_id production_id entity_type,'',",
            "production_id,'',", "task_id entity_id,entity_id,not_visible", "task_id production_id,production_id,not_visible",
            "task_id entity_type,entity_type,wrong_entity_type", "entity_id production_id,production_id,not_visible",
            "entity_id entity_type,entity_type,wrong_entity_type", "production_id entity_type,entity_type,wrong_entity_type",
            "task_id entity_id production_id entity_type,entity_id,not_visible" })
    void refusesATargetThatContradictsKitsuAndSendsTheRest(String said, String untrue, String kind) {
        Task shot = zou().shot("SH010");
        Task other = zou().asset("Chair", "Prop");
        Map<String, Object> truth = Api.target("task_id", shot.id(), "entity_id", shot.entityId(), "production_id",
                shot.projectId(), "entity_type", "shot");
        Map<String, Object> untruth = Api.target("entity_id", other.entityId(), "production_id", UUID.randomUUID().toString(),
                "entity_type", "asset");
        Map<String, Object> target = Api.target();
        Stream.of(said.split(" ")).forEach(field -> target.put(field, (field.equals(untrue) ? untruth : truth).get(field)));
        String name = Api.unique("lookup-untrue");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok{?entity_name}"));

        Json run = Json.of(200, run("supervisor", action, target, Api.target("task_id", other.id())));

        assertThat(run.getList("deliveries.failure.kind")).containsExactly(kind, null);
        assertThat(run.getList("deliveries.state")).containsExactly(kind == null ? "delivered" : "refused", "delivered");
        assertThat(receiver.heard(name)).hasSize(kind == null ? 2 : 1);
    }

    @Test
    void refusesTargetsOutsideTheActionsProductions() {
        Task shot = zou().shot("SH010");
        Task closed = zou().closedShot("SH020");
        String name = Api.unique("lookup-productions");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok?e={entity_name}"), "project_ids",
                List.of(closed.projectId()));
        Object[] targets = { Api.target("task_id", shot.id()), Api.target("entity_id", shot.entityId()),
                Api.target("entity_id", shot.entityId(), "production_id", closed.projectId()),
                Api.target("task_id", closed.id()) };

        Json run = Json.of(200, run("admin", action, targets));
        Json preview = Api.preview(BesideKitsu.as("admin"), action, Map.of("targets", targets));
        Response kitsus = BesideKitsu.as("admin").body(Map.of("selection", List.of(shot.id())))
                .post(BesideKitsu.PATH + "/" + action + "/run");

        assertThat(run.getList("deliveries.failure.kind")).containsExactly("not_visible", "not_visible",
                "not_visible", null).isEqualTo(preview.getList("deliveries.problem.code"));
        kitsus.then().statusCode(403).body(has("code", equalTo("not_visible")));
        assertThat(receiver.only(name).uri()).endsWith("?e=SH020");
    }

    @Test
    void hidesTheActionFromOtherRoles() {
        String name = Api.unique("lookup-roles");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"), "roles", List.of("client"));

        for (String path : List.of(Api.ACTIONS + "/" + action + "/run", Api.ACTIONS + "/" + action + "/preview",
                BesideKitsu.PATH + "/" + action + "/run")) {
            Task shot = zou().shot("SH010");
            for (String person : List.of("supervisor", "vendor", "manager", "user")) {
                BesideKitsu.as(person).body(Map.of("selection", List.of(shot.id()))).post(path).then().statusCode(404)
                        .body(has("code", equalTo("not_found")));
            }
            BesideKitsu.as("client").body(Map.of("selection", List.of(shot.id()))).post(path).then().statusCode(200);
        }
        assertThat(receiver.heard(name)).hasSize(2);
    }

    /** During the look-up nothing about the press is on disk yet. */
    @Test
    void goesOnWhenTheCallerHangsUpDuringTheLookUp() throws IOException {
        String name = Api.unique("lookup-hangup");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        String token = BesideKitsu.token("supervisor");
        zou().delay(token, "/data/tasks", Duration.ofMillis(800));
        String body = "{\"selection\": [\"" + zou().shot("SH010").id() + "\"]}";

        try (Socket caller = new Socket("127.0.0.1", RestAssured.port)) {
            caller.getOutputStream().write(("POST " + Api.ACTIONS + "/" + action + "/run HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                    + "Authorization: Bearer " + token + "\r\nContent-Type: application/json\r\nContent-Length: "
                    + body.length() + "\r\n\r\n" + body).getBytes(StandardCharsets.US_ASCII));
            await().until(() -> zou().requests(token).stream().anyMatch(asked -> asked.path().startsWith("/data/tasks")));
            caller.setSoLinger(true, 0);
        }

        await().until(() -> receiver.heard(name).size() == 1);
    }

    /** The look-up takes longer than the three seconds within which a repeated press gets the first run. */
    @Test
    void startsOneRunForARepeatedPressDuringASlowLookUp() {
        String name = Api.unique("lookup-slow");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        String archived = zou().production(name, "supervisor");
        List<String> tasks = IntStream.range(0, 17).mapToObj(i -> zou().shotIn(archived, "SH" + i, "SQ01").id()).toList();
        zou().archive(archived);
        String slow = BesideKitsu.token("supervisor");
        zou().delay(slow, "/data/tasks", Duration.ofMillis(800));
        CompletableFuture<Response> first = CompletableFuture.supplyAsync(
                () -> BesideKitsu.run(BesideKitsu.with(slow), action, tasks));
        await().until(() -> !asked(slow).isEmpty());

        Response second = BesideKitsu.run(BesideKitsu.as("supervisor"), action, tasks);

        second.then().statusCode(200);
        first.join().then().statusCode(200).body(has("id", equalTo(Json.of(second).get("id"))));
        assertThat(first.join().time()).isGreaterThan(3000);
        assertThat(receiver.heard(name)).hasSize(1);
    }

    @Test
    void countsTheLookUpAsPartOfTheWait() {
        String action = BesideKitsu.ajax(receiver.url("/" + Api.unique("lookup-late") + "/held"));
        String slow = BesideKitsu.token("supervisor");
        zou().delay(slow, "/data/tasks", Duration.ofMillis(700));
        long since = System.nanoTime();

        BesideKitsu.run(BesideKitsu.with(slow).header("Prefer", "wait=2"), action, List.of(zou().shot("SH010").id())).then()
                .statusCode(202);

        assertThat(Duration.ofNanos(System.nanoTime() - since)).isBetween(Duration.ofMillis(1990), Duration.ofMillis(2900));
        receiver.releaseAll();
    }

    // ---- Zou does not answer

    @ParameterizedTest
    @EnumSource(value = Fault.class, names = { "html", "half", "huge", "endless", "slow", "gone", "error", "unavailable" })
    void startsNoRunWhenZouFails(Fault fault) {
        Task shot = zou().shot("SH010");
        Task other = zou().shot("SH020");
        String token = BesideKitsu.token("supervisor");
        String name = Api.unique("lookup-fault");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        zou().fault(token, "/data/tasks", fault);

        Response answer = BesideKitsu.run(BesideKitsu.with(token), action, List.of(shot.id(), other.id()));

        unavailable(answer);
        assertThat(answer.time()).isLessThan(8000);
        assertThat(receiver.heard(name)).isEmpty();
        assertThat(BesideKitsu.runsOf(action)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({ "gone, 200, 2", "silent, 200, 2", "drip, 200, 2", "error, 503, 1", "unavailable, 503, 1", "html, 503, 1" })
    void repeatsARequestThatZouDidNotAnswer(Fault fault, int status, int asked) {
        String token = BesideKitsu.token("supervisor");
        String action = BesideKitsu.ajax(receiver.url("/" + Api.unique("lookup-again") + "/ok"));
        zou().faultOnce(token, "/data/tasks", fault);

        BesideKitsu.run(BesideKitsu.with(token), action, List.of(zou().shot("SH010").id())).then().statusCode(status);

        assertThat(asked(token)).filteredOn(request -> request.path().startsWith("/data/tasks")).hasSize(asked);
    }

    @ParameterizedTest
    @CsvSource({ "/data/tasks,task_id", "/data/entities,entity_id", "/data/projects,production_id" })
    void startsNoRunWhenZouAnswersWithAnotherObject(String path, String field) {
        Task shot = zou().shot("SH010");
        String token = BesideKitsu.token("supervisor");
        String name = Api.unique("lookup-else");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        zou().fault(token, path, Fault.notAPerson);
        Map<String, Object> ids = Api.target("task_id", shot.id(), "entity_id", shot.entityId(), "production_id",
                shot.projectId());

        unavailable(Api.run(BesideKitsu.with(token), action, Map.of("targets", List.of(Api.target(field, ids.get(field))))));

        assertThat(receiver.heard(name)).isEmpty();
        assertThat(BesideKitsu.runsOf(action)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({ "/data/entities,entity_id", "/data/projects,entity_id", "/data/entities,task_id", "/data/projects,task_id",
            "/data/projects,production_id" })
    void startsNoRunWhenOneRequestToZouFails(String path, String field) {
        Task shot = zou().shot("SH010");
        String token = BesideKitsu.token(zou().colleague("supervisor"));
        String name = Api.unique("lookup-question");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok{?production_name}"));
        zou().fault(token, path, Fault.error);
        Map<String, Object> target = Api.target(field, Map.of("task_id", shot.id(), "entity_id", shot.entityId(),
                "production_id", shot.projectId()).get(field));

        unavailable(Api.run(BesideKitsu.with(token), action, Map.of("targets", List.of(target))));
        unavailable(BesideKitsu.with(token).body(Map.of("targets", List.of(target)))
                .post(Api.ACTIONS + "/" + action + "/preview"));

        assertThat(receiver.heard(name)).isEmpty();
        assertThat(BesideKitsu.runsOf(action)).isEmpty();
    }

    @Test
    void startsNoRunWhileZouIsDown() {
        Task shot = zou().shot("SH010");
        String token = BesideKitsu.token("supervisor");
        String name = Api.unique("lookup-away");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        BesideKitsu.with(token).get(Api.ACTIONS).then().statusCode(200);

        zou().away();
        try {
            unavailable(BesideKitsu.run(BesideKitsu.with(token), action, List.of(shot.id())));
            unavailable(BesideKitsu.with(token).body(Map.of("selection", List.of(shot.id())))
                    .post(BesideKitsu.PATH + "/" + action + "/run"));
        } finally {
            zou().back();
        }

        assertThat(receiver.heard(name)).isEmpty();
        assertThat(BesideKitsu.runsOf(action)).isEmpty();
        BesideKitsu.run(BesideKitsu.with(token), action, List.of(shot.id())).then().statusCode(200)
                .body(has("state", equalTo("succeeded")));
    }

    @Test
    void startsNoRunForARevokedToken() {
        Task shot = zou().shot("SH010");
        String token = BesideKitsu.token("supervisor");
        String name = Api.unique("lookup-ended");
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        BesideKitsu.with(token).get(Api.ACTIONS).then().statusCode(200);

        zou().revoke(token);

        for (String path : List.of(Api.ACTIONS + "/" + action + "/run", Api.ACTIONS + "/" + action + "/preview",
                BesideKitsu.PATH + "/" + action + "/run")) {
            BesideKitsu.with(token).body(Map.of("selection", List.of(shot.id()))).post(path).then().statusCode(401)
                    .header("WWW-Authenticate", startsWith("Bearer")).body(has("code", equalTo("unauthenticated")));
        }
        assertThat(receiver.heard(name)).isEmpty();
        assertThat(BesideKitsu.runsOf(action)).isEmpty();
    }

    // ---- Requests to Zou

    @Test
    void sendsTheCallersTokenToZou() {
        Task shot = zou().shot("SH010");
        String token = BesideKitsu.token("supervisor");
        String action = BesideKitsu.ajax(receiver.url("/" + Api.unique("lookup-bearer") + "/ok"));

        BesideKitsu.run(BesideKitsu.with(token), action, List.of(shot.id())).then().statusCode(200);

        Request asked = asked(token).get(0);
        assertThat(asked.path()).startsWith("/data/tasks?").contains(shot.id());
        assertThat(asked.headers()).containsEntry("Authorization", "Bearer " + token).doesNotContainKey("Cookie");
    }

    @Test
    void sendsTheCallersCookieToZou() {
        Task shot = zou().shot("SH010");
        String token = BesideKitsu.token("supervisor");
        String action = BesideKitsu.ajax(receiver.url("/" + Api.unique("lookup-cookie") + "/ok"));

        RestAssured.given().contentType(ContentType.JSON).header("Cookie", "theme=dark; access_token_cookie=" + token)
                .header("Origin", "http://localhost:" + RestAssured.port).body(Map.of("selection", List.of(shot.id())))
                .post(Api.ACTIONS + "/" + action + "/run").then().statusCode(200);

        Request asked = asked(token).get(0);
        assertThat(asked.path()).startsWith("/data/tasks?").contains(shot.id());
        assertThat(asked.headers()).containsEntry("Cookie", "access_token_cookie=" + token)
                .doesNotContainKey("Authorization");
    }

    @Test
    void requestsListsFromZouAndRemembersNames() {
        Task shot = zou().shot("SH010", Api.unique("lookup-sequence"), "E1");
        String person = zou().colleague("supervisor");
        String action = BesideKitsu.ajax("https://api.studio.com/{entity_name}/{production_name}/{task_type_name}");

        List<List<String>> asked = new ArrayList<>();
        for (int press = 0; press < 4; press++) {
            String token = BesideKitsu.token(person);
            BesideKitsu.with(token).body(Map.of("selection", List.of(shot.id())))
                    .post(Api.ACTIONS + "/" + action + "/preview").then().statusCode(200)
                    .body(has("deliveries[0].url", equalTo("https://api.studio.com/SH010/Sintel/Storyboard")));
            asked.add(asked(token).stream().map(request -> request.path().replaceFirst("[?].*", "")).toList());
        }

        assertThat(asked.get(0)).startsWith("/data/tasks").contains("/data/entities",
                "/data/projects/" + shot.projectId() + "/team");
        // One of the three presses may fall just after a full minute, when remembered names are requested again.
        assertThat(asked.subList(1, 4)).as("who may see it is asked anew")
                .allSatisfy(paths -> assertThat(paths).startsWith("/data/tasks").contains("/data/entities"))
                .filteredOn(List.of("/data/tasks", "/data/entities")::equals).hasSizeGreaterThanOrEqualTo(2);
    }

    @Test
    void looksUpAnEntityOnceWhenItIsSelectedInSeveralWays() {
        Task shot = zou().shot("SH010");
        String token = BesideKitsu.token("supervisor");
        String action = BesideKitsu.ajax("https://api.studio.com/{entity_name}");

        Json preview = Api.preview(BesideKitsu.with(token), action,
                Map.of("targets", List.of(Api.target("entity_id", shot.entityId()),
                        Api.target("entity_id", shot.entityId(), "entity_type", "shot"),
                        Api.target("entity_id", shot.entityId(), "project_id", shot.projectId()))));

        assertThat(preview.getList("deliveries.url")).containsExactly("https://api.studio.com/SH010");
        assertThat(asked(token)).extracting(Request::path).filteredOn(path -> path.contains(shot.entityId())).singleElement()
                .asString().startsWith("/data/entities?");
    }

    /** Presses as a supervisor and returns the filled template as it arrives at the receiver. */
    private String filled(String template, Map<String, Object> target) {
        String name = Api.unique("lookup-filled");

        run("supervisor", BesideKitsu.ajax(receiver.url("/" + name + "/ok" + template)), target).then().statusCode(200)
                .body(has("state", equalTo("succeeded")));

        return receiver.only(name).uri().substring(("/" + name + "/ok").length());
    }

    private static Response run(String person, String action, Object... targets) {
        return Api.run(BesideKitsu.as(person), action, Map.of("targets", targets));
    }

    private static Json preview(String action, Object... targets) {
        return Api.preview(BesideKitsu.as("supervisor"), action, Map.of("targets", targets));
    }

    private static void unavailable(Response answer) {
        answer.then().statusCode(503).contentType(startsWith("application/problem+json"))
                .header("Retry-After", notNullValue()).body(has("code", equalTo("unavailable")));
    }

    /** Returns the requests to Zou with a token, except requests about the token itself. */
    private static List<Request> asked(String token) {
        return zou().requestsOfItsPerson(token);
    }
}
