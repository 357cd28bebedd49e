package studio.actions.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Json.has;

import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import jakarta.inject.Inject;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.csv.Csv;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.Database;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;

@QuarkusTest
@WithTestResource(BesideKitsu.class)
class AuditTest {

    @Inject
    Database database;

    @Inject
    AuditRetention retention;

    @Inject
    MeterRegistry meters;

    private final String admin = BesideKitsu.token("admin");
    private final Receiver receiver = Receiver.shared();

    // Writing

    @Test
    void writesOneEntryPerOperationOnAction() {
        String id = BesideKitsu.ajax(receiver.url("/audited/ok"), "name", "Audited");
        BesideKitsu.with(admin).body(Map.of("timeout_ms", 20000)).patch(Api.ACTIONS + "/" + id).then()
                .statusCode(200);
        String run = press(admin, id);
        replay(admin, run);
        BesideKitsu.with(admin).delete(Api.ACTIONS + "/" + id).then().statusCode(204);
        BesideKitsu.with(admin).post(Api.ACTIONS + "/" + id + "/restore").then().statusCode(200);

        Json audit = await().until(() -> audit("subject=" + id),
                all -> all.getList("data.result").stream().filter("succeeded"::equals).count() == 2);

        assertThat(audit.<String> getList("data.verb")).containsExactly("restored", "deleted", "replayed", "ran", "changed",
                "created");
        assertThat(audit.<String> getList("data.result")).containsExactly("done", "done", "succeeded", "succeeded", "done",
                "done");
        assertThat(audit.<Object> getList("data.subject")).containsOnly(Map.of("id", id, "name", "Audited"));
        assertThat(audit.<String> getList("data.from")).containsOnly("127.0.0.1");
        assertThat(audit.getMap("data[3].caller")).isEqualTo(Map.of("id", FakeZou.shared().person("admin").get("id").asText(),
                "name", FakeZou.shared().person("admin").get("full_name").asText(), "email", "admin@example.com", "role",
                "admin"));
        assertThat(audit.<Object> getList("data.detail")).containsExactly(Map.of("version", 4), Map.of("version", 3),
                Map.of("deliveries", 1, "refused", 0, "replay_of", run, "outcome", Map.of("delivered", 1)),
                Map.of("deliveries", 1, "refused", 0, "outcome", Map.of("delivered", 1)),
                Map.of("version", 2, "fields", List.of("timeout_ms")), Map.of("version", 1));
        assertThat(audit.getString("data[3].run_id")).isEqualTo(run);
        assertThat(audit.<String> getList("data.at")).extracting(Instant::parse)
                .isSortedAccordingTo(Comparator.reverseOrder());
    }

    @Test
    void recordsCallerOfPress() {
        String id = BesideKitsu.ajax(receiver.url("/pressed/ok"));
        String run = press(BesideKitsu.token("supervisor"), id);

        Json audit = audit("run=" + run);

        assertThat(audit.<String> getList("data.verb")).containsExactly("ran");
        assertThat(audit.getString("data[0].caller.role")).isEqualTo("supervisor");
        assertThat(audit("subject=" + id + "&verb=ran").<String> getList("data.run_id")).containsExactly(run);
    }

    @Test
    void recordsRepeatedPressOnce() {
        String id = BesideKitsu.ajax(receiver.url("/twice/ok"));
        FakeZou.Task shot = FakeZou.shared().shot("Twice");

        for (int time = 0; time < 2; time++) {
            BesideKitsu.run(BesideKitsu.with(admin).header("Idempotency-Key", id), id, List.of(shot.id())).then()
                    .statusCode(200);
        }

        assertThat(audit("subject=" + id + "&verb=ran").<String> getList("data.id")).hasSize(1);
    }

    @Test
    void recordsCancellationOnce() {
        String id = BesideKitsu.ajax(receiver.url("/cancelled/status/503"), "max_attempts", 3);
        String run = BesideKitsu.start(BesideKitsu.with(admin), id, List.of(FakeZou.shared().shot("Cancelled").id())).get("id");

        await().until(() -> Api.read(BesideKitsu.with(admin), run).get("deliveries[0].next_attempt_at") != null);
        for (int time = 0; time < 2; time++) {
            BesideKitsu.with(admin).post(Api.RUNS + "/" + run + "/cancel").then().statusCode(200);
        }

        Json audit = audit("run=" + run + "&verb=cancelled");
        assertThat(audit.<String> getList("data.subject.id")).containsExactly(id);
        assertThat(audit.<Object> getList("data.detail")).containsExactly(Map.of("deliveries", 1));
    }

    @Test
    void recordsImportsAndExports() {
        String name = "Moved " + UUID.randomUUID();
        Instant before = now();
        importing(name, "apply");
        importing(name, "check");
        BesideKitsu.with(admin).get(Api.ACTIONS + "/export?columns=kitsu").then().statusCode(200);

        Json imported = audit("verb=imported&since=" + before);
        assertThat(imported.<Object> getList("data.detail"))
                .containsExactly(Map.of("created", 1, "updated", 0, "unchanged", 0));
        assertThat(imported.<Object> getList("data.subject")).containsOnlyNulls();
        Json created = audit("verb=created&since=" + before);
        assertThat(created.<Object> getList("data.detail"))
                .containsExactly(Map.of("version", 1, "import", imported.getString("data[0].id")));
        assertThat(created.getString("data[0].subject.name")).isEqualTo(name);
        assertThat(audit("verb=exported&since=" + before).<String> getList("data.detail.columns")).containsExactly("kitsu");
    }

    @Test
    void recordsNothingForInvalidRequests() {
        Instant before = now();
        BesideKitsu.with(admin).body(Map.of("name", "")).post(Api.ACTIONS).then().statusCode(400);
        BesideKitsu.with(admin).contentType("text/csv").body("Name\nx").post(Api.ACTIONS + "/import?mode=apply").then()
                .statusCode(422);
        BesideKitsu.with(admin).delete(Api.ACTIONS + "/" + UUID.randomUUID()).then().statusCode(404);
        BesideKitsu.with("nobody's").get(Api.ACTIONS).then().statusCode(401);

        assertThat(audit("since=" + before).<String> getList("data.verb")).isEmpty();
    }

    // Refusals

    @Test
    void recordsCallerRefusedForRole() {
        String id = BesideKitsu.ajax(receiver.url("/refused/ok"), "name", "Refused");

        BesideKitsu.as("supervisor").body("{}").patch(Api.ACTIONS + "/" + id).then().statusCode(403);

        Json audit = audit("subject=" + id + "&verb=refused");
        assertThat(audit.<String> getList("data.result")).containsExactly("forbidden");
        assertThat(audit.getString("data[0].caller.role")).isEqualTo("supervisor");
        assertThat(audit.getString("data[0].subject.name")).isEqualTo("Refused");
        assertThat(audit.getString("data[0].from")).isEqualTo("127.0.0.1");
        assertThat(audit.getMap("data[0].detail")).containsEntry("method", "PATCH")
                .containsEntry("path", Api.ACTIONS + "/" + id).containsKey("why");
    }

    @Test
    void recordsRefusedPressOfHiddenAction() {
        String id = BesideKitsu.ajax(receiver.url("/hidden/ok"), "roles", List.of("supervisor"));
        FakeZou.Task shot = FakeZou.shared().shot("Hidden");

        BesideKitsu.run(BesideKitsu.as("user"), id, List.of(shot.id())).then().statusCode(404)
                .body(has("code", equalTo("not_found"), "type", equalTo("urn:kitsu-actions:problem:not_found"), "refusal",
                        equalTo(null)));
        BesideKitsu.as("user").body(Map.of("selection", List.of(shot.id()))).post(BesideKitsu.PATH + "/" + id + "/run").then()
                .statusCode(404);

        Json audit = audit("subject=" + id + "&verb=refused");
        assertThat(audit.<String> getList("data.result")).containsExactly("not_found", "not_found");
        assertThat(audit.<String> getList("data.caller.role")).containsOnly("user");
    }

    @Test
    void recordsRefusedAccessToRunOfAnotherCaller() {
        String id = BesideKitsu.ajax(receiver.url("/theirs/ok"));
        String run = press(admin, id);

        BesideKitsu.as("user").get(Api.RUNS + "/" + run).then().statusCode(404);
        BesideKitsu.as("manager").post(Api.RUNS + "/" + run + "/cancel").then().statusCode(403);

        Json audit = audit("run=" + run + "&verb=refused");
        assertThat(audit.<String> getList("data.caller.role")).containsExactly("manager", "user");
        assertThat(audit.<String> getList("data.subject.id")).containsOnly(id);
    }

    @Test
    void limitsEntriesPerMinuteForRepeatedRefusals() throws SQLException {
        String id = BesideKitsu.ajax(receiver.url("/endless/ok"));
        String vendor = BesideKitsu.token("vendor");
        int refusals = 3 * AuditRefusals.ENTRIES_A_MINUTE;

        for (int time = 0; time < refusals; time++) {
            BesideKitsu.with(vendor).delete(Api.ACTIONS + "/" + id).then().statusCode(403);
        }

        // Even on a slow machine these requests take less than three minutes, so the limit must have applied.
        assertThat(audit("limit=500&verb=refused&subject=" + id).getList("data")).hasSizeLessThan(refusals);
    }

    // Statistics

    @Test
    void countsBrowserOpeningsInStatistics() {
        String id = BesideKitsu.opened("https://tool.studio.com/{entity_name}");
        BesideKitsu.as("supervisor").contentType("application/x-www-form-urlencoded")
                .body("selection=" + FakeZou.shared().shot("Opened").id()).redirects().follow(false)
                .post(BesideKitsu.PATH + "/" + id + "/open").then().statusCode(303);

        Json stats = await().until(() -> stats("supervisor", id), found -> found.getInt("openings") == 1);

        assertThat(stats.getMap("")).containsEntry("presses", 1).containsEntry("runs",
                Map.of("total", 0, "succeeded", 0, "partial", 0, "failed", 0, "cancelled", 0));
    }

    @Test
    void showsStatisticsOnlyToCallersWhoSeeAction() {
        String id = BesideKitsu.ajax(receiver.url("/shown/ok"), "roles", List.of("supervisor"));

        assertThat(stats("supervisor", id).getString("action_id")).isEqualTo(id);
        BesideKitsu.as("user").get(Api.ACTIONS + "/" + id + "/stats").then().statusCode(404);
        BesideKitsu.as("manager").get(Api.ACTIONS + "/stats").then().statusCode(200);
        BesideKitsu.as("supervisor").get(Api.ACTIONS + "/stats").then().statusCode(403);
    }

    private static Json stats(String person, String id) {
        return Json.of(200, BesideKitsu.as(person).get(Api.ACTIONS + "/" + id + "/stats"));
    }

    // Entries cannot be changed

    @ParameterizedTest
    @ValueSource(
            strings = { "UPDATE audit_entry SET result = 'other' WHERE id = '%s'", "DELETE FROM audit_entry WHERE id = '%s'",
                    "UPDATE audit_entry SET at = now() - interval '400 days' WHERE id = '%s'", "TRUNCATE audit_entry",
                    "DELETE FROM audit_entry WHERE at < now() - interval '364 days'", "TRUNCATE audit_outcome",
                    "UPDATE audit_outcome SET result = 'other'", "DELETE FROM audit_outcome" })
    void databaseRefusesToChangeOrDeleteEntries(String statement) throws SQLException {
        String id = written("364 days 1 hour");
        database.execute("INSERT INTO audit_outcome (run_id, result, detail) VALUES (gen_random_uuid(), 'failed', '{}')");
        long entries = count("true");

        assertThatThrownBy(() -> database.execute(statement.formatted(id))).isInstanceOf(SQLException.class)
                .hasMessageContaining("The audit is append-only");

        assertThat(count("true")).isEqualTo(entries);
        database.execute("DELETE FROM audit_entry WHERE id = '" + written("365 days 1 hour") + "'");
    }

    @Test
    void removesExpiredEntriesInBatches() throws SQLException {
        database.execute("INSERT INTO audit_entry (id, at, verb, caller_id, caller_name, caller_role, result) SELECT "
                + "gen_random_uuid(), now() - interval '366 days' - i * interval '1 second', 'ran', gen_random_uuid(), 'Old', "
                + "'user', 'done' FROM generate_series(1, 2500) i");
        database.execute("INSERT INTO audit_outcome (run_id, at, result, detail) SELECT gen_random_uuid(), now() - interval "
                + "'366 days', 'failed', '{}' FROM generate_series(1, 1500)");
        String young = written("364 days");

        retention.sweep();

        assertThat(database.text("SELECT count(*) FROM audit_outcome WHERE at < now() - interval '365 days'")).isEqualTo("0");

        assertThat(count("at < now() - interval '365 days'")).isZero();
        assertThat(count("id = '" + young + "'")).isEqualTo(1);
        assertThat(meters.get("custom_actions.kept").tag("what", "audit_entries").gauge().value()).isEqualTo(count("true"));
    }

    // Reading

    @ParameterizedTest
    @ValueSource(ints = { 1, 2, 5 })
    void pagesWithoutGapsOrRepeats(int limit) {
        String id = BesideKitsu.ajax(receiver.url("/paged/ok"));
        for (int i = 0; i < 4; i++) {
            BesideKitsu.with(admin).body(Map.of("description", "Version " + i)).patch(Api.ACTIONS + "/" + id);
        }

        List<Object> seen = new ArrayList<>();
        Json page = audit("subject=" + id + "&limit=" + limit);
        for (; page.get("next") != null; page = audit("subject=" + id + "&limit=" + limit + "&cursor=" + page.get("next"))) {
            assertThat(page.getList("data")).hasSize(limit);
            seen.addAll(page.getList("data.detail.version"));
        }

        seen.addAll(page.getList("data.detail.version"));
        assertThat(seen).containsExactly(5, 4, 3, 2, 1);
    }

    @Test
    void filtersByCallerTimeAndVerb() {
        String id = BesideKitsu.ajax(receiver.url("/found/ok"));
        BesideKitsu.as("user").delete(Api.ACTIONS + "/" + id).then().statusCode(403);
        String user = FakeZou.shared().person("user").get("id").asText();
        Json all = audit("subject=" + id);
        String refused = all.getString("data[0].at");

        assertThat(all.<String> getList("data.verb")).containsExactly("refused", "created");
        assertThat(verbs("subject=" + id + "&caller=" + user)).containsExactly("refused");
        assertThat(verbs("subject=" + id + "&since=" + refused)).containsExactly("refused");
        assertThat(verbs("subject=" + id + "&until=" + refused)).containsExactly("created");
        assertThat(verbs("subject=" + id + "&verb=created")).containsExactly("created");
        assertThat(verbs("subject=" + UUID.randomUUID())).isEmpty();
    }

    @Test
    void answersAsCsv() {
        String id = BesideKitsu.ajax(receiver.url("/table/ok"), "name", "=1+1 \"x\"");
        BesideKitsu.with(admin).body(Map.of("description", "new")).patch(Api.ACTIONS + "/" + id);

        var answer = BesideKitsu.with(admin).accept("text/csv").get(Api.ACTIONS + "/audit?subject=" + id);

        answer.then().statusCode(200).header("Content-Type", "text/csv;charset=utf-8");
        assertThat(answer.asString()).startsWith("\"Time\";\"Verb\";\"Action ID\";\"Action\";\"Run ID\";")
                .contains("\"changed\";\"" + id + "\";\"'=1+1 \"\"x\"\"\";\"\";");
        assertThat(Csv.read(answer.asString().getBytes(StandardCharsets.UTF_8), Integer.MAX_VALUE)).hasSize(3)
                .allSatisfy(line -> assertThat(
                        line.cells()).hasSize(13));
        assertThat(
                BesideKitsu.with(admin).accept("text/csv").get(Api.ACTIONS + "/audit?limit=1&subject=" + id).asString().lines())
                .hasSize(2);
    }

    @Test
    void escapesFormulasForEveryDelimiterInCsv() throws SQLException {
        UUID somebody = UUID.randomUUID();
        database.execute("INSERT INTO audit_entry (id, verb, caller_id, caller_name, caller_role, result) VALUES "
                + "(gen_random_uuid(), 'ran', '" + somebody + "', 'x,=1+1; @y', 'user', 'done')");

        String path = Api.ACTIONS + "/audit?caller=" + somebody;
        assertThat(BesideKitsu.with(admin).accept("text/csv").get(path).asString()).contains("\"x,'=1+1; '@y\"");
        assertThat(BesideKitsu.with(admin).accept("text/csv").get(path + "&delimiter=,&bom=true").asString())
                .startsWith("\ufeff\"Time\",\"Verb\"");
        BesideKitsu.with(admin).accept("text/csv").get(path + "&delimiter=x").then().statusCode(400);
    }

    @Test
    void exportsAllEntriesAsCsv() throws SQLException {
        UUID somebody = UUID.randomUUID();
        database.execute("INSERT INTO audit_entry (id, verb, caller_id, caller_name, caller_role, result, at) SELECT "
                + "gen_random_uuid(), 'ran', '" + somebody + "', 'Busy', 'user', 'done', now() FROM generate_series(1, 2500)");

        String table = BesideKitsu.with(admin).accept("text/csv").get(Api.ACTIONS + "/audit?caller=" + somebody).asString();

        assertThat(table.lines().distinct()).hasSize(2501);
    }

    @ParameterizedTest
    @CsvSource({ "verb=done", "subject=x", "caller=1", "since=yesterday", "cursor=x", "limit=0", "limit=501", "run=1" })
    void refusesInvalidParameters(String query) {
        BesideKitsu.with(admin).get(Api.ACTIONS + "/audit?" + query).then().statusCode(400);
    }

    @Test
    void findsWhoChangedActionAndItsRunsSince() {
        String id = BesideKitsu.ajax(receiver.url("/tuesday/ok"));
        BesideKitsu.with(admin).body(Map.of("url", receiver.url("/tuesday/status/500"))).patch(Api.ACTIONS + "/" + id);
        press(BesideKitsu.token("supervisor"), id);

        Json changed = audit("subject=" + id + "&verb=changed");
        Json fired = Json.of(BesideKitsu.with(admin)
                .get(Api.RUNS + "?action_id=" + id + "&since=" + changed.getString("data[0].at")));

        assertThat(changed.getString("data[0].caller.email")).isEqualTo("admin@example.com");
        assertThat(fired.<String> getList("data.state")).containsExactly("failed");
        assertThat(fired.<String> getList("data.caller.email")).containsExactly("supervisor@example.com");
    }

    private Json audit(String query) {
        return Json.of(200, BesideKitsu.with(admin).get(Api.ACTIONS + "/audit?" + query));
    }

    private List<String> verbs(String query) {
        return audit(query).getList("data.verb");
    }

    private static String press(String token, String action) {
        return Json.of(200, BesideKitsu.run(BesideKitsu.with(token), action, List.of(FakeZou.shared().shot("Pressed").id())))
                .get("id");
    }

    private static void replay(String token, String run) {
        BesideKitsu.with(token).post(Api.RUNS + "/" + run + "/replay?only=all").then().statusCode(200);
    }

    private void importing(String name, String mode) {
        BesideKitsu.with(admin).contentType("text/csv").body("Name;URL\n" + name + ";https://api.studio.com/")
                .post(Api.ACTIONS + "/import?mode=" + mode).then().statusCode(200);
    }

    private Instant now() {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet now = statement.executeQuery("SELECT clock_timestamp()")) {
            now.next();
            return now.getTimestamp(1).toInstant();
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    /** Inserts an entry of the given age and returns its id. */
    private String written(String age) throws SQLException {
        String id = UUID.randomUUID().toString();
        database.execute("INSERT INTO audit_entry (id, at, verb, caller_id, caller_name, caller_role, result) VALUES ('" + id
                + "', now() - interval '" + age + "', 'ran', '" + id + "', 'Old', 'user', 'done')");
        return id;
    }

    private long count(String condition) throws SQLException {
        return Long.parseLong(database.text("SELECT count(*) FROM audit_entry WHERE " + condition));
    }
}
