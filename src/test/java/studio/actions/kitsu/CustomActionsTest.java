package studio.actions.kitsu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static studio.actions.kitsu.Kitsu.JSON;
import static studio.actions.kitsu.Kitsu.NOBODY;
import static studio.actions.kitsu.Kitsu.TOOL;
import static studio.actions.kitsu.Kitsu.admin;
import static studio.actions.kitsu.Kitsu.answer;
import static studio.actions.kitsu.Kitsu.json;
import static studio.actions.kitsu.Kitsu.list;
import static studio.actions.kitsu.Kitsu.ours;
import static studio.actions.kitsu.Kitsu.person;
import static studio.actions.kitsu.Kitsu.put;
import static studio.actions.kitsu.Kitsu.raw;
import static studio.actions.kitsu.Kitsu.read;
import static studio.actions.kitsu.Kitsu.refused;
import static studio.actions.kitsu.Kitsu.refusedField;
import static studio.actions.testing.BesideKitsu.PATH;
import static studio.actions.testing.BesideKitsu.as;
import static studio.actions.testing.Json.has;

import java.io.IOException;
import java.io.InputStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import studio.actions.kitsu.Kitsu.Answered;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Receiver;

/** Kitsu's own paths: objects, statuses and permissions are Zou's, but a request on which Zou fails gets 400. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class CustomActionsTest {

    private static final String UNKNOWN = "/63f8a332-e209-4f8c-b384-747d5eda4b57";
    private static final String RECORDED = "37ec69a4-7dd0-4d44-bdfe-30d7245319df";
    private static final String TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d";

    private static String unchanging;

    /** Text in the names of this test's actions, and in no other test's. */
    private final String mark = UUID.randomUUID().toString().substring(0, 13);

    // Zou's recorded answers

    static Stream<Arguments> recorded() throws IOException {
        try (InputStream in = CustomActionsTest.class.getResourceAsStream("/zou/exchanges.json")) {
            List<JsonNode> exchanges = new ArrayList<>();
            JSON.readTree(in).get("exchanges").forEach(exchanges::add);
            // Leaves out a recording: Zou creates an action without a URL, which cannot be pressed.
            return exchanges.stream().filter(exchange -> !exchange.get("name").asText().equals("create, name only"))
                    .filter(exchange -> exchange.at("/request/path").asText().startsWith("/data/custom-actions"))
                    .map(exchange -> Arguments.of(Named.of(exchange.get("name").asText(), exchange)));
        }
    }

    @ParameterizedTest
    @MethodSource("recorded")
    void answersLikeRecordedZou(JsonNode recording) throws IOException {
        JsonNode exchange = JSON.readTree(recording.toString().replace("Sync", mark));
        JsonNode asked = exchange.get("request");
        JsonNode said = exchange.get("response");
        String path = asked.get("path").asText();
        String id = create("name", path.contains("name=") || asked.get("method").asText().equals("POST") ? mark + " 2" : mark,
                "url",
                "https://api.studio.example/sync?entity={entity_id}", "is_ajax", true);
        if (exchange.get("name").asText().equals("delete again")) {
            assertThat(admin().delete(PATH + "/" + id).statusCode()).isEqualTo(204);
        }

        RequestSpecification request = person(asked.get("as").isNull() ? NOBODY : asked.get("as").asText());
        if (!asked.get("body").isNull()) {
            request.body(asked.get("body").toString());
        }
        Response answer = request.request(asked.get("method").asText(), "/api" + path.replace(RECORDED, id));

        int status = said.get("status").asInt();
        assertThat(answer.statusCode()).isEqualTo(status);
        if (status == 204) {
            assertThat(answer.asString()).isEmpty();
        } else if (status >= 400) {
            assertThat(json(answer).get("error").asBoolean()).isTrue();
            assertThat(json(answer).get("message").asText()).isNotBlank();
        } else {
            assertThat(answer.contentType()).startsWith("application/json");
            assertThat(asRecorded(json(answer))).isEqualTo(said.get("body").toString());
        }
    }

    /**
     * Returns an answer as text, so that the order of fields is compared. Replaces ids and times by the recorded ones and
     * the link by its template.
     */
    private static String asRecorded(JsonNode body) {
        for (JsonNode action : body.findParents("is_ajax")) {
            assertThat(action.get("created_at").asText()).matches(TIME);
            assertThat(action.get("updated_at").asText()).matches(TIME);
            String url = action.get("url").asText();
            assertThat(url).contains(PATH + "/" + action.get("id").asText() + "/run?v=");
            ((ObjectNode) action).put("url", url.substring(url.indexOf('#') + 1)).put("id", RECORDED)
                    .put("created_at", "2026-11-23T17:41:13").put("updated_at", "2026-11-23T17:41:13");
        }
        return body.toString();
    }

    @Test
    void writesTimesInUtcWithoutZone() {
        Map<String, Object> made = answer(201, admin().body(draft()).post(PATH));

        LocalDateTime now = LocalDateTime.now(ZoneOffset.UTC);
        assertThat(LocalDateTime.parse((String) made.get("created_at"))).isBetween(now.minusSeconds(60), now);
        assertThat(made).containsEntry("updated_at", made.get("created_at"));
    }

    // Expectations of Zou's own tests

    @Test
    void listsCreatedActions() {
        Set<String> made = several(3);

        assertThat(ids("?name=" + mark)).hasSize(3).containsAll(made);
        assertThat(ids("")).containsAll(made);
    }

    @Test
    void readsSameActionByIdAsInList() {
        create();
        Map<String, Object> first = list("?relations=true&name=" + mark).get(0);

        assertThat(answer(200, admin().get(PATH + "/" + first.get("id") + "?relations=true"))).isEqualTo(first);
        refused(404, "not_found", admin().get(PATH + UNKNOWN + "/"));
    }

    @Test
    void createsSecondActionOfAnotherType() {
        String first = create("entity_type", "asset");

        String second = create("entity_type", "shot");

        assertThat(ids("?name=" + mark)).containsExactlyInAnyOrder(first, second);
    }

    @ParameterizedTest
    @ValueSource(strings = { "", "{}", "{\"wrong\": \"data\"}" })
    void refusesToCreateFromEmptyBody(String body) {
        refused(400, "invalid_body", admin().body(body).post(PATH));
    }

    @Test
    void changesOnlySentFields() {
        String id = create("entity_type", "shot", "is_ajax", true);
        Map<String, Object> expected = read(id);

        Map<String, Object> changed = answer(200, put(id, Map.of("name", mark + " 2")));

        expected.put("name", mark + " 2");
        expected.put("url", expected.get("url").toString().replace("?v=1#", "?v=2#"));
        assertThat(without(changed, "updated_at")).isEqualTo(without(expected, "updated_at"));
        assertThat(read(id)).isEqualTo(changed);
        assertThat(ours(id)).containsEntry("name", mark + " 2").containsEntry("version", 2);
    }

    @Test
    void deletedActionIsNotFound() {
        String id = create();

        Response deleted = admin().delete(PATH + "/" + id);

        assertThat(deleted.statusCode()).isEqualTo(204);
        assertThat(deleted.asString()).isEmpty();
        for (String verb : List.of("GET", "PUT", "DELETE")) {
            refused(404, "not_found", admin().body(Map.of("name", mark)).request(verb, PATH + "/" + id));
        }
        assertThat(admin().get(Api.ACTIONS + "/" + id).statusCode()).isEqualTo(404);
        assertThat(list("?name=" + mark)).isEmpty();
    }

    // Fields that Kitsu's form does not have

    @Test
    void createdActionHasDefaultsInOwnApi() {
        String id = create();

        Map<String, Object> expected = new TreeMap<>(Map.of("id", id, "name", mark, "url", TOOL, "entity_type", "all",
                "is_ajax", false, "enabled", true, "method", "POST", "headers", Map.of(), "timeout_ms", 10_000,
                "max_attempts", 1));
        expected.putAll(Map.of("rate_per_minute", 600, "roles", List.of(), "project_ids", List.of(),
                "version", 1, "type", "CustomAction"));
        expected.put("description", null);
        expected.put("signing_secret", null);
        assertThat(without(ours(id), "created_at", "updated_at", "created_by", "updated_by")).isEqualTo(expected);
    }

    @Test
    void usesDefaultsForNulls() {
        assertThat(read(create("entity_type", null, "is_ajax", null))).containsEntry("entity_type", "all")
                .containsEntry("is_ajax", false);
    }

    @ParameterizedTest
    @ValueSource(strings = { "name", "url", "entity_type", "is_ajax" })
    void refusesNullInChange(String field) {
        String id = create("is_ajax", true, "entity_type", "shot");
        Map<String, Object> before = ours(id);
        Map<String, Object> change = new HashMap<>();
        change.put(field, null);

        put(id, change).then().statusCode(400).body(has("errors.pointer", contains("/" + field)));

        assertThat(ours(id)).isEqualTo(before);
    }

    @ParameterizedTest
    @CsvSource({ "name, renamed", "url, https://api.studio.com/other", "entity_type, edit" })
    void changesEachFieldOfKitsusForm(String field, String value) {
        String id = create();
        Map<String, Object> expected = ours(id);

        answer(200, put(id, Map.of(field, value)));

        expected.put(field, value);
        assertThat(without(ours(id), "version", "updated_at")).isEqualTo(without(expected, "version", "updated_at"));
    }

    @Test
    void keepsFieldsThatKitsusFormLacks() {
        Map<String, Object> rich = Api.draft("name", mark, "description", "More than Kitsu knows.", "enabled", false,
                "method", "PUT", "headers", Map.of("X-Queue", "fast"), "timeout_ms", 500, "max_attempts", 3,
                "rate_per_minute", 60, "roles", List.of("admin", "vendor"), "project_ids",
                List.of("42368e00-09e1-4c4e-9a16-0d9891200536"), "is_ajax", true, "entity_type", "shot", "signing_secret",
                BesideKitsu.fake() ? "sign-here" : null);
        String id = (String) answer(201, admin().body(rich).post(Api.ACTIONS)).get("id");
        Map<String, Object> expected = ours(id);
        Map<String, Object> form = Map.of("name", mark + " 2", "url", "https://api.studio.com/other", "entity_type", "asset",
                "is_ajax", false);

        answer(200, put(id, form));

        expected.putAll(form);
        expected.put("version", 2);
        assertThat(without(ours(id), "updated_at")).isEqualTo(without(expected, "updated_at"));
    }

    @Test
    void recordsAuthorAndTimeOfChange() {
        String id = create();

        answer(200, as("bot").body(Map.of("name", mark + " 2")).put(PATH + "/" + id));

        Map<String, Object> changed = ours(id);
        assertThat(changed.get("updated_by")).isNotEqualTo(changed.get("created_by"));
        assertThat(Instant.parse((String) changed.get("updated_at")))
                .isAfter(Instant.parse((String) changed.get("created_at")));
        assertThat(read(id).get("updated_at")).isEqualTo(changed.get("updated_at").toString().substring(0, 19));
    }

    // Permissions

    @ParameterizedTest
    @CsvSource({ "admin, 200, 200, 201, 200, 204", "manager, 200, 403, 403, 403, 403", "supervisor, 200, 403, 403, 403, 403",
            "user, 200, 403, 403, 403, 403", "client, 200, 403, 403, 403, 403", "vendor, 403, 403, 403, 403, 403",
            "bot, 200, 200, 201, 200, 204", "nobody, 401, 401, 401, 401, 401" })
    void hasZousPermissions(String person, int list, int get, int create, int put, int delete) {
        String id = create();
        Map<String, Object> before = ours(id);

        List<Integer> statuses = List.of(person(person).get(PATH).statusCode(),
                person(person).get(PATH + "/" + id).statusCode(),
                person(person).body(draft("name", mark + " more")).post(PATH).statusCode(),
                person(person).body(Map.of("name", mark)).put(PATH + "/" + id).statusCode(),
                person(person).delete(PATH + "/" + id).statusCode());

        assertThat(statuses).containsExactly(list, get, create, put, delete);
        if (delete != 204) {
            assertThat(ours(id)).isEqualTo(before);
            assertThat(list("?name=" + mark + "%20more")).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "GET", "PUT", "DELETE" })
    void hidesExistenceOfActionsFromOtherRoles(String verb) {
        for (String path : List.of("/" + create(), UNKNOWN)) {
            refused(403, "forbidden", as("manager").body(Map.of("name", mark)).request(verb, PATH + path));
        }
    }

    @ParameterizedTest
    @CsvSource({ "admin, 200, 303", "manager, 200, 303", "supervisor, 200, 303", "user, 200, 303", "client, 404, 404",
            "vendor, 404, 404", "bot, 200, 303", "nobody, 401, 401" })
    void allowsPressesToDefaultRoles(String person, int run, int open) {
        Assumptions.assumeTrue(BesideKitsu.fake());

        assertPresses(person, run, open);
    }

    @ParameterizedTest
    @CsvSource({ "admin, 200, 303", "manager, 404, 404", "user, 404, 404", "client, 200, 303", "vendor, 200, 303" })
    void allowsPressesToNamedRoles(String person, int run, int open) {
        Assumptions.assumeTrue(BesideKitsu.fake());

        assertPresses(person, run, open, "roles", List.of("client", "vendor"));
    }

    private void assertPresses(String person, int run, int open, Object... fields) {
        String task = FakeZou.shared().recordedShot().id();
        String sent = BesideKitsu.ajax(Receiver.shared().url("/" + mark + "/ok"), fields);
        String opened = BesideKitsu.opened(TOOL, fields);

        assertThat(List.of(Kitsu.run(person(person), sent, task).statusCode(),
                Kitsu.open(person(person), opened, task).statusCode())).containsExactly(run, open);
        assertThat(Receiver.shared().heard(mark)).hasSize(run == 200 ? 1 : 0);
    }

    // The list

    @Test
    void listsDisabledActionsForAdminsOnly() {
        String id = create();
        answer(200, admin().body(Map.of("enabled", false)).patch(Api.ACTIONS + "/" + id));

        for (String person : List.of("admin", "bot")) {
            assertThat(list(as(person), "?name=" + mark)).hasSize(1);
        }
        for (String person : List.of("manager", "supervisor", "user", "client")) {
            assertThat(list(as(person), "?name=" + mark)).isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({ "admin, default management clients", "manager, default management", "supervisor, default",
            "user, default management", "client, clients" })
    void listsActionsOfCallersRole(String person, String expected) {
        Map.of("default", List.of(), "management", List.of("manager", "user"), "clients", List.of("client", "vendor"))
                .forEach((name, roles) -> answer(201,
                        admin().body(Api.draft("name", mark + name, "roles", roles)).post(Api.ACTIONS)));

        assertThat(list(as(person), "").stream().map(action -> (String) action.get("name"))
                .filter(name -> name.startsWith(mark)))
                .containsExactlyInAnyOrderElementsOf(Arrays.stream(expected.split(" ")).map(mark::concat).toList());
    }

    @Test
    void listsByName() {
        Stream.of("b", "C", "a").forEach(name -> create("name", mark + name));

        assertThat(list("").stream().map(action -> (String) action.get("name")).filter(name -> name.startsWith(mark)))
                .containsExactly(mark + "a", mark + "b", mark + "C");
    }

    @Test
    void filtersByTheWholeName() {
        String id = create();
        String second = create("name", mark + " 2");

        assertThat(ids("?name=" + mark)).containsExactly(id);
        assertThat(ids("?name=" + mark.toUpperCase())).containsExactly(id);
        assertThat(ids("?name=" + mark + "%202")).containsExactly(second);
        assertThat(ids("?name=" + mark.substring(1))).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = { "all", "asset", "shot", "sequence", "edit", "episode" })
    void filtersByExactEntityType(String type) {
        String id = create("entity_type", type);
        String other = create("entity_type", type.equals("all") ? "shot" : "all", "name", mark + " 2");

        assertThat(ids("?entity_type=" + type)).contains(id).doesNotContain(other);
    }

    @Test
    void filtersByAjax() {
        String sent = create("is_ajax", true, "entity_type", "asset");
        String opened = create("is_ajax", false, "entity_type", "shot");

        assertThat(ids("?is_ajax=true&name=" + mark)).containsExactly(sent);
        assertThat(ids("?is_ajax=false&name=" + mark)).containsExactly(opened);
        assertThat(ids("?is_ajax=True&name=" + mark)).as("as Python writes it").containsExactly(sent);
        assertThat(ids("?is_ajax=1&name=" + mark)).containsExactly(sent);
        assertThat(ids("?is_ajax=0&name=" + mark)).containsExactly(opened);
        assertThat(ids("?is_ajax=%5Btrue%2Cfalse%5D&name=" + mark)).containsExactlyInAnyOrder(sent, opened);
        assertThat(ids("?name=" + mark)).containsExactlyInAnyOrder(sent, opened);
    }

    @Test
    void filtersByIdUrlAndTimeAsZouDoes() {
        String one = create("url", "https://tool.studio.com/one", "entity_type", "edit");
        String two = create("url", "https://tool.studio.com/two", "entity_type", "shot");
        Map<String, Object> shown = read(one);
        String encoded = URLEncoder.encode(shown.get("url").toString(), StandardCharsets.UTF_8);

        assertThat(ids("?id=" + one)).containsExactly(one);
        assertThat(ids("?id=" + one.toUpperCase())).containsExactly(one);
        assertThat(ids("?id=%5B%22" + one + "%22%2C%22" + two + "%22%5D")).containsExactlyInAnyOrder(one, two);
        assertThat(ids("?url=https://tool.studio.com/two&name=" + mark)).containsExactly(two);
        assertThat(ids("?url=" + encoded + "&name=" + mark)).as("as it is shown").containsExactly(one);
        assertThat(ids("?entity_type=%5B%22shot%22%2C%22asset%22%5D&name=" + mark)).containsExactly(two);
        assertThat(ids("?created_at=" + shown.get("created_at") + "&name=" + mark)).contains(one);
        assertThat(ids("?updated_at=" + shown.get("updated_at") + "&name=" + mark)).contains(one);
        assertThat(ids("?created_at=2020-01-01T00:00:00&name=" + mark)).isEmpty();
    }

    /** Ignoring such a filter would make gazu's fetch_first return a wrong action. */
    @ParameterizedTest
    @ValueSource(strings = { "id=00000000-0000-0000-0000-000000000007", "id=", "name=", "entity_type=", "is_ajax=", "url=",
            "id=%5B%5D", "entity_type=%5B%22%22%5D", "url=https://tool.studio.com/nowhere" })
    void answersEmptyListForUnknownOrEmptyFilterValue(String query) {
        create();

        assertThat(list("?" + query)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = { "entity_type=banana", "entity_type=SHOT", "name=%27%3B%20DROP%20TABLE%20action%3B--", "name=%25",
            "name=%00" })
    void answersEmptyListForFilterWithoutMatch(String query) {
        unchanging();

        assertThat(list("?" + query)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({ "page=1&limit=2, 2, 3, 2, 0, 1", "page=3&limit=2, 1, 3, 2, 4, 3", "page=4&limit=2, 0, 3, 2, 6, 4",
            "page=1, 5, 1, 100, 0, 1" })
    void pagesAsZouDoes(String query, int count, int pages, int limit, int offset, int page) {
        several(5);

        Map<String, Object> answer = page("&" + query);

        assertThat((List<?>) answer.remove("data")).hasSize(count);
        assertThat(answer).isEqualTo(
                Map.of("total", 5, "nb_pages", pages, "limit", limit, "offset", offset, "page", page));
    }

    @Test
    void aPageFarBeyondTheLastIsEmpty() {
        create();

        assertThat(page("&page=2147483647&limit=1000")).containsEntry("data", List.of()).containsEntry("total", 1)
                .containsEntry("nb_pages", 1);
    }

    @Test
    void pagesHoldEachActionOnce() {
        Set<String> made = several(3);

        List<Object> seen = new ArrayList<>();
        for (int page = 1; page <= 2; page++) {
            ((List<?>) page("&limit=2&fields=id&page=" + page).get("data")).forEach(seen::add);
        }

        assertThat(seen).containsExactlyInAnyOrderElementsOf(
                made.stream().map(id -> Map.of("id", id, "type", "CustomAction")).toList());
    }

    @Test
    void aLimitWithoutPageCutsTheArray() {
        several(3);

        assertThat(list("?limit=2&name=" + mark)).hasSize(2);
        assertThat(list("?limit=1000&name=" + mark)).hasSize(3);
    }

    @Test
    void answersOnlyTheFieldsThatAreAskedFor() {
        String id = create();

        assertThat(list("?fields=id,name&name=" + mark))
                .containsExactly(Map.of("id", id, "name", mark, "type", "CustomAction"));
        assertThat(page("&fields=entity_type&page=1")).containsEntry("data",
                List.of(Map.of("entity_type", "all", "id", id, "type", "CustomAction")));
        for (String unknown : List.of("nope", "headers", "id,password", ",", "id,", " ")) {
            assertThat(list("?fields=" + unknown.replace(" ", "%20nope") + "&name=" + mark)).as(unknown)
                    .containsExactly(Map.of("id", id, "type", "CustomAction"));
        }
        assertThat(list("?fields=&name=" + mark).get(0)).hasSize(8);
    }

    @ParameterizedTest
    @CsvSource({ "limit=-1, limit", "limit=0, limit", "limit=x, limit", "limit=1.5, limit", "limit=99999999999, limit",
            "limit=1001, limit", "page=-1, page", "page=0, page", "page=x, page", "page=99999999999, page",
            "is_ajax=banana, is_ajax", "id=nope, id", "id=%5B%22nope%22%5D, id", "id=%5Bnope, id",
            "entity_type=%5Bshot, entity_type",
            "created_at=yesterday, created_at", "updated_at=1, updated_at" })
    void refusesInvalidParameters(String query, String name) {
        JsonNode problem = refused(400, "invalid_parameter", admin().get(PATH + "?" + query));

        assertThat(problem.findValuesAsText("pointer")).containsExactly(name);
    }

    // ETags

    @Test
    void answers304ForUnchangedList() {
        String id = create("entity_type", "asset");
        String tag = tag("");

        Response known = admin().header("If-None-Match", tag).get(PATH + "?name=" + mark);
        int weakened = admin().header("If-None-Match", "W/" + tag).get(PATH + "?name=" + mark).statusCode();
        answer(200, put(id, Map.of("url", "https://api.studio.com/other")));
        String changed = newTag(tag);
        create("entity_type", "shot");
        String longer = newTag(changed);
        admin().delete(PATH + "/" + id);
        String shorter = newTag(longer);

        assertThat(List.of(known.statusCode(), weakened)).containsExactly(304, 304);
        assertThat(known.header("ETag")).isEqualTo(tag);
        assertThat(known.asString()).isEmpty();
        assertThat(Set.of(tag, changed, longer, shorter)).hasSize(4);
    }

    private String newTag(String old) {
        Response answer = admin().header("If-None-Match", old).get(PATH + "?name=" + mark);
        assertThat(answer.statusCode()).isEqualTo(200);
        return answer.header("ETag");
    }

    private String tag(String more) {
        return admin().get(PATH + "?name=" + mark + more).header("ETag");
    }

    @Test
    void pagesAndFieldSelectionsHaveDifferentETags() {
        several(2);

        assertThat(Stream.of("", "&limit=1", "&page=1", "&page=1&limit=1", "&page=2&limit=1", "&fields=id", "&fields=id,name")
                .map(this::tag)).hasSize(7).doesNotContainNull().doesNotHaveDuplicates();
    }

    @Test
    void listsOfDifferentRolesHaveDifferentETags() {
        create("entity_type", "asset");
        answer(201, admin().body(Api.draft("name", mark, "entity_type", "shot", "roles", List.of("admin"))).post(Api.ACTIONS));

        assertThat(list(as("user").header("If-None-Match", tag("")), "?name=" + mark)).hasSize(1);
    }

    // Spellings of the path

    @ParameterizedTest
    @ValueSource(strings = { "/api/data/custom-actions/", "//api/data/custom-actions", "//api/data/custom-actions/" })
    void acceptsExtraSlashesInListPath(String path) throws IOException {
        String id = create("entity_type", "asset");

        Answered listed = raw("GET", path + "?name=" + mark, "kitsu", "");
        Answered made = raw("POST", path, "kitsu", JSON.writeValueAsString(draft("name", mark, "entity_type", "shot")));

        assertThat(listed.status()).isEqualTo(200);
        assertThat(listed.body().findValuesAsText("id")).containsExactly(id);
        assertThat(made.status()).isEqualTo(201);
        assertThat(ids("?name=" + mark)).containsExactlyInAnyOrder(id, made.body().get("id").asText());
    }

    @ParameterizedTest
    @ValueSource(strings = { "/api/data/custom-actions/{id}/", "//api/data/custom-actions/{id}" })
    void acceptsExtraSlashesInActionPath(String path) throws IOException {
        String id = create();
        String there = path.replace("{id}", id);

        assertThat(raw("GET", there, "kitsu", "").body().get("name").asText()).isEqualTo(mark);
        assertThat(raw("PUT", there, "kitsu", "{\"entity_type\": \"shot\"}").status()).isEqualTo(200);
        assertThat(ours(id)).containsEntry("entity_type", "shot");
        assertThat(raw("DELETE", there, "kitsu", "").status()).isEqualTo(204);
        assertThat(admin().get(PATH + "/" + id).statusCode()).isEqualTo(404);
    }

    @ParameterizedTest
    @ValueSource(strings = { "//api/data/custom-actions", "/api/data/custom-actions/", "/api//data//custom-actions",
            "/api/data/%63ustom-actions", "/api/data/./custom-actions", "/api/data/custom-actions;x=1" })
    void checksPermissionsForEverySpellingOfPath(String path) throws IOException {
        create();
        String head = path + " HTTP/1.1\r\nHost: kitsu\r\nContent-Type: application/json\r\n";

        Answered nobody = raw("GET " + head, "");
        Answered vendor = raw("GET " + head + Kitsu.bearer("vendor"), "");
        Answered user = raw("POST " + head + Kitsu.bearer("user"), JSON.writeValueAsString(draft()));

        assertThat(nobody.status()).isIn(401, 404);
        assertThat(vendor.status()).isIn(403, 404);
        assertThat(user.status()).isIn(403, 404);
        assertThat(nobody.text() + vendor.text() + user.text()).doesNotContain(mark);
        assertThat(list("?name=" + mark)).hasSize(1);
    }

    /** Zou refuses unknown fields in POST and ignores them in PUT. */
    @Test
    void ignoresUnknownFieldsWhereZouDoes() {
        String id = create();
        Map<String, Object> before = ours(id);

        assertThat(answer(200, put(id, Map.of("nope", 1, "headers", Map.of("X", "y"), "enabled", false, "isAjax", true))))
                .isEqualTo(read(id));

        assertThat(ours(id)).isEqualTo(before);
        refused(400, "invalid_body", admin().body(draft("nope", 1)).post(PATH));
    }

    // Refusals

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = { "{'name': null} | /name | required",
            "{'name': ''} | /name | required", "{'name': ' \\t '} | /name | required",
            "{'name': '\\u200b'} | /name | required", "{'name': '81'} | /name | too_long",
            "{'name': 'a\\nb'} | /name | control_character", "{'name': 'a\\u0000b'} | /name | invalid_text",
            "{'name': 'a\\ud800b'} | /name | invalid_text", "{'name': 5} | /name | wrong_type",
            "{'name': ['a']} | /name | wrong_type", "{'name': {}} | /name | wrong_type", "{'url': null} | /url | required",
            "{'url': ''} | /url | template_blank", "{'url': '  '} | /url | template_blank", "{'url': 5} | /url | wrong_type",
            "{'url': 'https://a.studio/\\u0000'} | /url | invalid_text",
            "{'url': 'https://a.studio/\\udc00'} | /url | invalid_text",
            "{'url': 'javascript:alert(1)'} | /url | scheme_forbidden",
            "{'url': 'data:text/html,x'} | /url | scheme_forbidden",
            "{'url': 'ftp://a.studio/'} | /url | scheme_not_allowed", "{'url': '/relative'} | /url | template_scheme",
            "{'url': 'https://a.studio/{nothing}'} | /url | unknown_variable",
            "{'url': 'https://a.studio/?token=abc'} | /url | secret_in_url",
            "{'url': 'http://169.254.169.254/', 'is_ajax': true} | /url | egress_address",
            "{'url': 'maya://open', 'is_ajax': true} | /url | scheme_not_http",
            "{'entity_type': 'banana'} | /entity_type | invalid_value",
            "{'entity_type': 'SHOT'} | /entity_type | invalid_value", "{'entity_type': ''} | /entity_type | invalid_value",
            "{'entity_type': 1} | /entity_type | invalid_value", "{'is_ajax': 'true'} | /is_ajax | wrong_type",
            "{'is_ajax': 1} | /is_ajax | invalid_value", "{'is_ajax': 'banana'} | /is_ajax | wrong_type" })
    void refusesInvalidFields(String fields, String pointer, String code) {
        String change = fields.replace('\'', '"').replace("\"81\"", "\"" + "x".repeat(81) + "\"");
        String rest = pointer.equals("/name") ? "\"url\": \"" + TOOL + "\"" : "\"name\": \"" + mark + "\"";
        if (!pointer.equals("/name") && !pointer.equals("/url")) {
            rest += ", \"url\": \"" + TOOL + "\"";
        }

        refusedField(pointer, code, admin().body(change).put(PATH + "/" + unchanging()));
        refusedField(pointer, code, admin().body(change.substring(0, change.length() - 1) + ", " + rest + "}").post(PATH));
    }

    @Test
    void refusedRequestChangesNothing() {
        String id = create();

        refused(400, "invalid_body", put(id, Map.of("entity_type", "shot", "url", "javascript:alert(1)")));
        refused(400, "invalid_body", put(id, Map.of("entity_type", "shot", "is_ajax", "yes")));
        refused(400, "invalid_body", admin().body(draft("entity_type", "banana")).post(PATH));

        assertThat(ours(id)).containsEntry("version", 1).containsEntry("entity_type", "all");
        assertThat(ids("?name=" + mark)).containsExactly(id);
    }

    @ParameterizedTest
    @ValueSource(strings = { "name", "url" })
    void refusesToCreateWithoutRequiredField(String field) {
        Map<String, Object> draft = draft();
        draft.remove(field);

        refusedField("/" + field, "required", admin().body(draft).post(PATH));
    }

    @Test
    void acceptsNamesUpTo80CodePoints() {
        String name = mark + "😀".repeat(80 - mark.length());

        String id = create("name", name);

        assertThat(read(id)).containsEntry("name", name);
        refusedField("/name", "too_long", put(id, Map.of("name", name + "😀")));
    }

    @Test
    void trimsTheName() {
        assertThat(read(create("name", "  " + mark + "\t"))).containsEntry("name", mark);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = { "{\"name\": | invalid_json", "name=x | invalid_json",
            "{\"name\": \"a\", \"name\": \"b\"} | invalid_json", "{\"name\": \"a\"} x | invalid_json", "[] | invalid_",
            "[{\"name\": \"x\", \"url\": \"https://a.studio/\"}] | invalid_", "\"text\" | invalid_", "5 | invalid_",
            "null | invalid_", "`` | invalid_" })
    void refusesMalformedBodies(String body, String code) {
        for (Response answer : List.of(admin().body(body).post(PATH), admin().body(body).put(PATH + "/" + unchanging()))) {
            assertThat(answer.statusCode()).isEqualTo(400);
            assertThat(json(answer).get("code").asText()).startsWith(code);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "POST", "PUT" })
    void refusesBodiesOverOneMegabyte(String verb) {
        String body = "{\"name\": \"" + "x".repeat(2 * 1024 * 1024) + "\"}";

        refused(413, "too_large", admin().body(body).request(verb, verb.equals("PUT") ? PATH + "/" + unchanging() : PATH));
    }

    @ParameterizedTest
    @CsvSource({ "POST, ''", "PUT, ''", "POST, text/plain", "PUT, application/xml", "POST, application/x-www-form-urlencoded" })
    void refusesBodiesWithoutJsonMediaType(String verb, String type) throws IOException {
        String path = verb.equals("PUT") ? PATH + "/" + unchanging() : PATH;

        Answered answer = raw(verb + " " + path + " HTTP/1.1\r\nHost: kitsu\r\n" + Kitsu.bearer("admin")
                + (type.isEmpty() ? "" : "Content-Type: " + type + "\r\n"), JSON.writeValueAsString(draft()));

        assertThat(answer.status()).isEqualTo(415);
        assertThat(answer.body().get("code").asText()).isEqualTo("unsupported_media_type");
        assertThat(list("?name=" + mark)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = { "nope", "1-1-1-1-1", "63f8a332e2094f8cb384747d5eda4b57", "63f8a332-e209-4f8c-b384-747d5eda4b5",
            "63f8a332-e209-4f8c-b384-747d5eda4b57x", "%00", "'", "0" })
    void refusesMalformedIdsOnEveryVerb(String id) {
        assertOnEveryVerb(400, "malformed_id", id);
    }

    @Test
    void answers404ForUnknownIdOnEveryVerb() {
        assertOnEveryVerb(404, "not_found", UNKNOWN.substring(1));
    }

    private static void assertOnEveryVerb(int status, String code, String id) {
        String task = UUID.randomUUID().toString();
        for (String verb : List.of("GET", "PUT", "DELETE")) {
            refused(status, code, admin().body("{}").request(verb, PATH + "/" + id));
        }
        refused(status, code, Kitsu.run(admin(), id, task));
        refused(status, code, Kitsu.open(admin(), id, task));
    }

    @ParameterizedTest
    @CsvSource({ "PATCH, ''", "DELETE, ''", "PUT, ''", "PATCH, /{id}", "POST, /{id}", "GET, /{id}/run", "GET, /{id}/open" })
    void refusesVerbsThatZouLacks(String verb, String path) {
        Response answer = admin().body(Map.of("name", mark)).request(verb, PATH + path.replace("{id}", unchanging()));

        refused(405, "method_not_allowed", answer);
        assertThat(answer.header("Allow")).contains(path.matches("/.*/.*") ? "POST" : "GET").doesNotContain(verb);
    }

    // Helpers

    private Map<String, Object> draft(Object... fields) {
        return Kitsu.draft(mark, fields);
    }

    private String create(Object... fields) {
        return Kitsu.create(mark, fields);
    }

    /** Creates several actions of one name. Beside Kitsu their entity types must differ. */
    private Set<String> several(int count) {
        return Stream.of("asset", "shot", "sequence", "edit", "episode").limit(count).map(type -> create("entity_type", type))
                .collect(Collectors.toSet());
    }

    /** Returns the id of an action that no test changes; tests send it only requests that are refused. */
    private static String unchanging() {
        if (unchanging == null) {
            unchanging = Kitsu.create("Unchanging");
        }
        return unchanging;
    }

    private static List<Object> ids(String query) {
        return list(query).stream().map(action -> action.get("id")).toList();
    }

    private Map<String, Object> page(String more) {
        return answer(200, admin().get(PATH + "?name=" + mark + more));
    }

    private static Map<String, Object> without(Map<String, Object> action, String... fields) {
        Map<String, Object> rest = new TreeMap<>(action);
        Arrays.asList(fields).forEach(rest::remove);
        return rest;
    }
}
