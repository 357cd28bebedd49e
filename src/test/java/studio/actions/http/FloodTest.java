package studio.actions.http;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URL;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import studio.actions.testing.Api;
import studio.actions.testing.Log;
import studio.actions.testing.Raw;
import studio.actions.testing.Services;

/** More simultaneous connections and bodies than the service accepts. */
@Tag("survival")
@QuarkusTest
@WithTestResource(Services.class)
@TestProfile(FloodTest.Small.class)
class FloodTest {

    public static class Small implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            return Map.of("quarkus.http.limits.max-connections", "20", "custom-actions.bodies.max-count", "5",
                    "custom-actions.bodies.max-memory", "1M");
        }
    }

    private static final String BEARER = "Authorization: Bearer " + Services.TOKEN + "\r\n";
    private static final String RUN = Api.ACTIONS + "/" + UUID.randomUUID() + "/run";
    private static final String ASKED = "GET " + Api.ACTIONS + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + BEARER
            + "\r\n";

    private final List<Raw> clients = new ArrayList<>();

    @TestHTTPResource("/")
    URL service;

    @TestHTTPResource(value = "/health/live", management = true)
    URL health;

    @TestHTTPResource(value = "/metrics", management = true)
    URL metrics;

    @AfterEach
    void hangUp() throws IOException {
        clients.forEach(Raw::close);
        await().until(() -> status(ASKED) == 200);
    }

    @Test
    void countsConnectionsBeforeTheirFirstRequestIsComplete() throws IOException {
        for (int i = 0; i < 20; i++) {
            open(i % 2 == 0 ? "GET / HTTP" : "PRI * HTTP/2");
        }

        await().untilAsserted(() -> assertThat(status(ASKED)).isZero());
        given().get(health).then().statusCode(200);
        given().get(metrics).then().statusCode(200);

        clients.remove(0).close();
        await().until(() -> status(ASKED) == 200);
    }

    @Test
    void refusesBodiesBeyondTheMaximumNumber() throws IOException {
        for (int i = 0; i < 5; i++) {
            open(Raw.slow(RUN, BEARER));
        }

        try (Log log = new Log(BodyCollector.class.getName())) {
            await().until(() -> status(Raw.slow(RUN, BEARER)) == 503);
            try (Raw refused = new Raw(service).send(Raw.slow(RUN, "Connection: close\r\n", BEARER))) {
                assertThat(refused.hear()).startsWith("HTTP/1.1 503 ").contains("Retry-After: 5\r\n")
                        .contains("Content-Type: application/problem+json").contains("\"code\":\"unavailable\"");
            }
            assertThat(log.lines()).filteredOn(line -> line.level().equals("WARN")).hasSizeLessThanOrEqualTo(1);
        }
        // A request without a body is still served.
        assertThat(status(ASKED)).isEqualTo(200);
    }

    @Test
    void refusesBodiesBeyondTheMaximumMemory() throws IOException {
        String most = "POST " + RUN + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + BEARER
                + "Content-Length: 1000000\r\n\r\n" + " ".repeat(700_000);
        open(most);

        await().until(() -> status(most) == 503);

        // A small body still fits.
        assertThat(status("POST " + Api.ACTIONS + "/echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
                + "Content-Length: 1\r\n\r\na")).isEqualTo(200);
    }

    @Test
    void doesNotCountBodiesAfterTheirAnswer() throws IOException {
        for (int i = 0; i < 50; i++) {
            String path = i % 3 == 0 ? Api.ACTIONS + "/echo" : i % 3 == 1 ? RUN : Api.ACTIONS;
            assertThat(status("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + BEARER
                    + "Content-Length: 300000\r\n\r\n{" + " ".repeat(299_999))).isIn(200, 400, 404);
            open(Raw.slow(RUN, BEARER));
            clients.remove(0).close();
        }
    }

    private void open(String said) throws IOException {
        clients.add(new Raw(service).send(said));
    }

    private int status(String request) throws IOException {
        try (Raw client = new Raw(service)) {
            return client.send(request).status();
        }
    }
}
