package studio.actions.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.not;
import static studio.actions.testing.BesideKitsu.zou;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.ValidatableResponse;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou.Fault;
import studio.actions.testing.Json;

@QuarkusTest
@WithTestResource(BesideKitsu.class)
class WhyScreenTest {

    private String artist;
    private String production;

    @BeforeEach
    void make() {
        artist = zou().colleague("user");
        production = zou().production("Sintel " + UUID.randomUUID(), artist, "supervisor", "manager");
    }

    private static ValidatableResponse why(String token, String... query) {
        return BesideKitsu.with(token).accept("text/html")
                .get(Api.ACTIONS + "/app/why" + (query.length == 0 ? "" : "?" + String.join("&", query))).then();
    }

    /** Returns the row of an action as text: the cells are separated by {@code |}, and tags are left out. */
    private String row(String asker, String person, String action, String... query) {
        List<String> asked = new ArrayList<>(List.of(query));
        asked.addAll(List.of("person_id=" + id(person), "production_id=" + production, "action_id=" + action));
        String page = why(BesideKitsu.token(asker), asked.toArray(String[]::new)).statusCode(200).extract().asString();
        List<String> rows = Arrays.stream(page.split("<tr>")).skip(2).toList();
        assertThat(rows).as(page).hasSize(1);
        return Arrays.stream(rows.get(0).split("</td>"))
                .map(cell -> cell.replaceAll("<br>", " ").replaceAll("<[^>]*>", "").replace("&quot;", "\"")
                        .replaceAll("\\s+", " ").strip())
                .limit(6)
                .skip(1).collect(Collectors.joining(" | "));
    }

    private static String id(String person) {
        return zou().person(person).get("id").asText();
    }

    private static String name(String person) {
        return zou().person(person).get("full_name").asText();
    }

    @ParameterizedTest
    @CsvSource({ "admin, 200", "manager, 200", "supervisor, 200", "user, 200", "client, 403", "vendor, 403" })
    void isForEverybodyButClientsAndVendors(String person, int status) {
        why(BesideKitsu.token(person)).statusCode(status).contentType("text/html");
    }

    @Test
    void answersWhereTheButtonIs() {
        String action = BesideKitsu.ajax("https://api.studio.com/x", "roles", List.of("manager"), "entity_type", "asset");

        assertThat(row("admin", "supervisor", action, "entity_type=shot")).isEqualTo("not shown | Yes | No For managers. "
                + name("supervisor") + " is a supervisor. | Yes All productions. | No For assets.");
        assertThat(row("admin", "manager", action, "entity_type=asset"))
                .isEqualTo("shown | Yes | Yes For managers. | Yes All productions. | Yes For assets.");
    }

    @Test
    void saysThatAnActionIsShownButRefused() {
        String elsewhere = BesideKitsu.ajax("https://api.studio.com/x", "project_ids",
                List.of(zou().recordedShot().projectId()));
        zou().join(artist, production, "vendor");
        String everywhere = BesideKitsu.ajax("https://api.studio.com/x");

        assertThat(row("admin", "supervisor", elsewhere)).startsWith("shown, but refused in Sintel")
                .contains(" | No Only Sintel. | ");
        assertThat(row("supervisor", artist, everywhere)).startsWith("shown, but refused in Sintel")
                .contains("No For everybody except clients and vendors. " + name(artist) + " is a vendor in Sintel");
    }

    @Test
    void agreesWithThePress() {
        zou().join(artist, production, "vendor");
        String task = zou().shotIn(production, "SH010", "SQ01", artist).id();
        String action = BesideKitsu.ajax("https://api.studio.com/x");

        Json run = BesideKitsu.start(BesideKitsu.as(artist), action, List.of(task));

        assertThat(row("admin", artist, action)).startsWith("shown, but refused");
        assertThat(run.getString("deliveries[0].state")).isEqualTo("refused");
    }

    @Test
    void countsARoleInAnyProduction() {
        String other = zou().production("Caminandes " + UUID.randomUUID(), "admin");
        zou().join(artist, other, "manager");
        String action = BesideKitsu.ajax("https://api.studio.com/x", "roles", List.of("manager"));

        assertThat(row("admin", artist, action)).startsWith("shown, but refused")
                .contains("No For managers. " + name(artist) + " is an artist in Sintel");
        why(BesideKitsu.token("admin"), "person_id=" + id(artist), "production_id=" + production)
                .body(containsString("manager in Caminandes"));
        // The supervisor does not see the other production.
        assertThat(row("supervisor", artist, action)).startsWith("not shown");
        BesideKitsu.as(artist).get("/api/data/user/context").then().statusCode(200);
        assertThat(row("supervisor", artist, action)).startsWith("shown, but refused");
        why(BesideKitsu.token("supervisor"), "person_id=" + id(artist), "production_id=" + production)
                .body(containsString("manager in another production"), not(containsString("Caminandes")));
    }

    @Test
    void saysThatThePersonIsNotInTheTeam() {
        String outside = zou().colleague("user");
        String action = BesideKitsu.ajax("https://api.studio.com/x");

        assertThat(row("supervisor", outside, action)).startsWith("shown, but refused")
                .contains("is not in the team of Sintel");
    }

    @Test
    void givesOnlyTheReasonForActionsThatTheAskerMayNotSee() {
        String action = BesideKitsu.ajax("https://api.studio.com/x", "roles", List.of("admin"), "enabled", false, "project_ids",
                List.of(zou().recordedShot().projectId(), UUID.randomUUID().toString()));

        assertThat(row("supervisor", artist, action)).isEqualTo("not shown | No Disabled. | No For admins. " + name(artist)
                + " is an artist. | No Only Sintel and another production. | Yes All types.");
    }

    @Test
    void saysUnderWhichNameAdminsSeeDisabledActions() {
        String name = "Off " + UUID.randomUUID();
        String action = BesideKitsu.ajax("https://api.studio.com/x", "name", name, "enabled", false);

        assertThat(row("admin", "admin", action)).startsWith("shown, but refused").contains(" | No Disabled. "
                + "Kitsu shows it as \"(off) " + name + "\". | Yes For everybody except clients and vendors. | "
                + "Yes All productions. | Yes All types.");
    }

    @Test
    void hidesOtherActionsFromArtists() {
        String name = "Hidden " + UUID.randomUUID();
        String action = BesideKitsu.ajax("https://api.studio.com/x", "name", name, "roles", List.of("manager"));

        why(BesideKitsu.token(artist)).statusCode(200).body(not(containsString(name)));
        why(BesideKitsu.token(artist), "action_id=" + action).statusCode(200).body(containsString("There is no such action"),
                not(containsString(name)));
    }

    @Test
    void letsArtistsAskOnlyAboutThemselves() {
        why(BesideKitsu.token(artist), "person_id=" + id("manager")).statusCode(403)
                .body(containsString("only about yourself"));
        why(BesideKitsu.token(artist), "person_id=" + id(artist)).statusCode(200)
                .body(not(containsString(name("manager"))));
    }

    @Test
    void offersActivePeopleWithoutBots() {
        String gone = zou().colleague("user");
        zou().leave(gone);

        why(BesideKitsu.token("supervisor")).body(containsString(name(artist)), not(containsString(name(gone))),
                not(containsString(name("bot"))));
        why(BesideKitsu.token("supervisor"), "person_id=" + id(gone)).statusCode(404);
    }

    @Test
    void offersOnlyTheAskersProductions() {
        String closed = zou().production("Closed " + UUID.randomUUID(), "admin");

        why(BesideKitsu.token("supervisor")).body(not(containsString(closed)));
        why(BesideKitsu.token("supervisor"), "production_id=" + closed).statusCode(404);
        why(BesideKitsu.token("admin"), "production_id=" + closed).statusCode(200);
    }

    @Test
    void takesEqualNamesForDifferentTypesAsDifferent() {
        String name = "Twin " + UUID.randomUUID();
        String shots = BesideKitsu.ajax("https://api.studio.com/x", "name", name, "entity_type", "shot");
        String assets = BesideKitsu.ajax("https://api.studio.com/x", "name", name, "entity_type", "asset");

        assertThat(row("admin", artist, shots, "entity_type=shot")).startsWith("shown |");
        assertThat(row("admin", artist, assets, "entity_type=shot")).startsWith("not shown |");
    }

    @ParameterizedTest
    @ValueSource(strings = { "person_id=x", "production_id=x", "action_id=x", "entity_type=all", "entity_type=concept",
            "other=x" })
    void refusesWrongParameters(String query) {
        why(BesideKitsu.token("admin"), query).statusCode(400).contentType("text/html");
    }

    @Test
    void escapesNames() {
        String person = zou().colleague("user");
        zou().rename(person, "<b>Ada</b>");
        zou().join(person, production, null);
        String other = zou().production("<b>Sintel</b>", "manager");
        String action = BesideKitsu.ajax("https://api.studio.com/x", "name", "<b>" + UUID.randomUUID() + "</b>",
                "roles", List.of("manager"), "project_ids", List.of(other));

        why(BesideKitsu.token("manager"), "person_id=" + id(person), "production_id=" + other).statusCode(200)
                .body(containsString("&lt;b&gt;Ada&lt;/b&gt; is an artist."), containsString("Only &lt;b&gt;Sintel&lt;/b&gt;."),
                        not(containsString("<b>")));
        BesideKitsu.as("admin").delete(BesideKitsu.PATH + "/" + action).then().statusCode(204);
    }

    @Test
    void answers503IfZouIsAway() {
        for (String path : List.of("/data/persons", "/data/projects")) {
            String token = BesideKitsu.token("manager");
            why(token).statusCode(200);
            zou().fault(token, path, Fault.gone);
            why(token, "person_id=" + id(artist)).statusCode(503).contentType("text/html");
        }
    }

    @Test
    void saysKitsusOwnRules() {
        why(BesideKitsu.token(artist)).body(containsString("only while task cells are selected"),
                containsString("reload Kitsu"));
    }
}
