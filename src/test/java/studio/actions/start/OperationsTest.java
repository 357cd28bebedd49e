package studio.actions.start;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.equalTo;

import java.net.MalformedURLException;
import java.net.URL;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Test;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Api;
import studio.actions.testing.Log;
import studio.actions.testing.Metrics;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** The health checks, metrics and log lines for operators. */
@QuarkusTest
@WithTestResource(Services.class)
class OperationsTest {

    @TestHTTPResource(value = "/", management = true)
    URL management;

    @Test
    void isLiveReadyAndStarted() {
        given().get(management + "health/live").then().statusCode(200).body("status", equalTo("UP"));
        given().get(management + "health/ready").then().statusCode(200).body("status", equalTo("UP"))
                .body("checks.name", containsInAnyOrder("Database", "Graceful Shutdown", "Kitsu"))
                .body("checks.find { it.name == 'Kitsu' }.data.state", equalTo("none"));
        given().get(management + "health/started").then().statusCode(200)
                .body("checks.find { it.name == 'Database schema' }.status", equalTo("UP"));
    }

    /** Each metric needs a description; otherwise nobody would use it for an alert. */
    @Test
    void describesEachMetricAndBoundsItsTags() throws Exception {
        String scrape = Metrics.scrape(metrics());
        List<String> types = Pattern.compile("# TYPE (custom_actions_\\w+) ").matcher(scrape).results()
                .map(found -> found.group(1)).toList();

        assertThat(types).hasSizeGreaterThan(12)
                .allSatisfy(name -> assertThat(scrape).containsPattern("# HELP " + name + " \\w.{10,}"));
        assertThat(Pattern.compile("(?m)^custom_actions_\\w+?(?:_bucket)?\\{([^}]*)}").matcher(scrape).results()
                .map(MatchResult::group).filter(series -> series.matches(".*\\p{XDigit}{8}-.*|.*https?:.*"))).isEmpty();
        assertThat(scrape.lines().filter(line -> line.startsWith("custom_actions_")).count()).isLessThan(200);
    }

    /** Requests are counted by the API's path templates, not by the paths in the requests. */
    @Test
    void measuresRequestsByPathTemplateAndTheConnectionPool() throws Exception {
        String id = Api.id(Api.create(Api.draft()));
        Api.admin().get(Api.ACTIONS + "/" + id).then().statusCode(200);
        Api.admin().get("/nothing/at/all/" + id).then().statusCode(404);
        Api.admin().put(Api.ACTIONS + "/" + id + "/run").then().statusCode(405);
        Api.admin().body("x".repeat(1_100_000)).post(Api.ACTIONS + "/" + id + "/run").then().statusCode(413);
        given().get(Api.ACTIONS + "/" + id).then().statusCode(401);
        given().get(Api.ACTIONS + "/not-" + id).then().statusCode(401);

        String scrape = Metrics.scrape(metrics());

        assertThat(scrape).doesNotContain(id).contains("uri=\"/api/custom-actions/{id}\"")
                .contains("agroal_active_count{datasource=\"default\"}")
                .contains("agroal_awaiting_count{datasource=\"default\"}");
    }

    @Test
    void logsCallerAndActionInEachLineOfARequest() throws Exception {
        String id = Api.id(Api.create(Api.draft()));
        // The service logs refusals at DEBUG, which is on for our packages in tests.
        try (Log log = new Log("studio.actions.http.Problems")) {
            Api.admin().body("{").post(Api.ACTIONS + "/" + id + "/run").then().statusCode(400);

            assertThat(log.lines()).singleElement().satisfies(line -> assertThat(line.about())
                    .containsEntry("caller", "00000000-0000-4000-8000-000000000001").containsEntry("action", id));
        }
    }

    /** A panel or alert on a missing metric would look as if all were well. */
    @Test
    void exportsEveryMetricOfTheDashboardAndAlerts() throws Exception {
        Api.press(Api.ajax(Receiver.shared().url("/asked-for/ok?e={entity_id}")));

        String scrape = Metrics.scrape(metrics());

        assertThat(Monitoring.allMetricsNamed()).hasSizeGreaterThan(15)
                // Prometheus itself adds this metric.
                .filteredOn(name -> !name.equals("up"))
                .allSatisfy(name -> assertThat(scrape).containsPattern("(?m)^" + name + "[ {]"));
    }

    private URL metrics() throws MalformedURLException {
        return new URL(management + "metrics");
    }
}
