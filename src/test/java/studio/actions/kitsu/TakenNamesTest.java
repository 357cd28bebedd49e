package studio.actions.kitsu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;

import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

import jakarta.inject.Inject;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.restassured.response.ValidatableResponse;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.Database;
import studio.actions.testing.Json;

/** Two actions of one name are refused, since Kitsu's action panel could run only one of them. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class TakenNamesTest {

    @Inject
    Database database;

    private final String name = "Publish " + UUID.randomUUID();

    @ParameterizedTest
    @CsvSource({ "shot, shot", "shot, all", "all, shot", "all, all" })
    void refusesANameThatIsTaken(String first, String second) {
        String id = create(name, first);

        for (String path : List.of(Api.ACTIONS, BesideKitsu.PATH)) {
            for (String same : List.of(name, name.toUpperCase(), "  " + name + " ")) {
                taken(post(path, same, second)).body("errors[0].message", containsString(id));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({ "shot, asset", "sequence, episode" })
    void allowsOneNameForDifferentTypes(String first, String second) {
        create(name, first);
        create(name, second);
    }

    @Test
    void foldsCaseBeyondAscii() {
        create("Größe ΣΑΣ " + name, "all");

        taken(post(Api.ACTIONS, "GRO\u0308SSE σας " + name, "all"));
    }

    @Test
    void refusesAChangeIntoATakenNameOnEveryPath() {
        create(name, "shot");
        String other = create(name + " other", "shot");
        String typed = create(name, "asset");

        Map<String, Object> whole = BesideKitsu.draft("name", name, "entity_type", "shot");
        taken(BesideKitsu.as("admin").body(whole).put(Api.ACTIONS + "/" + other));
        taken(BesideKitsu.as("admin").body(Map.of("name", name)).put(BesideKitsu.PATH + "/" + other));
        taken(BesideKitsu.as("admin").body(Map.of("entity_type", "all")).put(BesideKitsu.PATH + "/" + typed));
        taken(BesideKitsu.as("admin").body(Map.of("entity_type", "shot")).put(BesideKitsu.PATH + "/" + typed));

        BesideKitsu.as("admin").body(Map.of("name", name.toUpperCase())).put(BesideKitsu.PATH + "/" + typed).then()
                .statusCode(200);
    }

    @Test
    void refusesToRestoreActionWhoseNameIsTaken() {
        String first = create(name, "shot");
        BesideKitsu.as("admin").delete(Api.ACTIONS + "/" + first).then().statusCode(204);
        String second = create(name, "shot");

        taken(BesideKitsu.as("admin").post(Api.ACTIONS + "/" + first + "/restore"));

        BesideKitsu.as("admin").body(Map.of("name", name + " 2")).put(BesideKitsu.PATH + "/" + second).then().statusCode(200);
        BesideKitsu.as("admin").post(Api.ACTIONS + "/" + first + "/restore").then().statusCode(200);
        taken(BesideKitsu.as("admin").post(Api.ACTIONS + "/" + second + "/restore?version=1"));
    }

    @Test
    void savesExistingActionsWithSameName() throws Exception {
        List<String> twins = twins();

        for (String id : twins) {
            BesideKitsu.as("admin").body(Map.of("name", name, "url", "https://tool.studio.com/" + UUID.randomUUID()))
                    .put(BesideKitsu.PATH + "/" + id).then().statusCode(200);
            BesideKitsu.as("admin").body(Map.of("entity_type", "all")).put(BesideKitsu.PATH + "/" + id).then()
                    .statusCode(200);
            BesideKitsu.as("admin").body(Map.of("name", name.toUpperCase())).put(BesideKitsu.PATH + "/" + id).then()
                    .statusCode(200);
        }
    }

    @Test
    void createsOneOfConcurrentActionsWithSameName() {
        List<CompletableFuture<Integer>> answers = IntStream.range(0, 8)
                .mapToObj(i -> CompletableFuture.supplyAsync(() -> post(Api.ACTIONS, name, "all").statusCode())).toList();

        assertThat(answers.stream().map(CompletableFuture::join)).containsOnlyOnce(201).containsOnly(201, 400);
    }

    @Test
    void importRefusesLaterLinesWithSameName() {
        String present = create(name + " here", "shot");
        String file = """
                Name;URL;Entity type
                %1$s;https://tool.studio.com/1;shot
                %1$s;https://tool.studio.com/2;all
                %1$s;https://tool.studio.com/3;asset
                %2$s;https://tool.studio.com/4;all
                """.formatted(name, name.toUpperCase() + " HERE");

        Json checked = Json.of(200, importing("check", file));
        assertThat(checked.<Integer> getList("errors.line")).containsExactly(3, 5);
        assertThat(checked.getList("errors.column")).containsOnly("Name");
        assertThat(checked.getString("errors[1].message")).contains(present);
        importing("apply", file).then().statusCode(422);

        Json applied = Json.of(200, importing("apply&skip_invalid=true", file));

        assertThat(applied.getInt("created")).isEqualTo(2);
        assertThat(Json.of(BesideKitsu.as("admin").get(Api.ACTIONS)).<Map<String, Object>> getList("data").stream()
                .filter(action -> action.get("name").toString().equalsIgnoreCase(name))
                .map(action -> action.get("entity_type")))
                .containsExactlyInAnyOrder("shot", "asset");
    }

    @Test
    void importSwapsNames() {
        String first = create(name + " 1", "shot");
        String second = create(name + " 2", "shot");
        String file = """
                ID;Name;URL;Entity type
                %s;%s 2;https://tool.studio.com/1;shot
                %s;%s 1;https://tool.studio.com/2;shot
                """.formatted(first, name, second, name);

        importing("apply", file).then().statusCode(200).body("updated", equalTo(2));
    }

    @Test
    void importRefusesToRenameTwoActionsToSameName() throws Exception {
        List<String> twins = twins();
        String file = """
                ID;Name;URL;Entity type
                %s;%s new;https://tool.studio.com/1;shot
                %s;%s new;https://tool.studio.com/2;shot
                """.formatted(twins.get(0), name, twins.get(1), name);

        assertThat(Json.of(importing("check", file)).<Integer> getList("errors.line")).containsExactly(3);
    }

    @Test
    void importKeepsNameTakenIfLineThatFreesItIsInvalid() {
        String first = create(name + " 1", "shot");
        String second = create(name + " 2", "shot");
        create(name + " 3", "shot");
        String file = """
                ID;Name;URL;Entity type
                %s;%s 2;https://tool.studio.com/1;shot
                %s;%s 3;https://tool.studio.com/2;shot
                """.formatted(first, name, second, name);

        assertThat(Json.of(importing("check", file)).<Integer> getList("errors.line")).containsExactly(2, 3);
    }

    /** Creates two actions of one name, as existed before names had to differ, and returns their ids. */
    private List<String> twins() throws SQLException {
        String first = create(name, "shot");
        String second = create(name + " 2", "shot");
        database.change("UPDATE action SET name = ? WHERE id = ?::uuid", name, second);
        return List.of(first, second);
    }

    private String create(String name, String type) {
        return Api.id(post(Api.ACTIONS, name, type));
    }

    private static Response post(String path, String name, String type) {
        return BesideKitsu.as("admin").body(Map.of("name", name, "url", "https://tool.studio.com/open", "entity_type", type))
                .post(path);
    }

    private static Response importing(String mode, String file) {
        return BesideKitsu.as("admin").contentType("text/csv; charset=utf-8").body(file)
                .post(Api.ACTIONS + "/import?mode=" + mode);
    }

    private static ValidatableResponse taken(Response answer) {
        return answer.then().statusCode(400).body("code", equalTo("invalid_body"))
                .body("errors[0].code", equalTo("name_taken")).body("errors[0].pointer", equalTo("/name"));
    }
}
