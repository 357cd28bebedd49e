package studio.actions.press;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.BesideKitsu.zou;
import static studio.actions.testing.Json.has;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou.Task;
import studio.actions.testing.Json;

/** What a person sees and may press, depending on the person's role in each production. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class VisibilityTest {

    private static final String VISIBLE = "https://api.studio.com/{entity_name}";

    // ---- The same as Kitsu's task page

    /** Tasks that are assigned to the person or not, in an open production, an archived one, and one without the person. */
    @ParameterizedTest
    @ValueSource(strings = { "admin", "manager", "supervisor", "user", "client", "vendor", "bot2" })
    void showsTheSameTasksAsTheCallersTaskPage(String role) {
        String person = zou().colleague(role);
        String open = zou().production("Open " + UUID.randomUUID(), person);
        String archived = zou().production("Archived " + UUID.randomUUID(), person);
        String closed = zou().production("Closed " + UUID.randomUUID());
        List<Task> tasks = new ArrayList<>();
        for (String production : List.of(open, archived, closed)) {
            tasks.add(zou().shotIn(production, "SH010", "SQ01", person));
            tasks.add(zou().shotIn(production, "SH020", "SQ01"));
        }
        zou().archive(archived);
        String token = BesideKitsu.token(person);

        Json preview = preview(token, everybody(VISIBLE), tasks.stream().map(Task::id).toList());

        List<Boolean> pages = tasks.stream()
                .map(task -> zou().get("/data/tasks/" + task.id() + "/full", token) == 200).toList();
        assertThat(preview.getList("deliveries.problem.code").stream().map("not_visible"::equals).toList())
                .isEqualTo(pages.stream().map(shown -> !shown).toList());
        assertThat(pages).contains(true);
    }

    @ParameterizedTest
    @ValueSource(strings = { "user", "vendor" })
    void looksUpNamesThatZousListsOmit(String role) {
        String person = zou().colleague(role);
        String production = zou().production("Old " + UUID.randomUUID(), person);
        String sequence = "SQ " + UUID.randomUUID();
        Task task = zou().shotIn(production, "SH010", sequence, person);
        zou().archive(production);

        assertThat(preview(BesideKitsu.token(person), everybody("https://api.studio.com/{sequence_name}/{production_name}"),
                List.of(task.id())).getString("deliveries[0].url").replace("%20", " "))
                .startsWith("https://api.studio.com/" + sequence + "/Old ");
    }

    @Test
    void looksUpAtMostTwentyTasksThatZousListsOmit() {
        String person = zou().colleague("user");
        String production = zou().production("Old " + UUID.randomUUID(), person);
        List<String> tasks = IntStream.range(0, 30).mapToObj(i -> zou().shotIn(production, "SH" + i, "SQ01").id()).toList();
        zou().archive(production);
        String token = BesideKitsu.token(person);

        Json preview = preview(token, everybody(VISIBLE), tasks);

        assertThat(preview.getList("deliveries.problem.code")).filteredOn("not_visible"::equals).hasSize(10);
        assertThat(preview.getString("deliveries[29].problem.message")).contains("archived", "select fewer");
        assertThat(zou().requests(token)).filteredOn(request -> request.path().endsWith("/full")).hasSize(20);
    }

    /** Zou's lists depend on the global role, so the tasks of a vendor in one production are requested one by one. */
    @Test
    void showsAVendorInOneProductionOnlyTheirOwnTasksThere() {
        String person = zou().colleague("user");
        String production = zou().production("Outsourced " + UUID.randomUUID());
        zou().join(person, production, "vendor");
        List<String> tasks = new ArrayList<>(List.of(zou().shotIn(production, "SH010", "SQ01", person).id(),
                zou().shotIn(production, "SH020", "SQ01").id()));
        IntStream.range(0, 100).forEach(i -> tasks.add(zou().shotIn(production, "SH" + i, "SQ01", person).id()));

        Json preview = preview(BesideKitsu.token(person), everybody(VISIBLE), tasks);

        List<String> codes = preview.getList("deliveries.problem.code");
        assertThat(codes.subList(0, 3)).containsExactly(null, "not_visible", null);
        assertThat(codes.subList(100, 102)).containsOnly("not_visible");
        assertThat(preview.getString("deliveries[101].problem.message")).contains("100 targets", "Select fewer");
    }

    // ---- The role in the production decides

    @ParameterizedTest
    @CsvSource({ "supervisor,vendor,supervisor,false", "user,supervisor,supervisor,true", "vendor,user,user,true",
            "user,vendor,vendor,true", "user,admin,admin,false", "user,manager,'',true", "user,client,'',false",
            "vendor,supervisor,'',true", "manager,,manager,true", "admin,vendor,supervisor,true" })
    void checksTheRoleInTheProduction(String global, String inProduction, String allowed, boolean pressed) {
        String person = zou().colleague(global);
        String production = zou().production("Roles " + UUID.randomUUID());
        zou().join(person, production, inProduction);
        Task task = zou().shotIn(production, "SH010", "SQ01", person);
        String action = BesideKitsu.ajax(VISIBLE, "roles", allowed.isEmpty() ? List.of() : List.of(allowed));
        String token = BesideKitsu.token(person);

        Response preview = BesideKitsu.with(token).body(Map.of("selection", List.of(task.id())))
                .post(Api.ACTIONS + "/" + action + "/preview");

        boolean shown = global.equals("admin") || allowed.equals(global)
                || allowed.isEmpty() && !List.of("client", "vendor").contains(global);
        if (pressed) {
            preview.then().statusCode(200).body(has("deliveries[0].problem", equalTo(null)));
        } else if (shown) {
            preview.then().statusCode(200).body(has("deliveries[0].problem.code", equalTo("not_allowed")));
        } else {
            preview.then().statusCode(404);
        }
    }

    @Test
    void refusesTargetsInProductionsWhereTheRoleIsNotAllowed() {
        String person = zou().colleague("supervisor");
        String production = zou().production("Roles " + UUID.randomUUID());
        zou().join(person, production, "user");
        List<String> tasks = List.of(zou().shot("SH010").id(), zou().shotIn(production, "SH020", "SQ01").id());
        String action = BesideKitsu.ajax("https://api.studio.com/x?e={entity_id}", "roles", List.of("supervisor"));
        String token = BesideKitsu.token(person);

        Json run = Json.of(BesideKitsu.run(BesideKitsu.with(token), action, tasks).then().extract());
        Response kitsus = BesideKitsu.with(token).body(Map.of("selection", tasks.subList(1, 2)))
                .post(BesideKitsu.PATH + "/" + action + "/run");

        assertThat(run.getString("deliveries[1].failure.kind")).isEqualTo("not_allowed");
        assertThat(run.getString("deliveries[1].failure.message")).contains("Your role in this production, user");
        assertThat(run.getString("deliveries[0].failure.kind")).isNotEqualTo("not_allowed");
        kitsus.then().statusCode(403).body(has("code", equalTo("not_allowed")));
    }

    // ---- Lists of actions

    @Test
    void listsActionsForARoleInOneProduction() {
        String person = zou().colleague("user");
        zou().join(person, zou().production("Roles " + UUID.randomUUID()), "supervisor");
        String action = BesideKitsu.ajax("https://api.studio.com/x", "name", "For supervisors " + UUID.randomUUID(), "roles",
                List.of("supervisor"));
        String token = BesideKitsu.token(person);

        assertThat(listed(token)).as("before Kitsu has told the roles").doesNotContain(action);
        assertThat(inContext(token)).contains(action);

        assertThat(listed(token)).contains(action);
        assertThat(Json.of(BesideKitsu.with(token).get(BesideKitsu.PATH)).getList("id")).contains(action);
        BesideKitsu.with(token).get(Api.ACTIONS + "/" + action).then().statusCode(200);
        assertThat(listed(BesideKitsu.token(zou().colleague("user")))).doesNotContain(action);
        BesideKitsu.with(token).get(Api.ACTIONS + "/audit").then().statusCode(403);
    }

    @Test
    void forgetsARoleThatKitsuHasRemoved() {
        String person = zou().colleague("user");
        String production = zou().production("Roles " + UUID.randomUUID());
        zou().join(person, production, "supervisor");
        String action = BesideKitsu.ajax("https://api.studio.com/x", "roles", List.of("supervisor"));
        String token = BesideKitsu.token(person);
        assertThat(inContext(token)).contains(action);

        zou().join(person, production, null);

        assertThat(inContext(token)).doesNotContain(action);
        assertThat(listed(token)).doesNotContain(action);
    }

    @Test
    void showsVendorsTheActionsForVendors() {
        String action = BesideKitsu.ajax(VISIBLE, "roles", List.of("vendor"));
        String other = BesideKitsu.ajax(VISIBLE);
        String person = zou().colleague("vendor");
        Task task = zou().shotIn(zou().recordedShot().projectId(), "SH010", "SQ01", person);
        String token = BesideKitsu.token(person);

        assertThat(inContext(token)).contains(action).doesNotContain(other);
        assertThat(listed(token)).contains(action).doesNotContain(other);
        assertThat(preview(token, action, List.of(task.id())).getString("deliveries[0].problem")).isNull();
        BesideKitsu.with(token).get(BesideKitsu.PATH).then().statusCode(403);
    }

    private static List<String> listed(String token) {
        List<String> ids = new ArrayList<>();
        String next = null;
        do {
            Json page = Json.of(200, BesideKitsu.with(token)
                    .get(Api.ACTIONS + "?limit=1000" + (next == null ? "" : "&cursor=" + next)));
            ids.addAll(page.getList("data.id"));
            next = page.getString("next");
        } while (next != null);
        return ids;
    }

    private static List<String> inContext(String token) {
        return Json.of(200, BesideKitsu.with(token).get("/api/data/user/context")).getList("custom_actions.id");
    }

    private static String everybody(String url) {
        return BesideKitsu.ajax(url, "roles", Stream.of("manager", "supervisor", "user", "client", "vendor").toList());
    }

    private static Json preview(String token, String action, List<String> tasks) {
        return Api.preview(BesideKitsu.with(token), action, Map.of("selection", tasks));
    }
}
