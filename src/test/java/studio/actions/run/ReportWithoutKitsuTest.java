package studio.actions.run;

import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Json.has;

import java.util.List;
import java.util.UUID;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Api;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** Where there is no Kitsu, there is nobody to tell. */
@QuarkusTest
@WithTestResource(Services.class)
class ReportWithoutKitsuTest {

    @ParameterizedTest
    @CsvSource({ "always,200,succeeded", "failures,500,failed" })
    void endsAsItWouldWithoutAReport(String report, int status, String state) {
        String action = Api.ajax(Receiver.shared().url("/report-without-kitsu/status/" + status), "report", report);

        Api.run(action, List.of(Api.target("task_id", UUID.randomUUID().toString()))).then().statusCode(200)
                .body(has("state", equalTo(state)));
    }
}
