package studio.actions.kitsu;

import static org.assertj.core.api.Assertions.assertThat;
import static studio.actions.kitsu.Kitsu.TOOL;

import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import jakarta.inject.Inject;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.Database;
import studio.actions.testing.Json;

/** The input in Kitsu's form that was refused, which the service keeps for the admin. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class RefusedFormsTest {

    @Inject
    Database database;

    private final String mark = UUID.randomUUID().toString().substring(0, 13);

    @BeforeEach
    void forget() throws SQLException {
        database.execute("DELETE FROM refused_form");
    }

    @Test
    void keepsRefusedFormOfNewAction() {
        Map<String, Object> typed = Map.of("name", mark, "url", "javascript:alert(1)", "entity_type", "shot", "is_ajax",
                false);

        Kitsu.admin().body(typed).post(BesideKitsu.PATH).then().statusCode(400);

        Map<String, Object> form = forms("admin").get(0);
        assertThat(form).containsEntry("action_id", null).containsEntry("fields", typed).containsEntry("code", "invalid_body")
                .containsKeys("id", "at");
        assertThat(form.get("message").toString()).contains("javascript");
        assertThat(((List<?>) form.get("errors"))).singleElement().isInstanceOfSatisfying(Map.class,
                error -> assertThat(error).containsEntry("pointer", "/url"));
    }

    @Test
    void keepsRefusedFormOfExistingAction() {
        String id = Kitsu.create(mark);
        Map<String, Object> typed = new HashMap<>(Map.of("name", " ", "url", TOOL + "&more=1", "entity_type", "asset",
                "is_ajax", true));

        Kitsu.put(id, typed).then().statusCode(400);

        assertThat(forms("admin")).singleElement().satisfies(form -> assertThat(form).containsEntry("action_id", id)
                .containsEntry("fields", typed));
    }

    @Test
    void keepsFormOfActionDeletedMeanwhile() {
        String id = Kitsu.create(mark);
        Kitsu.admin().delete(Api.ACTIONS + "/" + id).then().statusCode(204);

        Kitsu.put(id, Map.of("name", mark + " 2")).then().statusCode(404);

        assertThat(forms("admin")).singleElement().satisfies(form -> assertThat(form).containsEntry("code", "not_found")
                .containsEntry("errors", null).containsEntry("fields", Map.of("name", mark + " 2")));
    }

    /** A later version of Kitsu may send such values. */
    @ParameterizedTest
    @ValueSource(strings = { "{\"name\": \"Later\", \"url\": \"https://tool.studio.com/x\", \"entity_type\": \"concept\"}",
            "{\"name\": \"Later\", \"url\": \"https://tool.studio.com/x\", \"is_ajax\": \"perhaps\"}",
            "{\"name\": \"Later\", \"url\": 7}" })
    void keepsFormWithUnreadableValues(String typed) {
        Kitsu.admin().body(typed).post(BesideKitsu.PATH).then().statusCode(400);
        Kitsu.admin().body(typed).put(BesideKitsu.PATH + "/" + Kitsu.create(mark)).then().statusCode(400);

        assertThat(forms("admin")).hasSize(2).allSatisfy(form -> assertThat(form).containsEntry("code", "invalid_body")
                .extractingByKey("fields").isInstanceOfSatisfying(Map.class,
                        fields -> assertThat(fields).containsEntry("name", "Later")));
    }

    @Test
    void keepsFormRefusedForTakenName() {
        Kitsu.create(mark);

        Kitsu.admin().body(Kitsu.draft(mark)).post(BesideKitsu.PATH).then().statusCode(400);

        assertThat(Json.of(Kitsu.admin().get(Api.ACTIONS + "/refused-forms")).getString("data[0].errors[0].code"))
                .isEqualTo("name_taken");
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://farm:hunter2@tool.studio.com/x", "https://hunter2@tool.studio.com/x",
            "/api/data/custom-actions/63f8a332-e209-4f8c-b384-747d5eda4b57/run?v=7#https://farm:hunter2@tool.studio.com/x" })
    void keepsNoPassword(String url) throws SQLException {
        Kitsu.admin().body(Map.of("name", mark, "url", url)).post(BesideKitsu.PATH).then().statusCode(400);

        String answer = Kitsu.admin().get(Api.ACTIONS + "/refused-forms").asString();
        assertThat(answer).contains("https://••••@tool.studio.com/x").doesNotContain("hunter2");
        assertThat(database.text("SELECT refused_form::text FROM refused_form")).doesNotContain("hunter2");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "https://tool.studio.com/x?a=b&api_key=hunter2&c=d#top | https://tool.studio.com/x?a=b&api_key=••••&c=d#top",
            "https://tool.studio.com/x?Token=hunter2 | https://tool.studio.com/x?Token=••••",
            "https://tool.studio.com/x#pass%77ord=hunter2 | https://tool.studio.com/x#pass%77ord=••••",
            "https://u:p@hunter2@tool.studio.com/x | https://••••@tool.studio.com/x",
            "https:/\\u:hunter2@tool.studio.com/x | https:/\\••••@tool.studio.com/x",
            "https://tool.studio.com/@me?mail=a@b javascript: | https://tool.studio.com/@me?mail=a@b javascript:" })
    void masksCredentialsInUrls(String url, String kept) {
        Kitsu.admin().body(Map.of("name", mark, "url", url)).post(BesideKitsu.PATH).then().statusCode(400);

        assertThat(((Map<?, ?>) forms("admin").get(0).get("fields")).get("url")).isEqualTo(kept);
    }

    @Test
    void showsFormsOnlyToTheirAuthor() {
        Kitsu.admin().body(Map.of("name", mark)).post(BesideKitsu.PATH).then().statusCode(400);

        assertThat(forms("bot")).isEmpty();
        for (String person : List.of("manager", "supervisor", "user", "client", "vendor")) {
            BesideKitsu.as(person).get(Api.ACTIONS + "/refused-forms").then().statusCode(403);
        }
    }

    @Test
    void keepsNoFormOfCallerWithoutPermission() throws SQLException {
        BesideKitsu.as("manager").body(Map.of("name", mark)).post(BesideKitsu.PATH).then().statusCode(403);

        assertThat(database.rows("SELECT 1 FROM refused_form")).isEmpty();
    }

    @Test
    void listsRepeatedFormOnceAndNewestFirst() {
        for (String name : List.of(mark + " 1", mark + " 2", mark + " 1")) {
            Kitsu.admin().body(Map.of("name", name)).post(BesideKitsu.PATH).then().statusCode(400);
        }

        assertThat(forms("admin").stream().map(form -> (Object) ((Map<?, ?>) form.get("fields")).get("name")))
                .containsExactly(mark + " 1", mark + " 2");
    }

    @Test
    void keepsHundredFormsForSevenDays() throws SQLException {
        Kitsu.admin().body(Map.of("name", mark)).post(BesideKitsu.PATH).then().statusCode(400);
        database.execute("UPDATE refused_form SET at = at - interval '6 days 23 hours'");
        assertThat(forms("admin")).hasSize(1);
        database.execute("UPDATE refused_form SET at = at - interval '2 hours'");
        assertThat(forms("admin")).isEmpty();

        for (int i = 0; i < 101; i++) {
            Kitsu.admin().body(Map.of("name", mark + " " + i)).post(BesideKitsu.PATH).then().statusCode(400);
        }
        assertThat(forms("admin")).hasSize(100);
        assertThat(database.text("SELECT count(*) FROM refused_form")).isEqualTo("100");
    }

    @Test
    void cutsLongText() {
        Kitsu.admin().body(Map.of("name", mark, "url", "😀".repeat(20_000))).post(BesideKitsu.PATH).then().statusCode(400);

        assertThat(forms("admin")).singleElement().satisfies(form -> assertThat(
                ((Map<?, ?>) form.get("fields")).get("url").toString()).hasSizeBetween(2000, 5000));
    }

    private static List<Map<String, Object>> forms(String person) {
        return Json.of(200, BesideKitsu.as(person).get(Api.ACTIONS + "/refused-forms")).getList("data");
    }
}
