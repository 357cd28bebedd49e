package studio.actions.page;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou.Task;
import studio.actions.testing.Json;

/** The editor of actions: its form, errors, preview, conflicts, and what was typed and not saved. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class EditorScreenTest {

    private static final String EDITOR = "/api/custom-actions/app/actions/";

    private final String name = "Sync " + UUID.randomUUID().toString().substring(0, 13);

    @BeforeEach
    void forget() {
        post("discard", Map.of("id", "")).then().statusCode(303);
    }

    @Test
    void isForAdminsOnly() {
        String action = BesideKitsu.ajax("https://api.studio.com/x", "name", name);
        for (String person : List.of("manager", "supervisor", "user", "client", "vendor")) {
            for (String path : List.of("new", action)) {
                BesideKitsu.as(person).accept("text/html").get(EDITOR + path).then().statusCode(403);
                form(person).body("name=x").post(EDITOR + path).then().statusCode(403);
            }
            form(person).body("name=x").post(EDITOR + "preview").then().statusCode(403);
        }
    }

    @ParameterizedTest
    @CsvSource({ "maya,maya://open?file=/projects/{production_id}/assets/{entity_id},asset,false",
            "sync,https://api.studio.com/sync/shotgrid?entity={entity_id}&type={entity_type},all,true",
            "review,https://review.studio.com/shot/{entity_id},shot,false",
            "report,https://reporting.studio.com/generate?asset={entity_id}&production={production_id},asset,true" })
    void savesExampleOfKitsusGuide(String example, String url, String type, boolean ajax) {
        assertThat(get("new?example=" + example)).contains(url.replace("&", "&amp;"));

        Json saved = read(saved(post("new", typed("url", url, "entity_type", type, "is_ajax", ajax))));

        assertThat(saved.getString("url")).isEqualTo(url);
        assertThat(saved.getString("entity_type")).isEqualTo(type);
        assertThat(saved.<Boolean> get("is_ajax")).isEqualTo(ajax);
    }

    @Test
    void savesAllFields() {
        String action = BesideKitsu.opened("https://tool.studio.com/x", "name", name);

        saved(post(action, typed("version", 1, "description", "First\r\nsecond", "roles", "user", "is_ajax", true, "method",
                "PUT", "headers", "X-Pool: night\r\nAuthorization: Bearer ${secret:farm}", "timeout_ms", "2500", "max_attempts",
                "4", "rate_per_minute", "30", "signing_secret", "sign-here")));

        Json now = read(action);
        assertThat(now.getString("description")).isEqualTo("First\nsecond");
        assertThat(now.getList("roles")).isEqualTo(List.of("user"));
        assertThat(now.getString("method")).isEqualTo("PUT");
        assertThat(now.getString("headers.Authorization")).isEqualTo("Bearer ${secret:farm}");
        assertThat(now.getString("headers.X-Pool")).isEqualTo("night");
        assertThat(now.getInt("timeout_ms")).isEqualTo(2500);
        assertThat(now.getInt("max_attempts")).isEqualTo(4);
        assertThat(now.getInt("rate_per_minute")).isEqualTo(30);
        assertThat(now.getString("signing_secret")).isEqualTo("sign-here");
        assertThat(now.<Boolean> get("enabled")).isTrue();
        assertThat(get(action)).contains(">\nX-Pool: night\nAuthorization: Bearer ${secret:farm}</textarea>",
                "name=\"roles\" value=\"user\" checked");
    }

    @Test
    void keepsEverythingTypedAndShowsErrorsAtFields() {
        Response refused = post("new",
                typed("name", "<b>" + name, "url", "javascript:alert(1)", "timeout_ms", "soon", "headers",
                        "no colon", "roles", "client", "description", "Stays \"here\""));

        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.asString()).contains("value=\"&lt;b&gt;" + name + "\"", "value=\"javascript:alert(1)\"",
                "value=\"soon\"", ">\nno colon</textarea>", ">\nStays &quot;here&quot;</textarea>",
                "name=\"roles\" value=\"client\" checked",
                "id=\"url-error\"><p>No action may open javascript: URLs.</p>",
                "id=\"timeout_ms-error\"><p>&#39;timeout_ms&#39; must be a whole number, not &quot;soon&quot;.</p>",
                "id=\"headers-error\"><p>Write each header as").doesNotContain("<b>" + name);
    }

    @Test
    void showsBothVersionsAfterConflict() {
        String action = BesideKitsu.ajax("https://api.studio.com/x", "name", name);
        Api.change(BesideKitsu.as("bot"), action, Map.of("description", "Theirs", "max_attempts", 5));

        Response conflict = post(action,
                typed("version", 1, "description", "Mine", "url", "https://api.studio.com/x", "is_ajax",
                        true, "max_attempts", 1));

        assertThat(conflict.statusCode()).isEqualTo(412);
        assertThat(conflict.asString()).contains("Somebody else saved this action meanwhile",
                "<td class=\"strong\">Description</td><td class=\"url lines\">Mine</td><td class=\"url lines\">Theirs</td>",
                "<td class=\"strong\">Attempts</td><td class=\"url lines\">1</td><td class=\"url lines\">5</td>",
                "name=\"over\" value=\"2\"",
                ">\nMine</textarea>").doesNotContain(">Timeout</td>");
        assertThat(read(action).getString("description")).isEqualTo("Theirs");

        saved(post(action, typed("version", 1, "over", 2, "description", "Mine", "url", "https://api.studio.com/x", "is_ajax",
                true, "max_attempts", 1)));
        assertThat(read(action).getString("description")).isEqualTo("Mine");
    }

    @Test
    void offersNewActionIfActionWasDeletedMeanwhile() {
        String action = BesideKitsu.ajax("https://api.studio.com/x", "name", name);
        BesideKitsu.as("admin").delete(Api.ACTIONS + "/" + action).then().statusCode(204);

        Response refused = post(action, typed("version", 1));

        assertThat(refused.statusCode()).isEqualTo(404);
        assertThat(refused.asString()).contains("deleted meanwhile", "action=\"" + EDITOR + "new\"", "value=\"" + name + "\"");
        BesideKitsu.as("admin").accept("text/html").get(EDITOR + action).then().statusCode(404);
    }

    @Test
    void previewsOnPastedLink() {
        Task shot = BesideKitsu.zou().shot("SH<b>" + name);

        String preview = post("preview", typed("url", "https://api.studio.com/x?e={entity_id}&n={entity_name}", "is_ajax", true,
                "headers", "Authorization: Bearer ${secret:farm}", "target",
                "https://kitsu.studio.com/productions/" + shot.projectId() + "/shots/tasks/" + shot.id())).asString();

        assertThat(preview).contains("given by the link", "<b>POST</b> https://api.studio.com/x?e=" + shot.entityId(),
                "Authorization: Bearer ••••", "&quot;entity_name&quot;", "id=\"value-entity_id\" hx-swap-oob=\"true\">"
                        + shot.entityId())
                .doesNotContain("SH<b>", "${secret:farm}");
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://{entity_id}.studio.com", "https://x.studio.com/{shot}", "nonsense" })
    void previewSaysWhatIsWrong(String url) {
        assertThat(post("preview", typed("url", url)).asString()).contains("<a href=\"#url\">URL</a>: ");
    }

    @Test
    void offersWhatWasTypedAndNotSaved() {
        String action = BesideKitsu.ajax("https://api.studio.com/x", "name", name);
        post("preview", typed("id", action, "version", 1, "description", "Unsaved", "headers", "X-Api-Key: hunter2", "url",
                "https://api.studio.com/x?token=hunter3", "is_ajax", true)).then().statusCode(200);

        assertThat(get(action)).contains("and did not save it").doesNotContain("Unsaved");
        assertThat(get(action + "?take=true")).contains(">\nUnsaved</textarea>", "X-Api-Key: ••••", "token=••••")
                .doesNotContain("hunter2", "hunter3");
        assertThat(BesideKitsu.as("bot").accept("text/html").get(EDITOR + action).asString()).doesNotContain(
                "and did not save it");

        post("discard", Map.of("id", action)).then().statusCode(303);
        assertThat(get(action)).doesNotContain("and did not save it");
    }

    @Test
    void forgetsDraftAfterSave() {
        post("preview", typed()).then().statusCode(200);
        assertThat(get("new")).contains("and did not save it");

        saved(post("new", typed()));

        assertThat(get("new")).doesNotContain("and did not save it");
    }

    @Test
    void fillsFormWithCopy() {
        String action = BesideKitsu.ajax("https://api.studio.com/x", "name", name, "max_attempts", 7);

        assertThat(get("new?from=" + action)).contains("value=\"Copy of " + name + "\"", "action=\"" + EDITOR + "new\"",
                "name=\"max_attempts\" inputmode=\"numeric\" value=\"7\"");
    }

    /** Returns the fields of a valid form, with further fields given as name, value, name, value … */
    private Map<String, Object> typed(Object... fields) {
        Map<String, Object> typed = new LinkedHashMap<>(Map.of("name", name, "url", "https://tool.studio.com/x?e={entity_id}",
                "entity_type", "all", "is_ajax", false, "method", "POST", "enabled", true));
        typed.putAll(Api.fields(fields));
        return typed;
    }

    private static Response post(String path, Map<String, ?> fields) {
        return form("admin").body(fields.entrySet().stream().map(field -> field.getKey() + "="
                + URLEncoder.encode(field.getValue().toString(), StandardCharsets.UTF_8)).collect(Collectors.joining("&")))
                .post(EDITOR + path);
    }

    /** Checks that the form was saved, and returns the action's id. */
    private static String saved(Response answer) {
        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(303);
        assertThat(answer.header("Location")).endsWith("?saved=true");
        return answer.header("Location").replaceAll(".*/|\\?.*", "");
    }

    private static String get(String path) {
        Response page = BesideKitsu.as("admin").accept("text/html").get(EDITOR + path);
        assertThat(page.statusCode()).as(page.asString()).isEqualTo(200);
        return page.asString();
    }

    private static RequestSpecification form(String person) {
        return BesideKitsu.as(person).accept("text/html").contentType(ContentType.URLENC).redirects().follow(false);
    }

    private static Json read(String action) {
        return Json.of(200, BesideKitsu.as("admin").get(Api.ACTIONS + "/" + action));
    }
}
