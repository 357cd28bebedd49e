package studio.actions.kitsu;

import static org.assertj.core.api.Assertions.assertThat;
import static studio.actions.kitsu.Kitsu.TOOL;
import static studio.actions.kitsu.Kitsu.admin;
import static studio.actions.kitsu.Kitsu.answer;
import static studio.actions.kitsu.Kitsu.json;
import static studio.actions.kitsu.Kitsu.list;
import static studio.actions.kitsu.Kitsu.ours;
import static studio.actions.kitsu.Kitsu.put;
import static studio.actions.kitsu.Kitsu.read;
import static studio.actions.kitsu.Kitsu.refusedField;
import static studio.actions.testing.BesideKitsu.PATH;
import static studio.actions.testing.BesideKitsu.as;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Receiver;

/** The trigger link that Kitsu shows as an action's URL: the path to which Kitsu posts, and the template behind the #. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class TriggerLinkTest {

    private static final String SOMEWHERE = PATH + "/63f8a332-e209-4f8c-b384-747d5eda4b57";

    /** Text in the names of this test's actions, and in no other test's. */
    private final String mark = UUID.randomUUID().toString().substring(0, 13);

    // The link's path

    @ParameterizedTest
    @CsvSource({ "true, run", "false, open" })
    void showsUrlAsTriggerLink(boolean ajax, String verb) {
        String id = create("is_ajax", ajax);

        String link = PATH + "/" + id + "/" + verb + "?v=1#" + TOOL;
        assertThat(read(id)).containsEntry("url", link);
        assertThat(list("?fields=url&name=" + mark)).containsExactly(Map.of("url", link, "id", id, "type", "CustomAction"));
        assertThat(ours(id)).containsEntry("url", TOOL);
    }

    /** The link is relative, since Kitsu has several names: in the studio, over VPN, with and without TLS. */
    @ParameterizedTest
    @ValueSource(strings = { "kitsu.studio", "kitsu.studio:8443", "10.1.2.3", "[2001:db8::1]:8080", "kitsu" })
    void linkNamesNoHost(String host) {
        Map<String, Object> made = answer(201, admin().header("Host", host).body(Kitsu.draft(mark)).post(PATH));
        String path = PATH + "/" + made.get("id");

        assertThat(made).containsEntry("url", path + "/open?v=1#" + TOOL);
        assertThat(answer(200, admin().header("Host", host).get(path))).containsEntry("url", path + "/open?v=1#" + TOOL);
        assertThat(answer(200, admin().header("Host", host).body(Map.of("entity_type", "shot")).put(path)))
                .containsEntry("url", path + "/open?v=2#" + TOOL);
        assertThat(list(admin().header("Host", host), "?fields=url&name=" + mark))
                .containsExactly(Map.of("url", path + "/open?v=2#" + TOOL, "id", made.get("id"), "type", "CustomAction"));
        assertThat(Kitsu.JSON.valueToTree(as("user").header("Host", host).get("/api/data/user/context").as(Map.class))
                .findValuesAsText("url")).contains(path + "/open?v=2#" + TOOL);
    }

    @Test
    void linkCanBePressed() {
        Assumptions.assumeTrue(BesideKitsu.fake());
        String sent = create("is_ajax", true, "url", Receiver.shared().url("/" + mark + "/ok?task={task_id}"));
        String opened = create("name", mark + " 2");
        String task = FakeZou.shared().recordedShot().id();

        Response run = as("user").body(Kitsu.press(task)).post(whatABrowserSendsOf(sent));
        Response open = as("user").contentType(ContentType.URLENC).body("selection=" + task).redirects().follow(false)
                .post(whatABrowserSendsOf(opened));

        assertThat(run.statusCode()).isEqualTo(200);
        assertThat(Receiver.shared().heard(mark)).extracting(Receiver.Heard::uri)
                .containsExactly("/" + mark + "/ok?task=" + task);
        assertThat(open.statusCode()).isEqualTo(303);
        assertThat(open.header("Location")).startsWith(TOOL.replace("{entity_id}", ""));
    }

    private static String whatABrowserSendsOf(String id) {
        return read(id).get("url").toString().replaceFirst("#.*", "");
    }

    @Test
    void linkIgnoresForwardedHeaders() {
        String id = create();

        Response answer = admin().header("X-Forwarded-Host", "evil.example").header("X-Forwarded-Proto", "https")
                .header("X-Forwarded-Prefix", "/evil").header("Forwarded", "host=evil.example;proto=https")
                .get(PATH + "/" + id);

        assertThat(json(answer)).isEqualTo(Kitsu.JSON.valueToTree(read(id)));
    }

    // Kitsu's form, saved

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
            "true | https://farm.studio/submit?shot={entity_id}",
            "false | https://farm.studio/submit{?entity_id,task_id}",
            "true | https://farm.studio/submit?a=b{&selection*}",
            "false | https://farm.studio{/entity_type,entity_id}",
            "false | https://farm.studio/#/shots/{entity_id}",
            "true | https://farm.studio/a?b={task_id}#top",
            "false | https://farm.studio/größe/über?straße={entity_name}&名=前",
            "true | https://farm.studio/a%20b%23c%7Bd%7D?e=%2F{entity_id}",
            "true | https://farm.studio/100%25?x=https://kitsu.studio/api/data/custom-actions/",
            "false | https://farm.studio/it's?a=1;b=2&amp;c=(3)",
            "false | maya://open?file={entity_id}",
            "false | kitsu:open/{task_id}" })
    void savingUnchangedFormChangesNothing(boolean ajax, String template) {
        assertSavingChangesNothing(ajax, template);
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://farm.studio/a%7Bb%7D", "https://farm.studio/a%7Bentity_id%7D",
            "https://farm.studio/?x=%7b" })
    void savingKeepsBracesThatAreEncoded(String template) {
        assertSavingChangesNothing(false, template);
    }

    private void assertSavingChangesNothing(boolean ajax, String template) {
        String id = create("url", template, "is_ajax", ajax, "entity_type", "shot");
        Map<String, Object> before = ours(id);
        Map<String, Object> shown = read(id);
        Map<String, Object> form = new LinkedHashMap<>(shown);
        form.keySet().retainAll(Set.of("name", "url", "entity_type", "is_ajax"));

        // Saved by another person, so that a change would be visible.
        for (Map<String, Object> saved : List.of(shown, form)) {
            RequestSpecification bot = as("bot");
            assertThat(answer(200, bot.body(saved).put(PATH + "/" + id))).isEqualTo(shown);
        }

        assertThat(ours(id)).isEqualTo(before).containsEntry("url", template).containsEntry("version", 1);
    }

    @Test
    void savingKeepsLongestTemplate() {
        String longest = TOOL + "&pad=" + "x".repeat(2000 - TOOL.length() - "&pad=".length());
        String id = create("url", longest);

        answer(200, as("bot").body(read(id)).put(PATH + "/" + id));
        refusedField("/url", "template_too_long", put(id, Map.of("url", read(id).get("url") + "x")));

        assertThat(ours(id)).containsEntry("url", longest).containsEntry("version", 1);
    }

    @Test
    void editingTextBehindLinkChangesTemplate() {
        String id = create();
        String edited = read(id).get("url").toString().replace("entity=", "shot=");

        assertThat(answer(200, put(id, Map.of("url", edited)))).containsEntry("url", edited.replace("?v=1#", "?v=2#"));

        assertThat(ours(id)).containsEntry("url", TOOL.replace("entity=", "shot=")).containsEntry("version", 2);
    }

    @Test
    void storesTemplateThatReplacesLink() {
        String id = create();

        answer(200, put(id, Map.of("url", "https://farm.studio/other#part")));

        assertThat(ours(id)).containsEntry("url", "https://farm.studio/other#part");
    }

    @Test
    void linkFollowsKindOfAction() {
        String id = create("is_ajax", false);
        String open = read(id).get("url").toString();

        // The form sends the link of the action's earlier kind.
        Object run = answer(200, put(id, Map.of("name", mark, "url", open, "entity_type", "all", "is_ajax", true))).get("url");
        Object again = answer(200, put(id, Map.of("is_ajax", false))).get("url");

        assertThat(run).isEqualTo(PATH + "/" + id + "/run?v=2#" + TOOL);
        assertThat(again).isEqualTo(PATH + "/" + id + "/open?v=3#" + TOOL);
        assertThat(ours(id)).containsEntry("url", TOOL);
    }

    // Kitsu's form, from a browser that read the action long ago

    /** Renaming an action must not restore its old URL over another admin's change. */
    @Test
    void staleFormChangesOnlyEditedFields() {
        String id = create("entity_type", "shot");
        Map<String, Object> shown = read(id);
        answer(200, put(id, Map.of("url", "https://farm.studio/new", "entity_type", "asset", "is_ajax", true)));

        Map<String, Object> renamed = new LinkedHashMap<>(shown);
        renamed.put("name", mark + " renamed");
        answer(200, put(id, renamed));
        assertThat(ours(id)).containsEntry("name", mark + " renamed").containsEntry("url", "https://farm.studio/new")
                .containsEntry("entity_type", "asset").containsEntry("is_ajax", true).containsEntry("version", 3);

        Map<String, Object> all = new LinkedHashMap<>(shown);
        all.putAll(Map.of("entity_type", "edit", "is_ajax", false, "url", shown.get("url") + "&more=1"));
        answer(200, put(id, all));
        assertThat(ours(id)).containsEntry("name", mark + " renamed").containsEntry("url", TOOL + "&more=1")
                .containsEntry("entity_type", "edit").containsEntry("is_ajax", true).containsEntry("version", 4);
    }

    @ParameterizedTest
    @ValueSource(strings = { "", "?v=77", "?v=" })
    void formWithoutKnownVersionIsComparedWithCurrentVersion(String version) {
        String id = create();
        answer(200, put(id, Map.of("url", "https://farm.studio/new")));
        String link = PATH + "/" + id + "/open" + version + "#";

        Response saved = put(id, Map.of("url", link + "https://farm.studio/new"));
        if (version.equals("?v=")) {
            refusedField("/url", "link_within", saved);
        } else {
            answer(200, saved);
            assertThat(ours(id)).containsEntry("version", 2);
            answer(200, put(id, Map.of("url", link + TOOL)));
            assertThat(ours(id)).containsEntry("url", TOOL).containsEntry("version", 3);
        }
    }

    @Test
    void aVersionInAPressIsIgnored() {
        Assumptions.assumeTrue(BesideKitsu.fake());
        String sent = create("is_ajax", true, "url", Receiver.shared().url("/" + mark + "/ok?task={task_id}"));

        for (String version : List.of("?v=1", "?v=99", "?v=x", "")) {
            as("user").body(Kitsu.press(FakeZou.shared().shot("SH010").id())).post(PATH + "/" + sent + "/run" + version).then()
                    .statusCode(200);
        }
    }

    @Test
    void staleKitsuFileChangesOnlyEditedFields() {
        String id = create("entity_type", "shot");
        String stale = read(id).get("url").toString();
        answer(200, put(id, Map.of("url", "https://farm.studio/new")));

        imported("CustomAction," + mark + "," + stale + ",shot,false", "unchanged", 1);
        imported("CustomAction," + mark + " 2," + stale + ",shot,false", "updated", 1);

        assertThat(ours(id)).containsEntry("name", mark + " 2").containsEntry("url", "https://farm.studio/new");
    }

    private static void imported(String line, String count, int expected) {
        Map<String, Object> report = answer(200, admin().contentType("text/csv")
                .body("Type,Name,URL,Entity Type,Use AJAX\n" + line + "\n").post("/api/custom-actions/import?mode=apply"));
        assertThat(report).containsEntry(count, expected);
    }

    // Disabled actions

    @Test
    void marksNameOfDisabledAction() {
        String id = create("name", "x".repeat(80));
        String mine = "x".repeat(80);
        answer(200, as("admin").contentType("application/merge-patch+json").body(Map.of("enabled", false))
                .patch("/api/custom-actions/" + id));
        Map<String, Object> shown = read(id);
        assertThat(shown).containsEntry("name", "(off) " + mine);

        answer(200, put(id, shown));
        assertThat(ours(id)).as("nothing has changed").containsEntry("name", mine).containsEntry("version", 2);

        answer(200, put(id, Map.of("name", "(off) (off) " + mark)));
        assertThat(ours(id)).as("one mark is ours").containsEntry("name", "(off) " + mark);

        imported("CustomAction,(off) " + mark + "," + read(id).get("url") + ",all,false", "updated", 1);
        assertThat(ours(id)).containsEntry("name", mark).containsEntry("enabled", false);

        answer(200, as("admin").contentType("application/merge-patch+json").body(Map.of("enabled", true))
                .patch("/api/custom-actions/" + id));
        assertThat(read(id)).containsEntry("name", mark);
        answer(200, put(id, Map.of("name", "(off) " + mark)));
        assertThat(ours(id)).as("an admin's own words").containsEntry("name", "(off) " + mark);
    }

    @Test
    void aDisabledActionIsMarkedInTheListAndTheContext() {
        String id = create("name", mark);
        answer(200, as("admin").contentType("application/merge-patch+json").body(Map.of("enabled", false))
                .patch("/api/custom-actions/" + id));

        assertThat(list("?name=" + mark)).extracting("name").containsExactly("(off) " + mark);
        assertThat(as("admin").get("/api/data/user/context").asString()).contains("(off) " + mark);
        assertThat(as("user").get("/api/data/user/context").asString()).doesNotContain(mark);
    }

    // Links from elsewhere

    @ParameterizedTest
    @ValueSource(strings = { "see {link}https://farm.studio/", "https://farm.studio/?next={link}https://farm.studio/",
            "https://farm.studio/{link}x", "https://kitsu.studio/x{link}https://farm.studio/" })
    void refusesLinkInsideText(String text) {
        String id = create();
        for (String version : List.of("", "?v=7", "?x")) {
            String pasted = text.replace("{link}", SOMEWHERE + "/run" + version + "#");
            refusedField("/url", "link_within", put(id, Map.of("url", pasted)));
            refusedField("/url", "link_within", admin().body(Kitsu.draft(mark, "url", pasted)).post(PATH));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://other.studio/api/data/custom-actions/{id}/run#", SOMEWHERE + "/run?v=7#",
            SOMEWHERE + "/open#", "https://other.studio/api/data/custom-actions/{id}/open?v=7#",
            "http://kitsu:8080/api/data/custom-actions/{id}/open#",
            "HTTPS://Kitsu.Studio/api/data/custom-actions/63F8A332-E209-4F8C-B384-747D5EDA4B57/run#",
            "http://[::1]:8080/api/data/custom-actions/63f8a332-e209-4f8c-b384-747d5eda4b57/open#",
            " https://other.studio/api/data/custom-actions/{id}/run# " })
    void storesTemplateOfLinkOfAnyHostAndAction(String link) {
        String id = create("url", "https://farm.studio/before");
        String pasted = link.replace("{id}", id) + TOOL;

        answer(200, put(id, Map.of("url", pasted)));
        String other = create("name", mark + " 2", "url", pasted);

        assertThat(ours(id)).containsEntry("url", TOOL);
        assertThat(ours(other)).containsEntry("url", TOOL);
        assertThat(read(other).get("url").toString()).contains(other).doesNotContain(id);
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://kitsu.studio" + SOMEWHERE + "/run#", "https://kitsu.studio" + SOMEWHERE + "/open#",
            "https://kitsu.studio" + SOMEWHERE + "/run# ", "https://kitsu.studio" + SOMEWHERE + "/run",
            "https://kitsu.studio" + SOMEWHERE + "/run#https://kitsu.studio" + SOMEWHERE + "/run#" })
    void refusesLinkWithoutTemplate(String link) {
        String id = create();

        refusedField("/url", "template_blank", put(id, Map.of("url", link)));
        refusedField("/url", "template_blank", admin().body(Kitsu.draft(mark, "url", link)).post(PATH));
    }

    @ParameterizedTest
    @CsvSource({ "javascript:alert(1), scheme_forbidden", "https://farm.studio/{nothing}, unknown_variable" })
    void validatesTemplateBehindLink(String template, String code) {
        refusedField("/url", code, put(create(), Map.of("url", "https://kitsu.studio" + SOMEWHERE + "/open#" + template)));
    }

    private String create(Object... fields) {
        return Kitsu.create(mark, fields);
    }
}
