package studio.actions.address;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Json.has;

import java.net.InetAddress;
import java.net.URL;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;

import jakarta.inject.Inject;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import studio.actions.address.AddressPolicy.Reason;
import studio.actions.testing.Api;
import studio.actions.testing.Database;
import studio.actions.testing.Json;
import studio.actions.testing.Log;
import studio.actions.testing.Metrics;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** Refusals by the address policy: operators see the address in the log and a metric, callers do not see it. */
@QuarkusTest
@WithTestResource(Services.class)
class RefusalsTest {

    private static final String ADMIN = "00000000-0000-4000-8000-000000000001 (Local admin, admin@localhost)";

    private static final String INSIDE = "https://private.studio.test:" + Receiver.shared().port() + "/?e={entity_id}";

    @Inject
    Database database;

    @TestHTTPResource(value = "/metrics", management = true)
    URL metrics;

    private Log lines;

    @BeforeEach
    void listen() {
        lines = new Log(Refusals.class.getName());
    }

    @AfterEach
    void stopListening() {
        lines.close();
    }

    @ParameterizedTest
    @EnumSource
    void exportsAMetricForEveryReasonFromTheStart(Reason reason) {
        assertThat(count(reason)).isNotNegative();
    }

    @Test
    void showsMetricsOnTheManagementPortOnly() {
        RestAssured.given().get("/q/metrics").then().statusCode(404);
    }

    @ParameterizedTest
    @CsvSource({ "https://0x7f.1/, HOST",
            "https://api.studio.com:22/, PORT", "https://farm.internal/, INTERNAL_NAME", "https://10.0.0.1/, ADDRESS",
            "http://api.studio.com/, PLAIN_HTTP" })
    void countsAndLogsActionsThatAreRefusedOnSaving(String url, Reason reason) {
        String name = "Refused " + UUID.randomUUID();
        double before = count(reason);

        String told = Json.of(400, Api.create(Api.draft("name", name, "url", url, "is_ajax", true))).get("errors[0].message");

        assertThat(count(reason) - before).isEqualTo(1);
        assertThat(log()).singleElement().asString()
                .startsWith(
                        "Egress refused (" + reason.name().toLowerCase(Locale.ROOT) + ") caller " + ADMIN
                                + " drafting action \""
                                + name + "\": ")
                .endsWith(told);
    }

    @Test
    void countsEachRefusedDeliveryAndLogsTheRunOnce() {
        String action = Api.ajax(INSIDE, "name", "Look inside");
        double before = count(Reason.ADDRESS);

        Json run = Json.of(200, Api.run(action, List.of(Api.shot(), Api.shot(), Api.shot())));

        assertThat(count(Reason.ADDRESS) - before).isEqualTo(3);
        assertThat(log()).containsExactly(
                "Egress refused (address) caller " + ADMIN + " run " + run.getString("id") + " of action \"Look inside\" ("
                        + action + "): private.studio.test resolves to an address that is not public. "
                        + "If this is meant, add private.studio.test:" + Receiver.shared().port()
                        + " to CUSTOM_ACTIONS_EGRESS_ALLOW. Resolved address: "
                        + "10.20.30.40.");
        assertThat(lines.lines().get(0).about()).isEqualTo(Map.of("caller", ADMIN.substring(0, 36), "action", action, "run",
                run.getString("id")));
        assertThat(run.prettify()).contains("CUSTOM_ACTIONS_EGRESS_ALLOW").doesNotContain("10.20.30.40", "private address");
    }

    /** Names of persons and actions are untrusted: they must not add or imitate log lines. */
    @Test
    void logsHostileNamesInOneLineAfterTheCaller() throws Exception {
        Refusals refusals = new Refusals(new SimpleMeterRegistry());
        UUID caller = UUID.randomUUID();

        refusals.of("saving action \"x\" (by Bob\r\n\u2028\u202e" + "A".repeat(5000), caller,
                "Mallory\n2026 ERROR all is well" + "!".repeat(5000), null)
                .note(new AddressPolicy.Refusal(Reason.ADDRESS, "No.", InetAddress.getByName("10.0.0.1")));

        assertThat(log()).singleElement().asString().hasLineCount(1)
                .startsWith("Egress refused (address) caller " + caller + " (Mallory\ufffd2026 ERROR")
                .contains("(by Bob\u240d\ufffd\ufffd\ufffdAAA").hasSizeLessThan(1200)
                .endsWith(" No. Resolved address: 10.0.0.1.");
    }

    @Test
    void countsAndLogsRefusedPreviews() {
        double before = count(Reason.ADDRESS);

        Api.admin().body(Map.of("action", Api.draft("url", "https://10.0.0.1/", "is_ajax", true), "targets",
                List.of(Api.shot()))).post(Api.ACTIONS + "/preview").then().statusCode(400);

        assertThat(count(Reason.ADDRESS) - before).isEqualTo(1);
        assertThat(log()).hasSize(1);
    }

    /** The URL was allowed when the action was saved and is forbidden now. */
    @Test
    void countsAndLogsAddressesThatAreNoLongerAllowed() throws Exception {
        String action = Api.ajax("https://api.studio.com/", "name", "Was open");
        database.change("UPDATE action SET url = ? WHERE id = ?", "https://127.0.0.2/", UUID.fromString(action));
        double before = count(Reason.ADDRESS);

        Api.admin().body(Map.of("targets", List.of(Api.shot()))).post(Api.ACTIONS + "/" + action + "/preview").then()
                .statusCode(200).body(has("deliveries[0].problem.code", equalTo("forbidden_address")));
        assertThat(count(Reason.ADDRESS) - before).isEqualTo(1);
        Json run = Api.press(action);

        assertThat(run.getString("deliveries[0].failure.kind")).isEqualTo("forbidden_address");
        assertThat(count(Reason.ADDRESS) - before).isEqualTo(2);
        assertThat(log()).hasSize(2).allMatch(line -> line.contains("127.0.0.2 is a loopback address"));
        assertThat(log().get(0)).startsWith("Egress refused (address) caller " + ADMIN + " previewing action \"Was open\": ");
        assertThat(log().get(1)).startsWith("Egress refused (address) caller " + ADMIN + " run " + run.getString("id"));
        assertThat(lines.lines().get(1).about()).containsEntry("caller", ADMIN.substring(0, 36)).containsEntry("action", action)
                .containsEntry("run", run.getString("id"));
    }

    private double count(Reason reason) {
        return Metrics.of(metrics,
                "custom_actions_egress_refused_total{reason=\"" + reason.name().toLowerCase(Locale.ROOT) + "\"}");
    }

    private List<String> log() {
        return lines.lines().stream().map(Log.Line::text).toList();
    }
}
