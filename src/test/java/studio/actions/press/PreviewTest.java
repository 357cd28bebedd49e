package studio.actions.press;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.startsWith;
import static studio.actions.testing.Json.has;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

import jakarta.inject.Inject;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.Database;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Receiver.Heard;
import studio.actions.testing.Services;

@QuarkusTest
@WithTestResource(Services.class)
class PreviewTest {

    private static final String MASK = "••••";

    private static final List<String> MADE_WHEN_SENT = List.of("run_id", "delivery_id", "timestamp");

    @Inject
    Database database;

    private final Receiver receiver = Receiver.shared();

    // ---- The preview shows what is sent

    @ParameterizedTest
    @ValueSource(strings = { "POST", "GET", "PUT", "PATCH", "DELETE" })
    void showsTheRequestThatTheReceiverGets(String method) {
        String name = "same-" + UUID.randomUUID();
        Map<String, Object> draft = Api.draft("name", "Same", "is_ajax", true, "method", method, "signing_secret", "sign-here",
                "url", receiver.url("/" + name + "/ok/{entity_name}?t={task_id}{&sequence_name,user_name}"),
                "headers", Map.of("X-Queue", "fast"));
        String action = Api.id(Api.create(draft));
        List<Map<String, Object>> targets = List.of(whole("SH 010"), whole("é/日本"));

        Json preview = preview(action, targets);
        Json draftPreview = previewDraft(draft, targets);
        assertThat(receiver.heard(name)).isEmpty();
        Api.run(action, targets).then().statusCode(200).body(has("state", equalTo("succeeded")));

        assertThat(receiver.heard(name)).hasSize(2);
        for (int i = 0; i < 2; i++) {
            String url = preview.getString("deliveries[" + i + "].url");
            Heard heard = receiver.heard(name).stream().filter(each -> receiver.url(each.uri()).equals(url)).findFirst()
                    .orElseThrow();
            assertThat(heard.method()).isEqualTo(method).isEqualTo(preview.getString("deliveries[" + i + "].method"));
            assertThat(settled(preview.getMap("deliveries[" + i + "].body")))
                    .isEqualTo(heard.body().isEmpty() ? null : settled(Json.of(heard.body()).getMap("")));
            Map<String, String> headers = preview.getMap("deliveries[" + i + "].headers");
            assertThat(headers).containsEntry("X-Queue", "fast");
            headers.forEach((header, value) -> assertThat(heard.headers()).as(header).containsKey(header));
            Stream.of("X-Queue", "User-Agent", "Accept-Encoding", "Content-Type").filter(headers::containsKey)
                    .forEach(header -> assertThat(heard.headers()).containsEntry(header, headers.get(header)));
            assertThat(headers).containsKeys("webhook-id", "webhook-timestamp", "webhook-signature", "Idempotency-Key");
            assertThat(draftPreview.getString("deliveries[" + i + "].url")).isEqualTo(url);
            assertThat(draftPreview.getMap("deliveries[" + i + "].headers")).isEqualTo(headers);
            assertThat(without(draftPreview.getMap("deliveries[" + i + "].body"), "action_id", "timestamp"))
                    .isEqualTo(without(preview.getMap("deliveries[" + i + "].body"), "action_id", "timestamp"));
        }
    }

    @Test
    void answersInTheDocumentedForm() {
        String action = Api.ajax(receiver.url("/form/ok?e={entity_id}"));
        Map<String, Object> target = whole("SH010");

        Json preview = preview(action, List.of(target));

        assertThat(preview.getMap("")).containsOnlyKeys("deliveries");
        assertThat(preview.getMap("deliveries[0]"))
                .containsOnlyKeys("target", "method", "url", "headers", "body", "problem")
                .containsEntry("target", target).containsEntry("problem", null);
        assertThat(preview.getMap("deliveries[0].body")).containsEntry("run_id", null).containsEntry("delivery_id", null)
                .containsEntry("action_id", action);
    }

    @Test
    void sendsNothingAndWritesNothing() {
        String action = Api.ajax(receiver.url("/nothing/ok"));

        preview(action, List.of(Api.shot()));
        previewDraft(Api.draft("is_ajax", true, "url", receiver.url("/nothing/ok")), List.of(Api.shot()));

        assertThat(receiver.heard("nothing")).isEmpty();
        Api.admin().get(Api.RUNS + "?action_id=" + action).then().statusCode(200).body(has("data", hasSize(0)));
    }

    @Test
    void doesNotSaveTheDraft() {
        String name = "Draft " + UUID.randomUUID();

        previewDraft(Api.draft("name", name), List.of(Api.shot()));

        List<String> names = Json.of(Api.admin().get(Api.ACTIONS)).getList("data.name");
        assertThat(names).doesNotContain(name);
    }

    @Test
    void masksSecretsInHeaders() {
        Map<String, Object> draft = Api.draft("is_ajax", true, "url", receiver.url("/mask/ok"), "signing_secret", "sign-here",
                "headers", Map.of("X-Farm", "${secret:farm}", "Authorization", "Bearer ${secret:FARM}, ${secret:sign-here}"));
        String action = Api.id(Api.create(draft));

        for (Json preview : List.of(preview(action, List.of(Api.shot())), previewDraft(draft, List.of(Api.shot())))) {
            assertThat(preview.getMap("deliveries[0].headers")).containsEntry("X-Farm", MASK)
                    .containsEntry("Authorization", "Bearer " + MASK + ", " + MASK);
            assertThat(preview.prettify()).doesNotContain(Services.FARM, Services.SIGNING, Services.SIGNING.substring(6));
        }
    }

    @Test
    void showsNoSignatureWithoutASigningSecret() {
        String action = Api.ajax(receiver.url("/unsigned/ok"));

        assertThat(preview(action, List.of(Api.shot())).getMap("deliveries[0].headers")).doesNotContainKey("webhook-signature");
    }

    @Test
    void showsTheUrlThatTheBrowserWouldOpen() {
        String action = Api.id(Api.create(Api.draft("url", "maya://open/{entity_name}?shot={entity_id}")));
        Map<String, Object> target = whole("SH 010");

        Json preview = preview(action, List.of(target));

        assertThat(preview.getMap("deliveries[0]")).containsEntry("url", "maya://open/SH%20010?shot=" + target.get("entity_id"))
                .containsEntry("body", null).containsEntry("problem", null).containsEntry("headers", Map.of());
    }

    @Test
    void showsADisabledAction() {
        String action = Api.ajax(receiver.url("/off/ok"), "enabled", false);

        assertThat(preview(action, List.of(Api.shot())).getString("deliveries[0].url")).isEqualTo(receiver.url("/off/ok"));
    }

    // ---- Problems of a single delivery

    @Test
    void namesTheMissingVariable() {
        String action = Api.ajax(receiver.url("/lacking/ok/{entity_id}/{sequence_name}"));
        Map<String, Object> lacking = Api.shot();
        Map<String, Object> empty = whole("SH020");
        empty.put("sequence_name", "");

        Json preview = preview(action, List.of(whole("SH010"), lacking, empty));

        assertThat(preview.getList("deliveries.problem.code")).containsExactly(null, "missing_variable",
                "missing_variable");
        assertThat(preview.getMap("deliveries[1].problem")).containsOnlyKeys("code", "message");
        assertThat(preview.getString("deliveries[1].problem.message")).contains("{sequence_name}");
        assertThat(preview.getString("deliveries[1].target.entity_id")).isEqualTo(lacking.get("entity_id"));
        assertThat(preview.getMap("deliveries[1]")).containsEntry("url", null).containsEntry("body", null);
        assertThat(preview.getString("deliveries[0].url")).isNotNull();
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            ?a=1{&sequence_name}              -> ?a=1
            {?sequence_name}                  -> ''
            {?sequence_name,entity_name}      -> ?entity_name=SH
            ?a=1{&sequence_name,entity_name}  -> ?a=1&entity_name=SH
            """)
    void leavesOutMissingOptionalVariables(String query, String expected) {
        Map<String, Object> target = Api.shot();
        target.put("entity_name", "SH");

        Json preview = previewDraft(ajax(receiver.url("/out/ok" + query)), List.of(target));

        assertThat(preview.getString("deliveries[0].url")).isEqualTo(receiver.url("/out/ok" + expected));
    }

    @ParameterizedTest
    @CsvSource(nullValues = "-", textBlock = """
            shot,  shot,    -
            shot,  asset,   wrong_entity_type
            shot,  -,       wrong_entity_type
            asset, shot,    wrong_entity_type
            asset, scene,   wrong_entity_type
            shot,  concept, wrong_entity_type
            edit,  edit,    -
            all,   shot,    -
            all,   scene,   -
            all,   concept, -
            all,   -,       -
            """)
    void reportsTargetsOfTheWrongEntityType(String entityType, String kind, String code) {
        Map<String, Object> draft = ajax("https://api.studio.com/{entity_id}");
        draft.put("entity_type", entityType);

        Json preview = previewDraft(draft,
                List.of(Api.target("entity_id", UUID.randomUUID().toString(), "entity_type", kind)));

        assertThat(preview.getString("deliveries[0].problem.code")).isEqualTo(code);
    }

    /** The limit applies to URLs to which the service sends. */
    @ParameterizedTest
    @CsvSource({ "16384, ", "16385, too_large" })
    void refusesAUrlThatIsTooLong(int length, String code) {
        String name = "long-" + UUID.randomUUID();
        String url = receiver.url("/" + name + "/ok?e=" + "{entity_name}".repeat(10));
        int left = length - url.indexOf('{');
        Map<String, Object> tooLong = whole("x".repeat(left / 10));
        String action = Api.ajax(url + "x".repeat(left % 10));

        Json preview = preview(action, List.of(tooLong, whole("SH010")));
        Json run = Json.of(200, Api.run(action, List.of(tooLong, whole("SH010"))));

        assertThat(preview.getList("deliveries.problem.code")).containsExactly(code, null);
        assertThat(run.getInt("counts.delivered")).isEqualTo(code == null ? 2 : 1);
        assertThat(receiver.heard(name)).hasSize(code == null ? 2 : 1)
                .allSatisfy(heard -> assertThat(receiver.url(heard.uri())).hasSizeLessThanOrEqualTo(16384));
        if (code != null) {
            assertThat(preview.getString("deliveries[0].problem.message"))
                    .isEqualTo(run.getString("deliveries[0].failure.message")).contains("over 16 KB", "Select fewer");
            assertThat(run.getString("deliveries[0].state")).isEqualTo("refused");
            assertThat(run.getString("deliveries[0].failure.kind")).isEqualTo(code);
        }
    }

    @Test
    void endsAtFourMegabytesAndSaysSo() {
        String action = Api.ajax(receiver.url("/much/ok?e={entity_id}&" + "{entity_name}".repeat(80)));
        List<Map<String, Object>> targets = Stream.generate(() -> whole("x".repeat(200))).limit(1000).toList();

        Response answer = Api.admin().body(Map.of("targets", targets)).post(Api.ACTIONS + "/" + action + "/preview");

        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.asByteArray()).hasSizeBetween(4_000_000, 4 * 1024 * 1024 + 10_000);
        Json preview = Json.of(answer);
        List<Map<String, String>> problems = preview.getList("deliveries.problem");
        int shown = problems.size() - 1;
        assertThat(problems.subList(0, shown)).hasSizeGreaterThan(100).containsOnlyNulls();
        assertThat(problems.get(shown)).containsEntry("code", "too_large").containsEntry("message",
                "The preview ends here, at 4 MB, and does not show " + (1000 - shown)
                        + " deliveries. Select fewer to see them.");
        assertThat(preview.getString("deliveries[" + shown + "].target.entity_id"))
                .isEqualTo(targets.get(shown).get("entity_id"));
    }

    @Test
    void saysThatAnAddressIsForbidden() throws SQLException {
        String action = Api.ajax(receiver.url("/forbidden/ok"));
        database.change("UPDATE action SET url = ? WHERE id = ?", "http://169.254.169.254/latest/meta-data/",
                UUID.fromString(action));

        Json preview = preview(action, List.of(Api.shot()));

        assertThat(preview.getString("deliveries[0].problem.code")).isEqualTo("forbidden_address");
        assertThat(preview.getString("deliveries[0].url")).isNull();
    }

    @ParameterizedTest
    @CsvSource({ "..,/{entity_name}/x", ".,/{entity_name}", "..,{/entity_name}", "../..,/{entity_name}",
            "..,/a{/entity_name}/b", "..\\..,/{entity_name}" })
    void refusesPathTraversalInValues(String value, String path) {
        for (String url : List.of("https://api.studio.com" + path, "maya://open" + path)) {
            Map<String, Object> draft = Api.draft("url", url, "is_ajax", url.startsWith("https"));
            Map<String, Object> target = Api.shot();
            target.put("entity_name", value);

            Json preview = previewDraft(draft, List.of(target));

            assertThat(preview.getString("deliveries[0].problem.code")).as(url).isNotNull();
            assertThat(preview.getString("deliveries[0].url")).isNull();
        }
    }

    // ---- One delivery per task, entity or production

    static Stream<Arguments> scopes() {
        return Stream.of(
                Arguments.of("?t={task_id}", List.of("1", "2", "3", "4")),
                Arguments.of("?t={task_id}&e={entity_id}&p={production_id}", List.of("1", "2", "3", "4")),
                Arguments.of("?e={entity_id}", List.of("1 2", "3", "4")),
                Arguments.of("?e={entity_id}{&selection}", List.of("1 2", "3", "4")),
                Arguments.of("{?entity_name}", List.of("1 2", "3", "4")),
                Arguments.of("?p={production_id}", List.of("1 2 3", "4")),
                Arguments.of("{?selection*}", List.of("1 2 3", "4")),
                Arguments.of("?u={user_id}", List.of("1 2 3", "4")),
                Arguments.of("", List.of("1 2 3", "4")));
    }

    /**
     * Two tasks of one shot, a task of another shot in the same production, and one in another production. The first task is
     * selected twice.
     */
    @ParameterizedTest
    @MethodSource("scopes")
    void makesADeliveryPerTaskEntityOrProduction(String query, List<String> expected) {
        List<String> ids = Stream.generate(() -> UUID.randomUUID().toString()).limit(10).toList();
        List<Map<String, Object>> targets = List.of(
                task(ids.get(1), ids.get(5), ids.get(8)), task(ids.get(2), ids.get(5), ids.get(8)),
                task(ids.get(3), ids.get(6), ids.get(8)), task(ids.get(4), ids.get(7), ids.get(9)),
                task(ids.get(1), ids.get(5), ids.get(8)));

        Json preview = previewDraft(ajax("https://api.studio.com/x" + query), targets);

        List<List<String>> tasks = expected.stream()
                .map(group -> Stream.of(group.split(" ")).map(number -> ids.get(Integer.parseInt(number))).toList()).toList();
        assertThat(preview.getList("deliveries.problem")).containsOnlyNulls();
        assertThat(preview.getList("deliveries.body.selection")).isEqualTo(tasks);
        assertThat(preview.getList("deliveries.body.task_ids")).isEqualTo(tasks);
        if (query.contains("selection")) {
            String one = "selection=" + ids.get(1);
            assertThat(preview.getString("deliveries[0].url")).contains(one,
                    query.contains("*") ? "&selection=" + ids.get(2) : one + "," + ids.get(2));
        }
    }

    @Test
    void fillsASharedDeliveryWithTheCommonFieldsOfItsTargets() {
        String production = UUID.randomUUID().toString();
        List<Map<String, Object>> targets = List.of(
                task(UUID.randomUUID().toString(), UUID.randomUUID().toString(), production),
                task(UUID.randomUUID().toString(), UUID.randomUUID().toString(), production));

        Json preview = previewDraft(ajax("https://api.studio.com/x"), targets);

        assertThat(preview.getMap("deliveries[0].body")).containsEntry("production_id", production)
                .containsEntry("entity_type", "shot").containsEntry("entity_id", null).containsEntry("entity_name", null);
    }

    @Test
    void acceptsTaskIdsWithoutTargets() {
        List<String> tasks = List.of(UUID.randomUUID().toString(), UUID.randomUUID().toString());

        Json preview = Json.of(200, Api.admin()
                .body(Map.of("action", ajax("https://api.studio.com/x?t={task_id}"), "selection", tasks))
                .post(Api.ACTIONS + "/preview"));

        assertThat(preview.getList("deliveries.url")).containsExactly("https://api.studio.com/x?t=" + tasks.get(0),
                "https://api.studio.com/x?t=" + tasks.get(1));
    }

    // ---- Values that break naive filling

    private static final List<String> NASTY = List.of("a b", "a&b=c", "=", "#frag", "a/b", "100%", "%2e%2e", "%2F", "a+b",
            "say \"x\"", "back\\slash", "cr\rlf\n", "\r\nX-Evil: 1", "é", "e\u0301", "日本", "😀", "it's", "{x}", "{entity_id}",
            "${secret:farm}", "?q", "@evil.com", "//evil.com", ":8080", "javascript:alert(1)", "<script>", "a;b,c", "~!*()",
            "[::1]", "|^`", " ", "\t", "...", "\u202e");

    @ParameterizedTest
    @CsvSource(delimiterString = " -> ", textBlock = """
            https://api.studio.com/p/{entity_name}/end      -> https://api.studio.com/p/               -> /end
            https://api.studio.com/p{/entity_name}          -> https://api.studio.com/p/               -> ''
            https://api.studio.com/p?v={entity_name}&end=1  -> https://api.studio.com/p?v=             -> &end=1
            https://api.studio.com/p?a=1{&entity_name}      -> https://api.studio.com/p?a=1&entity_name= -> ''
            https://api.studio.com/p{?entity_name}          -> https://api.studio.com/p?entity_name=   -> ''
            https://api.studio.com/p#{entity_name}          -> https://api.studio.com/p#               -> ''
            maya://open/{entity_name}/end                   -> maya://open/                            -> /end
            maya://open?v={entity_name}                     -> maya://open?v=                          -> ''
            maya:{entity_name}                              -> maya:                                   -> ''
            """)
    void encodesAnyValueSoThatItDecodesUnchanged(String url, String before, String after) {
        List<Map<String, Object>> targets = NASTY.stream().map(Api::shot).toList();

        Json preview = previewDraft(Api.draft("url", url, "is_ajax", url.startsWith("https") && url.indexOf('#') < 0), targets);

        assertThat(preview.getList("deliveries.problem")).containsOnlyNulls();
        List<String> raw = preview.<String> getList("deliveries.url").stream().map(filled -> {
            assertThat(filled).startsWith(before).endsWith(after);
            return filled.substring(before.length(), filled.length() - after.length());
        }).toList();
        assertThat(raw).allMatch(part -> part.matches("([A-Za-z0-9._~-]|%[0-9A-F]{2})+"));
        assertThat(raw).extracting(part -> URLDecoder.decode(part, StandardCharsets.UTF_8)).isEqualTo(NASTY);
    }

    // ---- Previews that are refused as a whole

    @ParameterizedTest
    @ValueSource(strings = { "http://127.0.0.1/", "http://169.254.169.254/", "https://api.studio.com/{nonsense}",
            "https://{entity_name}/", "ftp://api.studio.com/", "", "https://user:pw@api.studio.com/" })
    void refusesADraftThatCouldNotBeSaved(String url) {
        Api.admin().body(Map.of("action", ajax(url), "targets", List.of(Api.shot()))).post(Api.ACTIONS + "/preview").then()
                .statusCode(400).body(has("code", equalTo("invalid_body"), "errors.pointer", hasItem("/action/url")));
    }

    @Test
    void requiresADraft() {
        Api.admin().body(Map.of("targets", List.of(Api.shot()))).post(Api.ACTIONS + "/preview").then().statusCode(400)
                .body(has("code", equalTo("invalid_body"), "errors.pointer", hasItem("/action")));
    }

    static Stream<Arguments> wrongSelections() {
        Map<String, Object> both = Map.of("selection", List.of(UUID.randomUUID()), "targets", List.of(Api.shot()));
        return Stream.of(
                Arguments.of("both", both, "/targets", "selection_or_targets"),
                Arguments.of("neither", Map.of(), "/targets", "selection_or_targets"),
                Arguments.of("no targets", Map.of("targets", List.of()), "/targets", "empty_selection"),
                Arguments.of("no tasks", Map.of("selection", List.of()), "/selection", "empty_selection"),
                Arguments.of("1,001 targets", Map.of("targets", Collections.nCopies(1001, Api.shot())), "/targets", "too_many"),
                Arguments.of("1,001 tasks", Map.of("selection", Collections.nCopies(1001, UUID.randomUUID())), "/selection",
                        "too_many"),
                Arguments.of("an empty target", Map.of("targets", List.of(Api.shot(), Map.of())), "/targets/1",
                        "empty_target"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("wrongSelections")
    void refusesWrongSelections(String what, Map<String, Object> press, String pointer, String code) {
        Map<String, Object> draftPress = new HashMap<>(press);
        draftPress.put("action", ajax("https://api.studio.com/x"));
        String action = Api.ajax("https://api.studio.com/x");

        for (Response answer : List.of(Api.admin().body(draftPress).post(Api.ACTIONS + "/preview"),
                Api.admin().body(press).post(Api.ACTIONS + "/" + action + "/preview"),
                Api.admin().body(press).post(Api.ACTIONS + "/" + action + "/run"))) {
            answer.then().statusCode(400).contentType(startsWith("application/problem+json")).body(has("code",
                    equalTo("invalid_body"), "errors[0].pointer", equalTo(pointer), "errors[0].code", equalTo(code)));
        }
    }

    @Test
    void acceptsAThousandTargets() {
        List<Map<String, Object>> shots = Stream.generate(Api::shot).limit(1000).toList();

        assertThat(previewDraft(ajax("https://api.studio.com/x?e={entity_id}"), shots).getList("deliveries")).hasSize(1000);
    }

    @Test
    void answersNotFoundForAnUnknownAction() {
        Api.admin().body(Map.of("targets", List.of(Api.shot()))).post(Api.ACTIONS + "/" + UUID.randomUUID() + "/preview").then()
                .statusCode(404).body(has("code", equalTo("not_found")));
    }

    private static Map<String, Object> ajax(String url) {
        return Api.draft("url", url, "is_ajax", true);
    }

    private static Map<String, Object> task(String task, String entity, String production) {
        return Api.target("task_id", task, "entity_id", entity, "entity_type", "shot", "production_id", production,
                "entity_name", "Name of " + entity);
    }

    private static Map<String, Object> whole(String name) {
        return Api.target("entity_id", UUID.randomUUID().toString(), "entity_type", "shot", "production_id",
                UUID.randomUUID().toString(), "task_id", UUID.randomUUID().toString(), "entity_name", name, "sequence_name",
                "SQ 01", "episode_name", "E101", "asset_type_name", "Prop", "task_type_name", "Lighting", "production_name",
                "Sintel");
    }

    private static Json preview(String action, List<?> targets) {
        return Api.preview(Api.admin(), action, Map.of("targets", targets));
    }

    private static Json previewDraft(Map<String, Object> draft, List<?> targets) {
        return Json.of(200, Api.admin().body(Map.of("action", draft, "targets", targets)).post(Api.ACTIONS + "/preview"));
    }

    private static Map<String, Object> settled(Map<String, Object> body) {
        return without(body, MADE_WHEN_SENT.toArray(String[]::new));
    }

    private static Map<String, Object> without(Map<String, Object> body, String... keys) {
        if (body == null) {
            return null;
        }
        Map<String, Object> rest = new LinkedHashMap<>(body);
        for (String key : keys) {
            assertThat(rest).containsKey(key);
            rest.remove(key);
        }
        return rest;
    }
}
