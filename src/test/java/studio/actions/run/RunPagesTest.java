package studio.actions.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Json.has;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Api;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** A run with more deliveries than one answer shows. */
@QuarkusTest
@WithTestResource(Services.class)
class RunPagesTest {

    private static final int TARGETS = 250;

    private final Receiver receiver = Receiver.shared();
    private final String name = "pages-" + UUID.randomUUID();

    @Test
    void showsTheFirstDeliveriesInEveryAnswer() {
        Json pressed = press();
        Json read = read(pressed, "");
        Json replayed = Json.of(200, Api.admin().post(path(pressed) + "/replay?only=all"));

        assertThat(List.of(pressed, read)).allSatisfy(run -> {
            assertThat(run.getList("deliveries")).hasSize(100);
            assertThat(run.getString("next")).isNotNull();
            assertThat(run.getList("failures.state")).hasSize(20).containsOnly("refused");
            assertThat(run.getInt("counts.total")).isEqualTo(TARGETS);
            assertThat(run.getInt("counts.refused")).isEqualTo(TARGETS / 2);
        });
        assertThat(replayed.getList("deliveries")).hasSize(100);
        assertThat(replayed.getList("failures")).isEmpty();
        assertThat(pressed.getMap("")).isEqualTo(read.getMap(""));
        assertThat(read.prettify()).as("an answer").hasSizeLessThan(160_000);
    }

    @Test
    void pagesToTheLastDeliveryWithTheCursor() {
        Json run = press();
        List<String> all = read(run, "?limit=500").getList("deliveries.id");
        assertThat(all).hasSize(TARGETS).doesNotHaveDuplicates();

        List<String> paged = new ArrayList<>();
        String next = null;
        do {
            Json page = read(run, next == null ? "?limit=60" : "?limit=60&cursor=" + next);
            paged.addAll(page.getList("deliveries.id"));
            assertThat(page.getList("failures")).as("of the whole run, on each page").hasSize(20);
            next = page.getString("next");
        } while (next != null);

        assertThat(paged).isEqualTo(all);
    }

    @Test
    void showsOnlyDeliveriesInTheRequestedState() {
        Json run = press();

        Json delivered = read(run, "?state=delivered&limit=500");
        Json first = read(run, "?state=refused&limit=100");
        Json second = read(run, "?state=refused&limit=100&cursor=" + first.getString("next"));

        assertThat(delivered.getList("deliveries.state")).hasSize(TARGETS / 2).containsOnly("delivered");
        assertThat(delivered.getString("next")).isNull();
        assertThat(delivered.getInt("counts.total")).as("counts are of the whole run").isEqualTo(TARGETS);
        assertThat(second.getList("deliveries.state")).hasSize(TARGETS / 2 - 100).containsOnly("refused");
        assertThat(read(run, "?state=lost").getList("deliveries")).isEmpty();
    }

    @Test
    void listsRunsWithoutDeliveries() {
        Json run = press();

        Json list = Json.of(Api.admin().get(Api.RUNS + "?action_id=" + run.getString("action_id")));

        assertThat(list.getMap("data[0]")).containsKey("counts").doesNotContainKeys("deliveries", "failures", "next");
    }

    @ParameterizedTest
    @ValueSource(strings = { "cursor=x", "cursor=-1", "cursor=99999999999", "limit=0", "limit=501", "state=done" })
    void refusesInvalidPageParameters(String query) {
        Json run = Api.press(Api.ajax(receiver.url("/" + name + "/ok")));

        Api.admin().get(path(run) + "?" + query).then().statusCode(400)
                .body(has("errors[0].pointer", equalTo(query.substring(0, query.indexOf('=')))));
    }

    /** Presses on 250 targets; every second target lacks the name that the URL needs. */
    private Json press() {
        String action = Api.ajax(receiver.url("/" + name + "/ok/{entity_name}"));
        return Json.of(200, Api.run(action,
                IntStream.range(0, TARGETS).mapToObj(i -> Api.shot(i % 2 == 0 ? "SH" + i : null)).toList()));
    }

    private static Json read(Json run, String query) {
        return Json.of(200, Api.admin().get(path(run) + query));
    }

    private static String path(Json run) {
        return Api.RUNS + "/" + run.getString("id");
    }
}
