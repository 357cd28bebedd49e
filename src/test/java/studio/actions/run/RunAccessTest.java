package studio.actions.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Api.RUNS;
import static studio.actions.testing.BesideKitsu.zou;
import static studio.actions.testing.Json.has;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou.Fault;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;

/** Which people see a run, and how much of it. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class RunAccessTest {

    private final Receiver receiver = Receiver.shared();
    private final String name = "access-" + UUID.randomUUID();
    private String artist;
    private String production;
    private String run;

    /** Presses as an artist; the run has one delivery, which succeeds. */
    @BeforeEach
    void press() {
        artist = zou().colleague("user");
        production = zou().production("Access " + UUID.randomUUID(), artist);
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok?e={entity_name}"));
        run = Json.of(200, BesideKitsu.run(BesideKitsu.as(artist), action,
                List.of(zou().shotIn(production, "SH010", "SQ01").id()))).get("id");
    }

    @ParameterizedTest
    @CsvSource({ "admin,,true,true", "manager,none,true,true", "supervisor,none,true,true", "manager,vendor,false,false",
            "supervisor,client,false,false", "manager,,false,false", "supervisor,,false,false", "user,none,false,false",
            "user,supervisor,false,false", "client,none,false,false", "vendor,manager,false,false", "bot,,true,true" })
    void showsRunsByRoleAndProduction(String role, String inProduction, boolean seen, boolean whole) {
        String person = zou().colleague(role);
        if (inProduction != null) {
            zou().join(person, production, inProduction.equals("none") ? null : inProduction);
        }
        String token = BesideKitsu.token(person);

        List<String> listed = Json.of(200, BesideKitsu.with(token).get(RUNS + "?limit=500")).getList("data.id");
        assertThat(listed.contains(run)).isEqualTo(seen);
        BesideKitsu.with(token).get(RUNS + "/" + run).then().statusCode(seen ? 200 : 404);
        BesideKitsu.with(token).get(RUNS + "/" + run + "/events").then().statusCode(seen ? 200 : 404);
        BesideKitsu.with(token).post(RUNS + "/" + run + "/cancel").then().statusCode(
                role.equals("admin") || role.equals("bot") ? 409 : seen ? 403 : 404);
        if (whole) {
            assertThat(Json.of(BesideKitsu.with(token).get(RUNS + "/" + run)).getString("deliveries[0].url")).contains(name);
            assertThat(events(token)).contains(name);
        }
    }

    @Test
    void showsArtistsTheirOwnRunsWithoutRequests() {
        String token = BesideKitsu.token(artist);

        for (Json shown : List.of(Json.of(BesideKitsu.with(token).get(RUNS + "/" + run)),
                Json.of(BesideKitsu.with(token).get(RUNS + "/" + run + "?state=delivered")))) {
            assertThat(shown.getMap("deliveries[0]")).containsEntry("state", "delivered").containsEntry("url", null)
                    .containsEntry("response", null).containsEntry("status", null).containsEntry("attempts", null)
                    .containsEntry("method", null).containsEntry("duration_ms", null).doesNotContainKey("earlier_attempts");
            assertThat(shown.getString("deliveries[0].target.entity_name")).isEqualTo("SH010");
            assertThat(shown.prettify()).doesNotContain(name);
        }
        assertThat(events(token)).contains("SH010").doesNotContain(name);
        assertThat(Json.of(BesideKitsu.with(token).get(RUNS)).getList("data.id")).containsExactly(run);
    }

    @ParameterizedTest
    @ValueSource(strings = { "user", "client", "vendor", "supervisor" })
    void answersAPressWithOnlyWhatTheCallerMaySee(String role) {
        String person = zou().colleague(role);
        zou().join(person, production, null);
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/status/400?e={entity_name}"), "roles",
                List.of("user", "client", "vendor", "supervisor"));

        Json pressed = Json.of(200, BesideKitsu.run(BesideKitsu.as(person), action,
                List.of(zou().shotIn(production, "SH020", "SQ01", person).id())));

        assertThat(pressed.getString("deliveries[0].failure.kind")).isEqualTo("client_error");
        assertThat(pressed.getString("failures[0].url") != null).isEqualTo(role.equals("supervisor"));
        assertThat(pressed.getString("deliveries[0].url") != null).isEqualTo(role.equals("supervisor"));
    }

    /** A manager sees a run in several productions only as a member of all of them. */
    @Test
    void hidesRunsThatIncludeOtherProductions() {
        String other = zou().production("Other " + UUID.randomUUID(), artist);
        String manager = zou().colleague("manager");
        zou().join(manager, production, null);
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok?p={production_id}"));
        String both = Json.of(200, BesideKitsu.run(BesideKitsu.as(artist), action,
                List.of(zou().shotIn(production, "SH010", "SQ01").id(), zou().shotIn(other, "SH010", "SQ01").id()))).get("id");

        BesideKitsu.as(manager).get(RUNS + "/" + both).then().statusCode(404);
        BesideKitsu.as(manager).get(RUNS + "/" + run).then().statusCode(200);
    }

    @Test
    void hidesRunsOfArchivedProductionsFromManagers() {
        String manager = zou().colleague("manager");
        zou().join(manager, production, null);
        zou().archive(production);

        BesideKitsu.as(manager).get(RUNS + "/" + run).then().statusCode(404);
    }

    @ParameterizedTest
    @ValueSource(strings = { "manager", "supervisor" })
    void showsNoRunsWhileKitsuDoesNotAnswer(String role) {
        String person = zou().colleague(role);
        zou().join(person, production, null);
        String token = BesideKitsu.token(person);
        zou().fault(token, "/data/projects", Fault.error);

        for (String path : List.of(RUNS, RUNS + "/" + run, RUNS + "/" + run + "/events")) {
            BesideKitsu.with(token).get(path).then().statusCode(503).body(has("code", equalTo("unavailable")));
        }
        BesideKitsu.with(token).get(Api.ACTIONS).then().statusCode(200);
    }

    /**
     * A caller may name a production for an entity that the caller cannot see. That does not show the run to the managers of
     * the production.
     */
    @Test
    void doesNotTrustAProductionNamedByTheCaller() {
        String manager = zou().colleague("manager");
        zou().join(manager, production, null);
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        String claimed = Json.of(200, Api.run(BesideKitsu.as("user"), action,
                Map.of("targets", List.of(Api.target("entity_id", UUID.randomUUID().toString(), "production_id", production)))))
                .get("id");

        BesideKitsu.as(manager).get(RUNS + "/" + claimed).then().statusCode(404);
        BesideKitsu.as(manager).get(RUNS + "/" + run).then().statusCode(200);
    }

    /** A manager's own press is answered and can be cancelled while Kitsu does not list the manager's productions. */
    @Test
    void answersAManagersOwnPressWhileKitsuIsSilent() {
        String manager = zou().colleague("manager");
        zou().join(manager, production, null);
        String token = BesideKitsu.token(manager);
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/held?e={entity_name}"));
        String task = zou().shotIn(production, "SH010", "SQ01").id();
        Json pressed = BesideKitsu.start(BesideKitsu.with(token), action, List.of(task));
        zou().fault(token, "/data/projects", Fault.silent);

        BesideKitsu.with(token).post(RUNS + "/" + pressed.getString("id") + "/cancel").then().statusCode(200);
        receiver.releaseAll();
    }

    @Test
    void asksForTheProductionsOfAManagerOnceAMinute() {
        String manager = zou().colleague("manager");
        zou().join(manager, production, null);
        String token = BesideKitsu.token(manager);

        for (int i = 0; i < 3; i++) {
            BesideKitsu.with(token).get(RUNS).then().statusCode(200);
            BesideKitsu.with(token).get(RUNS + "/" + run).then().statusCode(200);
        }

        assertThat(zou().requestsOfItsPerson(token)).filteredOn(request -> request.path().startsWith("/data/projects?"))
                .hasSize(1);
    }

    @Test
    void findsRunsByTheNameOfAShot() {
        String token = BesideKitsu.token(artist);
        String unusual = "Ä_%!" + UUID.randomUUID();
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        String second = Json.of(200, BesideKitsu.run(BesideKitsu.with(token), action,
                List.of(zou().shotIn(production, unusual, "SQ01").id()))).get("id");

        await().atMost(Duration.ofSeconds(5)).untilAsserted(() -> assertThat(named(token, "sh01")).containsExactly(run));
        assertThat(named(token, unusual)).containsExactly(second);
        assertThat(named(token, "Ä_%!")).containsExactly(second);
        assertThat(named(token, "_")).isEmpty();
        assertThat(named(token, "%")).isEmpty();
        assertThat(named(token, "")).contains(run, second);
        assertThat(named(BesideKitsu.token(zou().colleague("user")), unusual)).isEmpty();
    }

    private static List<String> named(String token, String q) {
        return Json.of(200, BesideKitsu.with(token).urlEncodingEnabled(true).queryParam("q", q).get(RUNS)).getList("data.id");
    }

    private String events(String token) {
        return BesideKitsu.with(token).get(RUNS + "/" + run + "/events").then().statusCode(200).extract().asString();
    }
}
