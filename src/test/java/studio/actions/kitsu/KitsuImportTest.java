package studio.actions.kitsu;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.notNullValue;
import static studio.actions.kitsu.Kitsu.TOOL;
import static studio.actions.kitsu.Kitsu.answer;
import static studio.actions.testing.Json.has;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

import jakarta.inject.Inject;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.Database;
import studio.actions.testing.FakeZou;
import studio.actions.testing.FakeZou.Fault;
import studio.actions.testing.FakeZou.Request;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;

/** The take-over of a studio's existing actions from Kitsu: all or none, and each only once. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class KitsuImportTest {

    private static final String TAKE_OVER = Api.ACTIONS + "/take-over?mode=";
    private static final String THEIRS = "/data/custom-actions";

    @Inject
    Database database;

    private final FakeZou zou = FakeZou.shared();

    /** Text in the names of this test's actions, and in no other test's. */
    private final String mark = UUID.randomUUID().toString().substring(0, 13);

    private String admin;
    private List<Map<String, Object>> before;

    @BeforeEach
    void remember() {
        Assumptions.assumeTrue(BesideKitsu.fake());
        admin = zou.login("admin");
        before = Kitsu.theirs();
    }

    @AfterEach
    void restore() throws SQLException {
        if (before != null) {
            zou.back();
            zou.customActions(before);
        }
        // A thousand actions would slow down the lists in later tests.
        database.execute("DELETE FROM action WHERE name LIKE ?", mark + "%");
    }

    // Modes check and apply

    @Test
    void checkReportsActionsAndCreatesNone() {
        zou.customActions(List.of(action("one"), action("two")));

        for (int time = 1; time <= 2; time++) {
            Map<String, Object> answer = takeOver("check");

            assertThat(answer.keySet()).containsExactlyInAnyOrder("created", "updated", "unchanged", "changes",
                    "errors");
            assertCounts(answer, 2, 0);
            List<String> fields = List.of("name", "url", "entity_type", "is_ajax");
            assertThat(Kitsu.column(answer, "changes", "line")).containsExactly(1, 2);
            assertThat(Kitsu.column(answer, "changes", "kind")).containsExactly("created", "created");
            assertThat(Kitsu.column(answer, "changes", "action")).containsExactly(mark + " one", mark + " two");
            assertThat(Kitsu.column(answer, "changes", "fields")).containsExactly(fields, fields);
            assertThat(answer).containsEntry("errors", List.of());
        }

        assertThat(Kitsu.search(mark)).isEmpty();
    }

    @Test
    void applyCreatesActionsUnderKitsusIds() {
        String sent = UUID.randomUUID().toString();
        String opened = UUID.randomUUID().toString();
        zou.customActions(List.of(action("sent", "id", sent, "is_ajax", true, "entity_type", "shot"),
                action("opened", "id", opened, "url", "maya://open?file={entity_id}")));

        assertCounts(takeOver("apply"), 2, 0);

        String person = zou.person("admin").get("id").asText();
        Map<String, Object> expected = new TreeMap<>(Map.of("id", sent, "name", mark + " sent", "url", TOOL, "entity_type",
                "shot", "is_ajax", true, "enabled", true, "method", "POST", "headers", Map.of(), "timeout_ms", 10_000,
                "max_attempts", 1));
        expected.putAll(Map.of("rate_per_minute", 600, "roles", List.of(), "project_ids", List.of(),
                "version", 1, "type", "CustomAction", "created_by", person, "updated_by", person));
        expected.put("description", null);
        expected.put("signing_secret", null);
        Map<String, Object> made = new TreeMap<>(read(sent));
        made.keySet().removeAll(List.of("created_at", "updated_at"));
        assertThat(made).isEqualTo(expected);
        assertThat(read(opened)).containsEntry("url", "maya://open?file={entity_id}").containsEntry("is_ajax", false)
                .containsEntry("entity_type", "all");
    }

    @Test
    void applyAnswersLikeCheck() {
        zou.customActions(List.of(action("one"), action("two"), action("three")));

        Map<String, Object> said = takeOver("check");

        assertThat(takeOver("apply")).isEqualTo(said);
    }

    @Test
    void secondApplyChangesNothing() {
        zou.customActions(List.of(action("one"), action("two")));
        takeOver("apply");
        List<Map<String, Object>> made = Kitsu.search(mark);

        for (String mode : List.of("apply", "check")) {
            Map<String, Object> again = takeOver(mode);

            assertCounts(again, 0, 2);
            assertThat(again).containsEntry("changes", List.of());
        }
        assertThat(Kitsu.search(mark)).isEqualTo(made).hasSize(2);
    }

    @Test
    void keepsActionsEditedHere() {
        String id = UUID.randomUUID().toString();
        zou.customActions(List.of(action("one", "id", id)));
        takeOver("apply");
        BesideKitsu.with(admin).body(Map.of("name", mark + " ours", "url", "https://api.studio.com/ours", "timeout_ms", 500))
                .patch(Api.ACTIONS + "/" + id).then().statusCode(200);
        Map<String, Object> edited = read(id);
        zou.customActions(List.of(action("theirs", "id", id, "entity_type", "edit")));

        assertCounts(takeOver("apply"), 0, 1);

        assertThat(read(id)).isEqualTo(edited);
    }

    @Test
    void createsActionsAddedToKitsuLater() {
        Map<String, Object> first = action("first");
        zou.customActions(List.of(first));
        takeOver("apply");
        zou.customActions(List.of(first, action("second")));

        Map<String, Object> answer = takeOver("apply");

        assertCounts(answer, 1, 1);
        assertThat(Kitsu.column(answer, "changes", "line")).containsExactly(2);
        assertThat(Kitsu.search(mark)).extracting(one -> one.get("name")).containsExactly(mark + " first", mark + " second");
    }

    @Test
    void restoresActionDeletedHere() {
        String id = UUID.randomUUID().toString();
        zou.customActions(List.of(action("one", "id", id)));
        takeOver("apply");
        BesideKitsu.with(admin).delete(Api.ACTIONS + "/" + id).then().statusCode(204);

        assertCounts(takeOver("apply"), 1, 0);

        assertThat(read(id)).containsEntry("version", 3);
    }

    @Test
    void takesOldestOfTwoActionsWithOneName() {
        Map<String, Object> young = action("same");
        young.put("created_at", "2024-05-01T10:00:00");
        Map<String, Object> old = action("SAME");
        old.put("created_at", "2021-05-01T10:00:00");
        zou.customActions(List.of(young, old));

        BesideKitsu.with(admin).post(TAKE_OVER + "apply").then().statusCode(422).body("errors.size()", equalTo(1))
                .body("errors[0].column", equalTo("name"))
                .body("errors[0].id", equalTo(young.get("id")))
                .body("errors[0].message", containsString((String) old.get("id")));
        assertThat(Kitsu.search(mark)).isEmpty();

        assertThat(Kitsu.column(takeOver("apply&skip_invalid=true"), "changes", "id")).containsExactly(old.get("id"));
        assertThat(Kitsu.search(mark)).hasSize(1);
    }

    @Test
    void refusesActionWhoseNameIsTaken() {
        String here = Kitsu.create(mark + " here", "entity_type", "shot");
        zou.customActions(List.of(action("here")));

        Map<String, Object> answer = takeOver("check");

        assertThat(answer).containsEntry("created", 0);
        assertThat(Kitsu.column(answer, "errors", "message")).singleElement().asString().contains(here);
    }

    @Test
    void doesNothingIfKitsuHasNoActions() {
        zou.customActions(List.of());

        assertCounts(takeOver("check"), 0, 0);
        assertCounts(takeOver("apply"), 0, 0);
    }

    @Test
    void storesTemplateOfTriggerLink() {
        String id = UUID.randomUUID().toString();
        zou.customActions(List.of(action("one", "id", id, "url",
                "https://kitsu.studio/api/data/custom-actions/" + id + "/open#" + TOOL)));

        takeOver("apply");

        assertThat(read(id)).containsEntry("url", TOOL);
    }

    @Test
    void usesDefaultsForNullEntityTypeAndAjax() {
        Map<String, Object> action = action("one");
        action.put("entity_type", null);
        action.put("is_ajax", null);
        zou.customActions(List.of(action));

        assertCounts(takeOver("apply"), 1, 0);

        assertThat(read((String) action.get("id"))).containsEntry("entity_type", "all").containsEntry("is_ajax", false);
    }

    @Test
    void servesTakenOverActionOnKitsusPath() {
        String id = UUID.randomUUID().toString();
        zou.customActions(List.of(action("one", "id", id, "is_ajax", true)));

        takeOver("apply");

        BesideKitsu.with(admin).get(BesideKitsu.PATH + "/" + id).then().statusCode(200).body(has("name",
                equalTo(mark + " one"), "url", containsString("/" + id + "/run?v=")));
    }

    @Test
    void leavesKitsusActionsUnchanged() {
        zou.customActions(List.of(action("one"), action("two", "url", null)));
        List<Map<String, Object>> list = Kitsu.theirs();

        takeOver("check");
        answer(422, BesideKitsu.with(admin).post(TAKE_OVER + "apply"));
        zou.customActions(list.subList(0, 1));
        takeOver("apply");

        assertThat(Kitsu.theirs()).isEqualTo(list.subList(0, 1));
        assertThat(zou.requests(admin)).extracting(Request::method).containsOnly("GET");
    }

    @Test
    void takesOverThousandActionsAtOnce() {
        List<Map<String, Object>> thousand = IntStream.range(0, 1000).mapToObj(i -> action("no. " + i)).toList();
        zou.customActions(thousand);

        assertCounts(takeOver("apply"), 1000, 0);

        assertThat(Kitsu.search(mark)).extracting(one -> one.get("id"))
                .containsExactlyInAnyOrderElementsOf(thousand.stream().map(one -> one.get("id")).toList());
        assertCounts(takeOver("apply"), 0, 1000);
    }

    @Test
    void concurrentAppliesCreateEachActionOnce() throws Exception {
        zou.customActions(IntStream.range(0, 50).mapToObj(i -> action("no. " + i)).toList());
        // Both tokens enter the identity cache first, so that the imports run at the same moment.
        List<String> tokens = List.of(admin, zou.login("bot"));
        tokens.forEach(token -> BesideKitsu.with(token).post(TAKE_OVER + "check").then().statusCode(200));

        List<Response> answers = atOnce(tokens);

        assertThat(answers).extracting(Response::statusCode).containsExactly(200, 200);
        assertThat(answers.stream().mapToInt(answer -> Json.of(answer).getInt("created")).sum()).isEqualTo(50);
        assertThat(answers).allSatisfy(
                answer -> assertThat(Json.of(answer).getInt("created") + Json.of(answer).getInt("unchanged")).isEqualTo(50));
        assertThat(Kitsu.search(mark)).hasSize(50).allSatisfy(one -> assertThat(one).containsEntry("version", 1));
    }

    // Invalid actions

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = { "url | NULL", "url | ``", "url | javascript:alert(1)",
            "url | ftp://farm.studio/", "url | https://farm.studio/{nothing}", "url | https://farm.studio/?token=abc",
            "entity_type | banana", "name | 81", "name | ` `", "name | NULL" })
    void reportsErrorAndCreatesNothing(String column, String value) {
        Map<String, Object> wrong = action("wrong");
        wrong.put(column, value.equals("NULL") ? null : value.equals("81") ? "x".repeat(81) : value);
        zou.customActions(List.of(action("right"), wrong, action("right, too")));

        for (String mode : List.of("check", "apply")) {
            Map<String, Object> answer = answer(mode.equals("check") ? 200 : 422,
                    BesideKitsu.with(admin).post(TAKE_OVER + mode));

            assertThat(Kitsu.column(answer, "errors", "line")).containsExactly(2);
            assertThat(Kitsu.column(answer, "errors", "column")).containsExactly(column);
            assertThat(Kitsu.column(answer, "errors", "message")).doesNotContainNull().doesNotContain("");
            assertThat(Kitsu.column(answer, "changes", "line")).as(mode)
                    .isEqualTo(mode.equals("check") ? List.of(1, 3) : List.of());
            assertThat(answer).containsEntry("created", mode.equals("check") ? 2 : 0).containsEntry("unchanged", 0);
        }
        assertThat(Kitsu.search(mark)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = { "http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:1/", "https://localhost/x",
            "https://farm.local/{entity_id}", "http://farm.studio.com/plain", "maya://open" })
    void refusesAjaxActionToForbiddenAddress(String url) {
        zou.customActions(List.of(action("one", "url", url, "is_ajax", true)));

        Map<String, Object> answer = answer(422, BesideKitsu.with(admin).post(TAKE_OVER + "apply"));

        assertThat(Kitsu.column(answer, "errors", "column")).containsExactly("url");
        assertThat(Kitsu.search(mark)).isEmpty();
    }

    @Test
    void acceptsAjaxActionToAllowedAddress() {
        zou.customActions(List.of(action("one", "url", Receiver.shared().url("/" + mark + "/ok"), "is_ajax", true)));

        assertCounts(takeOver("apply"), 1, 0);
        assertThat(Receiver.shared().heard(mark)).isEmpty();
    }

    @Test
    void reportsAllErrorsAtOnce() {
        Map<String, Object> both = action("x".repeat(80), "url", "javascript:alert(1)");
        zou.customActions(List.of(action("a", "entity_type", "banana"), action("right"), both, action("b", "url", null)));

        Map<String, Object> answer = takeOver("check");

        assertThat(Kitsu.column(answer, "errors", "line")).containsExactlyInAnyOrder(1, 3, 3, 4);
        assertThat(Kitsu.column(answer, "errors", "column")).containsExactlyInAnyOrder("entity_type", "name", "url", "url");
    }

    @Test
    void skipsInvalidActionsOnRequest() {
        String wrong = UUID.randomUUID().toString();
        zou.customActions(List.of(action("right"), action("wrong", "id", wrong, "url", "javascript:alert(1)"),
                action("odd", "entity_type", "banana"), action("right, too")));

        for (String mode : List.of("check", "apply&skip_invalid=true")) {
            Map<String, Object> answer = takeOver(mode);

            assertThat(Kitsu.column(answer, "errors", "action")).containsExactlyInAnyOrder(mark + " wrong", mark + " odd");
            assertThat(Kitsu.column(answer, "errors", "id")).contains(wrong);
            assertThat(answer).containsEntry("created", 2).containsEntry("unchanged", 0);
        }
        assertThat(Kitsu.search(mark)).hasSize(2);
        assertThat(takeOver("apply&skip_invalid=true")).containsEntry("created", 0).containsEntry("unchanged", 2);
        answer(422, BesideKitsu.with(admin).post(TAKE_OVER + "apply"));
        answer(422, BesideKitsu.with(admin).post(TAKE_OVER + "apply&skip_invalid=false"));
    }

    @Test
    void doesNotValidateActionsAlreadyTakenOver() {
        String id = UUID.randomUUID().toString();
        zou.customActions(List.of(action("one", "id", id)));
        takeOver("apply");
        zou.customActions(List.of(action("one", "id", id, "url", null, "entity_type", "banana"), action("two")));

        Map<String, Object> answer = takeOver("apply");

        assertThat(answer).containsEntry("errors", List.of());
        assertCounts(answer, 1, 1);
    }

    @Test
    void takesOverActionAfterCorrection() {
        Map<String, Object> one = action("one", "url", null);
        zou.customActions(List.of(one, action("two")));
        answer(422, BesideKitsu.with(admin).post(TAKE_OVER + "apply"));
        one.put("url", TOOL);
        zou.customActions(List.of(one, action("two")));

        assertCounts(takeOver("apply"), 2, 0);

        assertThat(Kitsu.search(mark)).hasSize(2);
    }

    // Permissions, and requests to Zou

    @ParameterizedTest
    @CsvSource({ "admin, 200", "bot, 200", "manager, 403", "supervisor, 403", "user, 403", "client, 403", "vendor, 403",
            "nobody, 401" })
    void allowsOnlyAdmins(String person, int status) {
        zou.customActions(List.of(action("one")));
        String token = person.equals("nobody") ? null : zou.login(person);

        for (String mode : List.of("check", "apply")) {
            (token == null ? given() : BesideKitsu.with(token)).post(TAKE_OVER + mode).then().statusCode(status);
        }

        assertThat(Kitsu.search(mark)).hasSize(status == 200 ? 1 : 0);
        assertThat(token == null ? List.of() : asked(token)).hasSize(status == 200 ? 2 : 0);
    }

    @Test
    void readsZouWithCallersToken() {
        zou.customActions(List.of(action("one")));

        takeOver("check");

        assertThat(asked(admin)).singleElement().satisfies(request -> {
            assertThat(request.method()).isEqualTo("GET");
            assertThat(request.headers()).containsEntry("Authorization", "Bearer " + admin).doesNotContainKey("Cookie");
        });
    }

    @Test
    void readsZouWithCallersCookie() {
        zou.customActions(List.of(action("one")));

        given().header("Cookie", "access_token_cookie=" + admin + "; other=1").header("Sec-Fetch-Site", "same-origin")
                .post(TAKE_OVER + "check").then().statusCode(200).body(has("created", equalTo(1)));

        assertThat(asked(admin)).singleElement().satisfies(request -> assertThat(request.headers())
                .containsEntry("Cookie", "access_token_cookie=" + admin).doesNotContainKey("Authorization"));
    }

    @Test
    void refusesRequestFromAnotherSite() {
        zou.customActions(List.of(action("one")));

        given().header("Cookie", "access_token_cookie=" + admin).header("Origin", "https://evil.example")
                .post(TAKE_OVER + "apply").then().statusCode(403).body(has("code", equalTo("cross_site")));

        assertThat(zou.requests(admin)).noneMatch(request -> request.path().startsWith(THEIRS));
        assertThat(Kitsu.search(mark)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(value = Fault.class, names = { "html", "half", "endless", "drip", "gone", "error", "unavailable",
            "notAPerson" })
    void createsNothingWithoutValidAnswerFromZou(Fault fault) {
        zou.customActions(List.of(action("one")));
        zou.fault(admin, THEIRS, fault);

        BesideKitsu.with(admin).post(TAKE_OVER + "apply").then().statusCode(503).header("Retry-After", notNullValue())
                .body(has("code", equalTo("unavailable")));
        zou.heal(admin);

        assertThat(Kitsu.search(mark)).isEmpty();
        assertCounts(takeOver("apply"), 1, 0);
    }

    @Test
    void createsNothingWhileZouIsUnreachable() {
        zou.customActions(List.of(action("one")));
        zou.away();

        BesideKitsu.with(admin).post(TAKE_OVER + "apply").then().statusCode(503).header("Retry-After", notNullValue());
        zou.back();

        assertThat(Kitsu.search(mark)).isEmpty();
        assertCounts(takeOver("apply"), 1, 0);
    }

    @Test
    void refusesRevokedToken() {
        zou.customActions(List.of(action("one")));
        takeOver("check");
        zou.revoke(admin);

        BesideKitsu.with(admin).post(TAKE_OVER + "apply").then().statusCode(401).header("WWW-Authenticate", notNullValue())
                .body(has("code", equalTo("unauthenticated")));

        admin = zou.login("admin");
        assertThat(Kitsu.search(mark)).isEmpty();
    }

    @Test
    void answers403IfZouForbidsReading() {
        zou.customActions(List.of(action("one")));
        takeOver("check");
        zou.fault(admin, THEIRS, Fault.twoFactor);

        BesideKitsu.with(admin).post(TAKE_OVER + "apply").then().statusCode(403)
                .body(has("code", equalTo("forbidden"), "detail",
                        containsString("Two-factor")));
        zou.heal(admin);

        assertThat(Kitsu.search(mark)).isEmpty();
    }

    // The request's parameters

    @ParameterizedTest
    @ValueSource(strings = { "", "?mode=", "?mode=banana", "?mode=APPLY", "?mode=apply%20" })
    void refusesMissingOrUnknownMode(String query) {
        zou.customActions(List.of(action("one")));

        BesideKitsu.with(admin).post(Api.ACTIONS + "/take-over" + query).then().statusCode(400)
                .body(has("code", equalTo("invalid_parameter"), "errors.pointer", contains("mode")));

        assertThat(Kitsu.search(mark)).isEmpty();
        assertThat(asked(admin)).isEmpty();
    }

    @Test
    void ignoresBody() {
        zou.customActions(List.of(action("one")));

        given().header("Authorization", "Bearer " + admin).post(TAKE_OVER + "check").then().statusCode(200)
                .body(has("changes", hasSize(1)));
        BesideKitsu.with(admin).body("{}").post(TAKE_OVER + "check").then().statusCode(200).body(has("changes", hasSize(1)));
    }

    @ParameterizedTest
    @ValueSource(strings = { "GET", "PUT", "DELETE" })
    void refusesMethodsOtherThanPost(String verb) {
        zou.customActions(List.of(action("one")));

        BesideKitsu.with(admin).body("{}").request(verb, TAKE_OVER + "apply").then().statusCode(405).header("Allow",
                containsString("POST"));

        assertThat(asked(admin)).isEmpty();
        assertThat(Kitsu.search(mark)).isEmpty();
    }

    // Helpers

    /** Returns an action as Zou stores it. */
    private Map<String, Object> action(String name, Object... fields) {
        return Kitsu.stored(mark + " " + name, fields);
    }

    private Map<String, Object> takeOver(String mode) {
        return answer(200, BesideKitsu.with(admin).post(TAKE_OVER + mode));
    }

    private static void assertCounts(Map<String, Object> answer, int created, int unchanged) {
        assertThat(answer).containsEntry("created", created).containsEntry("updated", 0).containsEntry("unchanged", unchanged)
                .containsEntry("errors", List.of());
    }

    private Map<String, Object> read(String id) {
        return answer(200, BesideKitsu.with(admin).get(Api.ACTIONS + "/" + id));
    }

    private List<Request> asked(String token) {
        return zou.requests(token).stream().filter(request -> request.path().startsWith(THEIRS)).toList();
    }

    private static List<Response> atOnce(List<String> tokens) throws Exception {
        CyclicBarrier start = new CyclicBarrier(tokens.size());
        ExecutorService pool = Executors.newFixedThreadPool(tokens.size());
        try {
            List<Future<Response>> answers = new ArrayList<>();
            for (String token : tokens) {
                answers.add(pool.submit(() -> {
                    start.await(10, TimeUnit.SECONDS);
                    return BesideKitsu.with(token).post(TAKE_OVER + "apply");
                }));
            }
            List<Response> done = new ArrayList<>();
            for (Future<Response> answer : answers) {
                done.add(answer.get(60, TimeUnit.SECONDS));
            }
            return done;
        } finally {
            pool.shutdownNow();
        }
    }
}
