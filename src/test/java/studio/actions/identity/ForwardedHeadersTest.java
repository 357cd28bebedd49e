package studio.actions.identity;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.URL;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.Json;
import studio.actions.testing.Raw;

/** Forwarded headers: a trusted proxy's count if they are well formed; all others are ignored. */
@QuarkusTest
@TestProfile(ForwardedHeadersTest.BehindProxies.class)
@WithTestResource(BesideKitsu.class)
class ForwardedHeadersTest {

    private static final List<String> NAMES = List.of("X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port",
            "X-Forwarded-Ssl", "X-Forwarded-For");

    private final String admin = BesideKitsu.token("admin");

    @TestHTTPResource
    URL service;

    /** Trusts 127.0.0.1, from where most tests send their requests, but not 127.0.0.2. */
    public static class BehindProxies implements QuarkusTestProfile {

        @Override
        public Map<String, String> getConfigOverrides() {
            return Map.of("quarkus.http.proxy.proxy-address-forwarding", "true", "quarkus.http.proxy.trusted-proxies",
                    "127.0.0.1,10.9.0.0/16,2001:db8::9,localhost");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "-", value = {
            "https | kitsu.studio | - | https://kitsu.studio",
            "HTTPS | kitsu.studio | - | https://kitsu.studio",
            "'https, http' | 'kitsu.studio, inner:8080' | - | https://kitsu.studio",
            "https | kitsu.studio:8443 | - | https://kitsu.studio:8443",
            "https | kitsu.studio | 8443 | https://kitsu.studio:8443",
            "https | kitsu.studio | 443 | https://kitsu.studio",
            "http | [2001:db8::1]:8080 | - | http://[2001:db8::1]:8080",
            "https | render_farm | - | https://render_farm",
            "https | - | - | https://inner:8443" })
    void redirectsToForwardedHost(String proto, String host, String port, String site) {
        assertThat(
                given().header("Host", "inner:8443").headers(headers(proto, host, port, null, null)).redirects().follow(false)
                        .get("/").header("Location"))
                .isEqualTo(site + "/api/custom-actions/app");
    }

    /** Values that are empty, blank, out of range, or of the wrong kind. */
    @ParameterizedTest
    @ValueSource(strings = { "''", "' '", "','", "' , '", ":", "://", "::", "[", "[]", "[::", "[::::]", "[12]", "[1.2]",
            "[1:2]:80", ":80", "a b", "a/b", "a?b", "a#b",
            "a@b", "a:b", "a:99999", "a:-1", "-1", "0", "65536", "99999999999", "8080x", "ftp", "javascript:alert(1)",
            "http://a",
            "unknown", "_hidden", "null", "é", "%", "\"a\"", "<a>", "1.2.3.4.5", "1.2.3.4:x", "a,", ",a" })
    void ignoresInvalidForwardedValues(String value) throws IOException {
        String plain = value.startsWith("'") ? value.substring(1, value.length() - 1) : value;
        for (String name : NAMES) {
            for (List<String> lines : List.of(List.of(plain), List.of(plain, plain), List.of(plain, "a"))) {
                String headers = lines.stream().map(line -> name + ": " + line + "\r\n").reduce("", String::concat);
                try (Raw raw = new Raw(service)) {
                    String answer = raw.send("GET " + BesideKitsu.PATH + " HTTP/1.1\r\nHost: x\r\n" + headers
                            + "Authorization: Bearer " + admin + "\r\nConnection: close\r\n\r\n").hear();

                    assertThat(answer).as(headers).startsWith("HTTP/1.1 200 ");
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "203.0.113.7 | 203.0.113.7",
            "6.6.6.6, 203.0.113.7 | 203.0.113.7",
            "6.6.6.6, 203.0.113.7, 10.9.1.2 | 203.0.113.7",
            "6.6.6.6,203.0.113.7,10.9.1.2, 2001:db8::9 | 203.0.113.7",
            "6.6.6.6, 203.0.113.7, ::ffff:10.9.1.2 | 203.0.113.7",
            "203.0.113.7:50123 | 203.0.113.7",
            "[2001:db8::7]:50123, 10.9.1.2:80 | 2001:db8:0:0:0:0:0:7",
            "2001:db8::7 | 2001:db8:0:0:0:0:0:7",
            "10.9.0.1, 10.9.0.2 | 10.9.0.1",
            "203.0.113.7, unknown | 127.0.0.1",
            "203.0.113.7, unknown, 10.9.0.2 | 10.9.0.2",
            "'' | 127.0.0.1" })
    void auditNamesClientOfOutermostTrustedProxy(String chain, String from) {
        assertThat(auditedFrom(headers(null, null, null, null, chain))).isEqualTo(from);
    }

    @Test
    void joinsLinesOfRepeatedHeader() throws IOException {
        String name = UUID.randomUUID().toString();
        String body = draft(name);
        try (Raw raw = new Raw(service)) {
            raw.send("POST " + Api.ACTIONS + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Forwarded-For: "
                    + "6.6.6.6\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 10.9.0.1\r\nAuthorization: Bearer "
                    + BesideKitsu.token("admin") + "\r\nContent-Length: " + body.length() + "\r\nConnection: close\r\n\r\n"
                    + body).hear();
        }
        assertThat(audited(name)).isEqualTo("203.0.113.7");
    }

    @Test
    void ignoresForwardedHeadersOfUntrustedClient() throws IOException {
        String name = UUID.randomUUID().toString();
        String body = draft(name);
        try (Raw raw = new Raw(service.getHost(), service.getPort(), InetAddress.getByName("127.0.0.2"))) {
            String answer = raw.send("POST " + BesideKitsu.PATH
                    + " HTTP/1.1\r\nHost: ours\r\nContent-Type: application/json\r\n"
                    + "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\n"
                    + "X-Forwarded-Port: 444\r\nX-Forwarded-Ssl: on\r\nAuthorization: Bearer " + BesideKitsu.token("admin")
                    + "\r\nContent-Length: " + body.length() + "\r\nConnection: close\r\n\r\n" + body).hear();

            assertThat(answer).startsWith("HTTP/1.1 201 ");
        }
        try (Raw raw = new Raw(service.getHost(), service.getPort(), InetAddress.getByName("127.0.0.2"))) {
            String answer = raw.send("GET / HTTP/1.1\r\nHost: ours\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: "
                    + "https\r\nX-Forwarded-Port: 444\r\nConnection: close\r\n\r\n").hear();

            assertThat(answer).containsIgnoringCase("Location: http://ours/api/custom-actions/app");
        }
        assertThat(audited(name)).isEqualTo("127.0.0.2");
    }

    @Test
    void refusesRequestWithoutHost() throws IOException {
        for (String host : List.of("", "Host:\r\n", "Host: \r\n")) {
            try (Raw raw = new Raw(service)) {
                assertThat(raw.send("GET " + Api.ACTIONS + " HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n").hear())
                        .startsWith("HTTP/1.1 400 ");
            }
        }
    }

    private static Map<String, String> headers(String... values) {
        Map<String, String> headers = new LinkedHashMap<>();
        for (int i = 0; i < values.length; i++) {
            if (values[i] != null) {
                headers.put(NAMES.get(i), values[i]);
            }
        }
        return headers;
    }

    private static String draft(String name) {
        return "{\"name\": \"" + name + "\", \"url\": \"https://api.studio.com/sync\"}";
    }

    private String auditedFrom(Map<String, String> headers) {
        String name = UUID.randomUUID().toString();
        BesideKitsu.with(admin).headers(headers).body(draft(name)).post(Api.ACTIONS).then().statusCode(201);
        return audited(name);
    }

    private String audited(String name) {
        Json audit = Json.of(200, BesideKitsu.with(admin).get("/api/custom-actions/audit?verb=created"));
        return audit.<Map<String, Object>> getList("data").stream()
                .filter(line -> ((Map<?, ?>) line.get("subject")).get("name").equals(name))
                .map(line -> (String) line.get("from")).findFirst().orElseThrow();
    }
}
