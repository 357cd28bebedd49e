package studio.actions.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static studio.actions.testing.Api.ADMIN;

import java.net.URL;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import jakarta.inject.Inject;

import org.junit.jupiter.api.Test;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Api;
import studio.actions.testing.Confidential;
import studio.actions.testing.Json;
import studio.actions.testing.Log;
import studio.actions.testing.Metrics;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** Metrics and log lines about runs, for operators. */
@QuarkusTest
@WithTestResource(Services.class)
class RunMetricsTest {

    private final Receiver receiver = Receiver.shared();

    @Inject
    RunMetrics runs;

    @TestHTTPResource(value = "/metrics", management = true)
    URL metrics;

    @Test
    void countsRunsAndDeliveriesByOutcome() {
        // The targets have two entity types; the action accepts only shots.
        String action = Api.ajax(receiver.url("/counted/redirect?e={entity_id}"), "entity_type", "shot");
        Map<String, Double> before = counts();

        Api.run(action, List.of(Api.shot(), Api.shot(),
                Api.target("entity_id", "63f8a332-e209-4f8c-b384-747d5eda4b57", "entity_type", "asset"))).then()
                .statusCode(200);

        // Runs of other tests may end in the meantime and are counted as well.
        await().untilAsserted(() -> assertThat(since(before)).containsKey("custom_actions_runs_total{state=\"failed\"}")
                .containsKey("custom_actions_delivery_duration_seconds_count{outcome=\"failed\"}").containsAllEntriesOf(Map.of(
                        "custom_actions_deliveries_total{kind=\"redirect\",state=\"failed\"}", 2d,
                        "custom_actions_deliveries_total{kind=\"wrong_entity_type\",state=\"refused\"}", 1d)));
    }

    /** A request that is too large is refused; an answer that is too large fails. A rate needs a zero for both. */
    @Test
    void registersBothStatesOfTooLargeDeliveries() {
        assertThat(counts()).containsKeys("custom_actions_deliveries_total{kind=\"too_large\",state=\"refused\"}",
                "custom_actions_deliveries_total{kind=\"too_large\",state=\"failed\"}");
    }

    @Test
    void logsTheOutcomeAndTheCallerOfARunInOneLine() {
        String action = Api.ajax(receiver.url("/told/ok?e={entity_id}" + Confidential.note("&no-log-has-that=1")), "name",
                "Sync \"now\"");
        try (Log log = new Log(RunMetrics.class.getName())) {
            Json run = Json.of(200, Api.run(action, List.of(Api.shot(), Api.shot())));

            await().untilAsserted(() -> assertThat(log.lines())
                    .filteredOn(line -> line.text().contains(run.getString("id"))).containsExactly(new Log.Line("INFO",
                            "Run " + run.getString("id") + " of action \"Sync \"now\"\" succeeded: 2 delivered",
                            Map.of("caller", ADMIN, "action", action, "run", run.getString("id")))));
        }
    }

    @Test
    void measuresHowManyDeliveriesWaitAndHowLong() {
        runs.look();
        // Deliveries that other tests have left behind.
        double laterBefore = depth("later");
        double heldBefore = depth("held");
        String paused = Api.ajax(receiver.url("/waiting/held?e={entity_id}"));
        String again = Api.ajax(receiver.url("/waiting/status/503?e={entity_id}"), "max_attempts", 2);
        String later = Api.start(again, 1);
        await().until(() -> !receiver.heard("waiting").isEmpty());
        String held = Api.start(paused, 7);
        await().untilAsserted(() -> {
            runs.look();
            // The host has five slots, and two deliveries wait for a slot.
            assertThat(depth("in_flight")).isEqualTo(5);
            assertThat(depth("due")).isEqualTo(2);
            assertThat(depth("later")).isEqualTo(laterBefore + 1);
        });
        assertThat(Metrics.of(metrics, "custom_actions_queue_age_seconds")).isPositive().isLessThan(30);

        Api.change(Api.admin(), paused, Map.of("enabled", false));
        runs.look();

        assertThat(depth("held")).isEqualTo(heldBefore + 2);
        assertThat(depth("due")).isZero();
        assertThat(Metrics.of(metrics, "custom_actions_queue_age_seconds")).isZero();
        List.of(later, held).forEach(Api::cancel);
        receiver.release("waiting");
    }

    private double depth(String state) {
        return Metrics.of(metrics, "custom_actions_queue_depth{state=\"" + state + "\"}");
    }

    private Map<String, Double> counts() {
        Map<String, Double> counts = new TreeMap<>();
        Metrics.scrape(metrics).lines()
                .filter(line -> line.matches("custom_actions_(runs|deliveries)_total.*|.*_delivery_duration_seconds_count.*"))
                .forEach(line -> counts.put(line.substring(0, line.lastIndexOf(' ')),
                        Double.valueOf(line.substring(line.lastIndexOf(' ')))));
        return counts;
    }

    private Map<String, Double> since(Map<String, Double> before) {
        Map<String, Double> counts = counts();
        counts.replaceAll((series, count) -> count - before.get(series));
        counts.values().removeIf(count -> count == 0);
        return counts;
    }
}
