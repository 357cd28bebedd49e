package studio.actions.egress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPOutputStream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import studio.actions.log.PrintableText;
import studio.actions.testing.Api;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Receiver.Script;
import studio.actions.testing.Services;

/** Receivers that answer wrongly, slowly, endlessly or not at all. The press reports a failure and the socket is closed. */
@QuarkusTest
@WithTestResource(Services.class)
class HostileReceiverTest {

    private static final String OK = "HTTP/1.1 200 OK\r\n";

    /** Time that a machine under load may add to a limit. */
    private static final int LATE = 300;

    private final Receiver receiver = Receiver.shared();
    private final String name = "hostile-" + UUID.randomUUID();

    // ---- Malformed answers

    static Stream<Arguments> oddAnswers() {
        return Stream.of(
                arguments("HTTP/1.0, whose body ends with the connection", closing("HTTP/1.0 200 OK\r\n\r\nold"), "old"),
                arguments("no length", closing(OK + "\r\nuntil it ends"), "until it ends"),
                arguments("chunks",
                        saying(OK + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"),
                        "abcde"),
                arguments("an interim answer first", saying("HTTP/1.1 100 Continue\r\n\r\n" + sized("ok")), "ok"),
                arguments("early hints first", saying("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + sized("ok")), "ok"),
                arguments("one that processes first", saying("HTTP/1.1 102 Processing\r\n\r\n" + sized("ok")), "ok"),
                arguments("interim answers that nobody knows",
                        saying("HTTP/1.1 199 Odd\r\nX: y\r\n\r\nHTTP/1.1 104 Odd\r\n\r\n" + sized("ok")), "ok"),
                arguments("headers of 12 KB", saying(OK + "X: " + "x".repeat(12_000) + "\r\nContent-Length: 2\r\n\r\nok"),
                        "ok"),
                arguments("an empty reason", saying("HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok"), "ok"),
                arguments("a folded header", saying(OK + "X-Fold: a\r\n b\r\nContent-Length: 2\r\n\r\nok"), "ok"),
                arguments("a space before a colon", saying(OK + "Content-Length : 2\r\n\r\nok"), "ok"),
                arguments("a second answer behind the first", saying(sized("ok") + "HTTP/1.1 500 No\r\n\r\n"), "ok"),
                arguments("a second answer in the body", saying(sized("HTTP/1.1 500 No\r\n\r\n")), "HTTP/1.1 500 No␍\n␍\n"),
                arguments("no charset of this world", saying(typed("text/plain; charset=klingon", "né")), "né"),
                arguments("a charset without a name", saying(typed("text/plain; charset=", "né")), "né"),
                arguments("no media type", saying(typed(";;=;", "né")), "né"),
                arguments("a charset that it is not in", saying(typed("text/plain; charset=utf-16", "abc")), "慢�"),
                arguments("Latin-1",
                        latin1(OK + "Content-Type: text/plain; charset=\"ISO-8859-1\"\r\nContent-Length: 2\r\n\r\nné"),
                        "né"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("oddAnswers")
    void acceptsOddAnswers(String what, Script script, String response) {
        Json run = press(script);

        assertThat(run.getString("state")).as(run.prettify()).isEqualTo("succeeded");
        assertThat(run.getString("deliveries[0].response")).isEqualTo(response);
        assertGone();
    }

    static Stream<Arguments> brokenAnswers() {
        return Stream.of(
                arguments("closes in mid-body", closing(OK + "Content-Length: 9\r\nConnection: close\r\n\r\nhalf"),
                        "connection_lost"),
                arguments("closes in mid-chunk", closing(OK + "Transfer-Encoding: chunked\r\n\r\n9\r\nhalf"),
                        "connection_lost"),
                arguments("closes in the headers", closing(OK + "X-Half: "), "connection_lost"),
                arguments("promises 10 GB and closes", closing(OK + "Content-Length: 10737418240\r\n\r\nabc"),
                        "connection_lost"),
                arguments("headers without end", repeating(OK, "X-More: and more\r\n"), "too_large"),
                arguments("one header without end", repeating(OK + "X-More: ", "more"), "too_large"),
                arguments("a status line without end", repeating("HTTP/1.1 200 ", "fine"), "too_large"),
                arguments("a trailer without end",
                        repeating(OK + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", "X-More: and more\r\n"),
                        "too_large"),
                arguments("a chunk's size without end", repeating(OK + "Transfer-Encoding: chunked\r\n\r\n", "0"), "too_large"),
                arguments("interim answers without end", repeating("", "HTTP/1.1 100 Continue\r\n\r\n"), "too_large"),
                arguments("unknown interim answers without end", repeating("", "HTTP/1.1 199 Odd\r\n\r\n"), "too_large"),
                arguments("early hints without end", repeating("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
                        "too_large"),
                arguments("an interim answer with headers that are too long",
                        saying("HTTP/1.1 103 Early Hints\r\nLink: " + "x".repeat(17_000) + "\r\n\r\n"), "too_large"),
                arguments("an interim answer that is no HTTP", saying("HTTP/1.1 102 Processing\r\nX-Nul: a\0b\r\n\r\n"),
                        "protocol"),
                arguments("a chunk of no size", closing(OK + "Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n"), "protocol"),
                arguments("a negative length", closing(OK + "Content-Length: -1\r\n\r\nx"), "protocol"),
                arguments("a length of letters", closing(OK + "Content-Length: many\r\n\r\nx"), "protocol"),
                arguments("a length beyond all numbers", closing(OK + "Content-Length: 99999999999999999999\r\n\r\nx"),
                        "protocol"),
                arguments("two lengths", closing(OK + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy"), "protocol"),
                arguments("NUL in a header", closing(OK + "X-Nul: a\0b\r\nContent-Length: 0\r\n\r\n"), "protocol"),
                arguments("a carriage return in a header", closing(OK + "X-Cr: a\rb\r\nContent-Length: 0\r\n\r\n"), "protocol"),
                arguments("a header without a colon", closing(OK + "X-Colon\r\nContent-Length: 0\r\n\r\n"), "protocol"),
                arguments("a header without a name", closing(OK + ": x\r\nContent-Length: 0\r\n\r\n"), "protocol"),
                arguments("lines that end in a line feed", closing("HTTP/1.1 200 OK\nContent-Length: 2\n\nok"), "protocol"),
                arguments("lines that end in a carriage return", closing("HTTP/1.1 200 OK\rContent-Length: 2\r\rok"),
                        "connection_lost"),
                arguments("chunks and a length",
                        closing(OK + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"), "protocol"),
                arguments("a status of two digits", closing("HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"), "protocol"),
                arguments("a status of letters", closing("HTTP/1.1 2OO OK\r\nContent-Length: 0\r\n\r\n"), "protocol"),
                arguments("a status of no class", closing("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"), "protocol"),
                arguments("switches protocols", closing("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n"), "protocol"),
                arguments("HTTP/2", closing("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"), "protocol"),
                arguments("no HTTP", closing("220 mail.studio.com ESMTP\r\n"), "protocol"),
                arguments("an error page without end", repeating("HTTP/1.1 503 No\r\n\r\n", "x".repeat(999)), "server_error"),
                arguments("a redirect without end", repeating("HTTP/1.1 302 No\r\n\r\n", "x".repeat(999)), "redirect"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("brokenAnswers")
    void reportsTheFailureOfABrokenAnswer(String what, Script script, String kind) {
        Json run = press(script);

        assertThat(run.getString("state")).isEqualTo("failed");
        assertThat(run.getString("deliveries[0].failure.kind")).as(run.prettify()).isEqualTo(kind);
        assertThat(run.getString("deliveries[0].failure.message")).isNotBlank().doesNotContain("Exception", "netty", "null");
        assertThat(receiver.heard(name)).as("asked once").hasSize(1);
        assertGone();
    }

    static Stream<Script> endless() {
        return Stream.of(repeating(OK + "Content-Length: 10737418240\r\n\r\n", "x".repeat(999)),
                repeating(OK + "\r\n", "x".repeat(999)),
                repeating(OK + "Transfer-Encoding: chunked\r\n\r\n", "64\r\n" + "x".repeat(100) + "\r\n"));
    }

    /** The delivery counts as delivered; the endless answer is truncated. */
    @ParameterizedTest
    @MethodSource("endless")
    void truncatesEndlessAnswers(Script script) {
        long since = System.nanoTime();
        Json run = press(script);

        assertThat(run.getString("state")).as(run.prettify()).isEqualTo("succeeded");
        assertThat(run.getMap("deliveries[0]")).containsEntry("truncated", true);
        assertThat(Duration.ofNanos(System.nanoTime() - since)).isLessThan(Duration.ofSeconds(5));
        assertGone();
    }

    /** RFC 9112, section 11.1: headers of an answer are untrusted data. Control characters must not deceive later readers. */
    @Test
    void makesControlCharactersOfARedirectVisible() {
        Json run = press(saying("HTTP/1.1 302 Found\r\nLocation: https://x/\u009b31m" + "y".repeat(2000)
                + "\r\nContent-Length: 0\r\n\r\n"));

        assertThat(run.getString("deliveries[0].failure.kind")).isEqualTo("redirect");
        assertThat(run.getString("deliveries[0].failure.message")).contains("�31myyy").hasSizeLessThan(601);
    }

    /** A part of a secret must not show either. */
    @Test
    void masksASecretInARedirectBeforeItIsCut() {
        for (int shift = 0; shift < Services.FARM.length(); shift++) {
            Json run = press(saying("HTTP/1.1 302 Found\r\nLocation: https://x/" + "y".repeat(500 + shift) + Services.FARM
                    + "\r\nContent-Length: 0\r\n\r\n"));

            assertThat(run.getString("deliveries[0].failure.message")).contains("yyy")
                    .doesNotContain(Services.FARM.substring(0, 4));
        }
    }

    // ---- Time limits

    @Test
    void endsAtTheTimeoutWhenTheAnswerArrivesBitByBit() {
        Map<String, Script> slow = Map.of(
                "headers-byte-by-byte", dripping("", OK + "Content-Length: 1\r\n\r\nx"),
                "a-body-byte-by-byte", dripping(OK + "Content-Length: 60\r\n\r\n", "x".repeat(60)),
                "chunks-byte-by-byte", dripping(OK + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n1\r\n"),
                "ten-gigabytes-byte-by-byte", dripping(OK + "Content-Length: 10737418240\r\n\r\n", "x".repeat(60)),
                "nothing", saying(""),
                "half-a-body", saying(OK + "Content-Length: 9\r\n\r\nhalf"),
                "no-end-of-its-chunks", saying(OK + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"),
                "headers-that-are-not-ended", saying(OK + "Content-Length: 0\r\n"));
        int limit = 1200;
        slow.forEach((what, script) -> receiver.script(name + what, script));

        Map<String, CompletableFuture<Json>> runs = new HashMap<>();
        slow.keySet().forEach(what -> runs.put(what, CompletableFuture.supplyAsync(
                () -> Api.press(Api.ajax(receiver.url("/" + name + what + "/scripted"), "timeout_ms", limit)))));

        runs.forEach((what, run) -> {
            Map<String, Object> delivery = run.join().getMap("deliveries[0]");
            assertThat(run.join().getString("deliveries[0].failure.kind")).as(what + ": " + delivery).isEqualTo("timeout");
            assertThat((int) delivery.get("duration_ms")).as(what).isBetween(limit - 10, limit + LATE);
            assertGone(name + what);
        });
    }

    /** Chunks decoded from one socket read, some ten thousand, still arrive after the delivery has ended. */
    @ParameterizedTest
    @ValueSource(ints = { 200, 503 })
    void chunksOfOneByteAfterTheTimeoutStallNoOtherDelivery(int status) {
        receiver.script(name, repeating("HTTP/1.1 " + status + " As Ordered\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n"
                + "x".repeat(0x10000) + "\r\n", "1\r\nx\r\n".repeat(20_000)));
        String flooding = Api.ajax(receiver.url("/" + name + "/scripted/{entity_id}"), "timeout_ms", 1000);
        String silent = Api.ajax("https://127.0.0.1:" + Receiver.sharedWithTls().port() + "/" + name + "/silent", "timeout_ms",
                1000);

        CompletableFuture<Response> floods = CompletableFuture
                .supplyAsync(() -> Api.run(flooding, Stream.generate(Api::shot).limit(20).toList()));
        CompletableFuture<Json> patient = CompletableFuture.supplyAsync(() -> Api.press(silent));
        long longest = 0;
        do {
            long since = System.nanoTime();
            Api.admin().get(Api.ACTIONS + "?limit=1").then().statusCode(200);
            longest = Math.max(longest, (System.nanoTime() - since) / 1_000_000);
        } while (!floods.isDone() || !patient.isDone());

        assertThat(longest).as("the slowest of other people's lists, in ms").isLessThan(1000);
        assertThat(patient.join().getInt("deliveries[0].duration_ms")).isBetween(990, 1000 + 2 * LATE);
        List<Map<String, Object>> deliveries = Json.of(floods.join()).getList("deliveries");
        assertThat(deliveries).hasSize(20).extracting(delivery -> delivery.get("state"))
                .containsOnly(status == 200 ? "delivered" : "failed");
        assertGone();
    }

    // ---- Redirects

    @ParameterizedTest
    @ValueSource(ints = { 301, 302, 303, 307, 308 })
    void followsNoRedirectToAnInternalAddress(int status) throws IOException {
        try (Receiver inside = Receiver.at("127.0.0.1")) {
            String location = inside.url("/secret/ok");
            int before = receiver.accepted();

            Json run = press(saying("HTTP/1.1 " + status + " Moved\r\nLocation: " + location
                    + "\r\nRefresh: 0; url=" + location + "\r\nContent-Length: 0\r\n\r\n"));

            assertThat(run.getMap("deliveries[0]")).containsEntry("state", "failed").containsEntry("status", status);
            assertThat(run.getString("deliveries[0].failure.kind")).isEqualTo("redirect");
            assertThat(run.getString("deliveries[0].failure.message")).contains(Integer.toString(status), location);
            assertThat(inside.accepted()).isZero();
            assertThat(receiver.accepted() - before).as("no second connection").isEqualTo(1);
        }
    }

    @Test
    void keepsNothingOfOneAnswerForTheNextRequest() {
        receiver.script(name, saying(OK + "Set-Cookie: session=1; Path=/\r\nConnection: keep-alive\r\nAlt-Svc: h2=\":1\"\r\n"
                + "Strict-Transport-Security: max-age=1000\r\nContent-Length: 2\r\n\r\nok"));
        String action = Api.ajax(receiver.url("/" + name + "/scripted"));
        int before = receiver.accepted();

        Api.press(action);
        Json second = Api.press(action);

        assertThat(second.getString("state")).isEqualTo("succeeded");
        assertThat(receiver.heard(name)).hasSize(2);
        assertThat(receiver.heard(name).get(1).headers()).doesNotContainKey("Cookie").containsEntry("Connection", "close");
        assertThat(receiver.accepted() - before).as("a connection for each request").isEqualTo(2);
        assertGone();
    }

    // ---- Compression

    static Stream<Arguments> bombs() throws IOException {
        ByteArrayOutputStream gzip = new ByteArrayOutputStream();
        ByteArrayOutputStream deflate = new ByteArrayOutputStream();
        try (OutputStream zip = new GZIPOutputStream(gzip); OutputStream flat = new DeflaterOutputStream(deflate)) {
            for (int megabyte = 0; megabyte < 20; megabyte++) {
                zip.write("A".repeat(1024 * 1024).getBytes(StandardCharsets.US_ASCII));
                flat.write("A".repeat(1024 * 1024).getBytes(StandardCharsets.US_ASCII));
            }
        }
        return Stream.of(arguments("Content-Encoding: gzip", gzip.toByteArray()),
                arguments("Content-Encoding: x-gzip", gzip.toByteArray()),
                arguments("Content-Encoding: deflate", deflate.toByteArray()),
                arguments("Content-Type: application/gzip", gzip.toByteArray()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("bombs")
    void doesNotDecompressABomb(String header, byte[] bomb) {
        assertThat(bomb).hasSizeBetween(1000, 64 * 1024);

        Json run = press(out -> {
            Receiver.write(out, OK + header + "\r\nContent-Length: " + bomb.length + "\r\n\r\n");
            out.write(bomb);
            out.flush();
        });

        assertThat(run.getString("state")).isEqualTo("succeeded");
        assertThat(run.getString("deliveries[0].response"))
                .isEqualTo(PrintableText.cut(PrintableText.of(bomb, null), 8 * 1024)).doesNotContain("AAAA");
        assertThat(receiver.heard(name).get(0).headers()).containsEntry("Accept-Encoding", "identity");
    }

    private Json press(Script script) {
        receiver.script(name, script);
        return Api.press(Api.ajax(receiver.url("/" + name + "/scripted")));
    }

    /** Checks that the service has closed its socket. */
    private void assertGone() {
        assertGone(name);
    }

    private void assertGone(String name) {
        await().atMost(Duration.ofSeconds(5)).untilAsserted(() -> assertThat(receiver.open(name)).isZero());
    }

    private static Script saying(String answer) {
        return out -> Receiver.write(out, answer);
    }

    private static Script closing(String answer) {
        return out -> {
            Receiver.write(out, answer);
            throw new IOException("as ordered");
        };
    }

    private static Script latin1(String answer) {
        return out -> {
            out.write(answer.getBytes(StandardCharsets.ISO_8859_1));
            out.flush();
        };
    }

    /** Writes the second text again and again until the service closes the connection. */
    private static Script repeating(String first, String again) {
        return out -> {
            Receiver.write(out, first);
            while (true) {
                Receiver.write(out, again);
            }
        };
    }

    private static Script dripping(String first, String answer) {
        return out -> {
            Receiver.write(out, first);
            for (byte b : answer.getBytes(StandardCharsets.UTF_8)) {
                out.write(b);
                out.flush();
                Thread.sleep(300);
            }
        };
    }

    private static String sized(String body) {
        return OK + "Content-Length: " + body.getBytes(StandardCharsets.UTF_8).length + "\r\n\r\n" + body;
    }

    private static String typed(String mediaType, String body) {
        return OK + "Content-Type: " + mediaType + "\r\nContent-Length: " + body.getBytes(StandardCharsets.UTF_8).length
                + "\r\n\r\n" + body;
    }
}
