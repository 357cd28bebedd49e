package studio.actions.http;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.nullValue;
import static org.hamcrest.Matchers.startsWith;

import java.io.ByteArrayOutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import studio.actions.testing.Api;
import studio.actions.testing.Raw;
import studio.actions.testing.Services;

/** The public port's defences against browsers, slow clients and probing clients. */
@QuarkusTest
@WithTestResource(Services.class)
class HardeningTest {

    @TestHTTPResource("/")
    URL service;

    @ParameterizedTest
    @ValueSource(
            strings = { "/", "/api/custom-actions", "/api/custom-actions/openapi", "/api/custom-actions/docs/",
                    "/api/custom-actions/docs/swagger-ui.css", "/api/data/custom-actions", "/nothing/here",
                    "/api/custom-actions/echo" })
    void sendsSecurityHeadersToBrowsers(String path) {
        Response answer = given().redirects().follow(false).get(path);
        assertThat(answer.headers().asList()).extracting(header -> header.getName().toLowerCase(Locale.ROOT))
                .doesNotHaveDuplicates();
        answer.then().header("X-Content-Type-Options", equalTo("nosniff"))
                .header("X-Frame-Options", equalTo("DENY"))
                .header("Content-Security-Policy", startsWith("default-src 'none'; "))
                .header("Referrer-Policy", equalTo("strict-origin-when-cross-origin"))
                .header("Cross-Origin-Resource-Policy", equalTo("same-origin"))
                .header("Server", nullValue()).header("X-Powered-By", nullValue());
    }

    @Test
    void forbidsSharedCachesToStoreAnswers() {
        String cache = Api.admin().get(Api.ACTIONS).then().statusCode(200).extract().header("Cache-Control");

        assertThat(Set.of(cache.split(", *"))).containsExactlyInAnyOrder("private", "no-cache");
    }

    @ParameterizedTest
    @CsvSource({ "/q/health, /q/health/ready", "/q/metrics, /q/metrics/", "/q/dev-ui, /q/info" })
    void hidesOperatorsPathsOnThePublicPort(String one, String other) {
        for (String path : List.of(one, other)) {
            Api.admin().get(path).then().statusCode(404).body("code", equalTo("not_found"));
        }
    }

    @Test
    void sendsNoCorsHeadersToOtherSites() {
        Map<String, String> asked = Map.of("Origin", "https://elsewhere.example", "Access-Control-Request-Method", "POST",
                "Access-Control-Request-Headers", "authorization");

        assertThat(given().headers(asked).options(Api.ACTIONS).headers().asList())
                .noneMatch(header -> header.getName().toLowerCase().startsWith("access-control-"));
        assertThat(Api.admin().headers(asked).get(Api.ACTIONS).headers().asList())
                .noneMatch(header -> header.getName().toLowerCase().startsWith("access-control-"));
    }

    /** Forwarded headers are ignored unless a trusted proxy is configured. */
    @ParameterizedTest
    @ValueSource(strings = { "X-Forwarded-Host", "Forwarded", "X-Forwarded-Proto", "X-Forwarded-Prefix" })
    void ignoresForwardedHeaders(String header) {
        String location = Api.admin().header(header, header.equals("Forwarded") ? "host=evil.example;proto=https"
                : header.endsWith("Proto") ? "https" : "evil.example").redirects().follow(false).get("/").header("Location");

        assertThat(location).startsWith("http://" + service.getHost() + ":" + service.getPort() + "/api/");
    }

    @ParameterizedTest
    @ValueSource(strings = { " ", "" })
    void answersTimeoutWhenABodyDoesNotArrive(String drop) throws Exception {
        String head = "POST " + Api.ACTIONS + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + Services.TOKEN
                + "\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"name\"";

        String answer = drip(head, drop);

        assertThat(answer).startsWith("HTTP/1.1 408 ").contains("\"code\":\"request_timeout\"");
    }

    /** RFC 9112, sections 3.2 and 6.3: an ambiguous request may hide a second one in its body (request smuggling). */
    @ParameterizedTest
    @ValueSource(strings = { "Transfer-Encoding: xchunked", "Transfer-Encoding: identity", "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            "Transfer-Encoding: x", "Transfer-Encoding:", "Host: y", "Host: x" })
    void readsNothingAfterAnAmbiguousRequest(String header) throws Exception {
        try (Raw client = new Raw(service)) {
            String answers = client.send("POST " + Api.ACTIONS + " HTTP/1.1\r\nHost: x\r\n" + header + "\r\n\r\n"
                    + "DELETE " + Api.ACTIONS + "/smuggled HTTP/1.1\r\nHost: x\r\n\r\n").hear();

            assertThat(answers).startsWith("HTTP/1.1 400 ");
            assertThat(answers.split("HTTP/1\\.1 ", -1)).as("one answer").hasSize(2);
        }
    }

    @ParameterizedTest
    @CsvSource({ "17000, 431", "15000, 404" })
    void limitsTheSizeOfHeaders(int size, int status) throws Exception {
        String answer = drip("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: " + "x".repeat(size)
                + "\r\n\r\n", "");

        assertThat(answer).startsWith("HTTP/1.1 " + status + " ").doesNotContainIgnoringCase("quarkus")
                .doesNotContainIgnoringCase("vert.x").doesNotContainIgnoringCase("netty");
    }

    /**
     * Sends a text, then another one every 200 ms, for at most 20 s, and returns all that the service answered.
     *
     * @param said the first text
     * @param drop the text that is repeated
     */
    private String drip(String said, String drop) throws Exception {
        try (Socket socket = new Socket(service.getHost(), service.getPort())) {
            socket.setSoTimeout(200);
            socket.getOutputStream().write(said.getBytes(StandardCharsets.US_ASCII));
            ByteArrayOutputStream answer = new ByteArrayOutputStream();
            byte[] heard = new byte[8192];
            for (int turn = 0; turn < 100; turn++) {
                try {
                    int read = socket.getInputStream().read(heard);
                    if (read < 0) {
                        return answer.toString(StandardCharsets.UTF_8);
                    }
                    answer.write(heard, 0, read);
                } catch (SocketTimeoutException e) {
                    socket.getOutputStream().write(drop.getBytes(StandardCharsets.US_ASCII));
                }
            }
            throw new AssertionError("Still listening after 20 s, having said: " + answer);
        }
    }
}
