package studio.actions.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;

import jakarta.inject.Inject;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.replica.Replicas;
import studio.actions.testing.Api;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** Fair sharing between large and small runs. */
@QuarkusTest
@WithTestResource(Services.class)
class FairShareTest {

    @Inject
    Replicas replicas;

    private final Receiver receiver = Receiver.shared();
    private final String name = "fair-" + UUID.randomUUID();

    @AfterEach
    void letGo() {
        receiver.releaseAll();
    }

    /** Both runs go to one host, which gets 5 requests at once and needs 20 ms for each: the large run needs 4 s. */
    @Test
    @Tag("survival")
    void doesNotHoldUpASmallRunBehindALargeRun() {
        receiver.script(name, out -> {
            Thread.sleep(20);
            Receiver.ok(out);
        });
        String large = Api.start(Api.ajax(receiver.url("/" + name + "/scripted?large={entity_id}"), "rate_per_minute", 60_000),
                1000);
        await().until(() -> receiver.heard(name).size() > 20);

        long since = System.nanoTime();
        Json small = Api.press(Api.ajax(receiver.url("/" + name + "/scripted?small={entity_id}")));
        Duration took = Duration.ofNanos(System.nanoTime() - since);

        assertThat(small.getString("state")).isEqualTo("succeeded");
        assertThat(took).isLessThan(Duration.ofSeconds(1));
        assertThat(Api.read(large).getString("finished_at")).as("the large one goes on").isNull();
        Json ended = Api.awaitEnd(large, Duration.ofSeconds(30));
        assertThat(ended.getInt("counts.delivered")).isEqualTo(1000);
        assertThat(receiver.heard(name)).hasSize(1001);
        assertThat(receiver.mostAtOnce(name)).isLessThanOrEqualTo(5);
    }

    /** Two large runs; the second run starts while the first run has the host for itself. */
    @Test
    @Tag("survival")
    void sharesAHostAmongRuns() {
        receiver.script(name, out -> {
            Thread.sleep(20);
            Receiver.ok(out);
        });
        Api.start(Api.ajax(receiver.url("/" + name + "/scripted?first={entity_id}")), 300);
        await().until(() -> receiver.heard(name).size() > 20);
        Api.start(Api.ajax(receiver.url("/" + name + "/scripted?second={entity_id}")), 300);

        await().until(() -> heard("second") >= 50);
        long beside = heard("first");
        await().until(() -> heard("second") >= 150);

        assertThat(heard("first") - beside).as("while the second had 100").isBetween(50L, 200L);
        await().atMost(Duration.ofSeconds(20)).until(() -> receiver.heard(name).size() == 600);
    }

    @Test
    void doesNotHoldUpOtherHostsBehindOneThatIsStuck() throws IOException {
        String stuck = Api.start(Api.ajax(receiver.url("/" + name + "/held?e={entity_id}"), "timeout_ms", 30_000), 200);
        await().until(() -> receiver.heard(name).size() == 5);

        Json other = Api.press(Api.ajax(Receiver.sharedWithTls().url("/" + name + "/ok")
                .replace("http://", "https://")));

        assertThat(other.getString("state")).isEqualTo("succeeded");
        assertThat(Api.read(stuck).getInt("counts.delivered")).isZero();
        Api.cancel(stuck);
        receiver.release(name);
        Api.awaitEnd(stuck);
    }

    /**
     * An offer locks its deliveries, and other replicas skip them. So it takes all wanted deliveries of one run, but only a
     * share of each other run.
     */
    @Test
    void leavesMostDueDeliveriesOfOtherRunsToOtherReplicas() {
        String action = Api.ajax(receiver.url("/" + name + "/held?e={entity_id}"), "timeout_ms", 30_000);
        List<String> runs = IntStream.range(0, 4).mapToObj(i -> Api.start(action, 40)).toList();
        await().until(() -> receiver.heard(name).size() == 5);

        List<DeliveryQueue.Due> offered = QuarkusTransaction.requiringNew()
                .call(() -> DeliveryQueue.offer(replicas.own(), Map.of(), Map.of(), List.of(), 50, 20)).due();

        assertThat(runs.stream().map(run -> offered.stream().filter(due -> due.runId().toString().equals(run)).count()))
                .containsExactly(20L, 5L, 5L, 5L);
        runs.forEach(Api::cancel);
        receiver.release(name);
        runs.forEach(Api::awaitEnd);
    }

    private long heard(String run) {
        return receiver.heard(name).stream().filter(heard -> heard.uri().contains(run)).count();
    }
}
