package studio.actions.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Api.ADMIN;
import static studio.actions.testing.Json.has;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.response.ValidatableResponse;
import studio.actions.testing.Api;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

@QuarkusTest
@WithTestResource(Services.class)
class RunListTest {

    private final Receiver receiver = Receiver.shared();

    @Test
    void listsTheNewestRunsFirst() {
        String action = Api.ajax(receiver.url("/newest/ok"));
        List<String> pressed = presses(action, 3);

        list("action_id=" + action).body(has("data.id", equalTo(reversed(pressed)), "next", equalTo(null)));
    }

    @Test
    void showsCountsInsteadOfDeliveries() {
        String action = Api.ajax(receiver.url("/counted/status/{entity_name}"));
        Api.run(action, List.of(Api.shot("200"), Api.shot("500"), Api.shot("200"), Api.shot("..")));

        Json page = Json.of(list("action_id=" + action).extract());

        assertThat(page.getMap("")).containsOnlyKeys("data", "next");
        assertThat(page.getMap("data[0]")).containsOnlyKeys("id", "type", "action_id", "action_name", "state", "caller",
                "created_at", "finished_at", "counts", "refusal").containsEntry("type", "Run").containsEntry("state", "partial")
                .containsEntry("counts",
                        Map.of("total", 4, "delivered", 2, "failed", 1, "refused", 1, "lost", 0, "cancelled", 0));
    }

    @ParameterizedTest
    @ValueSource(ints = { 1, 2, 3, 5, 6, 50 })
    void pagesWithoutGapsOrRepeats(int limit) {
        String action = Api.ajax(receiver.url("/paged/ok"));
        List<String> pressed = presses(action, 5);

        List<String> seen = new ArrayList<>();
        String query = "action_id=" + action + "&limit=" + limit;
        Json page = Json.of(list(query).extract());
        int pages = 1;
        for (; page.getString("next") != null; pages++) {
            assertThat(page.getList("data")).hasSize(limit);
            seen.addAll(page.getList("data.id"));
            page = Json.of(list(query + "&cursor=" + page.getString("next")).extract());
        }
        seen.addAll(page.getList("data.id"));

        assertThat(seen).isEqualTo(reversed(pressed));
        assertThat(pages).isEqualTo((5 + limit - 1) / limit);
    }

    @Test
    void doesNotShiftPagesWhenNewRunsCome() {
        String action = Api.ajax(receiver.url("/shifted/ok"));
        List<String> pressed = presses(action, 4);
        String query = "action_id=" + action + "&limit=2";
        String next = Json.of(list(query).body(has("data.id", contains(pressed.get(3), pressed.get(2)))).extract()).get("next");

        presses(action, 1);

        list(query + "&cursor=" + next).body(has("data.id", contains(pressed.get(1), pressed.get(0)), "next", equalTo(null)));
    }

    @Test
    void filtersByAction() {
        String one = Api.ajax(receiver.url("/one-of-two/ok"));
        String other = Api.ajax(receiver.url("/one-of-two/ok"));
        String first = presses(one, 1).get(0);
        String second = presses(other, 1).get(0);

        list("action_id=" + one).body(has("data.id", contains(first)));
        List<String> all = Json.of(list("limit=500").extract()).getList("data.id");
        assertThat(all).containsSubsequence(second, first);
        list("action_id=" + UUID.randomUUID()).body(has("data", empty()));
    }

    @Test
    void filtersByState() {
        String action = Api.ajax(receiver.url("/stated/status/{entity_name}"));
        String good = Json.of(Api.run(action, List.of(Api.shot("200")))).get("id");
        String bad = Json.of(Api.run(action, List.of(Api.shot("500")))).get("id");
        String mixed = Json.of(Api.run(action, List.of(Api.shot("200"), Api.shot("500")))).get("id");

        for (var expected : Map.of("succeeded", List.of(good), "failed", List.of(bad), "partial", List.of(mixed), "running",
                List.of(), "queued", List.of(), "cancelled", List.of()).entrySet()) {
            list("action_id=" + action + "&state=" + expected.getKey()).body(has("data.id", equalTo(expected.getValue())));
        }
    }

    @Test
    void filtersByEarliestTime() {
        String action = Api.ajax(receiver.url("/since/ok"));
        List<String> pressed = presses(action, 3);
        String middle = Json.of(Api.admin().get(Api.RUNS + "/" + pressed.get(1))).get("created_at");

        list("action_id=" + action + "&since=" + middle).body(has("data.id", contains(pressed.get(2), pressed.get(1))));
        list("action_id=" + action + "&since=" + Instant.parse(middle).plusNanos(1000)).body(has("data.id",
                contains(pressed.get(2))));
        list("action_id=" + action + "&since=" + Instant.now().plusSeconds(60)).body(has("data", empty()));
    }

    @Test
    void filtersByCaller() {
        String action = Api.ajax(receiver.url("/caller/ok"));
        List<String> pressed = presses(action, 1);

        list("action_id=" + action + "&caller=" + ADMIN).body(has("data.id", equalTo(pressed), "data.caller.name",
                contains("Local admin")));
        list("action_id=" + action + "&caller=" + UUID.randomUUID()).body(has("data", empty()));
    }

    @Test
    void keepsTheRunsOfAnActionThatWasDeleted() {
        String action = Api.ajax(receiver.url("/deleted/ok"), "name", "Gone");
        List<String> pressed = presses(action, 1);

        Api.admin().delete(Api.ACTIONS + "/" + action).then().statusCode(204);

        list("action_id=" + action).body(has("data.id", equalTo(pressed), "data.action_name", contains("Gone")));
        Api.admin().get(Api.RUNS + "/" + pressed.get(0)).then().statusCode(200);
    }

    static Stream<Arguments> wrong() {
        return Stream.of(Arguments.of("cursor", "x"), Arguments.of("cursor", "%00"),
                Arguments.of("cursor", cursor("2026-11-23T00:00:00Z")),
                Arguments.of("cursor", cursor("2026-11-23T00:00:00Z nonsense")),
                Arguments.of("cursor", cursor("yesterday " + ADMIN)),
                Arguments.of("cursor", cursor("+999999999-12-31T23:59:59Z " + ADMIN)),
                Arguments.of("limit", "0"), Arguments.of("limit", "-1"), Arguments.of("limit", "501"),
                Arguments.of("limit", "ten"), Arguments.of("limit", "99999999999"), Arguments.of("state", "done"),
                Arguments.of("state", "SUCCEEDED"), Arguments.of("since", "yesterday"), Arguments.of("since", "2026-11-23"),
                Arguments.of("since", "2026-11-23T00:00:00"), Arguments.of("since", "%2B999999999-12-31T23:59:59Z"),
                Arguments.of("since", "-999999999-01-01T00:00:00Z"));
    }

    @ParameterizedTest
    @MethodSource("wrong")
    void refusesWrongParameters(String name, String value) {
        Api.admin().get(Api.RUNS + "?" + name + "=" + value).then().statusCode(400).body(has("code",
                equalTo("invalid_parameter"), "errors[0].pointer", equalTo(name)));
    }

    @ParameterizedTest
    @CsvSource({ "action_id, 1-1-1-1-1", "caller, me" })
    void refusesWrongIds(String name, String value) {
        Api.admin().get(Api.RUNS + "?" + name + "=" + value).then().statusCode(400)
                .body(has("code", equalTo("malformed_id")));
    }

    @Test
    void refusesUnknownAndMalformedRunIds() {
        Api.admin().get(Api.RUNS + "/" + UUID.randomUUID()).then().statusCode(404)
                .body(has("code", equalTo("not_found")));
        Api.admin().get(Api.RUNS + "/nonsense").then().statusCode(400).body(has("code", equalTo("malformed_id")));
    }

    @Test
    void showsNothingToUnauthenticatedCallers() {
        String run = presses(Api.ajax(receiver.url("/unseen/ok")), 1).get(0);

        RestAssured.given().get(Api.RUNS).then().statusCode(401);
        RestAssured.given().get(Api.RUNS + "/" + run).then().statusCode(401);
    }

    private static ValidatableResponse list(String query) {
        return Api.admin().get(Api.RUNS + "?" + query).then().statusCode(200);
    }

    private static List<String> presses(String action, int count) {
        return Stream.generate(() -> Api.press(action).getString("id")).limit(count).toList();
    }

    private static List<String> reversed(List<String> ids) {
        List<String> reversed = new ArrayList<>(ids);
        Collections.reverse(reversed);
        return reversed;
    }

    private static String cursor(String text) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes(StandardCharsets.US_ASCII));
    }
}
