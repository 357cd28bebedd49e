package studio.actions.zou;

import static io.restassured.RestAssured.given;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Api.RUNS;

import java.io.IOException;
import java.io.OutputStream;
import java.net.MalformedURLException;
import java.net.Socket;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.response.Response;
import io.restassured.response.ValidatableResponse;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.FakeZou.Fault;
import studio.actions.testing.FakeZou.Request;
import studio.actions.testing.Json;
import studio.actions.testing.Log;
import studio.actions.testing.Metrics;
import studio.actions.testing.Raw;
import studio.actions.testing.Services;

/** Zou decides who the caller is. Without Zou's answer a request is refused. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class ZouIdentityTest {

    private static final String LIST = BesideKitsu.PATH;
    private static final String SECOND_FACTOR = "/data/project-status";
    private static final String CONTEXT = "/api/data/user/context";
    private static final String COOKIE = "access_token_cookie=";
    private static final String PROBLEM = "application/problem+json";
    private static final String KITSU = "checks.find { it.name == 'Kitsu' }.data.";

    @TestHTTPResource(value = "/", management = true)
    URL management;

    @TestHTTPResource("/")
    URL service;

    // ---- Bodies that do not arrive

    @Test
    void answers404ForEchoBeforeReadingBody() throws IOException {
        try (Raw client = new Raw(service)) {
            long since = System.nanoTime();
            assertThat(client.send(Raw.slow(Api.ACTIONS + "/echo")).status()).isEqualTo(404);
            assertThat(Duration.ofNanos(System.nanoTime() - since)).isLessThan(Duration.ofSeconds(1));
        }
    }

    @Test
    void refusesUnknownCallerBeforeReadingBody() throws IOException {
        String path = BesideKitsu.PATH + "/" + UUID.randomUUID() + "/run";
        try (Raw nobody = new Raw(service); Raw stranger = new Raw(service); Raw known = new Raw(service)) {
            long since = System.nanoTime();
            assertThat(nobody.send(Raw.slow(path)).status()).isEqualTo(401);
            assertThat(stranger.send(Raw.slow(path, "Authorization: Bearer nobody-has-this\r\n")).status()).isEqualTo(422);
            assertThat(Duration.ofNanos(System.nanoTime() - since)).isLessThan(Duration.ofSeconds(2));
            assertThat(known.send(Raw.slow(path, "Authorization: Bearer " + BesideKitsu.token("admin") + "\r\n")).quiet(1000))
                    .isTrue();
        }
    }

    // ---- Accepted callers

    @ParameterizedTest
    @CsvSource({ "admin, 200", "manager, 200", "supervisor, 200", "user, 200", "client, 200", "vendor, 403", "bot, 200" })
    void acceptsEveryRoleOfZou(String person, int list) {
        String token = BesideKitsu.token(person);

        assertThat(get(RUNS, token).statusCode()).isEqualTo(200);
        assertThat(get(LIST, token).statusCode()).isEqualTo(list);
        assertThat(byCookie(RUNS, COOKIE + token).statusCode()).isEqualTo(200);
        assertThat(byCookie(LIST, COOKIE + token).statusCode()).isEqualTo(list);
    }

    @Test
    void findsZousCookieAmongOthers() {
        String token = BesideKitsu.token("user");

        assertThat(byCookie(RUNS, "lang=fr; " + COOKIE + token + "; refresh_token_cookie=other").statusCode()).isEqualTo(200);
    }

    @Test
    void acceptsBearerSchemeInAnyCase() {
        String token = BesideKitsu.token("user");

        assertThat(byHeader(RUNS, "bearer " + token).statusCode()).isEqualTo(200);
        assertThat(byHeader(RUNS, "BEARER  " + token).statusCode()).isEqualTo(200);
    }

    @ParameterizedTest
    @CsvSource({ "user, user", "manager, manager", "vendor, vendor" })
    void refusalNamesRequiredRole(String person, String role) {
        BesideKitsu.as(person).body(BesideKitsu.draft()).post(Api.ACTIONS).then().statusCode(403).body("detail",
                org.hamcrest.Matchers.equalTo("This needs the role admin. Your role is " + role + "."));
    }

    // ---- Refused callers

    @ParameterizedTest
    @ValueSource(strings = { LIST, RUNS, "/api/data/user/context" })
    void refusesRequestWithoutCredential(String path) {
        refused(given().get(path), 401, "unauthenticated", null);
    }

    @ParameterizedTest
    @ValueSource(strings = { "garbage", "a.b.c", "null", Services.TOKEN, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9." })
    void refusesMalformedToken(String token) {
        Response byHeader = get(RUNS, token);
        refused(byHeader, 401, "unauthenticated", token);
        refused(byCookie(RUNS, COOKIE + token), 401, "unauthenticated", token);
        // RFC 6750, section 3.1
        assertThat(byHeader.header("WWW-Authenticate")).contains("error=\"invalid_token\"");
        // Zou answers so on this path.
        refused(get(LIST, token), 422, "malformed_token", token);
        refused(byCookie(LIST, COOKIE + token), 422, "malformed_token", token);
        assertThat(get(LIST, token).jsonPath().getString("message")).isEqualTo("Not enough segments");
    }

    @ParameterizedTest
    @ValueSource(strings = { "Bearer", "Bearer ", "Bearer \t", "Basic @@", "Token @@", "@@", "Bearer@@", "Bearer @@ @@",
            "Bearer @@,", "Bearer \"@@\"", "Bearer @@;a=b" })
    void refusesInvalidAuthorizationHeader(String header) {
        String token = BesideKitsu.token("admin");

        refused(byHeader(RUNS, header.replace("@@", token)), 401, "unauthenticated", token);
    }

    @Test
    void ignoresEmptyCookie() {
        given().header("Cookie", COOKIE).header("Authorization", "Bearer " + BesideKitsu.token("user")).get(RUNS).then()
                .statusCode(200);
    }

    @ParameterizedTest
    @ValueSource(strings = { "access_token_cookie=", "access_token_cookie=\"\"", "access_token_cookie", "access_token_cookie= ",
            "access_token_cookie=@@ @@", "access_token_cookie=@@\"", "access_token_cookie=@\"@", "access_token_cookie=@@,",
            "access_token_cookie=a\\b", "access_token_cookie=%00", "access_token_cookie==", "=@@", "@@", ";", "",
            "Access_Token_Cookie=@@", "access_token=@@", "refresh_token_cookie=@@", "xaccess_token_cookie=@@" })
    void refusesInvalidCookie(String cookie) {
        String token = BesideKitsu.token("admin");

        refused(byCookie(RUNS, cookie.replace("@@", token)), 401, "unauthenticated", token);
    }

    @Test
    void cookieOverridesAuthorizationHeader() {
        String token = BesideKitsu.token("admin");

        refused(given().header("Cookie", COOKIE + "garbage").header("Authorization", "Bearer " + token).get(RUNS), 401,
                "unauthenticated", token);
        assertThat(given().header("Cookie", COOKIE + token).header("Authorization", "Bearer garbage").get(RUNS).statusCode())
                .isEqualTo(200);
    }

    /** Tests that need a fake Zou, whose answers they can set. */
    @Nested
    class Told {

        private final FakeZou zou = FakeZou.shared();

        @BeforeEach
        void onlyTheFake() {
            Assumptions.assumeTrue(BesideKitsu.fake());
        }

        // ---- The caller's identity

        @ParameterizedTest
        @ValueSource(strings = { "admin", "manager", "supervisor", "user", "client", "vendor", "bot", "bot2" })
        void takesCallerFromZou(String person) {
            String action = BesideKitsu.ajax("https://api.studio.com/sync", "roles", List.of("admin", "manager", "supervisor",
                    "user", "client", "vendor"));
            JsonNode known = zou.person(person);
            Map<String, Object> caller = new LinkedHashMap<>();
            List.of("id", "email", "role").forEach(field -> caller.put(field, known.get(field).asText()));
            caller.put("name", known.get("full_name").asText());
            String token = zou.login(person);

            Json run = Json.of(200, BesideKitsu.run(BesideKitsu.with(token), action, List.of(UUID.randomUUID().toString())));

            assertThat(run.getMap("caller")).isEqualTo(caller);
            assertThat(Json.of(get(RUNS + "?action_id=" + action, token)).getList("data.caller")).containsExactly(caller);
        }

        @Test
        void passesCredentialOnUnchanged() {
            String bearer = zou.login("user");
            String cookie = zou.login("user");

            get(LIST, bearer).then().statusCode(200);
            byCookie(LIST, "lang=fr; " + COOKIE + cookie + "; session=mine").then().statusCode(200);

            assertThat(zou.requests(bearer)).extracting(Request::method, Request::path)
                    .containsExactly(tuple("GET", "/auth/authenticated"), tuple("GET", SECOND_FACTOR));
            assertThat(zou.requests(bearer)).allSatisfy(request -> assertThat(request.headers())
                    .containsEntry("Authorization", "Bearer " + bearer).doesNotContainKey("Cookie"));
            assertThat(zou.requests(cookie)).extracting(Request::path).containsExactly("/auth/authenticated", SECOND_FACTOR);
            assertThat(zou.requests(cookie)).allSatisfy(request -> assertThat(request.headers())
                    .containsEntry("Cookie", COOKIE + cookie).doesNotContainKey("Authorization"));
        }

        @Test
        void doesNotMixUpCallers() {
            String vendor = zou.login("vendor");
            String user = zou.login("user");

            for (int i = 0; i < 3; i++) {
                assertThat(get(LIST, vendor).statusCode()).isEqualTo(403);
                assertThat(get(LIST, user).statusCode()).isEqualTo(200);
            }
        }

        // ---- Number of requests to Zou

        @Test
        void asksZouOnceForConcurrentRequestsWithOneToken() {
            String token = zou.login("user");
            zou.delay(token, "/auth", Duration.ofMillis(500));

            List<CompletableFuture<HttpResponse<String>>> answers = IntStream.range(0, 50)
                    .mapToObj(i -> later(i % 2 == 0 ? LIST : RUNS, token)).toList();

            assertThat(answers).extracting(answer -> answer.join().statusCode()).containsOnly(200);
            assertThat(zou.questions(token)).isEqualTo(1);
            assertThat(count("custom_actions_identity_remembered")).isPositive();
        }

        @Test
        void cachesIdentity() {
            String token = zou.login("user");
            double hits = count("custom_actions_identity_lookups_total{result=\"hit\"}");
            double misses = count("custom_actions_identity_lookups_total{result=\"miss\"}");

            for (int i = 0; i < 5; i++) {
                get(LIST, token).then().statusCode(200);
            }

            assertThat(zou.questions(token)).isEqualTo(1);
            assertThat(count("custom_actions_identity_lookups_total{result=\"miss\"}") - misses).isEqualTo(1);
            assertThat(count("custom_actions_identity_lookups_total{result=\"hit\"}") - hits).isEqualTo(4);
        }

        @ParameterizedTest
        @CsvSource({ "garbage, 422", "twoFactor, 403", "error, 503" })
        void doesNotCacheRefusals(String no, int status) {
            String token = no.equals("garbage") ? "garbage" + UUID.randomUUID() : zou.login("user");
            if (!no.equals("garbage")) {
                zou.fault(token, "/auth", Fault.valueOf(no));
            }

            for (int i = 0; i < 3; i++) {
                get(LIST, token).then().statusCode(status);
            }

            assertThat(zou.questions(token)).isEqualTo(3);
        }

        @Test
        void disconnectedClientDoesNotCancelLookupOfOthers() throws IOException {
            String token = zou.login("user");
            zou.delay(token, "/auth", Duration.ofMillis(700));
            CompletableFuture<HttpResponse<String>> other;

            try (Socket caller = new Socket("127.0.0.1", RestAssured.port)) {
                OutputStream out = caller.getOutputStream();
                out.write(("GET " + RUNS + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token + "\r\n\r\n")
                        .getBytes(StandardCharsets.US_ASCII));
                out.flush();
                await().until(() -> zou.questions(token) == 1);
                other = later(RUNS, token);
            }

            assertThat(other.join().statusCode()).isEqualTo(200);
        }

        // ---- Tokens with a pending second factor

        @Test
        void refusesTokenWithPendingSecondFactor() {
            String token = zou.loginPendingSecondFactor();
            int before = Json.of(get(LIST, zou.login("admin"))).getList("$").size();

            List<Response> answers = List.of(get(LIST, token), get(RUNS, token), byCookie(LIST, COOKIE + token),
                    get(Api.ACTIONS + "/audit", token), get(Api.ACTIONS + "/export", token),
                    BesideKitsu.with(token).body(BesideKitsu.draft("url", "https://tool.studio.com/x")).post(Api.ACTIONS));

            assertThat(answers).allSatisfy(answer -> {
                refused(answer, 401, "unauthenticated", token);
                assertThat(Json.of(answer).getString("message")).isEqualTo(Json.of(answer).getString("detail"))
                        .isEqualTo(
                                "Two-factor authentication setup is required. Please configure 2FA before accessing the API.");
            });
            assertThat(Json.of(get(LIST, zou.login("admin"))).getList("$")).hasSize(before);
        }

        @Test
        void passesOnZousRefusalOfContextWithPendingSecondFactor() {
            String token = zou.loginPendingSecondFactor();

            Response answer = get(CONTEXT, token);

            // Not 401, since Kitsu would then show its login instead of the second factor's set-up.
            assertThat(answer.statusCode()).isEqualTo(403);
            answer.then().body("two_factor_authentication_required", equalTo(true));
            refused(get(LIST, token), 401, "unauthenticated", token);
        }

        @Test
        void acceptedContextDoesNotAuthenticateOtherRequests() {
            String token = zou.login("admin");
            zou.fault(token, SECOND_FACTOR, Fault.twoFactor);

            get(CONTEXT, token).then().statusCode(200);

            refused(get(LIST, token), 401, "unauthenticated", token);
        }

        @ParameterizedTest
        @EnumSource(names = { "error", "unavailable", "html", "huge", "endless", "half" })
        void acceptsTokenIfZouAnswersSecondFactorCheckWithError(Fault fault) {
            String token = zou.login("user");
            zou.fault(token, SECOND_FACTOR, fault);

            get(LIST, token).then().statusCode(200);

            assertThat(zou.requests(token)).extracting(Request::path).containsExactly("/auth/authenticated", SECOND_FACTOR);
        }

        @ParameterizedTest
        @EnumSource(names = { "gone", "silent" })
        void refusesTokenIfSecondFactorCheckIsUnanswered(Fault fault) {
            String token = zou.login("admin");
            zou.fault(token, SECOND_FACTOR, fault);

            refused(get(LIST, token), 503, "unavailable", token);
            zou.heal(token);
            get(LIST, token).then().statusCode(200);
        }

        @Test
        void passesOnZousMessageForExpiredToken() {
            String token = zou.login("user");
            zou.expire(token);

            for (Response answer : List.of(get(LIST, token), byCookie(RUNS, COOKIE + token), get(CONTEXT, token))) {
                refused(answer, 401, "unauthenticated", token);
                // Zou's Python client refreshes its token only after exactly this message.
                assertThat(Json.of(answer).getString("message")).isEqualTo("Signature has expired");
                assertThat(Json.of(answer).getString("detail")).isEqualTo("Signature has expired");
            }
        }

        @Test
        void cleansAndShortensZousMessage() {
            String token = zou.login("user");
            zou.answer(token, "/auth", 401, "{\"message\": \"bad\\u0000\\n\\u202etoken " + "x".repeat(100_000) + "\"}");

            String reason = Json.of(get(LIST, token)).getString("detail");

            assertThat(reason).startsWith("bad   token xxx").hasSizeLessThanOrEqualTo(300);
            zou.answer(token, "/auth", 401, "{\"message\": \" \"}");
            assertThat(Json.of(get(LIST, token)).getString("detail")).contains("sign in again");
        }

        // ---- Refusals and failures of Zou

        @Test
        void passesOnZousMessageAboutMissingSecondFactor() {
            String token = zou.login("admin");
            zou.fault(token, "/auth", Fault.twoFactor);

            Response refusal = get(RUNS, token);

            refused(refusal, 403, "forbidden", token);
            assertThat(Json.of(refusal).getString("detail"))
                    .contains("Two-factor authentication setup is required.");
            zou.heal(token);
            get(RUNS, token).then().statusCode(200);
        }

        @Test
        void refusesUnknownRole() {
            String token = zou.login("admin");
            zou.fault(token, "/auth", Fault.unknownRole);

            refused(get(RUNS, token), 403, "forbidden", token);
            zou.heal(token);
            get(RUNS, token).then().statusCode(200);
        }

        @ParameterizedTest
        @EnumSource(names = { "html", "half", "huge", "endless", "gone", "error", "unavailable", "notAPerson" })
        void refusesCallerIfZousAnswerIsInvalid(Fault fault) {
            String token = zou.login("admin");
            zou.fault(token, "/auth", fault);

            refused(get(LIST, token), 503, "unavailable", token);
            refused(byCookie(LIST, COOKIE + token), 503, "unavailable", token);
            zou.heal(token);
            get(LIST, token).then().statusCode(200);
            byCookie(LIST, COOKIE + token).then().statusCode(200);
        }

        @Test
        void doesNotWaitForAZouThatIsSlow() {
            try (Log log = new Log("studio.actions")) {
                askSlowZous();
                // Waits until the abandoned requests have failed, too.
                await().pollDelay(Duration.ofMillis(1500)).untilAsserted(() -> assertThat(log.lines())
                        .filteredOn(line -> line.level().equals("ERROR")).allSatisfy(line -> assertThat(line.text())
                                .contains("it did not answer in time")));
            }
        }

        private void askSlowZous() {
            Map<Fault, String> tokens = new LinkedHashMap<>();
            Map<Fault, CompletableFuture<HttpResponse<String>>> answers = new LinkedHashMap<>();
            List.of(Fault.slow, Fault.silent, Fault.drip).forEach(fault -> {
                tokens.put(fault, zou.login("admin"));
                zou.fault(tokens.get(fault), "/auth", fault);
            });

            long start = System.nanoTime();
            tokens.forEach((fault, token) -> answers.put(fault, later(LIST, token)));
            List<CompletableFuture<HttpResponse<String>>> followers = IntStream.range(0, 10)
                    .mapToObj(i -> later(LIST, tokens.get(Fault.silent))).toList();

            answers.forEach((fault, answer) -> {
                assertThat(answer.join().statusCode()).as("%s", fault).isEqualTo(503);
                assertThat(answer.join().headers().firstValue("Retry-After")).as("%s", fault).isPresent();
                assertThat(answer.join().body()).as("%s", fault).contains("\"unavailable\"").doesNotContain(tokens.get(fault));
            });
            assertThat(followers).extracting(answer -> answer.join().statusCode()).containsOnly(503);
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isBetween(Duration.ofMillis(1900), Duration.ofMillis(4500));
            assertThat(zou.questions(tokens.get(Fault.silent))).as("asked once more; no waiting caller asks again")
                    .isEqualTo(2);
            tokens.forEach((fault, token) -> {
                zou.heal(token);
                assertThat(get(LIST, token).statusCode()).as("%s, healed", fault).isEqualTo(200);
            });
        }

        // ---- The end of the identity cache

        @Test
        void refusesRevokedTokenAfterCacheExpires() {
            List<String> tokens = new ArrayList<>();
            for (String person : List.of("admin", "user", "bot")) {
                String token = zou.login(person);
                get(LIST, token).then().statusCode(200);
                tokens.add(token);
            }
            String staying = zou.login("admin");
            get(LIST, staying).then().statusCode(200);

            tokens.forEach(zou::revoke);

            for (String token : tokens) {
                // The lifetime of the identity cache (identity-cache), plus a second.
                await().atMost(4, SECONDS).untilAsserted(() -> refused(get(LIST, token), 401, "unauthenticated", token));
                refused(byCookie(LIST, COOKIE + token), 401, "unauthenticated", token);
            }
            get(LIST, staying).then().statusCode(200);
        }

        @Test
        void refusesCallersWhileZouIsUnreachableAfterCacheExpires() {
            String known = zou.login("admin");
            String stranger = zou.login("admin");
            get(LIST, known).then().statusCode(200);
            ready().body(KITSU + "state", equalTo("fine"));

            zou.away();
            try {
                get(LIST, known).then().statusCode(200);
                refused(get(LIST, stranger), 503, "unavailable", stranger);
                refused(byCookie(LIST, COOKIE + stranger), 503, "unavailable", stranger);
                await().atMost(4, SECONDS).untilAsserted(() -> refused(get(LIST, known), 503, "unavailable", known));
                refused(given().get(LIST), 401, "unauthenticated", null);
                ready().body(KITSU + "state", equalTo("degraded")).body(KITSU + "why", containsString("cannot be reached"));
                assertThat(count("custom_actions_zou_requests_seconds_count{outcome=\"away\"}")).isPositive();
            } finally {
                zou.back();
            }
            get(LIST, known).then().statusCode(200);
            get(LIST, stranger).then().statusCode(200);
            ready().body(KITSU + "state", equalTo("fine"));
        }
    }

    /** Reads the readiness check. It must stay UP, so that the service always gets requests. */
    private ValidatableResponse ready() {
        return given().get(management + "health/ready").then().statusCode(200).body("status", equalTo("UP"));
    }

    private double count(String series) {
        try {
            return Metrics.of(new URL(management + "metrics"), series);
        } catch (MalformedURLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Response get(String path, String token) {
        return byHeader(path, "Bearer " + token);
    }

    private static Response byHeader(String path, String header) {
        return given().header("Authorization", header).get(path);
    }

    private static Response byCookie(String path, String cookie) {
        return given().header("Cookie", cookie).get(path);
    }

    private static CompletableFuture<HttpResponse<String>> later(String path, String token) {
        return HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()
                .sendAsync(HttpRequest.newBuilder(URI.create("http://localhost:" + RestAssured.port + path))
                        .header("Authorization", "Bearer " + token).build(), HttpResponse.BodyHandlers.ofString());
    }

    /** Checks a problem, the headers that belong to its status, and that it does not contain the token. */
    private static void refused(Response answer, int status, String code, String token) {
        assertThat(answer.statusCode()).isEqualTo(status);
        assertThat(answer.contentType()).startsWith(PROBLEM);
        assertThat(Json.of(answer).getString("code")).isEqualTo(code);
        if (status == 401) {
            assertThat(answer.header("WWW-Authenticate")).startsWith("Bearer realm=");
        }
        if (status == 503) {
            assertThat(answer.header("Retry-After")).matches("[1-9]\\d*");
        }
        if (token != null) {
            assertThat(answer.headers() + answer.asString()).doesNotContain(token);
        }
    }
}
