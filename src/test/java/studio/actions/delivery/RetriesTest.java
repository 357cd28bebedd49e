package studio.actions.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Api;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Receiver.Heard;
import studio.actions.testing.Services;

/** Retries of deliveries, as receivers and readers of the run see them. */
@QuarkusTest
@WithTestResource(Services.class)
class RetriesTest {

    private static final Duration PATIENCE = Duration.ofSeconds(15);

    private final Receiver receiver = Receiver.shared();

    @Test
    @Tag("survival")
    void retriesAfterFiveSecondsWithTheSameWebhookId() {
        String name = answering("503 No", "200 OK");
        Instant before = Instant.now();

        Json started = start(name, 2);
        assertThat(started.getString("state")).isEqualTo("running");
        String run = started.getString("id");
        Json waiting = await().until(() -> Api.read(run), now -> now.getInt("deliveries[0].attempts") == 1
                && now.getString("deliveries[0].state").equals("pending"));
        assertThat(waiting.getString("deliveries[0].failure.kind")).isEqualTo("server_error");
        assertThat(waiting.getInt("deliveries[0].status")).isEqualTo(503);
        assertThat(Instant.parse(waiting.getString("deliveries[0].next_attempt_at"))).isBetween(before.plusMillis(4000),
                Instant.now().plusMillis(6000));
        assertThat(waiting.getString("finished_at")).isNull();

        Json ended = Api.awaitEnd(run, PATIENCE);
        assertThat(ended.getString("state")).isEqualTo("succeeded");
        Map<String, Object> delivery = ended.getMap("deliveries[0]");
        assertThat(delivery).containsEntry("state", "delivered").containsEntry("attempts", 2).containsEntry("status", 200)
                .containsEntry("failure", null).doesNotContainKey("next_attempt_at");
        assertThat(ended.getList("deliveries[0].earlier_attempts")).hasSize(1);
        assertThat(ended.getMap("deliveries[0].earlier_attempts[0]")).containsEntry("number", 1).containsEntry("status", 503)
                .containsKeys("ended_at", "duration_ms", "failure");
        List<Heard> heard = receiver.heard(name);
        assertThat(heard).hasSize(2);
        assertThat(heard.get(1).headers().get("webhook-id")).isEqualTo(heard.get(0).headers().get("webhook-id"))
                .isEqualTo("msg_" + delivery.get("id").toString().replace("-", ""));
        assertThat(heard.get(1).body()).isEqualTo(heard.get(0).body());
        assertThat(Long.parseLong(heard.get(1).headers().get("webhook-timestamp"))
                - Long.parseLong(heard.get(0).headers().get("webhook-timestamp"))).as("of each attempt").isBetween(4L, 7L);
        assertThat(heard.get(1).headers().get("webhook-signature")).isNotEqualTo(
                heard.get(0).headers().get("webhook-signature"));
    }

    @ParameterizedTest
    @ValueSource(strings = { "429 Busy", "503 Busy" })
    void retriesAfterTheTimeInRetryAfter(String status) {
        String name = answering(status + "\r\nRetry-After: 1", "200 OK");

        Json ended = Api.awaitEnd(start(name, 2).get("id"), PATIENCE);

        assertThat(ended.getString("state")).isEqualTo("succeeded");
        assertThat(Duration.between(Instant.parse(ended.getString("deliveries[0].earlier_attempts[0].ended_at")),
                Instant.parse(ended.getString("finished_at")))).isBetween(Duration.ofSeconds(1), Duration.ofMillis(3500));
    }

    @Test
    @Tag("survival")
    void endsWithTheOutcomeOfTheLastAttempt() {
        String name = answering("500 A\r\nRetry-After: 1", "502 B\r\nRetry-After: 1", "404 C", "200 OK");

        Json ended = Api.awaitEnd(start(name, 8).get("id"), PATIENCE);

        assertThat(ended.getString("state")).isEqualTo("failed");
        assertThat(ended.getInt("deliveries[0].attempts")).isEqualTo(3);
        assertThat(ended.getInt("deliveries[0].status")).isEqualTo(404);
        assertThat(ended.getString("deliveries[0].failure.kind")).isEqualTo("client_error");
        assertThat(ended.getList("deliveries[0].earlier_attempts.status")).containsExactly(500, 502);
        assertThat(receiver.heard(name)).hasSize(3);
    }

    @Test
    void makesNoMoreAttemptsThanTheActionAllows() {
        String name = answering("500 A\r\nRetry-After: 1", "500 B\r\nRetry-After: 1", "200 OK");

        Json ended = Api.awaitEnd(start(name, 2).get("id"), PATIENCE);

        assertThat(ended.getInt("deliveries[0].attempts")).isEqualTo(2);
        assertThat(ended.getString("deliveries[0].state")).isEqualTo("failed");
        assertThat(receiver.heard(name)).hasSize(2);
    }

    @ParameterizedTest
    @ValueSource(strings = { "400 No", "404 No", "302 There\r\nLocation: /", "409 No\r\nRetry-After: 1" })
    void doesNotRetryPermanentFailures(String status) {
        String name = answering(status, "200 OK");

        Json run = Api.press(Api.ajax(receiver.url("/" + name + "/scripted"), "max_attempts", 8));

        assertThat(run.getString("state")).isEqualTo("failed");
        assertThat(run.getInt("deliveries[0].attempts")).isEqualTo(1);
        assertThat(receiver.heard(name)).hasSize(1);
    }

    @Test
    void makesOneAttemptByDefault() {
        Json run = Api.press(Api.ajax(receiver.url("/" + Api.unique("retries") + "/status/503")));

        assertThat(run.getString("state")).isEqualTo("failed");
        assertThat(run.getMap("deliveries[0]")).doesNotContainKeys("earlier_attempts", "next_attempt_at");
    }

    /** A delivery that waits for its next attempt occupies no slot. */
    @Test
    @Tag("survival")
    void sendsOtherDeliveriesWhileARetryWaits() {
        String name = answering("503 Busy\r\nRetry-After: 3", "200 OK");
        String waits = start(name, 2).get("id");
        await().until(() -> Api.read(waits).getString("deliveries[0].state").equals("pending"));

        assertThat(Api.press(Api.ajax(receiver.url("/" + Api.unique("retries") + "/ok"))).getString("state"))
                .isEqualTo("succeeded");

        assertThat(Api.read(waits).getString("deliveries[0].state")).isEqualTo("pending");
        Api.awaitEnd(waits, PATIENCE);
    }

    /**
     * Scripts these answers (status, reason and headers) in order, then repeats the last one. Returns the name at the
     * receiver.
     */
    private String answering(String... answers) {
        String name = Api.unique("retries");
        AtomicInteger next = new AtomicInteger();
        receiver.script(name, out -> {
            String answer = Arrays.asList(answers).get(Math.min(next.getAndIncrement(), answers.length - 1));
            Receiver.write(out, "HTTP/1.1 " + answer + "\r\nContent-Length: 2\r\n\r\nok");
        });
        return name;
    }

    private Json start(String name, int maxAttempts) {
        String action = Api.ajax(receiver.url("/" + name + "/scripted?e={entity_id}"), "max_attempts", maxAttempts,
                "signing_secret", "sign-here");
        return Api.start(Api.admin(), action, Map.of("targets", List.of(Api.shot())));
    }
}
