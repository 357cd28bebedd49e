package studio.actions.kitsu;

import static org.assertj.core.api.Assertions.assertThat;
import static studio.actions.kitsu.Kitsu.TOOL;
import static studio.actions.kitsu.Kitsu.answer;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

import jakarta.inject.Inject;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.Database;
import studio.actions.testing.FakeZou;
import studio.actions.testing.FakeZou.Fault;
import studio.actions.testing.Json;

/** Deletes actions in Kitsu after their take-over, and puts them back. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class KitsuCopiesTest {

    private static final String TAKE_OVER = Api.ACTIONS + "/take-over?mode=";
    private static final String THEIRS = "/data/custom-actions";

    @Inject
    Database database;

    private final FakeZou zou = FakeZou.shared();
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
    void restore() throws Exception {
        if (before != null) {
            zou.back();
            zou.customActions(before);
        }
        database.execute("DELETE FROM kitsu_copy");
        database.execute("DELETE FROM action WHERE name LIKE ?", mark + "%");
    }

    @Test
    void clearDeletesOnlyTakenOverActions() {
        Map<String, Object> one = action("one", "entity_type", "shot", "is_ajax", true);
        Map<String, Object> two = action("two");
        zou.customActions(List.of(one, two));
        take("apply");
        zou.customActions(List.of(one, two, action("later")));

        Map<String, Object> cleared = take("clear");

        assertThat(cleared).containsEntry("created", 0).containsEntry("updated", 0).containsEntry("unchanged", 1)
                .containsEntry("errors", List.of());
        assertThat(Kitsu.column(cleared, "changes", "kind")).containsExactly("deleted", "deleted");
        assertThat(Kitsu.column(cleared, "changes", "action")).containsExactly(one.get("name"), two.get("name"));
        assertThat(Kitsu.column(cleared, "changes", "from")).first().isEqualTo(
                Map.of("name", one.get("name"), "url", TOOL, "entity_type", "shot", "is_ajax", true));
        assertThat(Kitsu.theirs()).extracting(action -> action.get("name")).containsExactly(mark + " later");
        assertThat(Kitsu.search(mark)).hasSize(2);
        assertThat(audited("cleared")).containsExactlyInAnyOrder(one.get("id"), two.get("id"));
        assertThat(zou.requests(admin)).filteredOn(request -> request.method().equals("DELETE"))
                .allMatch(request -> request.headers().get("Authorization").equals("Bearer " + admin)).hasSize(2);
        assertThat(Kitsu.column(take("clear"), "changes", "id")).as("again").isEmpty();
    }

    /** Kitsu's copy must go, too. During an outage of this service Zou would list the deleted action again. */
    @Test
    void clearDeletesTakenOverActionsThatWereDeletedHere() {
        Map<String, Object> one = action("one");
        zou.customActions(List.of(one));
        take("apply");
        BesideKitsu.with(admin).delete(Api.ACTIONS + "/" + one.get("id")).then().statusCode(204);

        take("clear");

        assertThat(Kitsu.theirs()).isEmpty();
    }

    @Test
    void undoRestoresActionsAndKnowsTheirNewIds() {
        Map<String, Object> one = action("one", "entity_type", "shot", "is_ajax", true);
        Map<String, Object> bare = action("bare", "entity_type", "asset");
        zou.customActions(List.of(one, bare));
        take("apply");
        List<Map<String, Object>> had = Kitsu.theirs();
        take("clear");

        Map<String, Object> undone = take("undo");

        assertThat(undone).containsEntry("created", 2).containsEntry("unchanged", 0).containsEntry("errors", List.of());
        assertThat(Kitsu.column(undone, "changes", "id")).containsExactlyInAnyOrder(one.get("id"), bare.get("id"));
        assertThat(fields(Kitsu.theirs())).isEqualTo(fields(had));
        assertThat(Kitsu.theirs()).extracting(action -> action.get("id")).doesNotContain(one.get("id"), bare.get("id"));
        assertThat(audited("uncleared")).containsExactlyInAnyOrder(one.get("id"), bare.get("id"));
        assertThat(take("undo")).as("again").containsEntry("created", 0);
        assertThat(Kitsu.theirs()).hasSize(2);
        assertThat(take("apply")).as("known").containsEntry("created", 0).containsEntry("unchanged", 2)
                .containsEntry("errors", List.of());
        assertThat(Kitsu.search(mark)).hasSize(2);

        assertThat(Kitsu.column(take("clear"), "changes", "id")).as("and once more")
                .containsExactlyInAnyOrder(one.get("id"), bare.get("id"));
        assertThat(Kitsu.theirs()).isEmpty();
        take("undo");
        assertThat(fields(Kitsu.theirs())).isEqualTo(fields(had));
    }

    @ParameterizedTest
    @EnumSource(value = Fault.class, names = { "error", "twoFactor" })
    void clearContinuesAfterKitsuRefusesOneDeletion(Fault fault) {
        Map<String, Object> one = action("one");
        Map<String, Object> stubborn = action("stubborn");
        Map<String, Object> three = action("three");
        zou.customActions(List.of(one, stubborn, three));
        take("apply");
        zou.fault(admin, THEIRS + "/" + stubborn.get("id"), fault);

        Map<String, Object> answer = answer(422, BesideKitsu.with(admin).post(TAKE_OVER + "clear"));

        assertThat(Kitsu.column(answer, "errors", "action")).containsExactly(stubborn.get("name"));
        assertThat(Kitsu.column(answer, "errors", "message").get(0).toString()).startsWith("Kitsu says: ");
        assertThat(Kitsu.column(answer, "changes", "action")).containsExactly(one.get("name"), three.get("name"));
        zou.heal(admin);
        assertThat(Kitsu.column(take("clear"), "changes", "action")).containsExactly(stubborn.get("name"));
        assertThat(Kitsu.theirs()).isEmpty();
        assertThat(take("undo")).containsEntry("created", 3);
    }

    @ParameterizedTest
    @EnumSource(value = Fault.class, names = { "gone", "unheard", "unavailable" })
    void clearCanBeRepeatedAfterUnansweredDeletion(Fault fault) {
        Map<String, Object> one = action("one");
        Map<String, Object> two = action("two");
        zou.customActions(List.of(one, two));
        take("apply");
        zou.fault(admin, THEIRS + "/" + two.get("id"), fault);

        answer(503, BesideKitsu.with(admin).post(TAKE_OVER + "clear"));
        assertThat(Kitsu.theirs()).hasSize(fault == Fault.unheard ? 0 : 1);
        zou.heal(admin);
        take("clear");

        assertThat(Kitsu.theirs()).isEmpty();
        assertThat(audited("cleared")).containsExactlyInAnyOrder(one.get("id"), two.get("id"));
        assertThat(take("undo")).containsEntry("created", 2);
        assertThat(Kitsu.theirs()).hasSize(2);
    }

    /** Undo must work even if it is unknown whether Kitsu deleted the last action. */
    @ParameterizedTest
    @EnumSource(value = Fault.class, names = { "gone", "unheard" })
    void undoRestoresAfterUnansweredDeletion(Fault fault) {
        Map<String, Object> one = action("one");
        zou.customActions(List.of(one));
        take("apply");
        List<Map<String, Object>> had = Kitsu.theirs();
        zou.fault(admin, THEIRS + "/" + one.get("id"), fault);
        answer(503, BesideKitsu.with(admin).post(TAKE_OVER + "clear"));
        zou.heal(admin);

        take("undo");

        assertThat(fields(Kitsu.theirs())).isEqualTo(fields(had));
        assertThat(audited("cleared")).hasSize(fault == Fault.unheard ? 1 : 0);
    }

    /** Kitsu still had the action at the first undo, and carried out the deletion afterwards. */
    @Test
    void undoRestoresAfterLateDeletion() {
        Map<String, Object> one = action("one");
        zou.customActions(List.of(one));
        take("apply");
        List<Map<String, Object>> had = Kitsu.theirs();
        zou.fault(admin, THEIRS + "/" + one.get("id"), Fault.gone);
        answer(503, BesideKitsu.with(admin).post(TAKE_OVER + "clear"));
        zou.heal(admin);

        assertThat(take("undo")).containsEntry("created", 0).containsEntry("unchanged", 1);
        zou.customActions(List.of());

        assertThat(take("undo")).containsEntry("created", 1);
        assertThat(fields(Kitsu.theirs())).isEqualTo(fields(had));
        assertThat(audited("cleared")).as("and it was deleted").containsExactly(one.get("id"));
    }

    @Test
    void refusesConcurrentUndo() throws Exception {
        zou.customActions(List.of(action("one"), action("two"), action("three")));
        take("apply");
        take("clear");
        zou.delay(admin, THEIRS, Duration.ofMillis(300));

        List<CompletableFuture<Integer>> answers = IntStream.range(0, 4).mapToObj(i -> CompletableFuture
                .supplyAsync(() -> BesideKitsu.with(admin).post(TAKE_OVER + "undo").statusCode())).toList();

        assertThat(answers.stream().map(CompletableFuture::join)).contains(200).containsOnly(200, 409);
        zou.heal(admin);
        assertThat(Kitsu.theirs()).hasSize(3);
    }

    /** If the Zou URL leads to Kitsu's nginx, this service itself answers. It must not delete its own actions. */
    @Test
    void clearDeletesNoActionsOfThisService() {
        Map<String, Object> one = action("one");
        zou.customActions(List.of(one));
        take("apply");
        one.put("url", "/api/data/custom-actions/" + one.get("id") + "/open?v=1#" + TOOL);
        zou.customActions(List.of(one));

        assertThat(answer(503, BesideKitsu.with(admin).post(TAKE_OVER + "clear")).get("detail").toString())
                .contains("CUSTOM_ACTIONS_ZOU_URL");

        assertThat(Kitsu.theirs()).hasSize(1);
    }

    @Test
    void undoRestoresOnceAfterUnansweredCreation() {
        zou.customActions(List.of(action("one"), action("two")));
        take("apply");
        take("clear");
        zou.fault(admin, "POST " + THEIRS, Fault.unheard);

        answer(503, BesideKitsu.with(admin).post(TAKE_OVER + "undo"));
        assertThat(Kitsu.theirs()).hasSize(1);
        zou.heal(admin);
        take("undo");

        assertThat(Kitsu.theirs()).extracting(action -> action.get("name"))
                .containsExactlyInAnyOrder(mark + " one", mark + " two");
        assertThat(take("apply")).containsEntry("created", 0).containsEntry("unchanged", 2);
    }

    @ParameterizedTest
    @ValueSource(strings = { "manager", "supervisor", "user", "client", "vendor" })
    void refusesRolesOtherThanAdmin(String person) {
        for (String mode : List.of("clear", "undo")) {
            BesideKitsu.as(person).post(TAKE_OVER + mode).then().statusCode(403);
        }
    }

    @Test
    void fileImportRefusesModeClear() {
        BesideKitsu.with(admin).contentType("text/csv").body("Name;URL\n").post(Api.ACTIONS + "/import?mode=clear").then()
                .statusCode(400);
    }

    private Map<String, Object> action(String name, Object... fields) {
        return Kitsu.stored(mark + " " + name, fields);
    }

    private Map<String, Object> take(String mode) {
        return answer(200, BesideKitsu.with(admin).post(TAKE_OVER + mode));
    }

    private static List<Map<String, Object>> fields(List<Map<String, Object>> actions) {
        return actions.stream().<Map<String, Object>> map(action -> {
            Map<String, Object> fields = new LinkedHashMap<>(action);
            fields.keySet().retainAll(List.of("name", "url", "entity_type", "is_ajax"));
            return fields;
        }).toList();
    }

    private List<Object> audited(String verb) {
        return Json.of(200, BesideKitsu.with(zou.login("admin")).get(Api.ACTIONS + "/audit?verb=" + verb))
                .<Map<String, Object>> getList("data.subject").stream()
                .filter(subject -> String.valueOf(subject.get("name")).startsWith(mark)).map(subject -> subject.get("id"))
                .toList();
    }
}
