package studio.actions.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URL;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Api;
import studio.actions.testing.Log;
import studio.actions.testing.Raw;
import studio.actions.testing.Services;

/** Clients that send their bodies slowly, or not as valid HTTP. */
@QuarkusTest
@WithTestResource(Services.class)
class SlowBodiesTest {

    private static final String BEARER = "Authorization: Bearer " + Services.TOKEN + "\r\n";

    /** More clients than the service has worker threads. */
    private static final int CLIENTS = 300;

    /** The goal is 200 ms. If each slow body blocked a thread, others would wait for the first body's timeout, 3 s. */
    private static final Duration BUSY = Duration.ofSeconds(1);

    @TestHTTPResource("/")
    URL service;

    @ParameterizedTest
    @ValueSource(strings = { "echo", "run" })
    void delayNoOtherRequests(String where) throws IOException {
        String action = Api.id(Api.create(Api.draft()));
        String path = Api.ACTIONS + (where.equals("echo") ? "/echo" : "/" + action + "/run");
        List<Raw> slow = new ArrayList<>();
        try {
            for (int i = 0; i < CLIENTS; i++) {
                slow.add(new Raw(service).send(Raw.slow(path, BEARER)));
            }

            long worst = 0;
            for (int i = 0; i < 20; i++) {
                long since = System.nanoTime();
                Api.admin().get(Api.ACTIONS + "/" + action).then().statusCode(200);
                worst = Math.max(worst, System.nanoTime() - since);
            }

            assertThat(Duration.ofNanos(worst)).isLessThan(BUSY);
            assertThat(slow.get(CLIENTS - 1).status()).isEqualTo(408);
        } finally {
            slow.forEach(Raw::close);
        }
    }

    @Test
    void withoutATokenAreRefusedBeforeTheyArrive() throws IOException {
        String path = Api.ACTIONS + "/" + Api.id(Api.create(Api.draft())) + "/run";
        for (int i = 0; i < 50; i++) {
            try (Raw client = new Raw(service)) {
                long since = System.nanoTime();
                assertThat(client.send(Raw.slow(path)).status()).isEqualTo(401);
                assertThat(Duration.ofNanos(System.nanoTime() - since)).isLessThan(BUSY);
            }
        }
    }

    @Test
    void areNotRequestedBeforeTheTokenIsChecked() throws IOException {
        try (Raw stranger = new Raw(service); Raw admin = new Raw(service)) {
            assertThat(stranger.send(Raw.slow(Api.ACTIONS, "Expect: 100-continue\r\n")).hear()).startsWith("HTTP/1.1 401 ")
                    .containsIgnoringCase("\r\nConnection: close\r\n");
            assertThat(admin.send(Raw.slow(Api.ACTIONS, BEARER, "Expect: 100-continue\r\n")).status()).isEqualTo(100);
        }
    }

    /** The service reads on after a refusal, so that the client can read the reason, but only for a limited time. */
    @Test
    void areCutOffAfterTheAnswer() throws IOException {
        try (Raw client = new Raw(service)) {
            assertThat(client.send(Raw.slow(Api.ACTIONS)).hear()).startsWith("HTTP/1.1 401 ");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "no chunk\r\n", "ffffffffff\r\n", "-1\r\n", "1\r\naa\r\n", "\0\0\0", "1;x\r\n" })
    void withInvalidChunksDoNotFillTheLog(String chunk) throws IOException {
        try (Log log = new Log("")) {
            for (int i = 0; i < 100; i++) {
                try (Raw client = new Raw(service)) {
                    client.send("POST " + Api.ACTIONS + "/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                            + "Content-Type: text/plain\r\n\r\n1\r\na\r\n" + chunk + "\r\n\r\n\r\n");
                    assertThat(client.status()).isIn(0, 400, 408);
                }
            }

            assertThat(log.lines()).filteredOn(line -> !line.level().matches("DEBUG|TRACE|FINE.*"))
                    .hasSizeLessThanOrEqualTo(1).noneMatch(line -> line.level().equals("ERROR"));
        }
    }

    /** Malformed requests of all kinds that Netty, Vert.x or Quarkus refuse, to either port, must not fill the log. */
    @ParameterizedTest
    @ValueSource(strings = { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\7\1\0\0\0\0\0garbage", "\26\3\1\2\0\1\0\1\374\3\3",
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            "GET /%zz%ff HTTP/1.1\r\nHost: x\r\n\r\n", "GET /?%zz=%ff HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET / HTTP/9.9\r\nHost: x\r\n\r\n", "nonsense\r\n\r\n", "GET / HTTP/1.1\r\nHost: ::[\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            "POST /api/custom-actions/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nab",
            "POST /api/custom-actions/echo HTTP/1.1\r\nHost: x\r\nContent-Type: ;;;\r\nContent-Length: 1\r\n\r\na",
            "GET /api/custom-actions/docs/%zz HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /api/custom-actions/docs/%00 HTTP/1.1\r\nHost: x\r\nRange: bytes=x\r\n\r\n",
            "GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", "GET /% HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /api/custom-actions/docs/%2e%2e/%5c..%ff HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /q/metrics/%zz HTTP/1.1\r\nHost: x\r\nAccept: ;/,\r\n\r\n",
            "GET /api/custom-actions/openapi?format=%zz HTTP/1.1\r\nHost: x\r\nAccept: ;/;\r\n\r\n",
            "GET http://[/ HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /api/custom-actions/{id} HTTP/1.1\r\nHost: x\r\nAccept: ;;/,\r\nCookie: =;=\r\nRange: x\r\n\r\n" })
    void malformedRequestsDoNotFillTheLog(String nonsense) throws IOException {
        try (Log log = new Log("")) {
            for (int i = 0; i < 20; i++) {
                try (Raw client = new Raw(service).send(nonsense); Raw operator = new Raw(management).send(nonsense)) {
                    client.quiet(20);
                    operator.quiet(20);
                }
            }

            assertThat(log.lines()).filteredOn(line -> !line.level().matches("DEBUG|TRACE|FINE.*"))
                    .hasSizeLessThanOrEqualTo(1).noneMatch(line -> line.level().equals("ERROR"));
        }
    }

    @TestHTTPResource(value = "/", management = true)
    URL management;
}
