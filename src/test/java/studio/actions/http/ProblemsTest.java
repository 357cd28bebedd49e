package studio.actions.http;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.junit.jupiter.params.provider.Arguments.arguments;
import static studio.actions.testing.Json.has;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.response.Response;
import studio.actions.problem.Problem;
import studio.actions.testing.Api;
import studio.actions.testing.Json;
import studio.actions.testing.Services;

/** Every refusal is a problem of the same form, and every client can read it. */
@QuarkusTest
@WithTestResource(Services.class)
class ProblemsTest {

    private static final String ID = "63f8a332-e209-4f8c-b384-747d5eda4b57";
    private static final String ACTION = Api.ACTIONS + "/" + ID;
    private static final int MEGABYTE = 1024 * 1024;
    private static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private static final String BEARER = "Authorization: Bearer " + Services.TOKEN + "\r\n";

    /** A body to which one more field is added ({@code %s}). In that field, {@code @@} stands for the tested text. */
    private static final String DRAFT = "{\"name\": \"n\", \"url\": \"https://a.studio/\", %s}";
    private static final String TARGET = "{\"targets\": [{\"production_id\": \"" + ID + "\", %s}]}";

    // Invalid JSON, and JSON of the wrong form

    @ParameterizedTest
    @ValueSource(strings = { "{", "{\"name\": }", "{\"name\": \"n\"", "{'name': 'n'}", "{name: \"n\"}", "{\"name\": \"n\",}",
            "nope",
            "{\"name\": \"two\nlines\"}", "{\"name\": \"\\x\"}", "{\"timeout_ms\": 01}", "{\"timeout_ms\": NaN}", "// c\n{}",
            "<xml/>",
            "{} trailing", "{}{}", "{}]", "{},", "{}\u0000", "\u0000" })
    void refusesBrokenJson(String body) throws Exception {
        for (HttpResponse<String> answer : everywhere(body)) {
            problem(answer, 400, "invalid_json");
        }
    }

    @Test
    void saysWhereTheJsonBreaks() {
        problem(post("{\"name\": \"n\",\n  \"url\" 5}"), 400, "invalid_json");

        assertThat(Json.of(post("{\"name\": \"n\",\n  \"url\" 5}")).<String> get("detail")).contains("line 2");
    }

    @Test
    void doesNotRepeatTheBody() {
        assertThat(post("{\"name\": \"hunter2\", \"hunter2\" hunter2 }").asString()).doesNotContain("hunter2");
        assertThat(post("hunter2").asString()).doesNotContain("hunter2");
    }

    @ParameterizedTest
    @ValueSource(strings = { "", " ", "\n", "null", "[]", "[{}]", "\"name\"", "5", "1.5", "true" })
    void refusesBodiesThatAreNoObject(String body) throws Exception {
        for (HttpResponse<String> answer : everywhere(body)) {
            Json problem = problem(answer, 400, null);
            assertThat(problem.getString("code")).isIn("invalid_json", "invalid_body");
        }
    }

    static Stream<Arguments> repeatedKeys() {
        return Stream.of(
                arguments("{\"name\": \"a\", \"url\": \"https://a.studio/\", \"name\": \"b\"}"),
                arguments("{\"name\": \"a\", \"name\": \"a\", \"url\": \"https://a.studio/\"}"),
                arguments("{\"name\": \"a\", \"n\\u0061me\": \"b\", \"url\": \"https://a.studio/\"}"),
                arguments("{\"name\": \"a\", \"url\": \"https://a.studio/\", \"headers\": {\"X-A\": \"1\", \"X-A\": \"2\"}}"),
                arguments("{\"name\": \"a\", \"url\": \"https://a.studio/\", \"id\": 1, \"id\": 2}"),
                arguments("{\"name\": \"a\", \"url\": \"https://a.studio/\", \"type\": {\"a\": 1, \"a\": 2}}"));
    }

    @ParameterizedTest
    @MethodSource("repeatedKeys")
    void refusesRepeatedKeys(String body) {
        String id = stored();

        problem(post(body), 400, "invalid_json");
        problem(Api.admin().body(body).put(Api.ACTIONS + "/" + id), 400, "invalid_json");
        problem(Api.admin().body(body).patch(Api.ACTIONS + "/" + id), 400, "invalid_json");
        problem(Api.admin().body("{\"action\": " + body + ", \"targets\": []}").post(Api.ACTIONS + "/preview"), 400,
                "invalid_json");
    }

    @Test
    void refusesRepeatedKeysInARun() {
        String run = Api.ACTIONS + "/" + stored() + "/run";

        problem(Api.admin().body("{\"targets\": [], \"targets\": []}").post(run), 400, "invalid_json");
        problem(Api.admin().body(TARGET.formatted("\"entity_name\": \"a\", \"entity_name\": \"b\"")).post(run), 400,
                "invalid_json");
    }

    @Test
    void refusesAnUnknownFieldAndNamesTheKnownOnes() {
        Json problem = problem(post(DRAFT.formatted("\"colour\": 1")), 400, "invalid_body");

        assertThat(problem.getList("errors.pointer")).containsExactly("/colour");
        assertThat(problem.getList("errors.code")).containsExactly("unknown_field");
        assertThat(problem.getString("errors[0].message")).contains("colour", "entity_type", "rate_per_minute", "project_ids");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "/{id}/run | {\"target\": []} | /target",
            "/{id}/run | {\"targets\": [{\"shot\": \"x\"}]} | /targets/0/shot",
            "/{id}/preview | {\"targets\": [{}, {\"a/b~c\": 1}]} | /targets/1/a~1b~0c",
            "/preview | {\"action\": {\"colour\": 1}} | /action/colour",
            "/preview | {\"draft\": {}} | /draft" })
    void pointsAtTheUnknownField(String path, String body, String pointer) {
        Json problem = problem(Api.admin().body(body).post(Api.ACTIONS + path.replace("{id}", stored())), 400,
                "invalid_body");

        assertThat(problem.getList("errors.pointer")).containsExactly(pointer);
        assertThat(problem.getList("errors.code")).containsExactly("unknown_field");
    }

    @ParameterizedTest
    @ValueSource(strings = { "\"entity_type\": \"shot \"", "\"method\": \" POST\"", "\"roles\": [\"admin\\t\"]" })
    void refusesAConstantWithBlanksAroundIt(String field) {
        Json problem = problem(post(DRAFT.formatted(field)), 400, "invalid_body");

        assertThat(problem.getList("errors.pointer")).first().asString().startsWith("/" + field.split("\"")[1]);
    }

    /** A character beyond U+FFFF counts as one character, though Java's strings count two. */
    @Test
    void countsACharacterBeyondTheBasicPlaneOnce() {
        String most = "😀".repeat(200);
        Api.admin().get(Api.ACTIONS + "?q=" + most).then().statusCode(200);
        problem(Api.admin().get(Api.ACTIONS + "?q=" + most + "x"), 400, "invalid_parameter");
        String named = TARGET.formatted("\"entity_name\": \"%s\"");
        String preview = Api.ACTIONS + "/" + stored() + "/preview";
        Api.admin().body(named.formatted("😀".repeat(2000))).post(preview).then().statusCode(200);
        problem(Api.admin().body(named.formatted("😀".repeat(2001))).post(preview), 400, "invalid_body");
    }

    // Invalid text

    @ParameterizedTest
    @ValueSource(strings = { "application/json", "APPLICATION/JSON", "Application/Merge-Patch+JSON",
            "application/MERGE-PATCH+json" })
    void refusesOtherCharsetsForEveryJsonMediaType(String type) throws Exception {
        String path = type.toLowerCase().contains("patch") ? Api.ACTIONS + "/" + Api.id(Api.create(Api.draft())) : Api.ACTIONS;
        for (byte[] body : List.of("{\"name\": \"x\"}".getBytes(StandardCharsets.UTF_16LE), "{\"name\": \"\0\"}".getBytes(),
                new byte[] { '"', (byte) 0xc0, (byte) 0x80, '"' })) {
            problem(send(path.equals(Api.ACTIONS) ? "POST" : "PATCH", path, body, "Content-Type", type), 400, "invalid_json");
        }
    }

    static Stream<Arguments> wrongEntries() {
        return Stream.of(arguments("\"roles\": [\"admin\", \"boss\"]", "'roles[1]' must be one of"),
                arguments("\"project_ids\": [\"x\"]", "'project_ids[0]' must be a UUID"),
                arguments("\"roles\": \"admin\"", "'roles' must be a list"));
    }

    @ParameterizedTest
    @MethodSource("wrongEntries")
    void namesTheEntryThatIsWrong(String field, String sentence) {
        Json problem = problem(post(DRAFT.formatted(field)), 400, "invalid_body");

        assertThat(problem.getString("errors[0].message")).startsWith(sentence);
    }

    /** JSON Schema 2020-12, core, section 4.2.3: numbers of equal value are equal, however they are written. */
    @ParameterizedTest
    @CsvSource({ "1000, 1000", "1000.0, 1000", "1e3, 1000", "1.5E3, 1500", "10000e-1, 1000" })
    void acceptsAWholeNumberInEveryNotation(String written, int number) {
        assertThat(Json.of(post(DRAFT.formatted("\"timeout_ms\": " + written))).getInt("timeout_ms")).isEqualTo(number);
    }

    @ParameterizedTest
    @ValueSource(strings = { "1000.5", "1e99", "1e-3", "1e999999999", "2147483648", "true", "\"1000\"", "[1000]" })
    void refusesNumbersThatAreNotWholeOrTooLarge(String written) {
        Json problem = problem(post(DRAFT.formatted("\"timeout_ms\": " + written)), 400, "invalid_body");

        assertThat(problem.getString("errors[0].message")).isEqualTo("'timeout_ms' must be a whole number.");
    }

    @ParameterizedTest
    @CsvSource({ "?limt=5, Did you mean 'limit'?", "?entity_typ=shot, Did you mean 'entity_type'?",
            "/runs?sinc=2026-11-24T00:00:00Z, Did you mean 'since'?", "/export?delimeter=;, Did you mean 'delimiter'?",
            "/openapi?formt=json, Did you mean 'format'?", "/audit?x=1, Known parameters: ",
            "?LIMIT=5, Did you mean 'limit'?" })
    void refusesUnknownParameters(String query, String hint) {
        Json problem = problem(Api.admin().get(Api.ACTIONS + query), 400, "invalid_parameter");

        assertThat(problem.getString("errors[0].code")).isEqualTo("unknown_parameter");
        assertThat(problem.getString("detail")).contains(hint);
    }

    @Test
    void saysHowAPlusIsWrittenInAQuery() {
        Json problem = problem(Api.admin().get(Api.RUNS + "?since=2026-11-24T00:00:00+02:00"), 400,
                "invalid_parameter");

        assertThat(problem.getString("detail")).contains("%2B");
        Api.admin().get(Api.RUNS + "?since=2026-11-24T00:00:00%2B02:00").then().statusCode(200);
    }

    static Stream<Arguments> texts() {
        Stream<Arguments> drafts = Stream.of("\"name\": \"@@\"", "\"url\": \"https://a.studio/@@\"", "\"description\": \"@@\"",
                "\"signing_secret\": \"@@\"", "\"headers\": {\"X-A\": \"@@\"}", "\"headers\": {\"@@\": \"x\"}",
                "\"entity_type\": \"@@\"", "\"method\": \"@@\"", "\"roles\": [\"@@\"]",
                "\"project_ids\": [\"@@\"]", "\"@@\": 1").map(field -> arguments("", field));
        Stream<Arguments> targets = Stream.of("entity_name", "sequence_name", "episode_name", "asset_type_name",
                "task_type_name", "production_name", "entity_id", "entity_type", "production_id", "project_id", "task_id")
                .flatMap(field -> Stream.of("/run", "/preview").map(path -> arguments(path, "\"" + field + "\": \"@@\"")));
        return Stream.of(drafts, targets, Stream.of(arguments("/run", "\"@@\": 1"), arguments("/run", "\"targets\": \"@@\"")))
                .flatMap(all -> all);
    }

    @ParameterizedTest
    @MethodSource("texts")
    void refusesNulAndUnpairedSurrogates(String path, String field) throws Exception {
        String there = there(path);
        for (String text : List.of("\\u0000", "a\\u0000b", "\\ud800", "\\uDFFF", "a\\ud83d", "\\ud83dx", "\\ude00\\ud83d")) {
            Json problem = problem(in(there, field, text, StandardCharsets.UTF_8), 400, null);
            // The parser itself may refuse an invalid text in a key.
            assertThat(problem.getString("code")).isIn(field.contains("\"@@\":") ? List.of("invalid_body", "invalid_json")
                    : List.of("invalid_body"));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "\"name\": \"@@\" | /name",
            "\"url\": \"@@\" | /url",
            "\"description\": \"@@\" | /description",
            "\"signing_secret\": \"@@\" | /signing_secret",
            "\"headers\": {\"X-A\": \"@@\"} | /headers/X-A" })
    void pointsAtTheInvalidText(String field, String pointer) throws Exception {
        for (String text : List.of("\\u0000", "\\ud800")) {
            Json problem = problem(in(Api.ACTIONS, field, text, StandardCharsets.UTF_8), 400, "invalid_body");
            assertThat(problem.getList("errors.pointer")).containsExactly(pointer);
            assertThat(problem.getList("errors.code")).containsExactly("invalid_text");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "\\u0000", "\\ud800" })
    void refusesInvalidTextInAMergePatch(String text) {
        String path = Api.ACTIONS + "/" + stored();

        for (String patch : List.of("{\"name\": \"@@\"}", "{\"headers\": {\"X-A\": \"@@\"}}", "{\"headers\": {\"@@\": \"x\"}}",
                "{\"@@\": null, \"@@x\": 1}")) {
            Json problem = problem(Api.admin().body(patch.replace("@@", text)).patch(path), 400, null);
            assertThat(problem.getString("code")).isIn("invalid_body", "invalid_json");
        }
        Api.admin().get(path).then().body(has("version", equalTo(1)));
    }

    /** RFC 3629, section 3: invalid, truncated and overlong bytes, surrogates, and code points beyond Unicode. */
    @ParameterizedTest
    @ValueSource(strings = { "ff", "80", "e9", "c3", "e282", "f09f98", "c080", "c181", "e080af", "f08080af", "eda080", "edb080",
            "eda0bdedb880", "f4908080", "f888808080", "fffe" })
    void refusesInvalidUtf8(String hex) throws Exception {
        String bytes = new String(HexFormat.of().parseHex(hex), StandardCharsets.ISO_8859_1);

        for (String field : List.of("\"name\": \"a@@\"", "\"url\": \"https://a.studio/@@\"", "\"description\": \"@@b\"",
                "\"signing_secret\": \"@@\"", "\"headers\": {\"X-A\": \"@@\"}", "\"headers\": {\"X@@\": \"x\"}", "\"@@\": 1",
                "\"type\": \"@@\"")) {
            Json problem = problem(in(Api.ACTIONS, field, bytes, StandardCharsets.ISO_8859_1), 400, null);
            assertThat(problem.getString("code")).as(field).isIn("invalid_json", "invalid_body");
        }
        String run = there("/run");
        for (String field : List.of("\"entity_name\": \"@@\"", "\"task_type_name\": \"SH@@\"")) {
            Json problem = problem(in(run, field, bytes, StandardCharsets.ISO_8859_1), 400, null);
            assertThat(problem.getString("code")).as(field).isIn("invalid_json", "invalid_body");
        }
    }

    /** RFC 8259, section 8.1: JSON is UTF-8, even if the media type names another charset. */
    @ParameterizedTest
    @CsvSource({ "ISO-8859-1, application/json", "ISO-8859-1, application/json; charset=ISO-8859-1", "UTF-16, application/json",
            "UTF-16LE, application/json; charset=UTF-16LE", "UTF-16BE, application/json", "UTF-32, application/json" })
    void neverManglesTextInOtherCharsets(String charset, String mediaType) throws Exception {
        String name = "Café " + UUID.randomUUID();
        byte[] body = DRAFT.formatted("\"description\": \"" + name + "\"").getBytes(Charset.forName(charset));

        HttpResponse<String> answer = send("POST", Api.ACTIONS, body, "Content-Type", mediaType);

        if (answer.statusCode() == 201) {
            assertThat(Json.of(answer.body()).getString("description")).isEqualTo(name);
        } else {
            assertThat(answer.statusCode()).isIn(400, 415);
            problem(answer, answer.statusCode(), null);
        }
    }

    @Test
    void readsUtf8() throws Exception {
        byte[] body = DRAFT.formatted("\"description\": \"Café 😀 \\ud83d\\ude00\"").getBytes(StandardCharsets.UTF_8);

        HttpResponse<String> answer = send("POST", Api.ACTIONS, body, "Content-Type", "application/json");

        assertThat(answer.statusCode()).isEqualTo(201);
        assertThat(Json.of(answer.body()).getString("description")).isEqualTo("Café 😀 😀");
    }

    // JSON that could exhaust the parser

    static Stream<String> deep() {
        String lists = "[".repeat(10_000) + "]".repeat(10_000);
        String objects = "{\"a\":".repeat(10_000) + "1" + "}".repeat(10_000);
        return Stream.of(lists, objects, "[".repeat(100_000), DRAFT.formatted("\"description\": " + lists),
                DRAFT.formatted("\"headers\": " + objects), DRAFT.formatted("\"id\": " + lists),
                DRAFT.formatted("\"type\": " + objects),
                DRAFT.formatted("\"nope\": " + lists), "{\"targets\": " + lists + "}", "{\"targets\": [" + objects + "]}",
                "{\"action\": " + objects + "}");
    }

    @ParameterizedTest(name = "{index}")
    @MethodSource("deep")
    void refusesTenThousandLevelsOfNesting(String body) throws Exception {
        for (HttpResponse<String> answer : everywhere(body)) {
            Json problem = problem(answer, 400, null);
            assertThat(problem.getString("code")).isIn("invalid_json", "invalid_body");
        }
    }

    @ParameterizedTest(name = "{index}")
    @ValueSource(strings = { "timeout_ms", "name", "id", "nope", "is_ajax", "headers" })
    void refusesANumberOfTwoThousandDigits(String field) throws Exception {
        for (String digits : List.of("9".repeat(2000), "-" + "9".repeat(2000), "0." + "9".repeat(2000),
                "1e" + "9".repeat(2000))) {
            for (HttpResponse<String> answer : everywhere(
                    DRAFT.formatted("\"" + field + "\": " + digits).replace("\"name\": \"n\", ", ""))) {
                Json problem = problem(answer, 400, null);
                assertThat(problem.getString("code")).isIn("invalid_json", "invalid_body");
            }
        }
    }

    // Media types

    @ParameterizedTest
    @ValueSource(strings = { "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
            "application/xml",
            "application/octet-stream", "text/json", "application/merge-patch+json", "application/json-patch+json", "*/*" })
    void refusesAnotherMediaType(String mediaType) throws Exception {
        byte[] body = DRAFT.formatted("\"enabled\": true").getBytes(StandardCharsets.UTF_8);

        for (String path : List.of(Api.ACTIONS, ACTION + "/run", ACTION + "/preview", Api.ACTIONS + "/preview")) {
            HttpResponse<String> answer = send("POST", path, body, "Content-Type", mediaType);
            problem(answer, 415, "unsupported_media_type");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "nonsense", "/", "application/", "application/json/json", "" })
    void refusesAnInvalidMediaType(String mediaType) throws Exception {
        HttpResponse<String> answer = send("POST", Api.ACTIONS, bytes(DRAFT.formatted("\"enabled\": true")), "Content-Type",
                mediaType);

        assertThat(answer.statusCode()).isIn(400, 415);
        problem(answer, answer.statusCode(), null);
    }

    @Test
    void refusesABodyWithoutAMediaType() throws Exception {
        HttpResponse<String> answer = send("POST", Api.ACTIONS, bytes(DRAFT.formatted("\"enabled\": true")));

        problem(answer, 415, "unsupported_media_type");
    }

    @ParameterizedTest
    @CsvSource({ "POST, ''", "PUT, /{id}", "PATCH, /{id}", "POST, /{id}/run", "POST, /{id}/preview", "POST, /preview" })
    void refusesARequestWithoutABody(String verb, String path) throws Exception {
        String there = Api.ACTIONS + path.replace("{id}", stored());

        HttpResponse<String> answer = exchange(verb, there, HttpRequest.BodyPublishers.noBody());

        assertThat(answer.statusCode()).isIn(400, 415);
        problem(answer, answer.statusCode(), null);
    }

    @ParameterizedTest
    @CsvSource({ "GET, ''", "GET, /{id}", "POST, ''", "PUT, /{id}", "PATCH, /{id}", "POST, /{id}/run", "GET, /runs" })
    void answersJsonOnly(String verb, String path) {
        String name = "406 " + UUID.randomUUID();
        String there = Api.ACTIONS + path.replace("{id}", stored());

        for (String accept : List.of("text/html", "application/xml, text/plain")) {
            problem(Api.admin().accept(accept).body(Api.draft("name", name)).request(verb, there), 406, "not_acceptable");
        }
        Api.admin().get(Api.ACTIONS + "?q=" + name.replace(" ", "%20")).then().body(has("data", hasSize(0)));
    }

    /** If an operation answers without a body, generated clients accept only the media types of its documented problems. */
    @ParameterizedTest
    @ValueSource(strings = { "application/problem+json", "application/json", "text/html", "*/*" })
    void deletesWhateverMediaTypeIsAccepted(String accept) {
        Api.admin().accept(accept).delete(Api.ACTIONS + "/" + stored()).then().statusCode(204);
        problem(Api.admin().accept(accept).delete(Api.ACTIONS + "/" + ID), 404, "not_found");
    }

    @ParameterizedTest
    @ValueSource(strings = { "*/*", "application/*", "text/html, */*;q=0.1", "application/json;q=0.5",
            "application/problem+json, application/json" })
    void answersClientsThatAcceptJson(String accept) {
        Api.admin().accept(accept).get(Api.ACTIONS + "?limit=1").then().statusCode(200).contentType("application/json");
    }

    // Paths, verbs and ids

    @ParameterizedTest
    @ValueSource(strings = { "/nope", "/api", "/api/nope", "/api/actions", "/api/custom-actionsx",
            "/api/custom-actions/{id}/nope",
            "/api/custom-actions/{id}/run/nope", "/api/custom-actions/runs/{id}/nope", "/api/custom-actions/a/b/c/d" })
    void answersNotFoundForUnknownPaths(String path) {
        for (String verb : List.of("GET", "POST", "DELETE")) {
            problem(Api.admin().body("{}").request(verb, path.replace("{id}", ID)), 404, "not_found");
        }
        problem(Api.admin().accept("text/html").get(path.replace("{id}", ID)), 404, "not_found");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "DELETE | /api/custom-actions | GET, HEAD, OPTIONS, POST",
            "PUT | /api/custom-actions | GET, HEAD, OPTIONS, POST",
            "PATCH | /api/custom-actions | GET, HEAD, OPTIONS, POST",
            "DELETE | /api/custom-actions/ | GET, HEAD, OPTIONS, POST",
            "BREW | /api/custom-actions | GET, HEAD, OPTIONS, POST",
            "POST | /api/custom-actions/{id} | DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
            "BREW | /api/custom-actions/{id} | DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
            "GET | /api/custom-actions/{id}/run | OPTIONS, POST",
            "PUT | /api/custom-actions/{id}/run | OPTIONS, POST",
            "DELETE | /api/custom-actions/{id}/preview | OPTIONS, POST",
            "DELETE | /api/custom-actions/runs/{id} | GET, HEAD, OPTIONS",
            "POST | /api/custom-actions/{id}/history | GET, HEAD, OPTIONS",
            "GET | /api/custom-actions/{id}/restore | OPTIONS, POST",
            "GET | /api/custom-actions/import | OPTIONS, POST",
            "DELETE | /api/custom-actions/import | OPTIONS, POST",
            "PUT | /api/custom-actions/export | GET, HEAD, OPTIONS",
            "PUT | /api/custom-actions/audit | GET, HEAD, OPTIONS",
            "GET | /api/custom-actions/take-over | OPTIONS, POST",
            "GET | /api/custom-actions/runs/cancel | OPTIONS, POST" })
    void namesTheAllowedMethodsOfAPathInARefusal(String verb, String path, String verbs) {
        Response answer = Api.admin().body("{}").request(verb, path.replace("{id}", ID));

        problem(answer, 405, "method_not_allowed");
        assertThat(answer.header("Allow").split(", ")).containsExactlyInAnyOrder(verbs.split(", "));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "/api/custom-actions | GET, HEAD, OPTIONS, POST",
            "/api/custom-actions/{id} | DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
            "/api/custom-actions/{id}/run | OPTIONS, POST",
            "/api/custom-actions/runs/cancel | OPTIONS, POST",
            "/api/custom-actions/stats | GET, HEAD, OPTIONS" })
    void answersOptionsWithTheAllowedMethods(String path, String verbs) {
        Response answer = Api.admin().options(path.replace("{id}", ID));

        assertThat(answer.statusCode()).isBetween(200, 299);
        assertThat(answer.header("Allow").split(", ")).containsExactlyInAnyOrder(verbs.split(", "));
    }

    @ParameterizedTest
    @ValueSource(strings = { "GET /api/custom-actions/x HTTP/1.0", "GET /api/custom-actions HTTP/1.0",
            "GET /api/custom-actions HTTP/1.1", "GET /api/custom-actions HTTP/1.1\r\nHost: a b",
            "GET /api/custom-actions HTTP/1.1\r\nHost: [::::]",
            "GET /api/custom-actions HTTP/1.1\r\nHost: [x]:80", "GET /api/custom-actions HTTP/1.1\r\nHost: [1.2]",
            "GET /api/custom-actions HTTP/1.0\r\nHost: ", "GET /nope HTTP/1.1\r\nHost: x:99999" })
    void requiresAValidHostHeader(String head) throws Exception {
        try (Socket socket = new Socket("127.0.0.1", RestAssured.port)) {
            socket.getOutputStream().write((head + "\r\n" + BEARER + "Connection: close\r\n\r\n")
                    .getBytes(StandardCharsets.ISO_8859_1));
            String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

            assertThat(answer).startsWith("HTTP/1.").contains(" 400 ", "application/problem+json", "bad_request", "'Host'");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "+5", "05", "%D9%A5", "5.0", "0x5", "1e1", "%2B5", "-0" })
    void refusesOtherNotationsOfNumbersInParameters(String number) {
        problem(Api.admin().get(Api.ACTIONS + "?limit=" + number), 400, "invalid_parameter");
    }

    @ParameterizedTest
    @ValueSource(strings = { "br", "gzip", "deflate", "x" })
    void refusesACompressedBody(String encoding) throws Exception {
        byte[] body = bytes(DRAFT.formatted("\"enabled\": true"));

        problem(send("POST", Api.ACTIONS, body, "Content-Type", "application/json", "Content-Encoding", encoding), 415,
                "unsupported_media_type");
        assertThat(send("POST", Api.ACTIONS, body, "Content-Type", "application/json; charset=UTF-8", "Content-Encoding",
                "identity").statusCode()).isEqualTo(201);
    }

    @Test
    void refusesUnknownFieldsInAMergePatchEvenWhenNull() {
        String path = Api.ACTIONS + "/" + stored();

        problem(Api.admin().body("{\"nonsense\": null}").patch(path), 400, "invalid_body");
        Api.admin().body("{\"description\": null, \"id\": null, \"headers\": {\"X-None\": null}}").patch(path).then()
                .statusCode(200);
    }

    @ParameterizedTest
    @ValueSource(strings = { "nope", "1", "1-1-1-1-1", "%00", "63f8a332-e209-4f8c-b384-747d5eda4b5%00",
            "63f8a332-e209-4f8c-b384-747d5eda4b570", "63f8a332-e209-4f8c-b384-747d5eda4b5", "63f8a332e2094f8cb384747d5eda4b57",
            "%7B63f8a332-e209-4f8c-b384-747d5eda4b57%7D", "63f8a332-e209-4f8c-b384-747d5eda4b57%20",
            "63f8a332-e209-4f8c-b384-747d5eda4b57%0A", "g3f8a332-e209-4f8c-b384-747d5eda4b57", "Y%2FijMuIJT4yzhHR9XtpLVw%3D%3D",
            "%F0%9F%98%80", "%ff", "'%20or%201=1", "..%2f..%2fetc%2fpasswd" })
    void refusesAMalformedId(String id) {
        for (String verb : List.of("GET", "PUT", "PATCH", "DELETE")) {
            problem(Api.admin().body(Api.draft()).request(verb, Api.ACTIONS + "/" + id), 400, "malformed_id");
        }
        for (String path : List.of("/run", "/preview")) {
            problem(Api.admin().body(Map.of("targets", List.of(Api.shot()))).post(Api.ACTIONS + "/" + id + path), 400,
                    "malformed_id");
        }
        problem(Api.admin().get(Api.RUNS + "/" + id), 400, "malformed_id");
    }

    @Test
    void acceptsAnIdInCapitals() {
        String id = stored();

        Api.admin().get(Api.ACTIONS + "/" + id.toUpperCase()).then().statusCode(200).body(has("id", equalTo(id)));
    }

    @ParameterizedTest
    @CsvSource({ "GET, /{id}", "PUT, /{id}", "PATCH, /{id}", "DELETE, /{id}", "POST, /{id}/run", "POST, /{id}/preview",
            "GET, /runs/{id}" })
    void saysThatAnIdIsUnknown(String verb, String path) {
        Object body = path.endsWith("run") || path.endsWith("preview") ? Map.of("targets", List.of(Api.shot())) : Api.draft();

        Json problem = problem(Api.admin().body(body).request(verb, Api.ACTIONS + path.replace("{id}", ID)), 404,
                "not_found");

        assertThat(problem.getString("detail")).contains(ID);
    }

    // Query parameters

    @ParameterizedTest
    @CsvSource({ "'', cursor=x, cursor", "'', cursor=%00, cursor", "'', cursor=MSBh, cursor", "'', page=1, page",
            "'', limit=0, limit", "'', limit=-1, limit",
            "'', limit=1001, limit",
            "'', limit=all, limit", "'', entity_type=banana, entity_type",
            "'', entity_type=SHOT, entity_type", "'', entity_type=%00, entity_type",
            "'', enabled=maybe, enabled", "'', enabled=TRUE, enabled", "'', enabled=1, enabled",
            "/runs, state=banana, state", "/runs, since=yesterday, since", "/runs, since=2026-11-23, since",
            "/runs, cursor=nope, cursor", "/runs, cursor=%00, cursor", "/runs, limit=0, limit", "/runs, limit=501, limit",
            "/runs, limit=x, limit" })
    void refusesTheParameterAndNamesIt(String path, String query, String name) {
        Json problem = problem(Api.admin().get(Api.ACTIONS + path + "?" + query), 400, "invalid_parameter");

        assertThat(problem.getString("detail")).contains("'" + name + "'");
        assertThat(problem.getList("errors.pointer")).containsExactly(name);
    }

    @ParameterizedTest
    @ValueSource(strings = { "action_id", "caller" })
    void refusesTheIdInAParameterAndNamesIt(String name) {
        for (String value : List.of("nope", "1-1-1-1-1", "%00")) {
            Json problem = problem(Api.admin().get(Api.RUNS + "?" + name + "=" + value), 400, "malformed_id");
            assertThat(problem.getString("detail")).contains("'" + name + "'");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "%00", "%ED%A0%80", "%ff", "%F0%9F%98%80", "%25zz" })
    void answersEverySearchText(String q) {
        Api.admin().get(Api.ACTIONS + "?q=" + q).then().statusCode(200);
    }

    /** Quarkus refuses an invalid URI without a body, before our code runs. */
    @ParameterizedTest
    @ValueSource(strings = { "/%zz", "?q=%", "?q={entity_id}", "?q=%zz" })
    void refusesAnInvalidUri(String uri) throws IOException {
        assertThat(raw(bytes("GET " + Api.ACTIONS + uri + " HTTP/1.1\r\nHost: localhost\r\n" + BEARER
                + "Connection: close\r\n\r\n"))).startsWith("HTTP/1.1 400 ");
    }

    // Bodies that are too large

    static Stream<Arguments> bodies() {
        String draft = "{\"name\": \"n\", \"url\": \"https://a.studio/\", \"description\": \"";
        return Stream.of(
                arguments("a draft", draft + "x".repeat(2 * MEGABYTE) + "\"}"),
                arguments("spaces before it", " ".repeat(2 * MEGABYTE) + draft + "\"}"),
                arguments("spaces behind it", draft + "\"}" + " ".repeat(2 * MEGABYTE)),
                arguments("many headers", DRAFT.formatted("\"headers\": {" + "\"X-A\": \"1\", ".repeat(150_000) + "}")),
                arguments("far more", draft + "x".repeat(12 * MEGABYTE) + "\"}"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("bodies")
    void refusesTwoMegabytes(String what, String body) throws Exception {
        HttpResponse<String> announced = send("POST", Api.ACTIONS, bytes(body), "Content-Type", "application/json");
        HttpResponse<String> chunked = exchange("POST", Api.ACTIONS,
                HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes(body))), "Content-Type",
                "application/json");

        // This body also repeats a key, which is an error of its own.
        List<String> codes = what.equals("many headers") ? List.of("too_large", "invalid_json") : List.of("too_large");
        for (HttpResponse<String> answer : List.of(announced, chunked)) {
            assertThat(problem(answer, answer.statusCode(), null).getString("code")).isIn(codes);
        }
    }

    @ParameterizedTest
    @CsvSource({ "POST, ''", "PUT, /{id}", "PATCH, /{id}", "POST, /preview", "POST, /{id}/preview", "POST, /{id}/run" })
    void refusesTwoMegabytesOnEveryPath(String verb, String path) throws Exception {
        String there = Api.ACTIONS + path.replace("{id}", stored());

        problem(send(verb, there, bytes("{\"name\": \"" + "x".repeat(2 * MEGABYTE) + "\"}"), "Content-Type",
                "application/json"),
                413, "too_large");
    }

    @ParameterizedTest
    @ValueSource(ints = { 2, 12 })
    void clientsThatSendEverythingCanReadThatItIsTooLarge(int megabytes) throws IOException {
        byte[] body = bytes("{\"name\": \"" + "x".repeat(megabytes * MEGABYTE) + "\"}");

        String answer = raw(
                head("POST", Api.ACTIONS, BEARER + "Content-Type: application/json\r\nContent-Length: " + body.length),
                body);
        assertThat(answer).startsWith("HTTP/1.1 413 ");
        problem(bodyOf(answer), Api.ACTIONS, 413, "too_large");

        byte[] chunk = bytes(
                Integer.toHexString(body.length) + "\r\n" + new String(body, StandardCharsets.UTF_8) + "\r\n0\r\n\r\n");
        String chunked = raw(head("POST", Api.ACTIONS, BEARER + "Content-Type: application/json\r\nTransfer-Encoding: chunked"),
                chunk);
        assertThat(chunked).startsWith("HTTP/1.1 413 ");
        problem(bodyOf(chunked), Api.ACTIONS, 413, "too_large");
    }

    /** Clients can also read a refusal that is sent before the body has been read to its end. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "no token | POST | /api/custom-actions | application/json | 401",
            "no JSON | POST | /api/custom-actions | application/json | 400 413",
            "an unknown field | POST | /api/custom-actions | application/json | 400 413",
            "an unknown path | POST | /api/custom-actions/a/b/c | application/json | 404",
            "a wrong verb | DELETE | /api/custom-actions | application/json | 405",
            "a media type | POST | /api/custom-actions | text/plain | 415",
            "a malformed id | PUT | /api/custom-actions/nope | application/json | 400 413",
            "an unknown id | PUT | /api/custom-actions/63f8a332-e209-4f8c-b384-747d5eda4b57 | application/json | 404 413" })
    void clientsThatSendEverythingCanReadEveryRefusal(String what, String verb, String path, String mediaType, String statuses)
            throws IOException {
        for (int megabytes : new int[] { 2, 12 }) {
            byte[] body = bytes((what.equals("no JSON") ? "nope"
                    : what.equals("an unknown field") ? "{\"colour\": 1, \"name\": \""
                            : "{\"name\": \"")
                    + "x".repeat(megabytes * MEGABYTE) + "\"}");

            String answer = raw(head(verb, path, (what.equals("no token") ? "" : BEARER) + "Content-Type: " + mediaType
                    + "\r\nContent-Length: " + body.length), body);

            int status = Integer.parseInt(answer.substring(9, 12));
            assertThat(statuses.split(" ")).as(what).contains("" + status);
            problem(bodyOf(answer), path, status, null);
        }
    }

    @Test
    void refusesExpectContinueForATooLargeBody() throws IOException {
        try (Socket socket = connect()) {
            socket.getOutputStream().write(head("POST", Api.ACTIONS, BEARER + "Content-Type: application/json\r\n"
                    + "Expect: 100-continue\r\nContent-Length: " + 2 * MEGABYTE));

            String answer = answer(socket.getInputStream());

            assertThat(answer).startsWith("HTTP/1.1 413 ");
            problem(bodyOf(answer), Api.ACTIONS, 413, "too_large");
        }
    }

    @Test
    void refusesExpectContinueWithoutAToken() throws IOException {
        try (Socket socket = connect()) {
            socket.getOutputStream().write(head("POST", Api.ACTIONS, "Content-Type: application/json\r\n"
                    + "Expect: 100-continue\r\nContent-Length: " + 2 * MEGABYTE));

            String answer = answer(socket.getInputStream());

            assertThat(answer).containsPattern("^HTTP/1.1 (401|413) ");
            problem(bodyOf(answer), Api.ACTIONS, Integer.parseInt(answer.substring(9, 12)), null);
        }
    }

    @Test
    void refusesAFarTooLargeContentLengthAtOnce() throws IOException {
        try (Socket socket = connect()) {
            socket.getOutputStream().write(head("POST", Api.ACTIONS, BEARER + "Content-Type: application/json\r\n"
                    + "Content-Length: " + 100L * MEGABYTE));

            String answer = answer(socket.getInputStream());

            assertThat(answer).startsWith("HTTP/1.1 413 ");
            problem(bodyOf(answer), Api.ACTIONS, 413, "too_large");
        }
    }

    @Test
    void refusesATooLargeChunkedBodyWithExpectContinue() throws IOException {
        byte[] body = bytes("{\"name\": \"" + "x".repeat(2 * MEGABYTE) + "\"}");
        byte[] chunk = bytes(
                Integer.toHexString(body.length) + "\r\n" + new String(body, StandardCharsets.UTF_8) + "\r\n0\r\n\r\n");

        String answer = raw(head("POST", Api.ACTIONS, BEARER + "Content-Type: application/json\r\nExpect: 100-continue\r\n"
                + "Transfer-Encoding: chunked"), chunk);

        assertThat(answer).contains("HTTP/1.1 413 ");
        problem(bodyOf(answer), Api.ACTIONS, 413, "too_large");
    }

    @Test
    void answersExpectContinueForASmallBody() throws IOException {
        byte[] body = bytes(DRAFT.formatted("\"enabled\": true"));
        try (Socket socket = connect()) {
            socket.getOutputStream().write(head("POST", Api.ACTIONS, BEARER + "Content-Type: application/json\r\n"
                    + "Expect: 100-continue\r\nContent-Length: " + body.length));
            byte[] first = socket.getInputStream().readNBytes("HTTP/1.1 100".length());
            socket.getOutputStream().write(body);

            assertThat(new String(first, StandardCharsets.US_ASCII)).isEqualTo("HTTP/1.1 100");
            assertThat(new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8)).contains("HTTP/1.1 201 ");
        }
    }

    @Test
    void acceptsOneMegabyteAndNoMore() throws Exception {
        String draft = DRAFT.formatted("\"enabled\": true");
        String exactly = draft + " ".repeat(MEGABYTE - draft.length());

        assertThat(send("POST", Api.ACTIONS, bytes(exactly), "Content-Type", "application/json").statusCode()).isEqualTo(201);
        problem(send("POST", Api.ACTIONS, bytes(exactly + " "), "Content-Type", "application/json"), 413, "too_large");
    }

    @Test
    void keepsTheConnectionOpenAfterARefusal() throws IOException {
        byte[] body = bytes("{\"name\": \"" + "x".repeat(2 * MEGABYTE) + "\"}");
        byte[] large = head("POST", Api.ACTIONS, BEARER + "Content-Type: application/json\r\nContent-Length: " + body.length);
        byte[] kept = bytes(new String(large, StandardCharsets.US_ASCII).replace("Connection: close\r\n", ""));

        try (Socket socket = connect()) {
            OutputStream out = socket.getOutputStream();
            out.write(kept);
            out.write(body);
            out.flush();
            String first = answer(socket.getInputStream());

            assertThat(first).startsWith("HTTP/1.1 413 ");
            if (!first.toLowerCase().contains("\r\nconnection: close")) {
                out.write(head("GET", Api.ACTIONS + "?limit=1", BEARER.strip()));
                assertThat(answer(socket.getInputStream())).startsWith("HTTP/1.1 200 ");
            }
        }
    }

    // Authentication

    static Stream<Arguments> wrongTokens() {
        String basic = Base64.getEncoder().encodeToString(("admin:" + Services.TOKEN).getBytes(StandardCharsets.UTF_8));
        return Stream.of("Bearer wrong", "Bearer", "Bearer ", "Bearer  ", "Bearer null", "Bearer undefined", "bearer wrong",
                "Bearer " + Services.TOKEN.toUpperCase(), "Bearer " + Services.TOKEN + "x", "Bearer x" + Services.TOKEN,
                "Bearer " + Services.TOKEN.substring(1), "Bearer " + Services.TOKEN + ", Bearer " + Services.TOKEN,
                "Bearer \"" + Services.TOKEN + "\"", "Bearer" + Services.TOKEN, Services.TOKEN, "Basic " + basic,
                "Token " + Services.TOKEN, "Digest " + Services.TOKEN, "Bearer token=" + Services.TOKEN, "Bearer é", "")
                .map(header -> arguments("Authorization", header));
    }

    @ParameterizedTest
    @MethodSource("wrongTokens")
    @CsvSource({ "Cookie, access_token_cookie=" + Services.TOKEN, "Cookie, Authorization=Bearer " + Services.TOKEN,
            "X-Authorization, Bearer " + Services.TOKEN, "X-Api-Key, " + Services.TOKEN,
            "Proxy-Authorization, Bearer " + Services.TOKEN,
            "X-Unrelated, 1" })
    void refusesAMissingOrInvalidToken(String header, String value) {
        Response answer = given().header(header, value).contentType("application/json").body(Api.draft()).post(Api.ACTIONS);

        problem(answer, 401, "unauthenticated");
        assertThat(answer.header("WWW-Authenticate")).startsWith("Bearer realm=");
        assertThat(answer.asString()).doesNotContain(Services.TOKEN);
    }

    @ParameterizedTest
    @ValueSource(strings = { "token", "access_token", "Authorization", "jwt" })
    void doesNotTakeTheTokenFromTheQuery(String name) {
        problem(given().get(Api.ACTIONS + "?" + name + "=" + Services.TOKEN), 401, "unauthenticated");
    }

    @Test
    void doesNotTakeTheTokenFromTheBody() {
        problem(given().contentType("application/json").body(Api.draft("token", Services.TOKEN)).post(Api.ACTIONS), 401,
                "unauthenticated");
    }

    /** RFC 9110, section 11.1: the name of an authentication scheme is case-insensitive. */
    @ParameterizedTest
    @ValueSource(strings = { "Bearer", "bearer", "BEARER" })
    void acceptsTheBearerSchemeInAnyCase(String scheme) {
        given().header("Authorization", scheme + " " + Services.TOKEN).get(Api.ACTIONS + "?limit=1").then().statusCode(200);
    }

    @Test
    void checksTheTokenBeforeTheBody() {
        problem(given().contentType("application/json").body("{").post(Api.ACTIONS), 401, "unauthenticated");
        problem(given().contentType("application/json").body(Api.draft()).put(ACTION), 401, "unauthenticated");
    }

    @Test
    void everyProblemHasAnIdOfItsOwn() {
        List<String> ids = Stream.generate(() -> Json.of(Api.admin().get(ACTION)).<String> get("id")).limit(5).toList();

        assertThat(ids).doesNotHaveDuplicates();
    }

    @Test
    void aStaleVersionIsAProblem() {
        problem(Api.admin().header("If-Match", "\"0\"").body(Api.draft()).put(Api.ACTIONS + "/" + stored()), 412,
                "stale_version");
    }

    @Test
    void anUnknownEntityTypeIsAProblem() {
        post(DRAFT.formatted("\"entity_type\": \"banana\"")).then().statusCode(400).body(has("code", equalTo("invalid_body"),
                "errors.pointer", contains("/entity_type"), "errors[0].message", containsString("shot")));
    }

    // Helpers

    private static String stored() {
        return Api.ajax("https://api.studio.com/" + UUID.randomUUID());
    }

    private static Response post(String body) {
        return Api.admin().body(body).post(Api.ACTIONS);
    }

    /** Sends a body to every operation that takes one and returns the answers. */
    private static List<HttpResponse<String>> everywhere(String body) throws Exception {
        String path = Api.ACTIONS + "/" + stored();
        List<HttpResponse<String>> answers = new ArrayList<>();
        for (String there : List.of("POST " + Api.ACTIONS, "PUT " + path, "PATCH " + path, "POST " + path + "/preview",
                "POST " + path + "/run", "POST " + Api.ACTIONS + "/preview")) {
            String[] words = there.split(" ");
            answers.add(send(words[0], words[1], bytes(body), "Content-Type", "application/json"));
        }
        return answers;
    }

    /** Posts a draft or a press that has the text in the given field. */
    private static HttpResponse<String> in(String there, String field, String text, Charset charset) throws Exception {
        String body = there.equals(Api.ACTIONS) ? DRAFT : TARGET;
        // Removes the field from the body if it is there already.
        String others = body.replaceFirst("\"" + field.split("\"")[1].replace("project", "production") + "\": \"[^\"]*\", ",
                "");
        return send("POST", there, others.replace("%s", field.replace("@@", text)).getBytes(charset), "Content-Type",
                "application/json");
    }

    private static String there(String path) {
        return path.isEmpty() ? Api.ACTIONS : Api.ACTIONS + "/" + stored() + path;
    }

    private static Json problem(HttpResponse<String> answer, int status, String code) {
        assertThat(answer.statusCode()).as(answer.request().method() + " " + answer.uri() + ": " + answer.body())
                .isEqualTo(status);
        assertThat(answer.headers().firstValue("Content-Type")).hasValueSatisfying(
                type -> assertThat(type).startsWith(Problem.MEDIA_TYPE));
        return problem(answer.body(), answer.uri().getRawPath(), status, code);
    }

    private static Json problem(Response answer, int status, String code) {
        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(status);
        assertThat(answer.contentType()).startsWith(Problem.MEDIA_TYPE);
        return problem(answer.asString(), null, status, code);
    }

    /** Checks the form of a problem; a path or code of null is not checked. */
    private static Json problem(String body, String path, int status, String code) {
        Json json = Json.of(body);
        Map<String, Object> problem = json.getMap("");
        assertThat(problem).as(body).containsEntry("status", status).containsEntry("error", true)
                .containsEntry("message", problem.get("detail"));
        String told = (String) problem.get("code");
        assertThat(told).as(body).matches("[a-z_]+").isEqualTo(code == null ? told : code);
        assertThat(problem).containsEntry("type", "urn:kitsu-actions:problem:" + told);
        assertThat((String) problem.get("title")).isNotBlank();
        assertThat((String) problem.get("detail")).isNotBlank();
        assertThat((String) problem.get("instance")).startsWith(path == null ? "/" : path).doesNotContain("?");
        assertThat(UUID.fromString((String) problem.get("id"))).isNotNull();
        assertThat(problem.keySet()).isSubsetOf("type", "title", "status", "detail", "instance", "code", "id", "errors",
                "error", "message");
        if (told.equals("invalid_body")) {
            assertThat((List<?>) problem.get("errors")).isNotEmpty().allSatisfy(
                    fault -> assertThat(((Map<?, ?>) fault).keySet()).isEqualTo(Set.of("pointer", "code", "message")));
        }
        return json;
    }

    private static HttpResponse<String> send(String verb, String path, byte[] body, String... headers) throws Exception {
        return exchange(verb, path, HttpRequest.BodyPublishers.ofByteArray(body), headers);
    }

    private static HttpResponse<String> exchange(String verb, String path, HttpRequest.BodyPublisher body, String... headers)
            throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://localhost:" + RestAssured.port + path))
                .header("Authorization", "Bearer " + Services.TOKEN).method(verb, body);
        for (int i = 0; i < headers.length; i += 2) {
            request.header(headers[i], headers[i + 1]);
        }
        return CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    /** Sends the whole request before reading, as simple clients do, and returns all until the connection is closed. */
    private static String raw(byte[]... request) throws IOException {
        try (Socket socket = connect()) {
            for (byte[] part : request) {
                socket.getOutputStream().write(part);
            }
            socket.getOutputStream().flush();
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static Socket connect() throws IOException {
        Socket socket = new Socket("localhost", RestAssured.port);
        socket.setSoTimeout(30_000);
        return socket;
    }

    private static byte[] head(String verb, String path, String headers) {
        return bytes(verb + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + "\r\n\r\n");
    }

    /** Reads one answer from a connection that stays open. */
    private static String answer(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int c = in.read();
            assertThat(c).as("the connection ended behind: " + head).isNotNegative();
            head.append((char) c);
        }
        int length = Arrays.stream(head.toString().toLowerCase().split("\r\n"))
                .filter(line -> line.startsWith("content-length:"))
                .map(line -> Integer.parseInt(line.substring(15).strip())).findFirst().orElse(0);
        return head + new String(in.readNBytes(length), StandardCharsets.UTF_8);
    }

    private static String bodyOf(String answer) {
        return answer.substring(answer.lastIndexOf("\r\n\r\n") + 4);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
