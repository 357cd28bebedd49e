package studio.actions.kitsu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import jakarta.inject.Inject;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.Database;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Json;

/** No path accepts a name that looks empty or displays differently from its characters. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class NamesTest {

    private static final String URL = "https://api.studio.com/sync";

    @Inject
    Database database;

    @ParameterizedTest
    @ValueSource(strings = { "\u3164", "\u2800", "\u115f \u1160", "Sync\u202ecod.exe", "\u2067Sync\u2069" })
    void refusesInvisibleAndBidirectionalCharactersOnEveryPath(String name) throws SQLException {
        Map<String, Object> draft = Api.draft("name", name);
        String id = BesideKitsu.opened(URL, "name", "Names " + UUID.randomUUID());
        String mended = Json.of(200, BesideKitsu.as("admin").body(Map.of("description", "new")).patch(Api.ACTIONS + "/" + id))
                .getString("name");

        refused(BesideKitsu.as("admin").body(draft).post(Api.ACTIONS));
        refused(BesideKitsu.as("admin").body(draft).put(Api.ACTIONS + "/" + id));
        refused(BesideKitsu.as("admin").body(Map.of("name", name)).patch(Api.ACTIONS + "/" + id));
        refused(BesideKitsu.as("admin").body(Map.of("name", name, "url", URL)).post(BesideKitsu.PATH));
        refused(BesideKitsu.as("admin").body(Map.of("name", name)).put(BesideKitsu.PATH + "/" + id));
        refused(BesideKitsu.as("admin").body(Map.of("action", draft, "targets", List.of(Api.shot())))
                .post(Api.ACTIONS + "/preview"));
        database.change("UPDATE action_version SET draft = jsonb_set(draft, '{name}', to_jsonb(?)) "
                + "WHERE action_id = ? AND version = 1", name, UUID.fromString(id));
        refused(BesideKitsu.as("admin").post(Api.ACTIONS + "/" + id + "/restore?version=1"));

        Json imported = Json
                .of(BesideKitsu.as("admin").contentType("text/csv; charset=utf-8").body("name;url\n" + name + ";" + URL)
                        .post(Api.ACTIONS + "/import?mode=apply"));
        assertThat(imported.getList("errors.column")).as(imported.prettify()).containsExactly("Name");
        assertThat(imported.getInt("created")).isZero();

        assertThat(Json.of(BesideKitsu.as("admin").get(Api.ACTIONS + "/" + id)).getString("name")).isEqualTo(mended);
    }

    @ParameterizedTest
    @ValueSource(strings = { "\u3164", "Sync\u202ecod.exe" })
    void takeOverRefusesInvisibleAndBidirectionalCharacters(String name) {
        assumeTrue(BesideKitsu.fake());
        FakeZou zou = FakeZou.shared();
        List<Map<String, Object>> before = Kitsu.objects(BesideKitsu.as("admin").get(zou.url() + "/data/custom-actions"));
        try {
            zou.customActions(List.of(Map.of("name", name, "url", URL)));

            Json taken = Json.of(BesideKitsu.as("admin").post(Api.ACTIONS + "/take-over?mode=apply"));

            assertThat(taken.getList("errors.column")).as(taken.prettify()).containsExactly("name");
            assertThat(taken.getInt("created")).isZero();
        } finally {
            zou.customActions(before);
        }
    }

    private static void refused(Response answer) {
        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(400);
        assertThat(Json.of(answer).<String> getList("errors.pointer")).singleElement().asString().endsWith("/name");
        assertThat(Json.of(answer).getString("message")).startsWith("'name' ");
    }
}
