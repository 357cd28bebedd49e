package studio.actions.action;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.emptyString;
import static org.hamcrest.Matchers.endsWith;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;
import static org.hamcrest.Matchers.startsWith;
import static studio.actions.testing.Json.has;

import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.Json;
import studio.actions.testing.Services;

/** The actions resource over HTTP: create, list, replace, merge and delete. */
@QuarkusTest
@WithTestResource(Services.class)
class ActionResourceTest {

    private static final String UNKNOWN = Api.ACTIONS + "/63f8a332-e209-4f8c-b384-747d5eda4b57";

    /** Text in the names of this test's actions, and in no other test's. */
    private final String mark = UUID.randomUUID().toString().substring(0, 13);

    // Creating

    @Test
    void fillsInEveryDefault() {
        Json created = Json.of(201, Api.create(Map.of("name", "Sync", "url", "https://api.studio.com/sync")));

        Map<String, Object> action = new TreeMap<>(created.getMap(""));
        Set<String> ours = Set.of("id", "created_at", "updated_at", "created_by", "updated_by");
        assertThat(action.keySet()).containsAll(ours);
        action.keySet().removeAll(ours);
        Map<String, Object> expected = new TreeMap<>(Map.of("name", "Sync", "url", "https://api.studio.com/sync",
                "entity_type", "all", "is_ajax", false, "enabled", true, "method", "POST", "headers", Map.of(),
                "timeout_ms", 10_000));
        expected.putAll(Map.of("max_attempts", 1, "rate_per_minute", 600, "roles", List.of(),
                "project_ids", List.of(), "version", 1, "type", "CustomAction"));
        expected.put("description", null);
        expected.put("signing_secret", null);
        assertThat(action).isEqualTo(expected);
        assertThat(created.getString("created_at")).endsWith("Z").isEqualTo(created.getString("updated_at"));
        assertThat(Instant.parse(created.getString("created_at"))).isBetween(Instant.now().minusSeconds(60), Instant.now());
        assertThat(UUID.fromString(created.getString("created_by"))).hasToString(created.getString("updated_by"));
    }

    @Test
    void storesEveryFieldAsItWasGiven() {
        Map<String, Object> draft = full();

        String id = Api.id(Api.create(draft));

        assertThat(subset(read(id), draft)).isEqualTo(draft);
    }

    @Test
    void answersACreationWithLocationAndTag() {
        Response created = Api.create(Api.draft("name", mark));

        String location = created.then().statusCode(201).header("ETag", "\"1\"")
                .header("Location", endsWith(Api.ACTIONS + "/" + Json.of(created).get("id"))).extract().header("Location");
        Api.admin().get(location).then().statusCode(200).body(has("name", equalTo(mark)));
    }

    @ParameterizedTest
    @ValueSource(strings = { "Café ✨ 😀 №1", "<script>alert('x')</script> & \"co\"", "'; DROP TABLE action; --",
            "100 % {really}",
            "日本語のアクション" })
    void keepsEveryLetterOfAName(String name) {
        Api.create(Api.draft("name", name, "description", name + "\n" + name)).then().statusCode(201)
                .body(has("name", equalTo(name), "description", equalTo(name + "\n" + name)));
    }

    @Test
    void trimsNameAndUrl() {
        Api.create(Api.draft("name", "  " + mark + "\t", "url", " https://api.studio.com/a \n")).then().statusCode(201)
                .body(has("name", equalTo(mark), "url", equalTo("https://api.studio.com/a")));
    }

    @Test
    void twoActionsMayHaveTheSameName() {
        String first = create("same");
        String second = create("same");

        assertThat(ids("?q=" + mark)).containsExactlyInAnyOrder(first, second);
    }

    @Test
    void ignoresReadOnlyFieldsInBody() {
        Map<String, Object> draft = Api.draft("id", UUID.randomUUID().toString(), "version", 41, "type", "Something",
                "created_at", "2001-01-01T00:00:00Z", "updated_at", "yesterday", "created_by", 5, "updated_by", null);

        Response created = Api.create(draft);

        created.then().statusCode(201).body(has("id", not(equalTo(draft.get("id"))), "version", equalTo(1),
                "type", equalTo("CustomAction"), "created_at", not(startsWith("2001"))));
        String id = Json.of(created).get("id");
        Api.admin().body(draft).put(path(id)).then().statusCode(200).body(has("id", equalTo(id), "version", equalTo(1),
                "created_at", equalTo(Json.of(created).get("created_at")), "created_by",
                equalTo(Json.of(created).get("created_by"))));
        Api.admin().body(Map.of("id", UUID.randomUUID(), "version", 9, "type", "x", "name", mark)).patch(path(id)).then()
                .statusCode(200).body(has("id", equalTo(id), "version", equalTo(2), "name", equalTo(mark)));
    }

    @Test
    void acceptsReadActionAsReplacement() {
        String id = Json.of(Api.create(full()).then().extract()).get("id");
        Map<String, Object> read = read(id);

        Api.admin().body(read).put(path(id)).then().statusCode(200).body(has("", equalTo(read)));
    }

    @ParameterizedTest
    @ValueSource(strings = { "run", "open" })
    void storesTheTemplateBehindATriggerLink(String verb) {
        String link = "https://kitsu.studio/api/data/custom-actions/" + UUID.randomUUID() + "/" + verb
                + "#https://farm.studio/submit?shot={entity_id}";

        String id = Json.of(Api.create(Api.draft("url", link)).then().statusCode(201)
                .body(has("url", equalTo("https://farm.studio/submit?shot={entity_id}"))).extract()).get("id");

        Api.admin().body(Map.of("url", link.replace("shot=", "s="))).patch(path(id)).then().statusCode(200)
                .body(has("url", equalTo("https://farm.studio/submit?s={entity_id}")));
    }

    // Listing

    @Test
    void listsByName() {
        List.of("b", "C", "a", "D", "É").forEach(this::create);

        assertThat(names("?q=" + mark)).startsWith(mark + " a", mark + " b", mark + " C", mark + " D").hasSize(5);
    }

    @Test
    void listsActionWithSameFieldsAsSingleRead() {
        String id = create("one");

        Api.admin().get(Api.ACTIONS + "?q=" + mark).then().statusCode(200)
                .body(has("data[0]", equalTo(read(id)), "next", nullValue()));
    }

    @ParameterizedTest
    @CsvSource({ "shot, all asset shot", "asset, all asset shot", "episode, all" })
    void filtersByEntityTypeAndIncludesThoseForAll(String type, String made) {
        for (String kind : made.split(" ")) {
            create(kind, "entity_type", kind);
        }

        Set<String> expected = made.contains(type) ? Set.of(mark + " all", mark + " " + type) : Set.of(mark + " all");
        assertThat(names("?q=" + mark + "&entity_type=" + type)).containsExactlyInAnyOrderElementsOf(expected);
    }

    @Test
    void searchesNameAndDescriptionIgnoringCase() {
        String name = create("Needle");
        String description = create("x", "description", "has a NEEDLE in it");
        create("y");

        assertThat(ids("?q=" + mark)).hasSize(3);
        assertThat(ids("?q=needle")).contains(name, description);
        assertThat(ids("?q=" + mark.toUpperCase() + "%20nEEdle")).containsExactly(name);
    }

    @ParameterizedTest
    @ValueSource(strings = { "%25", "_", ".*", "%5C", "'" })
    void searchesForTextNotForPatterns(String q) {
        create("plain");

        assertThat(ids("?q=" + mark + q)).isEmpty();
    }

    @Test
    void filtersByEnabled() {
        String on = create("on");
        String off = create("off", "enabled", false);

        assertThat(ids("?q=" + mark + "&enabled=true")).containsExactly(on);
        assertThat(ids("?q=" + mark + "&enabled=false")).containsExactly(off);
        assertThat(ids("?q=" + mark)).containsExactlyInAnyOrder(on, off);
    }

    @Test
    void returnsWholeListWithoutLimit() {
        IntStream.rangeClosed(1, 3).forEach(i -> create("" + i));

        Json all = page("?q=" + mark);

        assertThat(all.getMap("").keySet()).containsExactly("data", "next");
        assertThat(all.<String> getList("data.name")).containsExactly(mark + " 1", mark + " 2", mark + " 3");
        assertThat(all.getString("next")).isNull();
    }

    /** Uses names that databases sort differently, depending on their collation, and two equal names. */
    @ParameterizedTest
    @ValueSource(ints = { 1, 2, 3, 4, 8, 9, 1000 })
    void pagesWithoutGapsOrRepeats(int limit) {
        List.of("é", "E", "e", "z", "a b", "a-b", "Ab", "same", "same").forEach(name -> create(name, "entity_type", "shot"));
        List<String> whole = ids("?q=" + mark);

        List<String> seen = new ArrayList<>();
        String next = "";
        while (next != null) {
            Json page = page("?entity_type=shot&enabled=true&q=" + mark + "&limit=" + limit + next);
            assertThat(page.getList("data")).hasSizeBetween(1, limit);
            seen.addAll(page.getList("data.id"));
            next = page.get("next") == null ? null : "&cursor=" + page.get("next");
        }

        assertThat(seen).isEqualTo(whole).hasSize(9);
    }

    @Test
    void continuesAfterCursorWhoseActionsWereDeleted() {
        IntStream.rangeClosed(1, 5).forEach(i -> create("" + i));
        Json first = page("?limit=2&q=" + mark);
        first.<String> getList("data.id").forEach(id -> Api.admin().delete(path(id)).then().statusCode(204));
        create("0");

        Json second = page("?limit=2&q=" + mark + "&cursor=" + first.get("next"));

        assertThat(second.<String> getList("data.name")).containsExactly(mark + " 3", mark + " 4");
    }

    @ParameterizedTest
    @ValueSource(strings = { "x", "%00", "a%20b", "%20", "NjNmOGEzMzI", "~~~~",
            "NjNmOGEzMzItZTIwOS00ZjhjLWIzODQtNzQ3ZDVlZGE0YjU3", "NjNmOGEzMzItZTIwOS00ZjhjLWIzODQtNzQ3ZDVlZGE0YjU3IGEAYg" })
    void refusesUnknownCursor(String cursor) {
        Api.admin().get(Api.ACTIONS + "?cursor=" + cursor).then().statusCode(400)
                .body(has("code", equalTo("invalid_parameter"), "errors[0].code", equalTo("unknown_cursor")));
    }

    private static Json page(String query) {
        return Json.of(200, Api.admin().get(Api.ACTIONS + query));
    }

    // ETags

    @Test
    void answers304ForUnchangedList() {
        String id = create("one");
        String list = Api.ACTIONS + "?q=" + mark;
        String tag = Api.admin().get(list).then().statusCode(200).extract().header("ETag");

        Api.admin().header("If-None-Match", tag).get(list).then().statusCode(304).header("ETag", tag).body(emptyString());
        patch(id, Map.of("description", "changed")).then().statusCode(200);
        String changed = Api.admin().header("If-None-Match", tag).get(list).then().statusCode(200).extract().header("ETag");
        create("two");
        String longer = Api.admin().header("If-None-Match", changed).get(list).then().statusCode(200).extract().header("ETag");
        Api.admin().delete(path(id)).then().statusCode(204);
        String shorter = Api.admin().header("If-None-Match", longer).get(list).then().statusCode(200).extract().header("ETag");

        assertThat(Set.of(tag, changed, longer, shorter)).hasSize(4)
                .allMatch(one -> one.startsWith("\"") && one.endsWith("\""));
    }

    @Test
    void pagesOfListHaveDifferentETags() {
        create("one");
        create("two");

        Set<String> tags = new TreeSet<>();
        for (String form : List.of("", "&limit=1", "&limit=1&cursor=" + page("?limit=1&q=" + mark).get("next"))) {
            tags.add(Api.admin().get(Api.ACTIONS + "?q=" + mark + form).header("ETag"));
        }

        assertThat(tags).hasSize(3);
    }

    @ParameterizedTest
    @ValueSource(strings = { "\"1\"", "W/\"1\"", "\"7\", \"1\"", "*" })
    void answers304ForUnchangedAction(String tag) {
        String id = create("one");

        Api.admin().header("If-None-Match", tag).get(path(id)).then().statusCode(304).header("ETag", "\"1\"")
                .body(emptyString());
    }

    @Test
    void sendsChangedActionDespiteOldETag() {
        String id = create("one");
        patch(id, Map.of("name", mark + " two")).then().statusCode(200).header("ETag", "\"2\"");

        Api.admin().header("If-None-Match", "\"1\"").get(path(id)).then().statusCode(200).header("ETag", "\"2\"")
                .body(has("name", equalTo(mark + " two")));
    }

    // Replacing

    @Test
    void putResetsOmittedFieldsToDefaults() {
        Response created = Api.create(full());
        String id = Json.of(created).get("id");

        Map<String, Object> replaced = Json.of(Api.admin().body(Api.draft("name", mark)).put(path(id)).then().statusCode(200)
                .header("ETag", "\"2\"").extract()).getMap("");

        Map<String, Object> fresh = Json.of(Api.create(Api.draft("name", mark))).getMap("");
        List.of("id", "version", "created_at", "updated_at").forEach(ours -> {
            replaced.remove(ours);
            fresh.remove(ours);
        });
        assertThat(replaced).isEqualTo(fresh);
        assertThat(read(id)).containsEntry("version", 2).containsEntry("created_at", Json.of(created).get("created_at"));
    }

    @ParameterizedTest
    @ValueSource(strings = { "name", "url" })
    void putRefusesMissingRequiredField(String field) {
        String id = create("one");
        Map<String, Object> draft = Api.draft();
        draft.remove(field);

        Api.admin().body(draft).put(path(id)).then().statusCode(400)
                .body(has("code", equalTo("invalid_body"), "errors.pointer", contains("/" + field),
                        "errors.code", contains("required")));
    }

    // Merging

    @Test
    void patchChangesOnlyNamedFields() {
        Map<String, Object> draft = full();
        String id = Json.of(Api.create(draft)).get("id");

        patch(id, Map.of("timeout_ms", 20_000, "roles", List.of("vendor"))).then().statusCode(200).header("ETag", "\"2\"")
                .body(has("version", equalTo(2)));

        draft.put("timeout_ms", 20_000);
        draft.put("roles", List.of("vendor"));
        assertThat(subset(read(id), draft)).isEqualTo(draft);
    }

    @ParameterizedTest
    @CsvSource({ "entity_type, all", "is_ajax, false", "description,", "enabled, true", "method, POST", "headers, {}",
            "timeout_ms, 10000", "max_attempts, 1", "rate_per_minute, 600", "signing_secret,", "roles, []",
            "project_ids, []" })
    void patchWithNullResetsFieldToDefault(String field, String standard) {
        String id = Json.of(Api.create(full())).get("id");

        Map<String, Object> nothing = new LinkedHashMap<>();
        nothing.put(field, null);
        Json merged = Json.of(200, patch(id, nothing));

        assertThat(merged.getInt("version")).isEqualTo(2);
        assertThat(String.valueOf(merged.<Object> get(field))).isEqualTo(String.valueOf(standard));
    }

    @ParameterizedTest
    @ValueSource(strings = { "name", "url" })
    void patchRefusesNullForRequiredField(String field) {
        String id = create("one");

        Api.admin().body("{\"" + field + "\": null}").patch(path(id)).then().statusCode(400)
                .body(has("errors.pointer", contains("/" + field), "errors.code", contains("required")));
        assertThat(read(id)).containsEntry("version", 1);
    }

    @Test
    void patchMergesHeadersByName() {
        String id = create("one", "headers", Map.of("X-Keep", "1", "X-Change", "2", "X-Drop", "3"));

        Map<String, Object> headers = new LinkedHashMap<>(Map.of("X-Change", "two", "X-New", "4"));
        headers.put("X-Drop", null);
        headers.put("X-Never-There", null);
        patch(id, Map.of("headers", headers)).then().statusCode(200).body(has("headers",
                equalTo(Map.of("X-Keep", "1", "X-Change", "two", "X-New", "4"))));
    }

    @Test
    void patchIgnoresNullForAbsentHeader() {
        String id = create("one");

        Api.admin().body("{\"headers\": {\"X-A\": null}}").patch(path(id)).then().statusCode(200)
                .body(has("headers", equalTo(Map.of()), "version", equalTo(1)));
    }

    @ParameterizedTest
    @ValueSource(strings = { "application/merge-patch+json", "application/json", "application/json; charset=utf-8" })
    void patchAcceptsBothMediaTypes(String mediaType) {
        String id = create("one");

        Api.admin().contentType(mediaType).body("{\"description\": \"by " + mark + "\"}").patch(path(id)).then()
                .statusCode(200).body(has("description", equalTo("by " + mark)));
    }

    @Test
    void patchValidatesMergedAction() {
        String id = Json.of(Api.create(Api.draft("url", "maya://open?id={entity_id}"))).get("id");

        patch(id, Map.of("is_ajax", true)).then().statusCode(400)
                .body(has("errors.pointer", contains("/url"), "errors.code", contains("scheme_not_http")));
        assertThat(read(id)).containsEntry("version", 1).containsEntry("is_ajax", false);
    }

    @ParameterizedTest
    @ValueSource(strings = { "[]", "\"name\"", "5", "true", "null", "[{\"op\": \"remove\", \"path\": \"/description\"}]" })
    void patchRefusesBodyThatIsNotObject(String patch) {
        String id = create("one");

        Api.admin().body(patch).patch(path(id)).then().statusCode(400).body(has("code", equalTo("invalid_body")));
        assertThat(read(id)).containsEntry("version", 1);
    }

    @Test
    void patchRefusesUnknownFields() {
        String id = create("one");

        patch(id, Map.of("timeout", 5)).then().statusCode(400).body(has("code", equalTo("invalid_body"),
                "errors.pointer", contains("/timeout"), "errors.code", contains("unknown_field")));
    }

    // Versions

    @Test
    void incrementsVersionAndKeepsCreationTime() {
        Response created = Api.create(Api.draft("name", mark));
        String id = Json.of(created).get("id");

        Response first = patch(id, Map.of("description", "1"));
        Response second = Api.admin().body(Api.draft("name", mark, "description", "2")).put(path(id));

        assertThat(List.of(Json.of(first).getInt("version"), Json.of(second).getInt("version"))).containsExactly(2, 3);
        assertThat(List.of(first.header("ETag"), second.header("ETag"))).containsExactly("\"2\"", "\"3\"");
        assertThat(Json.of(second).<String> get("created_at")).isEqualTo(Json.of(created).get("created_at"));
        assertThat(List.of(created, first, second).stream().map(one -> Instant.parse(Json.of(one).get("updated_at"))).toList())
                .isSorted().doesNotHaveDuplicates();
        assertThat(read(id)).isEqualTo(Json.of(second).getMap(""));
    }

    @Test
    void keepsVersionIfChangeHasNoEffect() {
        Map<String, Object> draft = full();
        Response created = Api.create(draft);
        String id = Json.of(created).get("id");
        Map<String, Object> before = Json.of(created).getMap("");
        draft.put("roles", List.of("supervisor", "admin", "admin"));
        draft.put("name", " " + draft.get("name") + " ");

        Api.admin().body(draft).put(path(id)).then().statusCode(200).header("ETag", "\"1\"").body(has("", equalTo(before)));
        patch(id, Map.of("name", draft.get("name"))).then().statusCode(200).header("ETag", "\"1\"")
                .body(has("", equalTo(before)));
        patch(id, Map.of()).then().statusCode(200).header("ETag", "\"1\"").body(has("", equalTo(before)));

        assertThat(read(id)).isEqualTo(before);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = { "PUT | \"1\"", "PATCH | \"1\"", "DELETE | \"1\"", "PUT | \"7\", \"8\"",
            "PATCH | W/\"2\"", "DELETE | W/\"2\"", "PUT | \"\"" })
    void refusesChangeWithStaleIfMatch(String verb, String tag) {
        String id = create("one");
        patch(id, Map.of("description", "somebody else's")).then().statusCode(200);

        Api.admin().header("If-Match", tag).body(Api.draft("name", mark)).request(verb, path(id)).then().statusCode(412)
                .body(has("code", equalTo("stale_version"), "detail", containsString("2")));

        assertThat(read(id)).containsEntry("version", 2).containsEntry("description", "somebody else's");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = { "PUT | \"1\" | 200", "PATCH | \"1\" | 200", "DELETE | \"1\" | 204", "PUT | * | 200",
            "PATCH | * | 200", "DELETE | * | 204", "PATCH | \"7\", \"1\" | 200" })
    void acceptsChangeWithCurrentIfMatch(String verb, String tag, int status) {
        String id = create("one");

        Api.admin().header("If-Match", tag).body(Api.draft("name", mark)).request(verb, path(id)).then().statusCode(status);
    }

    @Test
    void refusedChangeLeavesActionUnchanged() {
        String id = create("one");
        Map<String, Object> before = read(id);

        patch(id, Map.of("description", "new", "timeout_ms", 1)).then().statusCode(400);
        Api.admin().body(Api.draft("description", "new", "name", " ")).put(path(id)).then().statusCode(400);

        assertThat(read(id)).isEqualTo(before);
    }

    @Test
    void appliesAllConcurrentPatches() throws Exception {
        String id = create("one");
        int writers = 4;
        int changes = 6;

        atOnce(writers, writer -> {
            for (int i = 1; i <= changes; i++) {
                patch(id, Map.of("headers", Map.of("X-Writer-" + writer, "" + i))).then().statusCode(200);
            }
            return null;
        });

        assertThat(read(id)).containsEntry("version", 1 + writers * changes).containsEntry("headers",
                IntStream.range(0, writers).boxed()
                        .collect(Collectors.toMap(writer -> "X-Writer-" + writer, any -> "" + changes)));
    }

    @Test
    void acceptsOneOfConcurrentChangesToSameVersion() throws Exception {
        String id = create("one");

        List<Integer> statuses = atOnce(6, writer -> Api.admin().header("If-Match", "\"1\"")
                .body(Api.draft("name", mark + " by " + writer)).put(path(id)).statusCode());

        assertThat(statuses).containsOnlyOnce(200).containsOnly(200, 412);
        assertThat(read(id)).containsEntry("version", 2);
    }

    @Test
    void acceptsOneOfConcurrentDeletions() throws Exception {
        String id = create("one");

        List<Integer> statuses = atOnce(4, writer -> Api.admin().delete(path(id)).statusCode());

        assertThat(statuses).containsOnlyOnce(204).containsOnly(204, 404);
    }

    // Deleting, and requests that change nothing

    @Test
    void deletedActionIsNotFound() {
        String id = create("one");

        Api.admin().delete(path(id)).then().statusCode(204).body(emptyString());

        for (String verb : List.of("GET", "PUT", "PATCH", "DELETE")) {
            Api.admin().body(Api.draft()).request(verb, path(id)).then().statusCode(404).body(has("code", equalTo("not_found"),
                    "detail", containsString(id)));
        }
        Api.run(id, List.of(Api.shot())).then().statusCode(404);
        assertThat(ids("?q=" + mark)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = { "HEAD", "OPTIONS" })
    void headAndOptionsChangeNothing(String verb) {
        String id = create("one");
        Map<String, Object> before = read(id);

        Response list = Api.admin().request(verb, Api.ACTIONS + "?q=" + mark);
        Response single = Api.admin().request(verb, path(id));

        assertThat(List.of(list.statusCode(), single.statusCode())).allMatch(status -> status == 200 || status == 204);
        assertThat(List.of(list.asString(), single.asString())).containsOnly("");
        assertThat(read(id)).isEqualTo(before);
        assertThat(ids("?q=" + mark)).containsExactly(id);
    }

    @Test
    void headAnswersWithHeadersOfGet() {
        String id = create("one");

        Api.admin().head(path(id)).then().statusCode(200).header("ETag", "\"1\"");
        Api.admin().header("If-None-Match", "\"1\"").head(path(id)).then().statusCode(304);
        Api.admin().head(UNKNOWN).then().statusCode(404).body(emptyString());
        assertThat(Api.admin().head(Api.ACTIONS + "?q=" + mark).header("ETag"))
                .isEqualTo(Api.admin().get(Api.ACTIONS + "?q=" + mark).header("ETag"));
    }

    @ParameterizedTest
    @CsvSource({ "GET, ''", "HEAD, ''", "POST, ''", "GET, /{id}", "HEAD, /{id}", "PUT, /{id}", "PATCH, /{id}", "DELETE, /{id}",
            "POST, /{id}/preview", "POST, /{id}/run", "POST, /preview", "GET, /runs", "GET, /runs/{id}" })
    void refusesRequestsWithoutToken(String verb, String path) {
        String id = create("one", "is_ajax", true);
        Map<String, Object> before = read(id);

        given().contentType("application/json").body(Api.draft("name", mark + " intruder"))
                .request(verb, Api.ACTIONS + path.replace("{id}", id)).then().statusCode(401)
                .header("WWW-Authenticate", startsWith("Bearer")).body(not(containsString(mark)));

        assertThat(read(id)).isEqualTo(before);
        assertThat(ids("?q=" + mark)).containsExactly(id);
    }

    // Helpers

    /** Returns a draft in which no field has its default. */
    private Map<String, Object> full() {
        return Api.draft("name", mark + " full", "url", "https://api.studio.com/sync{?entity_id}", "entity_type", "shot",
                "is_ajax", true, "description", "Line one\nline two", "enabled", false, "method", "PUT", "headers",
                Map.of("X-Queue", "fast", "Authorization", "Bearer ${secret:farm}"), "timeout_ms", 500, "max_attempts", 3,
                "rate_per_minute", 60, "signing_secret", "sign-here", "roles",
                List.of("admin", "supervisor"), "project_ids", List.of("42368e00-09e1-4c4e-9a16-0d9891200536"));
    }

    private String create(String name, Object... fields) {
        Map<String, Object> draft = Api.draft(fields);
        draft.put("name", mark + " " + name);
        return Api.id(Api.create(draft));
    }

    private static Response patch(String id, Map<String, ?> patch) {
        return Api.admin().body(patch).patch(path(id));
    }

    private static String path(String id) {
        return Api.ACTIONS + "/" + id;
    }

    private static Map<String, Object> read(String id) {
        return Json.of(200, Api.admin().get(path(id))).getMap("");
    }

    private static List<String> names(String query) {
        return Json.of(200, Api.admin().get(Api.ACTIONS + query)).getList("data.name");
    }

    private static List<String> ids(String query) {
        return Json.of(200, Api.admin().get(Api.ACTIONS + query)).getList("data.id");
    }

    private static Map<String, Object> subset(Map<String, Object> all, Map<String, Object> like) {
        Map<String, Object> subset = new LinkedHashMap<>(all);
        subset.keySet().retainAll(like.keySet());
        return subset;
    }

    private interface Work<T> {
        T by(int writer) throws Exception;
    }

    /** Starts all writers at the same moment and returns their results. */
    private static <T> List<T> atOnce(int writers, Work<T> work) throws Exception {
        CyclicBarrier start = new CyclicBarrier(writers);
        ExecutorService pool = Executors.newFixedThreadPool(writers);
        try {
            List<Callable<T>> all = new ArrayList<>();
            for (int i = 0; i < writers; i++) {
                int writer = i;
                all.add(() -> {
                    start.await(10, TimeUnit.SECONDS);
                    return work.by(writer);
                });
            }
            List<T> results = new ArrayList<>();
            for (Future<T> done : pool.invokeAll(all, 60, TimeUnit.SECONDS)) {
                results.add(done.get());
            }
            return results;
        } finally {
            pool.shutdownNow();
        }
    }
}
