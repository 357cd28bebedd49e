package studio.actions.zou;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.startsWith;
import static studio.actions.testing.Json.has;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;

/** Pages of other sites cannot act with the cookie of a person who is signed in to Kitsu. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class CrossSiteTest {

    private static final String DRAFT = "{\"name\": \"From a page %s\", \"url\": \"https://api.studio.com/sync\"}";
    private static final String PRESS = "{\"selection\": [\"%s\"]}";
    private static final String FORM = "selection=%s";

    private final Receiver receiver = Receiver.shared();

    // ---- Our own site

    @Test
    void allowsEverythingToOwnSite() {
        all(Map.of("Origin", ours()));
        all(Map.of("Sec-Fetch-Site", "same-origin"));
        all(Map.of("Sec-Fetch-Site", "same-origin", "Origin", ours()));
    }

    /** A form sends these headers if its page has the referrer policy {@code no-referrer}. */
    @Test
    void trustsSecFetchSiteIfOriginIsNull() {
        all(Map.of("Sec-Fetch-Site", "same-origin", "Origin", "null"));
    }

    @ParameterizedTest
    @CsvSource({
            // Both schemes are accepted, since the service gets plain HTTP behind a proxy that ends TLS.
            "kitsu.studio, https://kitsu.studio", "kitsu.studio, http://kitsu.studio",
            "kitsu.studio, https://kitsu.studio:443", "kitsu.studio:443, https://kitsu.studio",
            "kitsu.studio, http://kitsu.studio:80", "kitsu.studio:80, http://kitsu.studio",
            "kitsu.studio:8443, https://kitsu.studio:8443", "Kitsu.Studio, https://kitsu.studio",
            "kitsu_farm:8080, http://kitsu_farm:8080", "10.20.0.7:8080, http://10.20.0.7:8080",
            "[fd12::7]:8080, http://[fd12::7]:8080" })
    void acceptsOriginOfRequestedHost(String host, String origin) throws IOException {
        assertThat(posted(host, origin)).startsWith("HTTP/1.1 201 ");
    }

    @Test
    void runsPressFromKitsusPage() {
        Assumptions.assumeTrue(BesideKitsu.fake());
        String name = unique();
        String action = BesideKitsu.ajax(receiver.url("/" + name + "/ok"));
        String task = FakeZou.shared().recordedShot().id();

        cookie(Map.of("Origin", ours())).contentType(ContentType.JSON).body(PRESS.formatted(task))
                .post(BesideKitsu.PATH + "/" + action + "/run").then().statusCode(200);

        assertThat(receiver.heard(name)).hasSize(1);
    }

    // ---- Other sites

    @ParameterizedTest
    @ValueSource(strings = { "", "null", "http://evil.example", "https://evil.example", "http://evil.example:@@",
            "http://localhost", "https://localhost", "http://localhost:80", "http://localhost:1", "http://localhost:1@@",
            "http://kitsu.localhost:@@", "http://localhost.evil.example:@@", "http://evil-localhost:@@",
            "http://evil.example/localhost:@@", "http://evil.example?localhost:@@", "http://evil.example#localhost:@@",
            "http://localhost:@@@evil.example", "http://127.0.0.1:@@", "http://[::1]:@@", "http://localhost.:@@",
            "localhost:@@", "//localhost:@@", "file://", "about:blank", "http://", "http://localhost:@@ http://evil.example",
            "http://localhost:%", "*" })
    void refusesAnotherOrigin(String origin) {
        refused(create(Map.of("Origin", here(origin))));
    }

    @ParameterizedTest
    @ValueSource(strings = { "https://evil.example", "null", "http://localhost" })
    void changesNothingForAnotherOrigin(String origin) {
        nothingHappens(Map.of("Origin", origin));
    }

    @ParameterizedTest
    @CsvSource({ "kitsu.studio, https://kitsu.studio:80", "kitsu.studio, http://kitsu.studio:443",
            "kitsu.studio, https://kitsu.studio:8443", "kitsu.studio:8443, https://kitsu.studio",
            "kitsu.studio:443, http://kitsu.studio", "kitsu_farm, http://kitsu_barn",
            "kitsu.studio, https://www.kitsu.studio", "www.kitsu.studio, https://kitsu.studio",
            "kitsu.studio, https://studio", "kitsu.studio, https://kitsu.studio.evil.example",
            "kitsu.studio, https://evilkitsu.studio", "10.20.0.7:8080, http://10.20.0.7:80",
            "[fd12::7]:8080, http://[fd12::8]:8080" })
    void refusesOriginWithAnotherHostOrPort(String host, String origin) throws IOException {
        assertThat(posted(host, origin)).startsWith("HTTP/1.1 403 ").contains("\"code\":\"cross_site\"");
    }

    @ParameterizedTest
    @ValueSource(strings = { "same-site", "cross-site", "none", "", "true", "same-origin, cross-site" })
    void refusesOtherValuesOfSecFetchSite(String site) {
        refused(create(Map.of("Sec-Fetch-Site", site)));
        refused(create(Map.of("Sec-Fetch-Site", site, "Origin", "https://evil.example")));
        refused(create(Map.of("Sec-Fetch-Site", site, "Origin", "null")));
    }

    @ParameterizedTest
    @ValueSource(strings = { "same-site", "cross-site" })
    void secFetchSiteOverridesOrigin(String site) {
        nothingHappens(Map.of("Sec-Fetch-Site", site, "Origin", ours()));
    }

    @Test
    void refusesRequestsWithoutOrigin() {
        nothingHappens(Map.of());
        nothingHappens(Map.of("Referer", ours() + "/productions", "X-Requested-With", "XMLHttpRequest"));
    }

    @Test
    void refusesCookieDespiteBearerToken() {
        refused(cookie(Map.of()).header("Authorization", "Bearer " + BesideKitsu.token("admin")).contentType(ContentType.JSON)
                .body(draft()).post(BesideKitsu.PATH));
    }

    @Test
    void sendsNoRequestToZouForAnotherSite() {
        Assumptions.assumeTrue(BesideKitsu.fake());
        String token = FakeZou.shared().login("admin");

        refused(given().header("Cookie", "access_token_cookie=" + token).header("Origin", "https://evil.example")
                .contentType(ContentType.JSON).body(draft()).post(BesideKitsu.PATH));

        assertThat(FakeZou.shared().requests(token)).isEmpty();
    }

    // ---- Requests that need no origin

    @Test
    void readingNeedsNoOrigin() {
        String action = BesideKitsu.ajax("https://api.studio.com/sync");

        for (Map<String, String> from : List.of(Map.<String, String> of(), Map.of("Origin", "https://evil.example"),
                Map.of("Sec-Fetch-Site", "cross-site"))) {
            for (String path : List.of(BesideKitsu.PATH, BesideKitsu.PATH + "/" + action, Api.ACTIONS,
                    Api.ACTIONS + "/" + action, Api.RUNS)) {
                Response answer = cookie(from).get(path);
                assertThat(answer.statusCode()).as(path).isEqualTo(200);
                // Without these headers the browser does not let the other site's page read the answer.
                assertThat(answer.headers().asList()).extracting(header -> header.getName().toLowerCase())
                        .noneMatch(name -> name.startsWith("access-control-"));
                assertThat(cookie(from).head(path).statusCode()).as(path).isEqualTo(200);
            }
        }
    }

    @Test
    void bearerTokenNeedsNoOrigin() {
        for (Map<String, String> from : List.of(Map.<String, String> of(), Map.of("Origin", "https://evil.example"),
                Map.of("Origin", "null"), Map.of("Sec-Fetch-Site", "cross-site"))) {
            BesideKitsu.as("admin").headers(from).body(draft()).post(BesideKitsu.PATH).then().statusCode(201);
        }
    }

    // ---- Forwarded headers of untrusted clients

    @Test
    void ignoresForwardedHostOfUntrustedClient() {
        for (String host : List.of("evil.example", "evil.example:443")) {
            for (Map<String, String> forwarded : forwarded(host)) {
                Map<String, String> from = new LinkedHashMap<>(forwarded);
                from.put("Origin", "https://evil.example");
                refused(create(from));
                from.put("Origin", ours());
                create(from).then().statusCode(201);
            }
        }
    }

    @Test
    void linksIgnoreForwardedHostOfUntrustedClient() {
        String ajax = BesideKitsu.ajax("https://api.studio.com/sync");
        String opened = BesideKitsu.opened("https://wiki.studio/");

        for (Map<String, String> forwarded : forwarded("evil.example")) {
            Map<String, String> links = Json.of(200, BesideKitsu.as("admin").headers(forwarded).get(BesideKitsu.PATH))
                    .<Map<String, String>> getList("").stream()
                    .collect(LinkedHashMap::new, (all, action) -> all.put(action.get("id"), action.get("url")), Map::putAll);

            assertThat(links).containsEntry(ajax, "/api/data/custom-actions/" + ajax
                    + "/run?v=1#https://api.studio.com/sync")
                    .containsEntry(opened, "/api/data/custom-actions/" + opened + "/open?v=1#https://wiki.studio/");
            assertThat(links.values()).allMatch(link -> link.startsWith("/api/"));
        }
    }

    private static List<Map<String, String>> forwarded(String host) {
        return List.of(Map.of("X-Forwarded-Host", host), Map.of("X-Forwarded-Host", host, "X-Forwarded-Proto", "https"),
                Map.of("X-Forwarded-Host", host, "X-Forwarded-Port", "443", "X-Forwarded-Ssl", "on"),
                Map.of("X-Forwarded-Proto", "https"), Map.of("X-Forwarded-Prefix", "/evil"),
                Map.of("Forwarded", "for=192.0.2.1;host=\"" + host + "\";proto=https"),
                Map.of("X-Forwarded-Server", host, "X-Original-Host", host, "X-Host", host));
    }

    /** Checks that every method works with a cookie and the given headers. */
    private void all(Map<String, String> from) {
        for (String base : List.of(BesideKitsu.PATH, Api.ACTIONS)) {
            String id = Api.id(cookie(from).contentType(ContentType.JSON).body(draft()).post(base));
            String one = base + "/" + id;
            cookie(from).contentType(ContentType.JSON).body(draft().replace("page", "form")).put(one).then().statusCode(200)
                    .body(has("name", startsWith("From a form")));
            if (base.equals(Api.ACTIONS)) {
                cookie(from).contentType(ContentType.JSON).body("{\"name\": \"Patched\"}").patch(one).then().statusCode(200)
                        .body(has("name", equalTo("Patched")));
            }
            cookie(from).delete(one).then().statusCode(204);
        }
    }

    /** Checks that every method with a cookie and the given headers is refused and changes nothing. */
    private void nothingHappens(Map<String, String> from) {
        String name = unique();
        String ajax = BesideKitsu.ajax(receiver.url("/" + name + "/ok"), "name", name);
        String opened = BesideKitsu.opened("https://wiki.studio/", "name", name + " opened");
        String task = BesideKitsu.fake() ? FakeZou.shared().recordedShot().id() : UUID.randomUUID().toString();
        List<?> before = both(ajax, opened);

        for (String base : List.of(BesideKitsu.PATH, Api.ACTIONS)) {
            String draft = DRAFT.replace("From a page %s", "made " + name);
            refused(cookie(from).contentType(ContentType.JSON).body(draft).post(base));
            for (String id : List.of(ajax, opened)) {
                refused(cookie(from).contentType(ContentType.JSON).body(draft).put(base + "/" + id));
                refused(cookie(from).delete(base + "/" + id));
            }
            refused(cookie(from).contentType(ContentType.JSON).body(PRESS.formatted(task)).post(base + "/" + ajax + "/run"));
        }
        refused(cookie(from).contentType(ContentType.JSON).body("{\"enabled\": false}").patch(Api.ACTIONS + "/" + ajax));
        refused(cookie(from).contentType(ContentType.URLENC).body(FORM.formatted(task))
                .post(BesideKitsu.PATH + "/" + opened + "/open"));

        assertThat(both(ajax, opened)).isEqualTo(before);
        BesideKitsu.as("admin").get(BesideKitsu.PATH + "?name=made%20" + name).then().statusCode(200).body(has("", empty()));
        for (String id : List.of(ajax, opened)) {
            BesideKitsu.as("admin").get(Api.RUNS + "?action_id=" + id).then().statusCode(200)
                    .body(has("data", empty()));
        }
        assertThat(receiver.heard(name)).isEmpty();
    }

    private static List<?> both(String one, String other) {
        return List.of(one, other).stream().map(id -> Json.of(200, BesideKitsu.as("admin").get(Api.ACTIONS + "/" + id))
                .getMap("")).toList();
    }

    private static String draft() {
        return DRAFT.formatted(unique());
    }

    private static Response create(Map<String, String> headers) {
        return cookie(headers).contentType(ContentType.JSON).body(draft()).post(BesideKitsu.PATH);
    }

    /** Posts with exactly the given Host and Origin over a socket, since HTTP clients would normalize them. */
    private static String posted(String host, String origin) throws IOException {
        String draft = draft();
        try (Socket browser = new Socket("127.0.0.1", RestAssured.port)) {
            browser.getOutputStream().write(("POST " + BesideKitsu.PATH + " HTTP/1.1\r\nHost: " + host + "\r\nOrigin: " + origin
                    + "\r\nCookie: access_token_cookie=" + BesideKitsu.token("admin")
                    + "\r\nContent-Type: application/json\r\nContent-Length: " + draft.length()
                    + "\r\nConnection: close\r\n\r\n" + draft).getBytes(StandardCharsets.US_ASCII));
            return new String(browser.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static RequestSpecification cookie(Map<String, String> headers) {
        return given().urlEncodingEnabled(false).redirects().follow(false)
                .header("Cookie", "access_token_cookie=" + BesideKitsu.token("admin")).headers(headers);
    }

    private static void refused(Response answer) {
        assertThat(answer.statusCode()).isEqualTo(403);
        assertThat(answer.contentType()).startsWith("application/problem+json");
        assertThat(Json.of(answer).getString("code")).isEqualTo("cross_site");
    }

    private static String ours() {
        return here("http://localhost:@@");
    }

    private static String here(String origin) {
        return origin.replaceFirst("@@", String.valueOf(RestAssured.port));
    }

    private static String unique() {
        return "site-" + UUID.randomUUID();
    }
}
