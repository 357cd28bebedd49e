package studio.actions.kitsu;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.params.provider.Arguments.arguments;
import static studio.actions.testing.Json.has;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.response.Response;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.FakeZou.Fault;
import studio.actions.testing.FakeZou.Request;

/** The user context, which Kitsu loads at every login: Zou's answer with our actions in it. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class UserContextTest {

    private static final String CONTEXT = "/api/data/user/context";
    private static final String ZOUS = "/data/user/context";
    private static final int LIMIT = 64 * 1024 * 1024;
    private static final String LONG = "é".repeat(100_000);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private final FakeZou zou = FakeZou.shared();

    @BeforeEach
    void onlyTheFake() {
        Assumptions.assumeTrue(BesideKitsu.fake());
    }

    @AfterEach
    void asRecorded() {
        zou.resetContext();
    }

    // ---- Zou's bytes

    @Test
    void replacesActionsInZousContext() throws Exception {
        BesideKitsu.ajax("https://api.studio.com/sync?e={entity_id}", "name", "É \"quoted\" 😀");
        String theirs = new String(zou.contextBytes(), StandardCharsets.UTF_8);
        String token = zou.login("admin");

        HttpResponse<byte[]> answer = context(token);

        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.headers().firstValue("Content-Type")).hasValueSatisfying(type -> assertThat(type)
                .startsWith("application/json"));
        JsonNode plugins = JSON.readTree(text(answer)).get("plugins");
        assertThat(plugins.get(plugins.size() - 1).get("plugin_id").asText()).isEqualTo("kitsu-actions");
        assertThat(text(answer)).isEqualTo(theirs.replace("\"custom_actions\":" + JSON.readTree(theirs).get("custom_actions"),
                "\"custom_actions\":" + list(token)).replace("\"plugins\":[]", "\"plugins\":" + plugins));
    }

    static Stream<Arguments> contexts() {
        return Stream.of(
                arguments("{\"custom_actions\":", "[]", "}"),
                arguments("{\"custom_actions\":", "[{\"id\":1}]", ",\"projects\":[]}"),
                arguments("{\"projects\":[],\"custom_actions\":", "null", "}"),
                arguments(" {\r\n\t\"projects\" : [ ] ,\n \"custom_actions\"\t:\r\n ", "{\"custom_actions\": [1]}",
                        " \n, \"z\" : 1.0e5 , \"a\" : -0.0 , \"m\":1E+02 }\n\n"),
                arguments("{\"projects\":[{\"custom_actions\":[1]}],\"text\":\"\\\"custom_actions\\\":[]\",\"custom_actions\":",
                        "[{\"custom_actions\":[2]}]", ",\"more\":{\"custom_actions\":{\"custom_actions\":3}}}"),
                arguments("{\"\\u00e9\":\"\\ud83d\\ude00\\/\",\"é\":\"😀\u2028\",\"custom_actions\":", "\"none\"",
                        ",\"big\":12345678901234567890.12345678901234567890,\"b\":1,\"a\":2,\"b\":3}"),
                arguments("{\"padding\":\"" + LONG + "\",\"custom_actions\":", "[" + "1,".repeat(100_000) + "1]",
                        ",\"padding\":\"" + "x".repeat(100_000) + "\"}"),
                // These two differ by one byte, so that a cut at any offset falls within a character of one of them.
                arguments("{\"custom_actions\":", "[]", ",\"padding\":\"" + LONG + "\"}"),
                arguments("{\"custom_actions\":", "[]", ", \"padding\":\"" + LONG + "\"}"));
    }

    @ParameterizedTest(name = "{index}")
    @MethodSource("contexts")
    void keepsEveryOtherByteOfZousContext(String before, String theirs, String after) throws Exception {
        zou.context(bytes(before + theirs + after));
        String token = zou.login("user");

        HttpResponse<byte[]> answer = context(token);

        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.body()).isEqualTo(bytes(before + list(token) + after));
        assertThat(answer.headers().firstValue("Content-Length")).hasValue(String.valueOf(answer.body().length));
    }

    @ParameterizedTest
    @ValueSource(strings = { "{}", " { \"projects\" : [{\"custom_actions\":[]}] } " })
    void leavesContextWithoutActionsUnchanged(String context) throws Exception {
        zou.context(bytes(context));

        HttpResponse<byte[]> answer = context(zou.login("user"));

        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(text(answer)).isEqualTo(context);
    }

    @Test
    void keepsTextLongerThanParserLimit() throws Exception {
        byte[] context = bytes("{\"text\":\"" + "x".repeat(21_000_000) + "\",\"custom_actions\":[]}");
        zou.context(context);

        byte[] read = context(zou.login("vendor")).body();
        int kept = context.length - "[]}".length();
        assertThat(Arrays.mismatch(read, 0, kept, context, 0, kept)).isEqualTo(-1);
    }

    // ---- Actions by role

    @ParameterizedTest
    @CsvSource({ "admin, all named (off)disabled forVendors", "manager, all", "supervisor, all", "user, all", "client, named",
            "vendor, forVendors" })
    void showsActionsByRole(String person, String seen) throws Exception {
        String mark = UUID.randomUUID().toString();
        BesideKitsu.ajax("https://api.studio.com/sync", "name", mark + " all");
        BesideKitsu.opened("https://wiki.studio/", "name", mark + " named", "roles", List.of("client"));
        BesideKitsu.opened("https://wiki.studio/", "name", mark + " disabled", "enabled", false, "roles",
                List.of("user", "manager", "supervisor", "client", "vendor"));
        BesideKitsu.opened("https://wiki.studio/", "name", mark + " forVendors", "roles", List.of("vendor"));

        List<String> names = actions(context(zou.login(person))).findValuesAsText("name").stream()
                .filter(name -> name.contains(mark)).map(name -> name.replaceFirst(mark + " ", "")).toList();

        assertThat(names).containsExactlyInAnyOrder(
                seen.isEmpty() ? new String[0] : seen.replace("(off)", "(off) ").split(" (?!disabled)"));
    }

    @Test
    void actionHasFieldsOfZousActions() throws Exception {
        String ajax = BesideKitsu.ajax("https://api.studio.com/sync?e={entity_id}", "name", "Sync of a context", "entity_type",
                "shot",
                "headers", Map.of("X-Queue", "fast"), "description", "hidden");
        String opened = BesideKitsu.opened("maya://open{?task_id}");
        String base = "/api/data/custom-actions/";
        JsonNode zous = JSON.readTree(zou.contextBytes()).get("custom_actions").get(0);

        JsonNode ours = actions(context(zou.login("user")));

        JsonNode one = action(ours, ajax);
        assertThat(one.fieldNames()).toIterable().containsExactlyElementsOf(zous::fieldNames);
        assertThat(one.get("name").asText()).isEqualTo("Sync of a context");
        assertThat(one.get("url").asText()).isEqualTo(base + ajax + "/run?v=1#https://api.studio.com/sync?e={entity_id}");
        assertThat(one.get("entity_type").asText()).isEqualTo("shot");
        assertThat(one.get("is_ajax").isBoolean()).isTrue();
        assertThat(one.get("is_ajax").asBoolean()).isTrue();
        assertThat(one.get("type").asText()).isEqualTo(zous.get("type").asText());
        assertThat(one.get("created_at").asText()).matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d");
        assertThat(one.get("updated_at").asText()).matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d");
        assertThat(action(ours, opened).get("url").asText()).isEqualTo(base + opened + "/open?v=1#maya://open{?task_id}");
        assertThat(action(ours, opened).get("is_ajax").asBoolean()).isFalse();
    }

    @Test
    void showsChangesImmediately() throws Exception {
        String token = zou.login("user");
        context(token);

        String id = BesideKitsu.opened("https://wiki.studio/", "name", "Before");
        assertThat(action(actions(context(token)), id).get("name").asText()).isEqualTo("Before");

        BesideKitsu.as("admin").body("{\"name\": \"After\"}").put(BesideKitsu.PATH + "/" + id).then().statusCode(200);
        assertThat(action(actions(context(token)), id).get("name").asText()).isEqualTo("After");

        BesideKitsu.as("admin").delete(BesideKitsu.PATH + "/" + id).then().statusCode(204);
        assertThat(action(actions(context(token)), id)).isNull();
    }

    // ---- Requests to Zou with the caller's credential

    @Test
    void readsZouWithCallersCredential() throws Exception {
        String bearer = zou.login("user");
        String cookie = zou.login("user");

        assertThat(context(bearer).statusCode()).isEqualTo(200);
        given().header("Cookie", "lang=fr; access_token_cookie=" + cookie).get(CONTEXT).then().statusCode(200);

        assertThat(zou.requests(bearer)).extracting(Request::path).containsExactly("/auth/authenticated", ZOUS);
        assertThat(zou.requests(bearer).get(1).headers()).containsEntry("Authorization", "Bearer " + bearer)
                .doesNotContainKey("Cookie");
        assertThat(zou.requests(cookie)).extracting(Request::path).containsExactly("/auth/authenticated", ZOUS);
        assertThat(zou.requests(cookie).get(1).headers()).containsEntry("Cookie", "access_token_cookie=" + cookie)
                .doesNotContainKey("Authorization");
    }

    @Test
    void refusesRequestsWithoutValidToken() {
        given().get(CONTEXT).then().statusCode(401).header("WWW-Authenticate", startsWith("Bearer"))
                .body(has("code", equalTo("unauthenticated")));
        for (Response answer : List.of(given().header("Authorization", "Bearer garbage").get(CONTEXT),
                given().header("Cookie", "access_token_cookie=garbage").get(CONTEXT))) {
            answer.then().statusCode(422).body(has("code", equalTo("malformed_token")));
        }
    }

    // ---- Zou's errors

    @ParameterizedTest
    @ValueSource(strings = { "bot", "bot2" })
    void refusesBotLikeZou(String bot) throws Exception {
        HttpResponse<byte[]> answer = context(zou.login(bot));

        assertThat(answer.statusCode()).isEqualTo(403);
        assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/json");
        assertThat(text(answer)).isEqualTo(recordedRefusal());
    }

    @ParameterizedTest
    @ValueSource(ints = { 400, 401, 403, 404, 418, 422, 429, 500, 502, 503, 504 })
    void passesOnErrorsUnchanged(int status) throws Exception {
        String html = "<html>\r\n<title>" + status + " é😀</title></html>\n";
        zou.context(status, "text/html; charset=utf-8", bytes(html));
        HttpResponse<byte[]> page = context(zou.login("user"));
        String json = "{\"error\":true, \"message\":\"\\u00e9 é\",\"custom_actions\":[1]}";
        zou.context(status, "application/json", bytes(json));
        HttpResponse<byte[]> object = context(zou.login("user"));

        assertThat(page.statusCode()).isEqualTo(status);
        assertThat(page.headers().firstValue("Content-Type"))
                .hasValueSatisfying(type -> assertThat(type.toLowerCase().replace(" ",
                        "")).isEqualTo("text/html;charset=utf-8"));
        assertThat(text(page)).isEqualTo(html);
        assertThat(object.statusCode()).isEqualTo(status);
        assertThat(object.headers().firstValue("Content-Type")).hasValue("application/json");
        assertThat(text(object)).isEqualTo(json);
    }

    /** A redirect from Zou may lead to an address that only the service can reach, not the browser. */
    @ParameterizedTest
    @ValueSource(ints = { 301, 302, 307 })
    void doesNotPassOnRedirects(int status) throws Exception {
        zou.context(status, "text/html", bytes("moved"));

        assertThat(context(zou.login("user")).statusCode()).isEqualTo(503);
    }

    @Test
    void passesOnErrorWithoutBody() throws Exception {
        zou.context(404, "text/plain", new byte[0]);

        HttpResponse<byte[]> answer = context(zou.login("user"));

        assertThat(answer.statusCode()).isEqualTo(404);
        assertThat(answer.body()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = { "application/json", "text/html" })
    void passesOnLongError(String type) throws Exception {
        byte[] body = bytes("{\"error\":true,\"message\":\"" + LONG.repeat(8) + "\"}");
        zou.context(500, type, body);

        HttpResponse<byte[]> answer = context(zou.login("user"));

        assertThat(answer.statusCode()).isEqualTo(500);
        assertThat(answer.body()).isEqualTo(body);
    }

    @ParameterizedTest
    @ValueSource(strings = { "text/html; charset=iso-8859-1", "application/octet-stream", "text/plain" })
    void keepsTheBytesOfAnErrorInAnyCharset(String type) throws Exception {
        byte[] body = { 'n', (byte) 0xe9, 'e', (byte) 0xff, 0, (byte) 0x80, '!' };
        zou.context(500, type, body);

        assertThat(context(zou.login("user")).body()).isEqualTo(body);
    }

    // ---- Answers that are not a context

    @ParameterizedTest
    @ValueSource(strings = { "", "[]", "[{\"custom_actions\":[]}]", "null", "\"context\"", "<!DOCTYPE html><html></html>",
            "{\"custom_actions\":[],\"projects\":[", "{\"custom_actions\":[", "{\"custom_actions\":[]}}",
            "{\"custom_actions\":[]} and more" })
    void answers503ForInvalidContext(String body) throws Exception {
        zou.context(bytes(body));

        unavailable(context(zou.login("user")));
    }

    @ParameterizedTest
    @EnumSource(names = { "html", "half", "endless", "gone" })
    void answers503ForBrokenAnswer(Fault fault) throws Exception {
        String token = zou.login("user");
        zou.fault(token, ZOUS, fault);

        unavailable(context(token));

        zou.heal(token);
        assertThat(context(token).statusCode()).isEqualTo(200);
    }

    @Test
    void acceptsContextsUpTo64Megabytes() throws Exception {
        byte[] context = new byte[LIMIT];
        Arrays.fill(context, (byte) ' ');
        byte[] member = bytes("{\"custom_actions\":[],\"a\":1.0e5");
        System.arraycopy(member, 0, context, 0, member.length);
        context[LIMIT - 1] = '}';
        zou.context(context);

        try (InputStream passed = CLIENT.send(request(zou.login("vendor")), HttpResponse.BodyHandlers.ofInputStream()).body()) {
            byte[] read = passed.readAllBytes();
            int rest = LIMIT - "{\"custom_actions\":[]".length();
            assertThat(Arrays.mismatch(read, read.length - rest, read.length, context, LIMIT - rest, LIMIT)).isEqualTo(-1);
        }
        byte[] longer = Arrays.copyOf(context, LIMIT + 1);
        longer[LIMIT - 1] = ' ';
        longer[LIMIT] = '}';
        zou.context(longer);
        unavailable(context(zou.login("vendor")));
    }

    @Test
    void waitsLongerThanForOtherRequests() throws Exception {
        String token = zou.login("user");
        zou.delay(token, ZOUS, Duration.ofMillis(2600));

        assertThat(context(token).statusCode()).isEqualTo(200);
    }

    @Test
    void answers503WhileZouIsUnreachable() throws Exception {
        String token = zou.login("user");
        assertThat(context(token).statusCode()).isEqualTo(200);

        zou.away();
        try {
            unavailable(context(token));
        } finally {
            zou.back();
        }
        assertThat(context(token).statusCode()).isEqualTo(200);
    }

    private static void unavailable(HttpResponse<byte[]> answer) throws IOException {
        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(answer.headers().firstValue("Retry-After"))
                .hasValueSatisfying(wait -> assertThat(wait).matches("[1-9]\\d*"));
        assertThat(answer.headers().firstValue("Content-Type"))
                .hasValueSatisfying(type -> assertThat(type).startsWith("application/problem+json"));
        assertThat(JSON.readTree(answer.body()).get("code").asText()).isEqualTo("unavailable");
    }

    private static HttpResponse<byte[]> context(String token) throws IOException, InterruptedException {
        return CLIENT.send(request(token), HttpResponse.BodyHandlers.ofByteArray());
    }

    private static HttpRequest request(String token) {
        return HttpRequest.newBuilder(URI.create("http://localhost:" + RestAssured.port + CONTEXT))
                .header("Authorization", "Bearer " + token).build();
    }

    /** Returns the bytes of Kitsu's list of actions for the token's person, as text. */
    private static String list(String token) {
        return BesideKitsu.with(token).get(BesideKitsu.PATH).then().statusCode(200).extract().asString();
    }

    private static JsonNode actions(HttpResponse<byte[]> answer) throws IOException {
        assertThat(answer.statusCode()).isEqualTo(200);
        return JSON.readTree(answer.body()).get("custom_actions");
    }

    private static JsonNode action(JsonNode actions, String id) {
        for (JsonNode action : actions) {
            if (action.get("id").asText().equals(id)) {
                return action;
            }
        }
        return null;
    }

    private static String recordedRefusal() throws IOException {
        try (InputStream recording = UserContextTest.class.getResourceAsStream("/zou/exchanges.json")) {
            for (JsonNode exchange : JSON.readTree(recording).get("exchanges")) {
                if (exchange.get("name").asText().equals("user context as a bot")) {
                    return exchange.at("/response/body").toString();
                }
            }
        }
        throw new AssertionError("not recorded");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(HttpResponse<byte[]> answer) {
        return new String(answer.body(), StandardCharsets.UTF_8);
    }
}
