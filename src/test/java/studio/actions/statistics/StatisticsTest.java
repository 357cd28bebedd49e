package studio.actions.statistics;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Json.has;

import java.sql.SQLException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import jakarta.inject.Inject;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.run.RunRetention;
import studio.actions.testing.Api;
import studio.actions.testing.Database;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

@QuarkusTest
@WithTestResource(Services.class)
class StatisticsTest {

    @Inject
    Database database;

    @Inject
    RunRetention retention;

    @Inject
    RunStatistics statistics;

    @Inject
    MeterRegistry meters;

    private final Receiver receiver = Receiver.shared();

    @Test
    void countsPressesAndDeliveriesByOutcome() throws SQLException {
        String action = Api.ajax(receiver.url("/counted/status/{entity_name}"));
        await().until(() -> database.text("SELECT count(*) FROM uncounted_run").equals("0"));
        Json before = stats("/stats");
        Api.run(action, List.of(Api.shot("200"), Api.shot("500"), Api.shot("404"), Api.shot("..")));
        Api.run(action, List.of(Api.shot("200"), Api.shot("201")));
        Json run = Json.of(Api.run(action, List.of(Api.shot("503"))));
        Api.admin().post(Api.RUNS + "/" + run.get("id") + "/replay").then().statusCode(200);

        Json stats = counted(action, 4);

        assertThat(stats.getMap("")).containsEntry("action_id", action).containsEntry("days", 30).containsEntry("presses", 3)
                .containsEntry("openings", 0).containsEntry("replays", 1)
                .containsEntry("runs", Map.of("total", 4, "succeeded", 1, "partial", 1, "failed", 2, "cancelled", 0))
                .containsEntry("deliveries",
                        Map.of("total", 8, "delivered", 3, "failed", 4, "refused", 1, "lost", 0, "cancelled", 0))
                .containsEntry("success_rate", 0.375)
                .containsEntry("failures", Map.of("server_error", 3, "client_error", 1, "forbidden_address", 1));
        assertThat(stats.getList("by_day")).hasSize(30);
        assertThat(stats.getMap("by_day[29]")).containsEntry("day", LocalDate.now(ZoneOffset.UTC).toString())
                .containsEntry("presses", 3).containsEntry("replays", 1)
                .containsEntry("deliveries", stats.getMap("deliveries")).containsEntry("runs", stats.getMap("runs"))
                .containsEntry("failures", stats.getMap("failures")).containsEntry("success_rate", 0.375);
        assertThat(stats.getString("last_pressed_at"))
                .isEqualTo(run.getString("created_at"));
        assertThat(database.text("SELECT count(*) FROM run WHERE action_id = '" + action + "'"))
                .isEqualTo(stats.getString("runs.total"));
        assertThat(stats("/stats").getInt("deliveries.total") - before.getInt("deliveries.total")).isGreaterThanOrEqualTo(8);
        assertThat(stats("/stats").getInt("presses") - before.getInt("presses")).isGreaterThanOrEqualTo(3);
    }

    @Test
    void showsNoFiguresForAnActionThatWasNeverPressed() {
        Json stats = stats("/" + Api.ajax(receiver.url("/silent/ok")) + "/stats");

        assertThat(stats.getMap("")).containsEntry("presses", 0).containsEntry("success_rate", null)
                .containsEntry("duration_ms", null).containsEntry("last_pressed_at", null).containsEntry("failures", Map.of());
    }

    @Test
    void countsARunWhenItHasEnded() {
        String action = Api.ajax(receiver.url("/held/held"));
        String run = Api.start(action, 1);

        assertThat(stats("/" + action + "/stats").getInt("presses")).isZero();

        receiver.releaseAll();
        Api.awaitEnd(run);
        assertThat(counted(action, 1).getInt("presses")).isEqualTo(1);
    }

    @Test
    void doesNotCountCancelledDeliveriesAsFailures() {
        String action = Api.ajax(receiver.url("/cancelled/status/503"), "max_attempts", 8);
        String run = Api.start(action, 1);
        await().until(() -> Api.read(run).get("deliveries[0].next_attempt_at") != null);
        Api.cancel(run);

        Json stats = counted(action, 1);

        assertThat(stats.getMap("deliveries")).containsEntry("cancelled", 1).containsEntry("total", 1);
        assertThat(stats.<Object> get("success_rate")).isNull();
        assertThat(stats.getMap("failures")).isEmpty();
    }

    @Test
    void showsPercentilesOfDurations() throws SQLException {
        String action = Api.ajax(receiver.url("/timed/ok"));
        // One duration for each of 1 to 10,000 ms. Buckets are exact for short durations and within 3.2 % for longer ones.
        database.execute("INSERT INTO duration_count SELECT '" + action + "', current_date, duration_bucket(ms), count(*) "
                + "FROM generate_series(1, 10000) ms GROUP BY duration_bucket(ms)");

        Json stats = stats("/" + action + "/stats");

        assertThat(stats.getInt("duration_ms.p50")).isBetween(4840, 5160);
        assertThat(stats.getInt("duration_ms.p95")).isBetween(9196, 9804);
        assertThat(stats.getInt("duration_ms.p99")).isBetween(9583, 10217);
    }

    @ParameterizedTest
    @ValueSource(ints = { 0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 1000, 4095, 4096, 29_999, 30_000, Integer.MAX_VALUE })
    void countsADurationInABucketOfNearlyThatDuration(int ms) throws SQLException {
        int low = Integer.parseInt(database.text("SELECT duration_bucket(" + ms + ")"));
        int next = Integer.highestOneBit(Math.max(1, low)) >> 4;

        assertThat(low).isLessThanOrEqualTo(ms);
        assertThat((long) low + Math.max(1, next)).isGreaterThan(ms);
    }

    @Test
    void countsOnlyTheRequestedDays() throws SQLException {
        String action = Api.ajax(receiver.url("/days/ok"));
        database.execute("INSERT INTO delivery_count SELECT '" + action
                + "', (now() AT TIME ZONE 'UTC')::date - d, 'delivered', '', 1 "
                + "FROM generate_series(0, 40) d");

        assertThat(stats("/" + action + "/stats?days=1").getInt("deliveries.total")).isEqualTo(1);
        assertThat(stats("/" + action + "/stats?days=7").getInt("deliveries.total")).isEqualTo(7);
        assertThat(stats("/" + action + "/stats?days=90").getInt("deliveries.total")).isEqualTo(41);
        assertThat(stats("/" + action + "/stats?days=7").getString("since"))
                .isEqualTo(LocalDate.now(ZoneOffset.UTC).minusDays(6).toString());
    }

    @ParameterizedTest
    @ValueSource(strings = { "days=0", "days=91", "days=x" })
    void refusesInvalidDays(String query) {
        Api.admin().get(Api.ACTIONS + "/stats?" + query).then().statusCode(400)
                .body(has("errors.pointer", equalTo(List.of("days"))));
    }

    @Test
    void refusesUnknownActionsAndUnauthenticatedCallers() {
        Api.admin().get(Api.ACTIONS + "/" + UUID.randomUUID() + "/stats").then().statusCode(404);
        given().get(Api.ACTIONS + "/stats").then().statusCode(401);
    }

    @Test
    void countsAnActionWhoseIdIsAllZeros() {
        String zeros = "00000000-0000-0000-0000-000000000000";
        Api.admin().contentType("text/csv").body("Name;URL;Use AJAX;ID\nZeros;" + receiver.url("/zeros/ok") + ";yes;" + zeros)
                .post(Api.ACTIONS + "/import?mode=apply").then().statusCode(200).body(has("created", equalTo(1)));
        String other = Api.ajax(receiver.url("/other/ok"));
        int before = stats("/stats").getInt("runs.total");

        Api.press(zeros);
        Api.press(other);

        assertThat(counted(zeros, 1).getInt("deliveries.delivered")).isEqualTo(1);
        assertThat(counted(other, 1).getInt("deliveries.delivered")).isEqualTo(1);
        assertThat(stats("/stats").getInt("runs.total")).isGreaterThanOrEqualTo(before + 2);
        Api.admin().delete(Api.ACTIONS + "/" + zeros).then().statusCode(204);
    }

    @Test
    void countsManyRunsAtOnce() throws SQLException {
        String action = Api.ajax(receiver.url("/many/ok"));
        String run = Api.press(action).get("id");
        counted(action, 1);
        copies(run, 450, 2);

        Api.press(action);

        assertThat(counted(action, 452).getMap("deliveries")).containsEntry("delivered", 902);
    }

    // How long runs are kept

    @Test
    void removesRunsThatEndedLongAgoWithAllTheirDeliveries() throws SQLException {
        String action = Api.ajax(receiver.url("/old/ok"));
        String old = Api.press(action).get("id");
        String young = Api.press(action).get("id");
        counted(action, 2);
        database.execute("UPDATE run SET finished_at = now() - interval '30 days 1 hour' WHERE id = '" + old + "'");
        database.execute("UPDATE run SET created_at = now() - interval '300 days', finished_at = now() - interval '29 days' "
                + "WHERE id = '" + young + "'");
        copies(old, 450, 3);
        copies(old, 2, 1500);
        String last = Api.press(action).get("id");
        counted(action, 455);

        retention.sweep();

        assertThat(database.text("SELECT string_agg(id::text, ',' ORDER BY created_at) FROM run WHERE action_id = '" + action
                + "'")).isEqualTo(young + "," + last);
        assertThat(database.text("SELECT count(*) FROM delivery d WHERE NOT EXISTS (SELECT 1 FROM run WHERE id = d.run_id)"))
                .isEqualTo("0");
        assertThat(meters.get("custom_actions.kept").tag("what", "runs").gauge().value())
                .isEqualTo(Double.parseDouble(database.text("SELECT count(*) FROM run")));
        assertThat(meters.get("custom_actions.kept").tag("what", "deliveries").gauge().value())
                .isEqualTo(Double.parseDouble(database.text("SELECT count(*) FROM delivery")));
        assertThat(stats("/" + action + "/stats").getInt("presses")).as("what was counted stays")
                .isEqualTo(455);
    }

    @Test
    void deletesCountsThatNobodyCanRequest() throws SQLException {
        String action = Api.ajax(receiver.url("/forgotten/ok"));
        database.execute("INSERT INTO delivery_count SELECT '" + action
                + "', (now() AT TIME ZONE 'UTC')::date - d, 'delivered', '', 1 "
                + "FROM unnest(ARRAY[88, 89, 90]) d");

        statistics.sweep();

        assertThat(database.text("SELECT count(*) FROM delivery_count WHERE subject = '" + action + "'")).isEqualTo("2");
    }

    @Test
    void keepsRunsThatHaveNotEnded() throws SQLException {
        String action = Api.ajax(receiver.url("/waiting/ok"));
        String run = Api.press(action).get("id");
        counted(action, 1);
        database.execute("UPDATE run SET created_at = now() - interval '90 days', finished_at = NULL WHERE id = '" + run + "'");

        retention.sweep();

        assertThat(database.text("SELECT count(*) FROM run WHERE id = '" + run + "'")).isEqualTo("1");
        database.execute("UPDATE run SET finished_at = now() WHERE id = '" + run + "'");
    }

    /** Inserts {@code runs} copies of a run, each with {@code deliveries} copies of its delivery. */
    private void copies(String run, int runs, int deliveries) throws SQLException {
        database.execute("WITH copied AS (INSERT INTO run SELECT (jsonb_populate_record(r, jsonb_build_object('id', "
                + "gen_random_uuid()))).* FROM run r, generate_series(1, " + runs + ") WHERE r.id = '" + run
                + "' RETURNING id) INSERT INTO delivery SELECT (jsonb_populate_record(d, jsonb_build_object('id', "
                + "gen_random_uuid(), 'run_id', copied.id, 'position', i))).* FROM copied, delivery d, generate_series(1, "
                + deliveries + ") i WHERE d.run_id = '" + run + "'");
    }

    /** Waits until {@code runs} runs have been counted, and returns the statistics. */
    private static Json counted(String action, int runs) {
        return await().until(() -> stats("/" + action + "/stats"), stats -> stats.getInt("runs.total") == runs);
    }

    private static Json stats(String path) {
        return Json.of(200, Api.admin().get(Api.ACTIONS + path));
    }
}
