package studio.actions.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Json.has;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

import jakarta.inject.Inject;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.testing.Api;
import studio.actions.testing.Database;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** The event stream of a run. */
@QuarkusTest
@WithTestResource(Services.class)
class RunEventsTest {

    private static final HttpClient HTTP = HttpClient.newHttpClient();

    @Inject
    Database database;

    @Inject
    RunEvents events;

    private final Receiver receiver = Receiver.shared();
    private final String name = "events-" + UUID.randomUUID();
    private final List<Stream> streams = new ArrayList<>();

    @AfterEach
    void letGo() throws IOException {
        receiver.releaseAll();
        for (Stream stream : streams) {
            stream.body.close();
        }
    }

    @Test
    void answersWhenTheWaitEndsBeforeTheSubscription() {
        RunEvents.Watch watch = events.watch(UUID.randomUUID());

        // Delays the subscription, as happens in a process that has just started.
        String answer = watch.untilEnd(Duration.ofNanos(1)).onSubscription().invoke(() -> pause(50))
                .chain(end -> Uni.createFrom().item("next").emitOn(Infrastructure.getDefaultWorkerPool()))
                .await().atMost(Duration.ofSeconds(10));

        assertThat(answer).isEqualTo("next");
        watch.close();
    }

    @Test
    void sendsEachOutcomeAsItComesAndThenTheEnd() throws Exception {
        String run = start("/held", 7);
        Stream stream = watch(run, null);
        assertThat(stream.headers).contains("text/event-stream").contains("x-accel-buffering: [no]");
        await().until(() -> receiver.heard(name).size() == 5);
        assertThat(stream.events.poll(300, TimeUnit.MILLISECONDS)).as("nothing has happened yet").isNull();

        receiver.release(name);

        List<Event> all = stream.untilEnd();
        List<Event> deliveries = all.stream().filter(event -> event.name().equals("delivery")).toList();
        assertThat(deliveries).hasSize(7);
        assertThat(deliveries).extracting(Event::id).containsExactly("1", "2", "3", "4", "5", "6", "7");
        assertThat(deliveries).extracting(event -> event.json().getString("state")).containsOnly("delivered");
        assertThat(deliveries.get(0).json().getMap("")).containsKeys("id", "target", "url", "status", "response");
        List<Event> progress = all.stream().filter(event -> event.name().equals("progress")).toList();
        assertThat(progress).isNotEmpty();
        assertThat(progress.get(progress.size() - 1).json().getMap("counts")).containsEntry("delivered", 7)
                .containsEntry("total", 7);
        Event end = all.get(all.size() - 1);
        assertThat(end.id()).isEqualTo("end");
        assertThat(end.json().getString("state")).isEqualTo("succeeded");
        assertThat(end.json().getString("id")).isEqualTo(run);
        assertThat(stream.ended()).as("and then it is closed").isTrue();
    }

    @Test
    void resumesAfterTheLastEventId() throws Exception {
        String run = start("/ok", 6);
        List<Event> all = watch(run, null).untilEnd();
        List<String> ids = all.stream().filter(event -> event.name().equals("delivery")).map(Event::id).toList();
        assertThat(ids).containsExactly("1", "2", "3", "4", "5", "6");

        List<Event> rest = watch(run, "4").untilEnd();

        assertThat(rest).extracting(Event::name).containsExactly("delivery", "delivery", "progress", "end");
        assertThat(rest).extracting(Event::id).startsWith("5", "6");
        assertThat(rest.get(0).json().getString("id"))
                .isEqualTo(all.stream().filter(event -> "5".equals(event.id())).findFirst()
                        .orElseThrow().json().getString("id"));
    }

    /** A browser reconnects at once when its stream has ended, unless the answer is 204. */
    @Test
    void answersNoContentToClientsThatHaveSeenTheEnd() throws Exception {
        String run = start("/held", 1);
        receiver.release(name);
        watch(run, null).untilEnd();

        Api.admin().header("Last-Event-ID", "end").get(Api.RUNS + "/" + run + "/events").then().statusCode(204);
    }

    @Test
    void sendsAnEventForAnAttemptThatWillBeRetried() throws Exception {
        receiver.script(name, out -> {
            boolean first = receiver.heard(name).size() == 1;
            Receiver.write(out, "HTTP/1.1 " + (first ? "503 Busy\r\nRetry-After: 1" : "200 OK")
                    + "\r\nContent-Length: 0\r\n\r\n");
        });

        List<Event> all = watch(start("/scripted", 1, "max_attempts", 2), null).untilEnd();

        List<Json> deliveries = all.stream().filter(event -> event.name().equals("delivery")).map(Event::json).toList();
        assertThat(deliveries).extracting(delivery -> delivery.getString("state")).containsExactly("pending", "delivered");
        assertThat(deliveries.get(0).getString("next_attempt_at")).isNotNull();
        assertThat(deliveries.get(1).getList("earlier_attempts")).hasSize(1);
    }

    @Test
    void losesNoEventWhenAReadFails() throws Exception {
        String run = start("/status/500", 2);
        Api.awaitEnd(run);
        // Makes the reader fail after it has read the outcomes, when it needs the earlier attempts.
        database.execute("UPDATE run SET finished_at = NULL WHERE id = '" + run + "'");
        database.execute("UPDATE delivery SET attempts = 2 WHERE run_id = '" + run + "'");
        database.execute("ALTER TABLE attempt RENAME TO attempt_away");
        Stream stream;
        try {
            stream = watch(run, null);
            assertThat(stream.events.poll(500, TimeUnit.MILLISECONDS)).isNull();
            database.execute("UPDATE run SET finished_at = now() WHERE id = '" + run + "'");
        } finally {
            database.execute("ALTER TABLE attempt_away RENAME TO attempt");
        }

        assertThat(stream.untilEnd()).filteredOn(event -> event.name().equals("delivery")).hasSize(2);
    }

    @Test
    void sendsEventsForRefusedAndCancelledDeliveries() throws Exception {
        String action = Api.ajax(receiver.url("/" + name + "/held/{entity_name}"));
        List<Map<String, Object>> targets = new ArrayList<>(IntStream.range(0, 6).mapToObj(i -> Api.shot("SH" + i)).toList());
        targets.add(Api.shot());
        String run = Api.start(action, targets);
        await().until(() -> receiver.heard(name).size() == 5);
        Stream stream = watch(run, null);
        Api.cancel(run);
        receiver.release(name);

        List<Event> all = stream.untilEnd();

        assertThat(all.stream().filter(event -> event.name().equals("delivery"))
                .map(event -> event.json().getString("state")).toList())
                .hasSize(7).startsWith("refused", "cancelled").endsWith("delivered");
        assertThat(all.get(all.size() - 1).json().getString("state")).isEqualTo("cancelled");
    }

    /** Changes by another replica arrive as PostgreSQL notifications. */
    @Test
    void sendsOutcomesFromAnotherReplica() throws Exception {
        String run = start("/held", 6);
        await().until(() -> receiver.heard(name).size() == 5);
        Stream stream = watch(run, null);
        try (Connection connection = database.connect(); Statement statement = connection.createStatement()) {
            // A notification that no replica sends must not stop the listener.
            statement.execute("NOTIFY run_changed, 'x'");
            connection.setAutoCommit(false);
            statement.executeUpdate("UPDATE run SET events = events + 1, unfinished = unfinished - 1 WHERE id = '" + run + "'");
            statement.executeUpdate("UPDATE delivery SET state = 'delivered', due_at = NULL, attempts = 1, event = "
                    + "(SELECT events FROM run WHERE id = run_id) WHERE run_id = '" + run + "' AND state = 'pending'");
            statement.execute("NOTIFY run_changed, '" + run + "'");
            connection.commit();
            connection.setAutoCommit(true);
        }

        Event told = stream.events.poll(3, TimeUnit.SECONDS);

        assertThat(told).as("sooner than the next look").isNotNull();
        assertThat(told.json().getString("state")).isEqualTo("delivered");
        receiver.release(name);
        assertThat(stream.untilEnd()).extracting(Event::name).endsWith("end");
    }

    @Test
    @Tag("survival")
    void sendsKeepAliveCommentsWhileNothingHappens() throws Exception {
        String run = start("/held", 1, "timeout_ms", 30_000);
        Stream stream = watch(run, null);

        assertThat(stream.comments.poll(2, TimeUnit.SECONDS)).as("one at once").isNotNull();
        assertThat(stream.comments.poll(25, TimeUnit.SECONDS)).as("and one every 20 s").isNotNull();
        assertThat(stream.events).isEmpty();
    }

    @Test
    void refusesUnknownRunsAndUnauthenticatedCallers() {
        String path = Api.RUNS + "/" + UUID.randomUUID() + "/events";

        Api.admin().get(path).then().statusCode(404).contentType("application/problem+json")
                .body(has("code", equalTo("not_found")));
        RestAssured.given().get(path).then().statusCode(401);
    }

    @ParameterizedTest
    @ValueSource(strings = { "x", "1.5", "99999999999" })
    void refusesAnUnknownLastEventId(String id) {
        String run = start("/held", 1);

        Api.admin().header("Last-Event-ID", id).get(Api.RUNS + "/" + run + "/events").then().statusCode(400)
                .body(has("errors[0].pointer", equalTo("Last-Event-ID")));
    }

    private String start(String behaviour, int count, Object... fields) {
        String action = Api.ajax(receiver.url("/" + name + behaviour + "?e={entity_id}"), fields);
        return Api.start(action, count);
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private Stream watch(String run, String last) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest
                .newBuilder(URI.create("http://localhost:" + RestAssured.port + Api.RUNS + "/" + run + "/events"))
                .header("Authorization", "Bearer " + Services.TOKEN).header("Accept", "text/event-stream")
                .timeout(Duration.ofSeconds(20));
        if (last != null) {
            request.header("Last-Event-ID", last);
        }
        HttpResponse<InputStream> response = HTTP.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
        assertThat(response.statusCode()).isEqualTo(200);
        Stream stream = new Stream(response);
        streams.add(stream);
        return stream;
    }

    private record Event(String id, String name, String data) {

        Json json() {
            return Json.of(data);
        }
    }

    /** A client of the event stream, which parses it as the HTML standard, section 9.2.6, says. */
    private static final class Stream {

        private final InputStream body;
        private final String headers;
        private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
        private final BlockingQueue<String> comments = new LinkedBlockingQueue<>();
        private final Thread reader = new Thread(this::read, "events");

        Stream(HttpResponse<InputStream> response) {
            body = response.body();
            headers = response.headers().map().toString().toLowerCase().replace("=[", ": [");
            reader.setDaemon(true);
            reader.start();
        }

        private void read() {
            try (BufferedReader lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8))) {
                String id = null;
                String event = null;
                StringBuilder data = new StringBuilder();
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    if (line.isEmpty()) {
                        if (data.length() > 0) {
                            events.add(new Event(id, event, data.toString()));
                        }
                        id = null;
                        event = null;
                        data.setLength(0);
                    } else if (line.startsWith(":")) {
                        comments.add(line);
                    } else {
                        String value = line.substring(line.indexOf(':') + 1).strip();
                        switch (line.substring(0, line.indexOf(':'))) {
                            case "id" -> id = value;
                            case "event" -> event = value;
                            default -> data.append(value);
                        }
                    }
                }
            } catch (IOException e) {
                // The test has closed the stream.
            }
        }

        List<Event> untilEnd() throws InterruptedException {
            List<Event> all = new ArrayList<>();
            while (all.isEmpty() || !all.get(all.size() - 1).name().equals("end")) {
                Event next = events.poll(15, TimeUnit.SECONDS);
                assertThat(next).as("after " + all).isNotNull();
                all.add(next);
            }
            return all;
        }

        boolean ended() throws InterruptedException {
            reader.join(2000);
            return !reader.isAlive();
        }
    }
}
