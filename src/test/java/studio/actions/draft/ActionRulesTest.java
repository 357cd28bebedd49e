package studio.actions.draft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.aMapWithSize;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.junit.jupiter.params.provider.Arguments.arguments;
import static studio.actions.testing.Json.has;

import java.io.IOException;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import studio.actions.address.SsrfVectors;
import studio.actions.problem.Problem;
import studio.actions.secret.Secrets;
import studio.actions.testing.Api;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** Each rule by which the API refuses to save an action, tested over HTTP. */
@QuarkusTest
@WithTestResource(Services.class)
class ActionRulesTest {

    private static final String EMOJI = "😀";
    private static final String LINK = "https://k.studio/api/data/custom-actions/63f8a332-e209-4f8c-b384-747d5eda4b57/open#";

    // Names and descriptions

    static Stream<Arguments> wrongNames() {
        return Stream.of(
                arguments("required", null),
                arguments("required", ""),
                arguments("required", " \t\r\n\u2003"),
                arguments("required", "\u00a0\u200b\u3000"),
                // Invisible characters: blank letters, fillers, variation selectors, tags, joiners, and combining marks alone.
                arguments("required", "\u115f"),
                arguments("required", "\u1160 \u1160"),
                arguments("required", "\u3164"),
                arguments("required", "\uffa0"),
                arguments("required", "\u2800\u2800"),
                arguments("required", "\u00ad"),
                arguments("required", "\u200b\u200c\u200d\u2060\ufeff"),
                arguments("required", "\u180e\u180b"),
                arguments("required", "\u034f\u17b4\u17b5"),
                arguments("required", "\ufe0f\ufe00"),
                arguments("required", "\u2065\ufff0"),
                arguments("required", Character.toString(0xe0041) + Character.toString(0xe0100)),
                arguments("required", Character.toString(0x1d159)),
                arguments("required", "\u0301\u20dd"),
                arguments("required", "\u200e\u200f\u061c"),
                arguments("required", "\u202e\u2066"),
                arguments("control_character", "Sync \u202ecod.exe"),
                arguments("control_character", "\u202aa"),
                arguments("control_character", "a\u202b"),
                arguments("control_character", "a\u202cb"),
                arguments("control_character", "a\u202db"),
                arguments("control_character", "\u2066a"),
                arguments("control_character", "\u2067a"),
                arguments("control_character", "\u2068a\u2069"),
                arguments("control_character", "line\u2028separator"),
                arguments("too_long", "x".repeat(81)),
                arguments("too_long", EMOJI.repeat(81)),
                arguments("control_character", "two\nlines"),
                arguments("control_character", "two\r\nlines"),
                arguments("control_character", "a\tb"),
                arguments("control_character", "bell\u0007"),
                arguments("control_character", "escape\u001b[31m"),
                arguments("control_character", "delete\u007f."),
                arguments("control_character", "next line\u0085."),
                arguments("wrong_type", 5),
                arguments("wrong_type", true),
                arguments("wrong_type", List.of("Sync")),
                arguments("wrong_type", Map.of("en", "Sync")));
    }

    @ParameterizedTest
    @MethodSource("wrongNames")
    void refusesInvalidName(String code, Object name) {
        refused(Api.draft("name", name), "/name", code);
    }

    @Test
    void refusesADraftWithoutAName() {
        Map<String, Object> draft = Api.draft();
        draft.remove("name");

        refused(draft, "/name", "required");
    }

    static Stream<String> rightNames() {
        return Stream.of("x", "x".repeat(80), EMOJI.repeat(80), "👩‍💻".repeat(26), "  " + "x".repeat(80) + "  ",
                "é".repeat(80), "e\u0301", "\u200fنشر\u200f v2", "❤\ufe0f", "1\ufe0f\u20e3", "한글", "⠿", "\ue000",
                Character.toString(0x1fae0), "\u061cאב", "ทำ",
                "🏴" + Character.toString(0xe0067) + Character.toString(0xe007f));
    }

    @ParameterizedTest
    @MethodSource("rightNames")
    void acceptsNamesUpTo80CodePoints(String name) {
        accepted(Api.draft("name", name)).then()
                .body(has("name", equalTo(Normalizer.normalize(name.strip(), Normalizer.Form.NFC))));
    }

    static Stream<Arguments> wrongDescriptions() {
        return Stream.of(arguments("too_long", "x".repeat(2001)), arguments("too_long", EMOJI.repeat(2001)),
                arguments("wrong_type", 5), arguments("wrong_type", List.of("a")));
    }

    @ParameterizedTest
    @MethodSource("wrongDescriptions")
    void refusesInvalidDescription(String code, Object description) {
        refused(Api.draft("description", description), "/description", code);
    }

    static Stream<String> rightDescriptions() {
        return Stream.of("x".repeat(2000), EMOJI.repeat(2000), "two\nlines\tand a tab");
    }

    @ParameterizedTest
    @MethodSource("rightDescriptions")
    void acceptsValidDescription(String description) {
        accepted(Api.draft("description", description)).then().body(has("description", equalTo(description)));
    }

    @ParameterizedTest
    @ValueSource(strings = { "", "  \n" })
    void storesBlankDescriptionAsNull(String description) {
        accepted(Api.draft("description", description)).then().body(has("description", equalTo(null)));
    }

    // Templates

    static Stream<Arguments> wrongUrls() {
        return Stream.of(
                arguments("template_blank", ""),
                arguments("template_blank", "   "),
                arguments("template_too_long", "https://a.studio/" + "x".repeat(1984)),
                arguments("template_scheme", "farm.studio/submit"),
                arguments("template_scheme", "/submit"),
                arguments("template_scheme", "//farm.studio/submit"),
                arguments("unknown_variable", "https://farm.studio/{nope}"),
                arguments("unknown_variable", "https://farm.studio/{Entity_ID}"),
                arguments("unknown_variable", "https://farm.studio/{?entity_id,nope}"),
                arguments("variable_in_authority", "https://{entity_name}.studio/"),
                arguments("variable_in_authority", "https://farm.{production_name}/"),
                arguments("variable_in_authority", "https://farm.studio:{entity_id}/"),
                arguments("variable_in_authority", "https://farm.studio{entity_id}"),
                arguments("variable_in_authority", "https://{user_name}@farm.studio/"),
                arguments("variable_in_authority", "{entity_type}://farm.studio/"),
                arguments("variable_in_authority", "http{entity_name}://farm.studio/"),
                arguments("user_info_in_url", "https://me@farm.studio/"),
                arguments("user_info_in_url", "https://me:word@farm.studio/{entity_id}"),
                arguments("secret_in_url", "https://farm.studio/?password=hunter2"),
                arguments("secret_in_url", "https://farm.studio/?a=1&passwd=x"),
                arguments("secret_in_url", "https://farm.studio/?token=x&entity={entity_id}"),
                arguments("secret_in_url", "https://farm.studio/?api_key=x"),
                arguments("secret_in_url", "https://farm.studio/?apikey=x"),
                arguments("secret_in_url", "https://farm.studio/?secret=x"),
                arguments("secret_in_url", "https://farm.studio/?access_token=x"),
                arguments("secret_in_url", "https://farm.studio/?ToKeN=x"),
                arguments("secret_in_url", "https://farm.studio/?to%6ben=x"),
                arguments("template_operator", "https://farm.studio/{+entity_id}"),
                arguments("template_operator", "https://farm.studio/{#entity_id}"),
                arguments("template_operator", "https://farm.studio/{.entity_id}"),
                arguments("template_operator", "https://farm.studio/{;entity_id}"),
                arguments("template_prefix", "https://farm.studio/{entity_name:3}"),
                arguments("template_braces", "https://farm.studio/{entity_id"),
                arguments("template_braces", "https://farm.studio/entity_id}"),
                arguments("template_braces", "https://farm.studio/{}"),
                arguments("template_character", "https://farm.studio/a b"),
                arguments("template_character", "https://farm.studio/\"a"),
                arguments("template_character", "https://farm.studio\\a"),
                arguments("template_character", "https://farm.studio/a\nb"),
                arguments("template_percent", "https://farm.studio/100%"),
                arguments("template_percent", "https://farm.studio/%zz"),
                arguments("template_address", "https:///path"),
                arguments("template_address", "https:farm.studio/"),
                arguments("wrong_type", 5),
                arguments("wrong_type", List.of("https://farm.studio/")));
    }

    @ParameterizedTest
    @MethodSource("wrongUrls")
    void refusesInvalidUrl(String code, Object url) {
        refused(Api.draft("url", url, "is_ajax", true), "/url", code);
        refused(Api.draft("url", url, "is_ajax", false), "/url", code);
    }

    @Test
    void refusesADraftWithoutAUrl() {
        Map<String, Object> draft = Api.draft("url", null);
        refused(draft, "/url", "required");

        draft.remove("url");
        refused(draft, "/url", "required");
    }

    @Test
    void namesTheUnknownVariableAndTheKnownOnes() {
        Api.create(Api.draft("url", "https://farm.studio/{shot_idd}")).then().statusCode(400)
                .body(has("errors[0].message", containsString("shot_idd"), "errors[0].message", containsString("entity_id")));
    }

    static Stream<String> rightUrls() {
        return Stream.of("https://a.studio/" + "x".repeat(1983), "https://farm.studio", "HTTPS://Farm.Studio/",
                "https://farm.studio/{entity_type}/{entity_id}{?task_id,selection*}", "https://farm.studio/?token={entity_id}",
                "https://farm.studio/?token=", "https://farm.studio:8443/a%20b?x=1#fragment",
                "https://farm.studio/?a={user_email}");
    }

    @ParameterizedTest
    @MethodSource("rightUrls")
    void acceptsValidUrl(String url) {
        accepted(Api.draft("url", url, "is_ajax", true)).then().body(has("url", equalTo(url)));
        accepted(Api.draft("url", url, "is_ajax", false)).then().body(has("url", equalTo(url)));
    }

    // Addresses of AJAX actions

    @ParameterizedTest
    @CsvSource({
            "https://localhost/, egress_internal_name",
            "https://LOCALHOST./, egress_internal_name",
            "https://render/, egress_internal_name",
            "https://printer.local/, egress_internal_name",
            "https://metadata.google.internal/, egress_internal_name",
            "https://zou.kitsu.svc/, egress_internal_name",
            "https://zou.kitsu.svc.cluster.local/, egress_internal_name",
            "https://127.0.0.1/, egress_address",
            "https://10.1.2.3/, egress_address",
            "https://192.168.0.1/{entity_id}, egress_address",
            "https://169.254.169.254/, egress_address",
            "https://100.64.0.1/, egress_address",
            "https://0.0.0.0/, egress_address",
            "https://224.0.0.1/, egress_address",
            "https://[::1]/, egress_address",
            "https://[fe80::1]/, egress_address",
            "https://[fd00::1]/, egress_address",
            "https://[::ffff:127.0.0.1]/, egress_address",
            "https://[64:ff9b::7f00:1]/, egress_address",
            "https://2130706433/, egress_host",
            "https://0x7f000001/, egress_host",
            "https://127.1/, egress_host",
            "https://0177.0.0.1/, egress_host",
            "https://127.0.0.1./, egress_host",
            "https://farm.studio:22/, egress_port",
            "https://farm.studio:5432/, egress_port",
            "https://farm.studio:0/, egress_port",
            "https://farm.studio:/, egress_port",
            "http://api.studio.com/, egress_plain_http",
            "http://93.184.215.14/, egress_plain_http",
            "http://api.studio.com:8080/{entity_id}, egress_plain_http",
            "maya://open, scheme_not_http",
            "ftp://farm.studio/, scheme_not_http",
            "ssh://farm.studio/, scheme_not_http",
            "ws://farm.studio/, scheme_not_http" })
    void refusesForbiddenAjaxUrl(String url, String code) {
        refused(Api.draft("url", url, "is_ajax", true), "/url", code);
    }

    @Test
    void acceptsPlainHttpToAllowedAddress() {
        accepted(Api.draft("url", Receiver.shared().url("/a/ok?e={entity_id}"), "is_ajax", true));
    }

    @Test
    void refusesAllowedAddressOnAnotherPort() {
        refused(Api.draft("url",
                "http://127.0.0.1:" + (Receiver.shared().port() == 65535 ? 65534 : Receiver.shared().port() + 1),
                "is_ajax", true), "/url", "egress_address");
    }

    @Test
    void acceptsInternalAddressesThatOnlyTheBrowserOpens() {
        List.of("http://api.studio.com/", "http://localhost:3000/", "https://10.1.2.3/", "http://render/{entity_id}")
                .forEach(url -> accepted(Api.draft("url", url, "is_ajax", false)));
    }

    static List<String> vectors() throws IOException {
        List<String> lines = SsrfVectors.read();
        assertThat(lines).hasSizeGreaterThan(55);
        return lines;
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void refusesSsrfVectorWhenSavedAndPreviewed(String url) {
        Map<String, Object> draft = Api.draft("url", url, "is_ajax", true);

        Api.create(draft).then().statusCode(400).contentType(Problem.MEDIA_TYPE).body(has("code", equalTo("invalid_body"),
                "errors.pointer", contains("/url")));
        Api.admin().body(Map.of("action", draft, "targets", List.of(Api.shot()))).post(Api.ACTIONS + "/preview").then()
                .statusCode(400).body(has("code", equalTo("invalid_body"), "errors.pointer", contains("/action/url")));
    }

    @Test
    void refusesSsrfVectorsWhenActionIsChanged() throws IOException {
        String id = Json.of(accepted(Api.draft("is_ajax", true))).get("id");

        vectors().forEach(url -> Api.admin().body(Map.of("url", url)).patch(Api.ACTIONS + "/" + id).then().statusCode(400)
                .body(has("errors.pointer", contains("/url"))));

        Api.admin().get(Api.ACTIONS + "/" + id).then().body(has("version", equalTo(1)));
    }

    // Addresses that a browser may open

    static Stream<String> forbiddenUrls() {
        return Stream.of("javascript:alert(1)", "data:text/html,hello", "vbscript:msgbox(1)", "file:///etc/passwd", "blob:x",
                "about:blank", "view-source:https://farm.studio/", "ms-msdt:/id", "search-ms:query=x", "ms-officecmd:x")
                .flatMap(url -> Stream.of(url,
                        url.substring(0, url.indexOf(':')).toUpperCase() + url.substring(url.indexOf(':')),
                        url.substring(0, 1).toUpperCase() + url.substring(1)));
    }

    @ParameterizedTest
    @MethodSource("forbiddenUrls")
    void refusesForbiddenSchemes(String url) {
        refused(Api.draft("url", url), "/url", "scheme_forbidden");
        refused(Api.draft("url", "  " + url), "/url", "scheme_forbidden");
        refused(Api.draft("url", LINK + url), "/url", "scheme_forbidden");
        refused(Api.draft("url", url, "is_ajax", true), "/url", "scheme_not_http");
    }

    @ParameterizedTest
    @ValueSource(strings = { "java\tscript:alert(1)", "java\nscript:alert(1)", "\u0001javascript:alert(1)",
            "javascript\t:alert(1)" })
    void refusesControlCharactersInScheme(String url) {
        refused(Api.draft("url", url), "/url", "template_character");
    }

    @ParameterizedTest
    @ValueSource(strings = { "ssh://farm.studio/", "unheard-of:x", "ftp://farm.studio/", "mailto:x", "intent:x", "jar:x",
            "filesystem:x", "mayax://open", "wyciwyg:x" })
    void refusesSchemesOutsideAllowList(String url) {
        refused(Api.draft("url", url), "/url", "scheme_not_allowed");
    }

    @Test
    void namesTheSchemeAndTheSettingThatAllowsIt() {
        Api.create(Api.draft("url", "unheard-of:x")).then().body(has("errors[0].message", containsString("unheard-of"),
                "errors[0].message", containsString("CUSTOM_ACTIONS_LAUNCH_SCHEMES")));
    }

    @ParameterizedTest
    @ValueSource(strings = { "http", "https", "maya", "nuke", "houdini", "hiero", "blender", "rv", "rvlink", "krita",
            "photoshop",
            "resolve", "vscode", "ayon-launcher", "kitsu", "MAYA" })
    void acceptsAllowedSchemes(String scheme) {
        accepted(Api.draft("url", scheme + "://open.studio/{entity_type}/{entity_id}"));
    }

    // Numbers

    @ParameterizedTest
    @CsvSource({ "timeout_ms, 100, 60000", "max_attempts, 1, 8", "rate_per_minute, 1, 60000" })
    void refusesNumbersOutOfRange(String field, int from, int to) {
        accepted(Api.draft(field, from)).then().body(field, equalTo(from));
        accepted(Api.draft(field, to)).then().body(field, equalTo(to));
        for (int beyond : new int[] { from - 1, to + 1, 0, -1, Integer.MAX_VALUE, Integer.MIN_VALUE }) {
            Json fault = refused(Api.draft(field, beyond), "/" + field, "out_of_range");
            assertThat(fault.getString("errors[0].message")).contains(field, "" + from, "" + to);
        }
    }

    static Stream<Arguments> noWholeNumbers() {
        return Stream.of("timeout_ms", "max_attempts", "rate_per_minute")
                .flatMap(field -> Stream.of("1.5", "1e-1", "\"5\"",
                        "\"\"", "true", "[5]", "{}", "2147483648", "-2147483649", "9223372036854775808", "1" + "0".repeat(500),
                        "1e400",
                        "\"five\"").map(value -> arguments(field, value)));
    }

    @ParameterizedTest
    @MethodSource("noWholeNumbers")
    void takesWholeNumbersOnly(String field, String value) {
        String body = "{\"name\": \"n\", \"url\": \"https://a.studio/\", \"" + field + "\": " + value + "}";

        Api.admin().body(body).post(Api.ACTIONS).then().statusCode(400).body(has("code", equalTo("invalid_body"),
                "errors.pointer", contains("/" + field), "errors[0].message", containsString("whole number")));
    }

    // Choices

    static Stream<Arguments> wrongChoices() {
        return Stream.of(
                arguments("entity_type", "banana", "/entity_type"),
                arguments("entity_type", "SHOT", "/entity_type"),
                arguments("entity_type", "Shot", "/entity_type"),
                arguments("entity_type", "", "/entity_type"),
                arguments("entity_type", "scene", "/entity_type"),
                arguments("entity_type", 2, "/entity_type"),
                arguments("entity_type", "2", "/entity_type"),
                arguments("entity_type", List.of("shot"), "/entity_type"),
                arguments("method", "post", "/method"),
                arguments("method", "HEAD", "/method"),
                arguments("method", "CONNECT", "/method"),
                arguments("method", "banana", "/method"),
                arguments("method", 0, "/method"),
                arguments("roles", List.of("banana"), "/roles/0"),
                arguments("roles", List.of("admin", "Manager"), "/roles/1"),
                arguments("roles", List.of("admin", ""), "/roles/1"),
                arguments("roles", List.of(1), "/roles/0"),
                arguments("roles", "admin", "/roles"),
                arguments("roles", Map.of("admin", true), "/roles"),
                arguments("is_ajax", "true", "/is_ajax"),
                arguments("is_ajax", 1, "/is_ajax"),
                arguments("is_ajax", "", "/is_ajax"),
                arguments("enabled", "false", "/enabled"),
                arguments("enabled", 0, "/enabled"),
                arguments("project_ids", List.of("1-1-1-1-1"), "/project_ids/0"),
                arguments("project_ids", List.of("63f8a332-e209-4f8c-b384-747d5eda4b57", "nope"), "/project_ids/1"),
                arguments("project_ids", List.of("Y/ijMuIJT4yzhHR9XtpLVw=="), "/project_ids/0"),
                arguments("project_ids", List.of("63f8a332e2094f8cb384747d5eda4b57"), "/project_ids/0"),
                arguments("project_ids", List.of("{63f8a332-e209-4f8c-b384-747d5eda4b57}"), "/project_ids/0"),
                arguments("project_ids", List.of(" 63f8a332-e209-4f8c-b384-747d5eda4b57"), "/project_ids/0"),
                arguments("project_ids", List.of(""), "/project_ids/0"),
                arguments("project_ids", List.of(5), "/project_ids/0"),
                arguments("project_ids", "63f8a332-e209-4f8c-b384-747d5eda4b57", "/project_ids"),
                arguments("signing_secret", 5, "/signing_secret"),
                arguments("signing_secret", List.of("farm"), "/signing_secret"),
                arguments("headers", List.of("X-A"), "/headers"),
                arguments("headers", "X-A: 1", "/headers"),
                arguments("headers", Map.of("X-A", 1), "/headers/X-A"),
                arguments("headers", Map.of("X-A", List.of("1")), "/headers/X-A"),
                arguments("headers", Map.of("X-A", true), "/headers/X-A"));
    }

    @ParameterizedTest
    @MethodSource("wrongChoices")
    void refusesInvalidValue(String field, Object value, String pointer) {
        Api.create(Api.draft(field, value)).then().statusCode(400).body(has("code", equalTo("invalid_body"),
                "errors.pointer", contains(pointer)));
    }

    @ParameterizedTest
    @CsvSource({ "entity_type, banana, shot", "method, post, POST" })
    void namesValidValuesInMessage(String field, String value, String known) {
        Json fault = refused(Api.draft(field, value), "/" + field, "invalid_value");

        assertThat(fault.getString("errors[0].message")).contains(known);
    }

    @ParameterizedTest
    @ValueSource(strings = { "roles", "project_ids" })
    void refusesNullsInAList(String field) {
        Json problem = Json.of(Api.create(Api.draft(field, Collections.singletonList(null))).then().statusCode(400)
                .body(has("code", equalTo("invalid_body"))).extract());

        assertThat(problem.getString("errors[0].pointer")).startsWith("/" + field);
    }

    @Test
    void removesDuplicateRolesAndProjects() {
        String one = "63f8a332-e209-4f8c-b384-747d5eda4b57";
        String two = UUID.randomUUID().toString();

        Json action = Json.of(accepted(Api.draft("roles", List.of("vendor", "admin", "vendor"), "project_ids",
                List.of(one, two, one.toUpperCase()))));

        assertThat(action.getList("roles")).containsExactlyInAnyOrder("admin", "vendor");
        assertThat(action.getList("project_ids")).containsExactlyInAnyOrder(one, two);
    }

    // Headers

    @ParameterizedTest
    @ValueSource(strings = { "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE",
            "Trailer", "Transfer-Encoding", "Upgrade", "Host", "HOST", "host", "content-length", "Content-Length", "Cookie",
            "cookie", "webhook-id", "webhook-timestamp", "webhook-signature", "WEBHOOK-X", "Webhook-" })
    void refusesReservedHeader(String name) {
        refused(Api.draft("headers", Map.of(name, "x")), "/headers/" + name, "header_refused");
    }

    @ParameterizedTest
    @CsvSource({ "Authorization, Bearer hunter2", "X-Api-Key, hunter2", "x-api-key, hunter2", "X_API_KEY, hunter2",
            "ApiKey, hunter2", "X-ApiKey, hunter2", "xApiKey, hunter2", "PRIVATE-TOKEN, hunter2", "X-Auth-Token, hunter2",
            "X-AccessToken, hunter2", "X-Farm-Secret, hunter2", "X-Farm-Secret-2, hunter2",
            "Ocp-Apim-Subscription-Key, hunter2",
            "X-Password, hunter2", "X-OAuth, hunter2", "X-Passcode, hunter2", "X-Passkey, hunter2", "X-Privatekey, hunter2",
            "X-FARMKEY, hunter2", "X-Tokens, hunter2", "X-Api-Keys, hunter2", "X-Api-Key-V2, hunter2", "X-Token-v2, hunter2",
            "X-Secret-Value, hunter2", "X-Auth-Value, hunter2", "Cf-Access-Jwt-Assertion, hunter2", "X-Authorisation, hunter2",
            "X-Auth, hunter2", "X-Session-Cookie, hunter2", "X-Credentials, hunter2",
            "Authorization, Bearer hunter2 ${secret:farm}", "Authorization, Bearer ${secret:farm}hunter2",
            "Authorization, Bearer secret:farm", "X-Api-Key, 0" })
    void refusesACredentialInPlainText(String name, String value) {
        Json problem = refused(Api.draft("headers", Map.of(name, value)), "/headers/" + name, "plain_credential");

        assertThat(problem.prettify()).contains("${secret:farm}").doesNotContain("hunter2");
    }

    @ParameterizedTest
    @CsvSource({ "Authorization, ${secret:farm}", "Authorization, Bearer ${secret:farm}",
            "authorization, Basic  ${secret:farm}",
            "Authorization, 'Token token=\"${secret:farm}\"'", "Authorization, '${secret:farm}:${secret:farm}'",
            "X-Api-Key, ' ${secret:farm} '", "X-Api-Key, ''", "X-Monkey, banana", "X-Keyboard, de", "X-Token-Type, jwt",
            "X-Author, Ann", "X-Keyframe, 12", "X-Compass, north", "X-Monkeys, two", "X-Turkey, yes", "X-Bypass, yes",
            "X-Secretary, Ann" })
    void acceptsSecretReferencesAndOrdinaryHeaders(String name, String value) {
        accepted(Api.draft("headers", Map.of(name, value))).then().body(has("headers", equalTo(Map.of(name, value))));
    }

    @Test
    void refusesVariableInFragmentOfAjaxUrl() {
        String url = "https://api.studio.com/#/shots/{entity_id}";

        refused(Api.draft("url", url, "is_ajax", true), "/url", "variable_in_fragment");
        accepted(Api.draft("url", url, "is_ajax", false));
        accepted(Api.draft("url", "https://api.studio.com/{entity_id}#top", "is_ajax", true));
    }

    static Stream<Arguments> wrongHeaderNames() {
        return Stream.of(arguments("", "/headers/"), arguments(" ", "/headers/ "), arguments("X A", "/headers/X A"),
                arguments("X-A:", "/headers/X-A:"), arguments("X-Ä", "/headers/X-Ä"),
                arguments("X-A\r\nHost", "/headers/X-A\r\nHost"),
                arguments("X(A)", "/headers/X(A)"), arguments("a/b~c", "/headers/a~1b~0c"),
                arguments(" Host", "/headers/ Host"),
                arguments("X".repeat(101), "/headers/" + "X".repeat(101)), arguments("Ho\u017ft", "/headers/Ho\u017ft"));
    }

    @ParameterizedTest
    @MethodSource("wrongHeaderNames")
    void refusesInvalidHeaderName(String name, String pointer) {
        refused(Api.draft("headers", Map.of(name, "x")), pointer, "header_name");
    }

    static Stream<Arguments> wrongHeaderValues() {
        return Stream.of(
                arguments("header_value", "a\r\nX-Injected: 1"),
                arguments("header_value", "a\nb"),
                arguments("header_value", "a\rb"),
                arguments("header_value", "bell\u0007"),
                arguments("header_value", "delete\u007f"),
                arguments("header_value", "Ä"),
                arguments("header_value", "line\u2028separator"),
                arguments("header_value", "\u560d\u560a"), // cut to their low bytes, these are CR and LF
                arguments("header_value", EMOJI),
                arguments("too_long", "x".repeat(2001)),
                arguments("unknown_secret", "${secret:nope}"),
                arguments("unknown_secret", "Bearer ${secret:farm} ${secret:nope}"),
                arguments("secret_reference", "${secret:"),
                arguments("secret_reference", "${secret:}"),
                arguments("secret_reference", "${secret:farm"),
                arguments("secret_reference", "${env:HOME}"),
                arguments("secret_reference", "${SECRET:farm}"),
                arguments("secret_reference", "${}"),
                arguments("secret_reference", "${${secret:farm}}"),
                arguments("secret_reference", "${secret:farm} and ${x}"));
    }

    @ParameterizedTest
    @MethodSource("wrongHeaderValues")
    void refusesInvalidHeaderValue(String code, String value) {
        refused(Api.draft("headers", Map.of("X-A", value)), "/headers/X-A", code);
    }

    @Test
    void refusesAHeaderWithoutAValue() {
        Json problem = Json.of(Api.create(Api.draft("headers", Collections.singletonMap("X-A", null))).then().statusCode(400)
                .body(has("code", equalTo("invalid_body"))).extract());

        assertThat(problem.getString("errors[0].pointer")).startsWith("/headers");
    }

    @Test
    void acceptsAtMostTwentyHeaders() {
        Map<String, String> headers = IntStream.rangeClosed(1, 20).boxed()
                .collect(Collectors.toMap(i -> "X-" + i, i -> "" + i, (a, b) -> a, LinkedHashMap::new));
        accepted(Api.draft("headers", headers)).then().body(has("headers", aMapWithSize(20)));

        headers.put("X-21", "21");
        refused(Api.draft("headers", headers), "/headers", "too_many");
    }

    @Test
    void refusesTheSameHeaderInTwoCases() {
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put("X-Queue", "fast");
        headers.put("x-queue", "slow");

        refused(Api.draft("headers", headers), "/headers/x-queue", "header_twice");
    }

    @Test
    void acceptsValidHeaders() {
        Map<String, String> headers = Map.of("Authorization", "Bearer ${secret:farm}", "X-Empty", "", "X-Tab", "a\tb",
                "X-Long", "x".repeat(2000), "X-Dollar", "$5 {x} $", "X-Two", "${secret:farm}-${secret:FARM}", "Webhook", "1",
                "X!#$%&'*+.^_`|~-1", "1");

        accepted(Api.draft("headers", headers)).then().body(has("headers", equalTo(headers)));
    }

    // Secrets

    @Test
    void neverShowsSecretValues() {
        String name = "secret " + UUID.randomUUID();
        Map<String, Object> draft = Api.draft("name", name, "is_ajax", true, "headers",
                Map.of("Authorization", "Bearer ${secret:farm}"), "signing_secret", "sign-here");
        Map<String, Object> press = Map.of("targets", List.of(Api.shot()));
        List<Response> answers = new ArrayList<>();

        Response created = accepted(draft);
        String path = Api.ACTIONS + "/" + Json.of(created).get("id");
        answers.add(created);
        answers.add(Api.admin().get(path));
        answers.add(Api.admin().get(Api.ACTIONS + "?q=" + name.replace(" ", "%20")));
        answers.add(Api.admin().body(Map.of("description", "x")).patch(path));
        answers.add(Api.admin().body(draft).put(path));
        answers.add(Api.admin().body(Map.of("headers", Map.of("X-A", "${secret:farm}\n"))).patch(path));
        answers.add(Api.admin().body(press).post(path + "/preview"));
        answers.add(Api.admin().body(Map.of("action", draft, "targets", List.of(Api.shot()))).post(Api.ACTIONS + "/preview"));

        assertThat(answers).extracting(Response::statusCode).containsExactly(201, 200, 200, 200, 200, 400, 200, 200);
        assertThat(answers).allSatisfy(answer -> assertThat(answer.asString() + answer.headers())
                .doesNotContain(Services.FARM, Services.SIGNING, Services.SIGNING.substring(6)));
        answers.get(6).then().body(has("deliveries[0].headers.Authorization", containsString(Secrets.MASK)));
    }

    @ParameterizedTest
    @CsvSource({ "nope, unknown_secret", "'', unknown_secret", "${secret:sign-here}, unknown_secret",
            "farm, not_a_signing_secret" })
    void refusesUnknownOrInvalidSigningSecret(String name, String code) {
        refused(Api.draft("signing_secret", name), "/signing_secret", code);
    }

    @ParameterizedTest
    @ValueSource(strings = { "sign-here", "SIGN_HERE", "sign_here" })
    void acceptsEverySpellingOfSigningSecretName(String name) {
        accepted(Api.draft("signing_secret", name)).then().body(has("signing_secret", equalTo(name)));
    }

    @Test
    void namesTheMissingSecretAndItsVariable() {
        Api.create(Api.draft("headers", Map.of("X-A", "${secret:my-farm}"))).then().body(has("errors[0].message",
                containsString("my-farm"), "errors[0].message", containsString("CUSTOM_ACTIONS_SECRETS_MY_FARM")));
    }

    // Several errors at once

    @Test
    void reportsAllErrorsAtOnce() {
        Map<String, Object> draft = Api.draft("name", " ", "url", "https://farm.studio/{nope}", "description", "x".repeat(2001),
                "timeout_ms", 99, "max_attempts", 9, "rate_per_minute", 0, "headers",
                Map.of("Host", "x", "X-A", "${secret:nope}"), "signing_secret", "nope");

        Json problem = Json.of(Api.create(draft).then().statusCode(400).body(has("code", equalTo("invalid_body"))).extract());

        assertThat(problem.getList("errors.pointer")).containsExactlyInAnyOrder("/name", "/url", "/description", "/timeout_ms",
                "/max_attempts", "/rate_per_minute", "/headers/Host", "/headers/X-A", "/signing_secret");
        assertThat(problem.<String> getList("errors.message")).allSatisfy(message -> assertThat(message).isNotBlank());
    }

    @Test
    void reportsBothErrorsOfOneHeader() {
        Api.create(Api.draft("headers", Map.of("Host", "a\nb"))).then().statusCode(400)
                .body(has("errors.code", hasItem("header_refused"), "errors.code", hasItem("header_value")));
    }

    @Test
    void errorPointersOfPreviewBeginWithAction() {
        Map<String, Object> draft = Api.draft("name", " ", "headers", Map.of("Host", "x"));

        Json problem = Json.of(400, Api.admin().body(Map.of("action", draft, "targets", List.of(Api.shot())))
                .post(Api.ACTIONS + "/preview"));

        assertThat(problem.getList("errors.pointer")).containsExactlyInAnyOrder("/action/name", "/action/headers/Host");
    }

    @ParameterizedTest
    @ValueSource(strings = { "PUT", "PATCH" })
    void validatesChangesLikeCreations(String verb) {
        String id = Json.of(accepted(Api.draft())).get("id");

        for (Object[] wrong : Arrays.asList(new Object[] { "name", "x".repeat(81) }, new Object[] { "url", "javascript:x" },
                new Object[] { "timeout_ms", 99 }, new Object[] { "entity_type", "banana" }, new Object[] { "nope", 1 })) {
            Api.admin().body(Api.draft(wrong)).request(verb, Api.ACTIONS + "/" + id).then().statusCode(400)
                    .body(has("code", equalTo("invalid_body"), "errors.pointer", contains("/" + wrong[0])));
        }
        Api.admin().get(Api.ACTIONS + "/" + id).then().body(has("version", equalTo(1)));
    }

    private static Response accepted(Map<String, Object> draft) {
        return Api.create(draft).then().statusCode(201).extract().response();
    }

    private static Json refused(Map<String, Object> draft, String pointer, String code) {
        Json problem = Json.of(Api.create(draft).then().statusCode(400).contentType(Problem.MEDIA_TYPE).extract());
        assertThat(problem.getString("code")).isEqualTo("invalid_body");
        assertThat(problem.getList("errors.pointer")).as(problem.prettify()).containsExactly(pointer);
        assertThat(problem.getList("errors.code")).containsExactly(code);
        return problem;
    }
}
