package studio.actions.egress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasSize;
import static studio.actions.testing.Json.has;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URISyntaxException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

import jakarta.inject.Inject;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.response.Response;
import studio.actions.address.AddressPolicy;
import studio.actions.address.SsrfVectors;
import studio.actions.testing.Api;
import studio.actions.testing.Database;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

@QuarkusTest
@WithTestResource(Services.class)
class EgressTest {

    private static final int KIB = 1024;

    @Inject
    Doors doors;

    @Inject
    Egress egress;

    @Inject
    AddressPolicy policy;

    @Inject
    Database database;

    private final Receiver receiver = Receiver.shared();

    // ---- Outcomes

    @ParameterizedTest
    @CsvSource(nullValues = "-", textBlock = """
            ok,         delivered, 200, -
            status/201, delivered, 201, -
            status/204, delivered, 204, -
            status/299, delivered, 299, -
            status/300, failed,    300, redirect
            status/304, failed,    304, redirect
            status/400, failed,    400, client_error
            status/404, failed,    404, client_error
            status/408, failed,    408, client_error
            status/429, failed,    429, rate_limited
            status/499, failed,    499, client_error
            status/500, failed,    500, server_error
            status/503, failed,    503, server_error
            status/599, failed,    599, server_error
            redirect,   failed,    302, redirect
            close,      failed,    -,   connection_lost
            gone,       failed,    -,   connection_lost
            garbage,    failed,    -,   protocol
            endless,    delivered, 200, -
            """)
    void reportsTheOutcomeOfADelivery(String behaviour, String state, Integer status, String kind) {
        String name = Api.unique("ended");
        String action = Api.ajax(receiver.url("/" + name + "/" + behaviour));

        Json run = Api.press(action);

        assertThat(run.getString("state")).isEqualTo(state.equals("delivered") ? "succeeded" : "failed");
        assertThat(run.getMap("deliveries[0]")).containsEntry("state", state).containsEntry("status", status)
                .containsEntry("attempts", 1);
        assertThat(run.getString("deliveries[0].failure.kind")).isEqualTo(kind);
        assertThat(receiver.heard(name)).hasSize(1);
    }

    @Test
    void reportsARedirectWithoutFollowingIt() {
        Json run = Api.press(Api.ajax(receiver.url("/moved/redirect"), "method", "GET"));

        assertThat(run.getString("deliveries[0].failure.message")).contains("302", "/moved/ok");
        assertThat(receiver.heard("moved")).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource({ "silent, 300", "drip, 1500" })
    void appliesTheTimeoutToTheWholeAnswer(String behaviour, int timeout) {
        Json run = Api.press(Api.ajax(receiver.url("/" + Api.unique("late") + "/" + behaviour), "timeout_ms", timeout));

        assertThat(run.getString("deliveries[0].failure.kind")).isEqualTo("timeout");
        assertThat(run.getMap("deliveries[0]")).containsEntry("status", null);
        assertThat(run.getInt("deliveries[0].duration_ms")).isBetween(timeout - 10, timeout + 300);
    }

    @Test
    void doesNotTalkToAReceiverWithoutTls() {
        Json run = Api.press(Api.ajax("https://127.0.0.1:" + receiver.port() + "/tls/ok"));

        assertThat(run.getString("deliveries[0].failure.kind")).isEqualTo("tls");
        assertThat(receiver.heard("tls")).isEmpty();
    }

    @Test
    void saysThatANameIsUnknown() {
        Json run = Api.press(Api.ajax("https://farm.does-not-exist.invalid/"));

        assertThat(run.getMap("deliveries[0]")).containsEntry("state", "failed").containsEntry("attempts", 1);
        assertThat(run.getString("deliveries[0].failure.kind")).isEqualTo("dns");
    }

    @Test
    void saysThatNothingListens() throws IOException {
        int port;
        try (ServerSocket closed = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            port = closed.getLocalPort();
        }

        Reply reply = send(allowing("127.0.0.1:" + port), "http://127.0.0.1:" + port + "/", null);

        assertThat(reply).isInstanceOfSatisfying(Reply.Failed.class,
                failed -> assertThat(failed.kind()).isEqualTo(FailureKind.connect_refused));
    }

    // ---- Size limits

    @Test
    void keepsEightKilobytesOfAnAnswer() {
        Json run = Api.press(Api.ajax(receiver.url("/kept/long/9000")));

        assertThat(run.getString("state")).isEqualTo("succeeded");
        assertThat(run.getString("deliveries[0].response")).isEqualTo("x".repeat(8 * KIB));
    }

    @Test
    void keepsTheBeginningOfAnAnswerThatDoesNotEnd() {
        Json run = Api.press(Api.ajax(receiver.url("/kept-endless/endless")));

        assertThat(run.getString("deliveries[0].response")).startsWith("0123456789abcdef").hasSize(8 * KIB);
    }

    @Test
    void makesABinaryAnswerVisible() {
        Json run = Api.press(Api.ajax(receiver.url("/visible/binary")));

        assertThat(run.getString("state")).isEqualTo("succeeded");
        assertThat(run.getString("deliveries[0].response")).isEqualTo("a␀␇␛[31m��␍\nz");
    }

    @Test
    void doesNotDecompressAnswers() {
        Json run = Api.press(Api.ajax(receiver.url("/zipped/gzip")));

        assertThat(run.getString("state")).isEqualTo("succeeded");
        assertThat(run.getString("deliveries[0].response")).startsWith("\u241f\ufffd\u2408").hasSizeLessThan(2 * KIB);
    }

    @ParameterizedTest
    @CsvSource({ "65536, true", "65537, false", "70000, false" })
    void stopsReadingAt64Kilobytes(int length, boolean whole) {
        Reply reply = send(egress, receiver.url("/" + Api.unique("stop") + "/long/" + length), null);

        assertThat(reply).isInstanceOfSatisfying(Reply.Delivered.class, delivered -> {
            assertThat(delivered.truncated()).isEqualTo(!whole);
            assertThat(delivered.response()).hasSize(64 * KIB);
        });
    }

    @Test
    void marksTruncatedAnswers() {
        Json run = Api.press(Api.ajax(receiver.url("/" + Api.unique("truncated") + "/long/70000")));

        assertThat(run.getString("state")).isEqualTo("succeeded");
        assertThat(run.getMap("deliveries[0]")).containsEntry("truncated", true);
        assertThat(Api.press(Api.ajax(receiver.url("/" + Api.unique("whole") + "/ok"))).getMap("deliveries[0]"))
                .doesNotContainKey("truncated");
        assertThat(Json.of(Api.admin().get(Api.RUNS + "/" + run.getString("id"))).getMap("deliveries[0]"))
                .containsEntry("truncated", true);
    }

    @ParameterizedTest
    @CsvSource({ "x, 262144, true", "x, 262145, false", "é, 131072, true", "é, 131073, false" })
    void sendsABodyOf256KilobytesAtMost(String character, int count, boolean sent) {
        String name = Api.unique("body");

        Reply reply = send(egress, receiver.url("/" + name + "/ok"), character.repeat(count));

        if (sent) {
            assertThat(reply).isInstanceOf(Reply.Delivered.class);
            assertThat(receiver.heard(name).get(0).body()).isEqualTo(character.repeat(count));
        } else {
            assertThat(reply).isInstanceOfSatisfying(Reply.Refused.class,
                    refused -> assertThat(refused.kind()).isEqualTo(FailureKind.too_large));
            assertThat(receiver.heard(name)).isEmpty();
        }
    }

    @Test
    void masksSecretsThatAnAnswerRepeats() {
        Json run = Api.press(Api.ajax(receiver.url("/repeats/headers"), "headers", Map.of("X-Farm", "${secret:farm}")));

        assertThat(receiver.heard("repeats").get(0).headers()).containsEntry("X-Farm", Services.FARM);
        assertThat(run.getString("deliveries[0].response")).contains("••••", "kitsu-actions/");
        assertThat(run.prettify()).doesNotContain(Services.FARM);
    }

    // ---- Addresses

    @Test
    void keepsTheNameInTheHostHeader() {
        String url = "http://localhost:" + receiver.port() + "/by-name/ok";

        Reply reply = send(allowing("localhost:" + receiver.port(), "127.0.0.1:" + receiver.port(), "[::1]:" + receiver.port()),
                url, null);

        assertThat(reply).isInstanceOf(Reply.Delivered.class);
        assertThat(receiver.heard("by-name").get(0).headers()).containsEntry("Host", "localhost:" + receiver.port());
    }

    @Test
    void refusesAForbiddenAddressReachedThroughAName() {
        String url = "http://localhost:" + receiver.port() + "/through-name/ok";

        Reply reply = send(allowing("localhost:" + receiver.port()), url, null);

        assertThat(reply).isInstanceOfSatisfying(Reply.Refused.class,
                refused -> assertThat(refused.kind()).isEqualTo(FailureKind.forbidden_address));
        assertThat(receiver.heard("through-name")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = { "", "no url", "http://", "http:///x", "http://a b/", "https://api.studio.com/{x}", "maya://open",
            "http://127.0.0.1/", "http://[::1]/", "https://api.studio.com:22/", "file:///etc/passwd", "http://[::1", "//x",
            ":" })
    void refusesInvalidAndForbiddenUrls(String url) {
        assertThat(send(egress, url, null)).isInstanceOfSatisfying(Reply.Refused.class,
                refused -> assertThat(refused.kind()).isEqualTo(FailureKind.forbidden_address));
    }

    /** Returns the SSRF vectors. {@link ResolvingTest} tests names that resolve to forbidden addresses. */
    static List<String> forbidden() throws IOException {
        return SsrfVectors.read();
    }

    @Test
    void readsTheTestVectors() throws IOException {
        assertThat(forbidden()).hasSizeGreaterThan(50);
    }

    @ParameterizedTest
    @MethodSource("forbidden")
    void savesNoForbiddenAddress(String url) {
        Api.create(Api.draft("url", url, "is_ajax", true)).then().statusCode(400)
                .body(has("code", equalTo("invalid_body"), "errors.pointer", hasItem("/url")));
    }

    /** The address policy also applies when sending: SQL may have changed the URL, or the operator the allow list. */
    @ParameterizedTest
    @MethodSource("forbidden")
    void sendsNothingToAForbiddenAddressFromTheDatabase(String url) throws SQLException {
        // Checks the policy first, so that a failure here sends no real request.
        assertThat(policyRefuses(url)).isTrue();
        String action = stored(url);

        Response answer = Api.run(action, List.of(Api.shot()));

        if (answer.statusCode() == 200) {
            answer.then().body(has("state", equalTo("failed"), "deliveries", hasSize(1), "deliveries[0].state",
                    equalTo("refused"), "deliveries[0].failure.kind", equalTo("forbidden_address"), "deliveries[0].attempts",
                    equalTo(0), "deliveries[0].status", equalTo(null)));
        } else {
            assertThat(answer.statusCode()).as(answer.asString()).isBetween(400, 499);
            assertThat(Json.of(answer).getString("code")).isNotBlank();
        }
    }

    // ---- The echo endpoint

    @Test
    void practiceReceiverEchoesTheRequest() {
        RestAssured.given().urlEncodingEnabled(false).header("X-Queue", "fast").get(Api.ACTIONS + "/echo?a=%20b").then()
                .statusCode(200).body(has("method", equalTo("GET"), "url",
                        equalTo("http://localhost:" + RestAssured.port + Api.ACTIONS + "/echo?a=%20b"),
                        "headers.X-Queue", equalTo("fast"), "body", equalTo(null)));
        RestAssured.given().contentType("application/json").body("{\"shot\": [\"SH010\"]}").post(Api.ACTIONS + "/echo").then()
                .statusCode(200).body(has("method", equalTo("POST"), "body.shot[0]", equalTo("SH010")));
        RestAssured.given().contentType("text/plain").body("no json").post(Api.ACTIONS + "/echo").then().statusCode(200)
                .body(has("body", equalTo("no json")));
    }

    @Test
    void sendsToThePracticeReceiverWithoutAnAllowListEntry() {
        String action = Api.ajax("http://127.0.0.1:" + RestAssured.port + Api.ACTIONS + "/echo?e={entity_name}");

        Json run = Json.of(200, Api.run(action, List.of(Api.shot("SH 010"))));

        assertThat(run.getString("state")).isEqualTo("succeeded");
        Json heard = Json.of(run.getString("deliveries[0].response"));
        assertThat(heard.getString("method")).isEqualTo("POST");
        assertThat(heard.getString("url")).endsWith("/echo?e=SH%20010");
        assertThat(heard.getString("body.run_id")).isEqualTo(run.getString("id"));
        assertThat(heard.getString("body.entity_name")).isEqualTo("SH 010");
    }

    @Test
    void opensNoOtherPortOfThisMachine() throws SQLException {
        String url = "http://127.0.0.1:" + (RestAssured.port == 65535 ? 65534 : RestAssured.port + 1) + Api.ACTIONS + "/echo";

        Api.create(Api.draft("url", url, "is_ajax", true)).then().statusCode(400).body(has("errors.pointer", hasItem("/url")));
        Json run = Api.press(stored(url));

        assertThat(run.getString("deliveries[0].failure.kind")).isEqualTo("forbidden_address");
    }

    @Test
    void leavesThePracticeReceiverOutOfTheApiDescription() {
        Set<String> paths = Json.of(200, RestAssured.given().accept("application/json")
                .get(Api.ACTIONS + "/openapi?format=json")).getMap("paths").keySet();

        assertThat(paths).contains(Api.ACTIONS + "/{id}/run").noneMatch(path -> path.contains("echo"));
    }

    private Egress allowing(String... entries) {
        return doors.allowing(List.of(entries));
    }

    private static Reply send(Egress egress, String url, String body) {
        return Doors.send(egress, new Outbound("POST", url, Map.of(), body, Duration.ofSeconds(5))).await()
                .atMost(Duration.ofSeconds(10));
    }

    @ParameterizedTest
    @ValueSource(strings = { "headers = '{\"X-Farm\": \"${secret:gone}\"}'", "signing_secret = 'gone'" })
    void sendsNothingWhenASecretWasRemovedAfterSaving(String change) throws SQLException {
        String name = "gone" + UUID.randomUUID();
        String action = Api.ajax(receiver.url("/" + name + "/ok?e={entity_id}"));
        database.change("UPDATE action SET " + change + " WHERE id = '" + action + "'");

        Json run = Api.press(action);

        assertThat(run.getString("state")).isEqualTo("failed");
        assertThat(run.getString("deliveries[0].state")).isEqualTo("refused");
        assertThat(run.getString("deliveries[0].failure.message")).contains("CUSTOM_ACTIONS_SECRETS_GONE");
        assertThat(receiver.heard(name)).isEmpty();
    }

    private boolean policyRefuses(String url) {
        try {
            return policy.vet(new URI(url)).isPresent();
        } catch (URISyntaxException e) {
            return true;
        }
    }

    /** Writes a URL that the API would refuse into an action, by SQL, and returns the action's id. */
    private String stored(String url) throws SQLException {
        String id = Api.ajax("https://api.studio.com/stored");
        database.change("UPDATE action SET url = ? WHERE id = ?", url, UUID.fromString(id));
        return id;
    }
}
