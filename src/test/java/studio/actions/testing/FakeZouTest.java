package studio.actions.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import studio.actions.testing.FakeZou.Fault;
import studio.actions.testing.FakeZou.Request;
import studio.actions.testing.FakeZou.Task;

/** Compares {@link FakeZou} with the recording of a real Zou, because all other tests rely on the fake. */
class FakeZouTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String WHO_AM_I = "/auth/authenticated";
    private static final String ACTIONS = "/data/custom-actions";
    private static final String CLOSED = "/data/projects/b3be8bb0-8581-443c-a8bb-68913f799f9a";

    /** Recorded exchanges that no test needs from the fake: filters and pages of lists, comments. */
    private static final Set<String> NOT_SERVED = Set.of("list by name", "page", "comment on a task",
            "comment without status", "comment on a task one may not see");

    /** The callers in the second recording whose tokens have to be prepared. */
    private static final Set<String> TOKENS = Set.of("expired token", "second factor pending");

    private final FakeZou zou = new FakeZou();
    private final String admin = zou.login("admin");

    /** A client for each test, so that no connection to the closed server of an earlier test is reused. */
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    @AfterEach
    void close() {
        zou.close();
    }

    // ---- The recording

    static Stream<JsonNode> recording() throws IOException {
        return Stream.concat(
                recording("exchanges.json").filter(exchange -> !NOT_SERVED.contains(exchange.get("name").asText())),
                recording("exchanges-2.json").filter(exchange -> exchange.get("name").asText().startsWith("project status: ")
                        || TOKENS.contains(exchange.at("/request/as").asText())));
    }

    private static Stream<JsonNode> recording(String file) throws IOException {
        try (InputStream in = FakeZouTest.class.getResourceAsStream("/zou/" + file)) {
            List<JsonNode> exchanges = new ArrayList<>();
            JSON.readTree(in).get("exchanges").forEach(exchanges::add);
            return exchanges.stream();
        }
    }

    static Stream<Arguments> exchanges() throws IOException {
        return recording().map(exchange -> Arguments.of(Named.of(exchange.get("name").asText(), exchange)));
    }

    @ParameterizedTest
    @MethodSource("exchanges")
    void answersAsRecorded(JsonNode exchange) throws Exception {
        JsonNode asked = exchange.get("request");
        JsonNode said = exchange.get("response");
        String name = exchange.get("name").asText();
        if (asked.get("path").asText().startsWith(ACTIONS) && !name.equals("delete again")) {
            zou.customActions(List.of(JSON.convertValue(recorded("create"), new TypeReference<Map<String, Object>>() {
            })));
        }

        HttpResponse<String> answer = send(asked.get("method").asText(), asked.get("path").asText(),
                asked.get("as").isNull() ? null : token(asked.get("as").asText()),
                asked.get("body").isNull() ? "" : asked.get("body").toString());

        assertThat(answer.statusCode()).isEqualTo(said.get("status").asInt());
        assertThat(answer.headers().firstValue("Content-Type")).contains(said.get("content_type").asText());
        if (said.get("body").isTextual()) {
            assertThat(answer.body()).isEqualTo(said.get("body").asText());
        } else if (said.get("body").has("id") && !asked.get("method").asText().equals("GET")) {
            assertThat(undated(JSON.readTree(answer.body()))).isEqualTo(undated(said.get("body")));
        } else {
            assertThat(answer.body()).isEqualTo(said.get("body").toString());
        }
    }

    private String token(String as) {
        return switch (as) {
            case "bad token" -> "garbage";
            case "second factor pending" -> zou.loginPendingSecondFactor();
            case "expired token" -> {
                String token = zou.login("user");
                zou.expire(token);
                yield token;
            }
            default -> zou.login(as);
        };
    }

    /** Returns the object without values that are new each time, as text, so that the order of members counts. */
    private static String undated(JsonNode body) {
        return ((ObjectNode) body.deepCopy()).put("id", "").put("created_at", "").put("updated_at", "").toString();
    }

    private static JsonNode recorded(String name) throws IOException {
        return recording().filter(exchange -> exchange.get("name").asText().equals(name)).findFirst().orElseThrow()
                .at("/response/body");
    }

    @Test
    void derivesDataThatTheRecordingLacks() throws Exception {
        Task shot = zou.recordedShot();
        Task asset = zou.recordedAsset();
        Task closed = zou.recordedClosed();
        JsonNode sequence = read("/data/tasks/" + shot.id() + "/full").get("sequence");

        assertThat(read(CLOSED).get("name").asText()).isEqualTo("Closed Set");
        assertThat(read(CLOSED).get("team")).isEmpty();
        assertThat(names(read(CLOSED))).isEqualTo(names(recorded("project")));
        assertThat(read("/data/entities/" + asset.entityId())).isEqualTo(with(recorded("entity"), Map.of("type", "Asset"),
                read("/data/tasks/" + asset.id() + "/full").get("entity")));
        assertThat(read("/data/entities/" + sequence.get("id").asText())).isEqualTo(with(recorded("entity"),
                Map.of("type", "Sequence"), sequence));
        assertThat(read("/data/tasks/" + closed.id()).get("entity_id").asText()).isEqualTo(closed.entityId());
        assertThat(names(read("/data/tasks/" + closed.id()))).isEqualTo(names(recorded("task_shot")));
        assertThat(read("/data/shots/" + closed.entityId()).get("name").asText()).isEqualTo("SH999");
        assertThat(read("/data/shots/" + closed.entityId()).get("sequence_name").asText()).isEmpty();
        assertThat(names(read("/data/shots/" + closed.entityId()))).isEqualTo(names(recorded("shot")));
    }

    private static List<String> names(JsonNode object) {
        return object.properties().stream().map(Map.Entry::getKey).toList();
    }

    private static JsonNode with(JsonNode example, Map<String, String> last, JsonNode values) {
        ObjectNode copy = example.deepCopy();
        values.properties().forEach(field -> copy.set(field.getKey(), field.getValue()));
        last.forEach(copy::put);
        return copy;
    }

    // ---- Tokens

    @Test
    void givesEveryLoginATokenOfItsOwn() throws Exception {
        String again = zou.login("admin");

        assertThat(again).isNotEqualTo(admin).matches("eyJ\\w+\\.\\w+\\.\\w+");
        assertThat(get(WHO_AM_I, again).body()).isEqualTo(get(WHO_AM_I, admin).body());
        assertThatThrownBy(() -> zou.login("nobody")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void prefersTheCookieToTheHeader() throws Exception {
        String user = zou.login("user");

        assertThat(who(cookie(user, admin))).isEqualTo("user");
        assertThat(who(cookie(admin, "garbage"))).isEqualTo("admin");
        assertThat(cookie("garbage", admin).statusCode()).isEqualTo(422);
        assertThat(who(cookie("", admin))).isEqualTo("admin");
        assertThat(zou.questions(user)).isEqualTo(1);
    }

    private HttpResponse<String> cookie(String cookie, String bearer) throws Exception {
        return client.send(HttpRequest.newBuilder(URI.create(zou.url() + WHO_AM_I))
                .header("Cookie", "theme=dark; access_token_cookie=" + cookie)
                .header("Authorization", "Bearer " + bearer).build(), BodyHandlers.ofString());
    }

    private static String who(HttpResponse<String> answer) throws Exception {
        return JSON.readTree(answer.body()).at("/user/role").asText();
    }

    @Test
    void refusesARevokedToken() throws Exception {
        String other = zou.login("admin");
        zou.revoke(admin);

        assertThat(get(WHO_AM_I, admin).statusCode()).isEqualTo(401);
        assertThat(get(ACTIONS, admin).body()).isEqualTo("{\"msg\":\"Token has been revoked\"}");
        assertThat(get(WHO_AM_I, other).statusCode()).isEqualTo(200);
    }

    @Test
    void keepsTheRequestsOfATokenInOrder() throws Exception {
        get(WHO_AM_I, admin);
        get(WHO_AM_I + "?relations=true", admin);
        get(WHO_AM_I, zou.login("admin"));
        get(WHO_AM_I, null);
        send("POST", ACTIONS, admin, "{\"name\":\"Späti\"}");

        assertThat(zou.requests(admin)).extracting(Request::method, Request::path, Request::body).map(Object::toString)
                .containsExactly("(\"GET\", \"/auth/authenticated\", \"\")",
                        "(\"GET\", \"/auth/authenticated?relations=true\", \"\")",
                        "(\"POST\", \"/data/custom-actions\", \"{\"name\":\"Späti\"}\")");
        assertThat(zou.requests(admin).get(0).headers().get("AUTHORIZATION")).isEqualTo("Bearer " + admin);
        assertThat(zou.questions(admin)).isEqualTo(2);
        assertThat(zou.requests("")).hasSize(1);
        assertThat(zou.requests("never seen")).isEmpty();
    }

    @Test
    void knowsItsPeople() {
        assertThat(zou.person("bot2").get("is_bot").asBoolean()).isTrue();
        assertThat(zou.person("manager").get("full_name").asText()).isEqualTo("Manager Test");
    }

    // ---- Visibility

    @ParameterizedTest
    @CsvSource({ "admin, 200, 200", "bot, 200, 200", "manager, 200, 403", "supervisor, 200, 403", "user, 200, 403",
            "client, 200, 403", "vendor, 200, 403", "bot2, 200, 403" })
    void showsAProductionToItsTeamAndToAdmins(String person, int open, int closed) throws Exception {
        String token = zou.login(person);

        for (Task task : List.of(zou.recordedShot(), zou.recordedAsset(), zou.shot("SH1"), zou.recordedClosed(),
                zou.closedShot("SH2"))) {
            int status = task.projectId().equals(zou.recordedShot().projectId()) ? open : closed;
            // A vendor sees only the entities of assigned tasks, and no task of the asset is assigned.
            int one = person.equals("vendor") && task.equals(zou.recordedAsset()) ? 403 : status;
            for (String path : List.of("tasks/" + task.id(), "tasks/" + task.id() + "/full", "entities/" + task.entityId())) {
                assertThat(get("/data/" + path, token).statusCode()).as(path).isEqualTo(one);
            }
            assertThat(get("/data/projects/" + task.projectId(), token).statusCode()).isEqualTo(status);
        }
    }

    /** The expected values come from a recording of another database, with the same people and the same kinds of tasks. */
    @ParameterizedTest
    @CsvSource({ "admin, true true true true", "manager, true true false false", "supervisor, true true false false",
            "user, true true false false", "client, true true false false", "vendor, true false false false" })
    void listsTasksByTheGlobalRole(String person, String shown) throws Exception {
        String archived = zou.production("Archived", person);
        List<Task> tasks = List.of(zou.shot("assigned"), zou.shotIn(zou.recordedShot().projectId(), "another's", "SQ01"),
                zou.recordedClosed(), zou.shotIn(archived, "archived", "SQ01"));
        zou.archive(archived);
        String token = zou.login(person);

        assertThat(listed("tasks?fields=entity_id,project_id,task_type_id", tasks.stream().map(Task::id).toList(), token))
                .isEqualTo(shown);
        assertThat(listed("entities?fields=name,parent_id,entity_type_id,project_id",
                tasks.stream().map(Task::entityId).toList(), token)).isEqualTo(shown);
    }

    private String listed(String list, List<String> ids, String token) throws Exception {
        String body = get("/data/" + list + "&id=" + URLEncoder.encode(JSON.writeValueAsString(ids), StandardCharsets.UTF_8),
                token).body();
        return ids.stream().map(id -> Boolean.toString(body.contains("\"id\":\"" + id))).collect(Collectors.joining(" "));
    }

    @Test
    void listsTheFieldsThatARecordedListHas() throws Exception {
        Task shot = zou.recordedShot();

        JsonNode tasks = JSON.readTree(get("/data/tasks?fields=entity_id,project_id,task_type_id&id=%5B%22" + shot.id()
                + "%22%5D", admin).body());
        JsonNode entities = JSON.readTree(get("/data/entities?fields=name,parent_id,entity_type_id,project_id&id=%5B%22"
                + shot.entityId() + "%22%5D", admin).body());

        assertThat(names(tasks.get(0)))
                .isEqualTo(names(recorded("exchanges-2.json", "tasks by ids, three fields: user").get(0)));
        assertThat(names(entities.get(0))).isEqualTo(names(recorded("exchanges-2.json", "entities by ids: user").get(0)));
    }

    @ParameterizedTest
    @ValueSource(strings = { "admin", "manager", "user", "vendor", "client" })
    void listsPeopleAsRecorded(String person) throws Exception {
        String gone = zou.colleague("user");
        zou.leave(gone);

        JsonNode people = JSON
                .readTree(get("/data/persons?fields=full_name,role,active,is_bot", zou.login(person)).body());

        assertThat(people).hasSize(9).allSatisfy(one -> assertThat(names(one)).isEqualTo(names(
                recorded("exchanges-3.json", "persons with fields=full_name,role,active,is_bot: user (cut to two)").get(0))));
        assertThat(people.findValuesAsText("active")).filteredOn("false"::equals).hasSize(1);
        assertThat(people.findValuesAsText("is_bot")).filteredOn("true"::equals).hasSize(2);
    }

    @ParameterizedTest
    @CsvSource({ "tasks by a malformed list, %5Bnope", "tasks by one id that is none, %5B%22nope%22%5D",
            "tasks by two bare ids with a comma, a%2Cb", "tasks with an empty id, ''" })
    void refusesMalformedListsAsRecorded(String exchange, String ids) throws Exception {
        JsonNode said = recording("exchanges-3.json").filter(one -> one.get("name").asText().equals(exchange)).findFirst()
                .or(() -> second(exchange)).orElseThrow().get("response");

        HttpResponse<String> answer = get("/data/tasks?fields=entity_id&id=" + ids, admin);

        assertThat(answer.statusCode()).isEqualTo(said.get("status").asInt());
        assertThat(answer.body()).isEqualTo(said.get("body").toString());
    }

    private static Optional<JsonNode> second(String exchange) {
        try {
            return recording("exchanges-2.json").filter(one -> one.get("name").asText().equals(exchange)).findFirst();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void refusesARequestLineOfMoreThan4094Bytes() throws Exception {
        String path = "/data/tasks?id=";
        int frame = ("GET " + path + " HTTP/1.1").length();

        assertThat(get(path + "x".repeat(4094 - frame), admin).statusCode()).isEqualTo(500);
        HttpResponse<String> refused = get(path + "x".repeat(4095 - frame), admin);
        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.body()).contains("Request Line is too large");
    }

    @Test
    void listsTheTeamAndItsRolesAsRecorded() throws Exception {
        String person = zou.colleague("supervisor");
        String production = zou.production("Sintel 2");
        zou.join(person, production, "user");
        zou.join("user", production, null);
        String path = "/data/projects/" + production + "/team";

        JsonNode team = JSON.readTree(get(path, zou.login(person)).body());

        assertThat(team).hasSize(2).allSatisfy(member -> assertThat(names(member))
                .isEqualTo(
                        names(recorded("exchanges-3.json", "team, no role of its own set: user (cut to two persons)").get(0))));
        assertThat(team.findValuesAsText("project_role")).containsExactlyInAnyOrder("user", "null");
        assertThat(get(path, zou.login("manager")).statusCode()).isEqualTo(403);
        assertThat(get("/data/projects/00000000-0000-0000-0000-000000000007/team", admin).statusCode()).isEqualTo(404);
        assertThat(JSON.readTree(get("/data/user/context", zou.login(person)).body()).get("project_roles").get(production)
                .asText()).isEqualTo("user");
    }

    private static JsonNode recorded(String file, String name) throws IOException {
        return recording(file).filter(exchange -> exchange.get("name").asText().equals(name)).findFirst().orElseThrow()
                .at("/response/body");
    }

    @Test
    void treatsADoubleSlashAsOne() throws Exception {
        String path = "/data/tasks/" + zou.recordedShot().id();

        assertThat(get("/" + path, admin).body()).isEqualTo(get(path, admin).body());
        assertThat(get("/" + WHO_AM_I, admin).statusCode()).isEqualTo(200);
        assertThat(zou.requests(admin)).extracting(Request::path).startsWith("/" + path);
        assertThat(zou.questions(admin)).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = { "/", "/data", "/data/tasks", "/data/comments", "/data/tasks/00000000-0000-4000-8000-000000000000/full",
                    "/data/shots/00000000-0000-4000-8000-000000000000", "/data/user", "/actions/tasks", "/anything/else" })
    void answersNotFoundForOtherPaths(String path) throws Exception {
        assertThat(get(path, admin).statusCode()).isEqualTo(404);
        assertThat(get(path, admin).body()).isEqualTo(recorded("task unknown id").toString());
    }

    // ---- New tasks

    @Test
    void makesAShotThatReadsLikeTheRecordedOne() throws Exception {
        Task task = zou.shot("SH\"é\u4e2d");

        JsonNode full = read("/data/tasks/" + task.id() + "/full");
        assertThat(task).isNotEqualTo(zou.recordedShot());
        assertThat(full.at("/entity/name").asText()).isEqualTo("SH\"é\u4e2d");
        assertThat(full.at("/entity/id").asText()).isEqualTo(task.entityId());
        assertThat(full.at("/project/id").asText()).isEqualTo(task.projectId());
        assertThat(full.at("/sequence/name").asText()).isEqualTo("SQ01");
        assertThat(full.get("task_status_id").asText()).isEqualTo(task.statusId());
        assertThat(names(full)).isEqualTo(names(recorded("task_shot full")));
        assertThat(names(read("/data/tasks/" + task.id()))).isEqualTo(names(recorded("task_shot")));
        assertThat(names(read("/data/entities/" + task.entityId()))).isEqualTo(names(recorded("entity")));
        JsonNode page = read("/data/shots/" + task.entityId());
        assertThat(names(page)).isEqualTo(names(recorded("shot")));
        assertThat(page.get("tasks")).singleElement()
                .satisfies(line -> assertThat(line.get("id").asText()).isEqualTo(task.id()));
        assertThat(get("/data/assets/" + task.entityId(), admin).statusCode()).isEqualTo(404);
    }

    @Test
    void putsShotsIntoSequencesAndEpisodes() throws Exception {
        JsonNode one = read("/data/tasks/" + zou.shot("SH1", "SQ7", "E1").id() + "/full");
        JsonNode two = read("/data/tasks/" + zou.shot("SH2", "SQ7", "E1").id() + "/full");
        JsonNode elsewhere = read("/data/tasks/" + zou.shot("SH1", "SQ7", "E2").id() + "/full");
        JsonNode none = read("/data/tasks/" + zou.shot("SH1", null, null).id() + "/full");

        assertThat(one.get("sequence")).isEqualTo(two.get("sequence")).isNotEqualTo(elsewhere.get("sequence"));
        assertThat(one.at("/entity/parent_id")).isEqualTo(one.at("/sequence/id"));
        assertThat(one.at("/sequence/parent_id")).isEqualTo(one.at("/episode/id"));
        assertThat(one.at("/episode/type").asText()).isEqualTo("Episode");
        assertThat(none.has("sequence") || none.has("episode")).isFalse();
        JsonNode page = read("/data/shots/" + one.get("entity_id").asText());
        assertThat(page.get("sequence_name").asText()).isEqualTo("SQ7");
        assertThat(page.get("sequence_id")).isEqualTo(one.at("/sequence/id"));
        assertThat(page.get("episode_name").asText()).isEqualTo("E1");
        assertThat(page.get("episode_id")).isEqualTo(one.at("/episode/id"));
        assertThat(read("/data/sequences/" + page.get("sequence_id").asText()).get("name").asText()).isEqualTo("SQ7");
        assertThat(read("/data/entities/" + page.get("episode_id").asText()).get("type").asText()).isEqualTo("Episode");
        assertThat(read("/data/shots/" + none.get("entity_id").asText()).get("sequence_id").isNull()).isTrue();
    }

    @Test
    void makesAssetsOfAnyType() throws Exception {
        Task prop = zou.asset("Lamp", "Prop");
        Task odd = zou.asset("Cloud", "Weather");

        JsonNode page = read("/data/assets/" + prop.entityId());
        assertThat(page.get("asset_type_name").asText()).isEqualTo("Prop");
        assertThat(page.get("asset_type_id").asText()).isEqualTo("e1c9e2ef-a96f-4827-bfb1-489de7981ef9");
        assertThat(page.get("project_name").asText()).isEqualTo("Sintel");
        assertThat(names(page)).isEqualTo(names(recorded("asset")));
        assertThat(read("/data/tasks/" + odd.id() + "/full").at("/entity_type/name").asText()).isEqualTo("Weather");
        assertThat(read("/data/entities/" + odd.entityId()).get("type").asText()).isEqualTo("Asset");
    }

    @ParameterizedTest
    @ValueSource(strings = { "Shot", "Sequence", "Episode", "Edit", "Scene", "Concept" })
    void makesTasksOfEveryKind(String kind) throws Exception {
        Task task = zou.task(kind, "N1");

        JsonNode full = read("/data/tasks/" + task.id() + "/full");
        assertThat(full.at("/entity_type/name").asText()).isEqualTo(kind);
        assertThat(full.at("/task_type/for_entity").asText()).isEqualTo(kind);
        assertThat(full.has("sequence")).isFalse();
        assertThat(read("/data/entities/" + task.entityId()).get("type").asText()).isEqualTo(kind);
        assertThat(read("/data/" + kind.toLowerCase() + "s/" + task.entityId()).get("name").asText()).isEqualTo("N1");
    }

    @Test
    void forgetsADeletedTask() throws Exception {
        Task task = zou.shot("SH1");
        zou.delete(task);

        for (String path : List.of("tasks/" + task.id(), "tasks/" + task.id() + "/full", "entities/" + task.entityId(),
                "shots/" + task.entityId())) {
            assertThat(get("/data/" + path, admin).statusCode()).as(path).isEqualTo(404);
        }
    }

    @Test
    void makesTasksFromManyThreads() {
        Set<String> ids = IntStream.range(0, 200).parallel().mapToObj(i -> zou.shot("SH" + i, "SQ" + i % 3, "E1").id())
                .collect(Collectors.toSet());

        assertThat(ids).hasSize(200).allSatisfy(id -> assertThat(get("/data/tasks/" + id, admin).statusCode()).isEqualTo(200));
    }

    // ---- Actions and context

    @Test
    void keepsActions() throws Exception {
        JsonNode made = JSON.readTree(send("POST", ACTIONS + "/", admin, "{\"name\":\"A\",\"is_ajax\":true}").body());
        String one = ACTIONS + "/" + made.get("id").asText();

        assertThat(read(one)).isEqualTo(made);
        assertThat(read(ACTIONS + "/")).hasSize(3).contains(made);
        assertThat(read("/data/user/context").get("custom_actions")).isEqualTo(read(ACTIONS));
        JsonNode changed = JSON.readTree(send("PUT", one + "/", admin, "{\"url\":\"https://a.example\",\"id\":\"x\"}").body());
        assertThat(changed.get("url").asText()).isEqualTo("https://a.example");
        assertThat(changed.get("id")).isEqualTo(made.get("id"));
        assertThat(changed.get("name").asText()).isEqualTo("A");
        assertThat(send("DELETE", one, zou.login("manager"), "").statusCode()).isEqualTo(403);
        assertThat(send("DELETE", one, admin, "").statusCode()).isEqualTo(204);
        assertThat(read(ACTIONS)).hasSize(2);
        assertThat(send("POST", ACTIONS, admin, "nonsense").statusCode()).isEqualTo(400);
        assertThat(send("PUT", ACTIONS, admin, "{}").statusCode()).isEqualTo(404);
    }

    @ParameterizedTest
    @CsvSource({ "manager, 200", "supervisor, 200", "user, 200", "client, 200", "bot2, 200", "vendor, 403" })
    void listsActionsForAllButVendors(String person, int status) throws Exception {
        assertThat(get(ACTIONS, zou.login(person)).statusCode()).isEqualTo(status);
    }

    @Test
    void completesTheActionsThatATestSets() throws Exception {
        Map<String, Object> odd = new LinkedHashMap<>();
        odd.put("url", null);
        odd.put("name", "Odd");
        zou.customActions(List.of(odd, Map.of("name", "Second", "created_at", "2020-01-01T00:00:00")));

        JsonNode list = read(ACTIONS);
        assertThat(list).hasSize(2).allSatisfy(action -> assertThat(names(action)).isEqualTo(names(recorded("create"))));
        assertThat(list.at("/0/url").isNull()).isTrue();
        assertThat(list.at("/0/id")).isNotEqualTo(list.at("/1/id"));
        assertThat(list.at("/0/created_at").asText()).matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d");
        assertThat(list.at("/1/created_at").asText()).isEqualTo("2020-01-01T00:00:00");
    }

    @Test
    void answersTheContextThatATestSets() throws Exception {
        byte[] own = zou.contextBytes();
        assertThat(get("/data/user/context", admin).body()).isEqualTo(new String(own, StandardCharsets.UTF_8))
                .doesNotContain("\": ", ", \"");

        zou.context(502, "text/html", "<p>late</p>".getBytes(StandardCharsets.UTF_8));
        HttpResponse<String> other = get("/data/user/context", zou.login("user"));
        assertThat(other.statusCode()).isEqualTo(502);
        assertThat(other.headers().firstValue("Content-Type")).contains("text/html");
        assertThat(other.body()).isEqualTo("<p>late</p>");
        zou.context(new byte[0]);
        assertThat(get("/data/user/context", admin).body()).isEmpty();
        assertThat(get("/data/user/context", zou.login("bot")).statusCode()).isEqualTo(403);

        zou.resetContext();
        assertThat(zou.contextBytes()).isEqualTo(own);
    }

    // ---- Faults

    @ParameterizedTest
    @CsvSource({ "html, 200, text/html; charset=utf-8, <title>Kitsu", "error, 500, text/html; charset=utf-8, Internal",
            "unavailable, 503, text/html, Unavailable", "twoFactor, 403, application/json, Two-factor",
            "notAPerson, 200, application/json, '\"user\":{}'", "unknownRole, 200, application/json, wizard" })
    void failsWithTheConfiguredFault(Fault fault, int status, String type, String part) throws Exception {
        zou.fault(admin, "/auth", fault);

        HttpResponse<String> answer = get(WHO_AM_I, admin);
        assertThat(answer.statusCode()).isEqualTo(status);
        assertThat(answer.headers().firstValue("Content-Type")).contains(type);
        assertThat(answer.body()).contains(part);
    }

    @Test
    void failsOnlyForATokenBelowAPrefixUntilHealed() throws Exception {
        zou.fault(admin, "/data/tasks", Fault.error);
        String task = "/data/tasks/" + zou.recordedShot().id();

        assertThat(get(task, admin).statusCode()).isEqualTo(500);
        assertThat(get("/" + task, admin).statusCode()).isEqualTo(500);
        assertThat(get(WHO_AM_I, admin).statusCode()).isEqualTo(200);
        assertThat(get(task, zou.login("admin")).statusCode()).isEqualTo(200);
        zou.fault(admin, "/data", Fault.unavailable);
        assertThat(get(task, admin).statusCode()).isEqualTo(503);
        zou.heal(admin);
        assertThat(get(task, admin).statusCode()).isEqualTo(200);
    }

    @Test
    void halfABodyCannotBeParsed() throws Exception {
        String whole = get(WHO_AM_I, admin).body();
        zou.fault(admin, WHO_AM_I, Fault.half);

        HttpResponse<String> half = get(WHO_AM_I, admin);
        assertThat(half.statusCode()).isEqualTo(200);
        assertThat(whole).startsWith(half.body());
        assertThatThrownBy(() -> JSON.readTree(half.body())).isInstanceOf(JsonProcessingException.class);
    }

    @Test
    void aHugeBodyCanBeParsed() throws Exception {
        zou.fault(admin, WHO_AM_I, Fault.huge);

        HttpResponse<String> huge = get(WHO_AM_I, admin);
        assertThat(huge.body().length()).isGreaterThan(10_000_000);
        assertThat(who(huge)).isEqualTo("admin");
    }

    @Test
    void anEndlessBodyEndsWithTheClient() throws Exception {
        zou.fault(admin, "/data", Fault.endless);

        try (InputStream body = open("/data/user/context").body()) {
            assertThat(body.readNBytes(5_000_000)).hasSize(5_000_000);
        }
    }

    @Test
    void dripsAByteASecond() throws Exception {
        zou.fault(admin, "/data", Fault.drip);

        long start = System.nanoTime();

        HttpResponse<InputStream> answer = open("/data/user/context");
        try (InputStream body = answer.body()) {
            assertThat(answer.headers().firstValueAsLong("Content-Length")).hasValue(zou.contextBytes().length);
            assertThat(body.readNBytes(2)).asString(StandardCharsets.UTF_8).isEqualTo("{\"");
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(990));
        }
    }

    private HttpResponse<InputStream> open(String path) throws Exception {
        return client.send(HttpRequest.newBuilder(URI.create(zou.url() + path))
                .header("Authorization", "Bearer " + admin).build(), BodyHandlers.ofInputStream());
    }

    @ParameterizedTest
    @ValueSource(strings = { "slow", "silent" })
    void keepsTheClientWaiting(Fault fault) {
        zou.fault(admin, "/", fault);

        assertThatThrownBy(() -> client.send(HttpRequest.newBuilder(URI.create(zou.url() + WHO_AM_I))
                .timeout(Duration.ofMillis(300)).header("Authorization", "Bearer " + admin).build(),
                BodyHandlers.ofString())).isInstanceOf(HttpTimeoutException.class);
    }

    @Test
    void closesTheConnectionWithoutAnAnswer() {
        zou.fault(admin, "/", Fault.gone);

        assertThatThrownBy(() -> get(WHO_AM_I, admin)).isInstanceOf(IOException.class)
                .isNotInstanceOf(ConnectException.class);
        assertThat(zou.requests(admin)).isNotEmpty();
    }

    @Test
    void delaysAnswersAndCountsWaitingRequests() {
        zou.delay(admin, "/data", Duration.ofSeconds(1));
        long start = System.nanoTime();

        List<CompletableFuture<Integer>> answers = Stream.of(ACTIONS, ACTIONS, "/data/user/context", WHO_AM_I)
                .map(path -> client.sendAsync(HttpRequest.newBuilder(URI.create(zou.url() + path))
                        .header("Authorization", "Bearer " + admin).build(), BodyHandlers.ofString())
                        .thenApply(HttpResponse::statusCode))
                .toList();

        assertThat(answers).extracting(CompletableFuture::join).containsOnly(200);
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(990));
        assertThat(zou.mostAtOnce(admin)).isEqualTo(3);
    }

    @Test
    void doesNotCountSequentialRequestsAsSimultaneous() throws Exception {
        for (int i = 0; i < 100; i++) {
            get(ACTIONS, admin);
        }

        assertThat(zou.mostAtOnce(admin)).isEqualTo(1);
        assertThat(zou.mostAtOnce("never seen")).isZero();
    }

    // ---- Stopping and starting

    @Test
    void stopsAndRestartsOnTheSamePort() throws Exception {
        String url = zou.url();
        assertThat(get(WHO_AM_I, admin).statusCode()).isEqualTo(200);

        for (int i = 0; i < 3; i++) {
            zou.away();
            zou.away();
            assertThatThrownBy(() -> get(WHO_AM_I, admin)).isInstanceOf(ConnectException.class);
            zou.back();
            zou.back();
            assertThat(zou.url()).isEqualTo(url);
            assertThat(get(WHO_AM_I, admin).statusCode()).isEqualTo(200);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "silent", "endless", "drip", "slow" })
    void dropsWaitingClientsWhenItStops(Fault fault) throws Exception {
        zou.fault(admin, "/data", fault);
        CompletableFuture<HttpResponse<String>> waiting = client.sendAsync(
                HttpRequest.newBuilder(URI.create(zou.url() + ACTIONS)).header("Authorization", "Bearer " + admin).build(),
                BodyHandlers.ofString());
        await().until(() -> !zou.requests(admin).isEmpty());

        zou.away();

        assertThat(waiting).failsWithin(Duration.ofSeconds(3)).withThrowableThat().withCauseInstanceOf(IOException.class);
    }

    @Test
    void isSharedByAllTests() {
        assertThat(FakeZou.shared()).isSameAs(FakeZou.shared());
        assertThat(FakeZou.shared().url()).startsWith("http://127.0.0.1:").isNotEqualTo(zou.url());
    }

    private JsonNode read(String path) throws Exception {
        HttpResponse<String> answer = get(path, admin);
        assertThat(answer.statusCode()).as(path).isEqualTo(200);
        return JSON.readTree(answer.body());
    }

    private HttpResponse<String> get(String path, String token) throws Exception {
        return send("GET", path, token, "");
    }

    private HttpResponse<String> send(String method, String path, String token, String body) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(zou.url() + path)).method(method,
                body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        return client.send(request.build(), BodyHandlers.ofString());
    }
}
