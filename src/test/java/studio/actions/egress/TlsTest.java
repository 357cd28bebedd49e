package studio.actions.egress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;

import jakarta.inject.Inject;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.tls.TlsConfigurationRegistry;
import studio.actions.testing.Api;
import studio.actions.testing.Certificates;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** Receivers with certificates from the studio's own authority, and with certificates that must be refused. */
@QuarkusTest
@WithTestResource(Services.class)
class TlsTest {

    @Inject
    Doors doors;

    @Inject
    TlsConfigurationRegistry tls;

    private final Receiver receiver = Receiver.sharedWithTls();
    private final String name = "tls-" + UUID.randomUUID();
    private final List<AutoCloseable> opened = new ArrayList<>();

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable one : opened) {
            one.close();
        }
    }

    @Test
    void trustsTheStudiosOwnAuthorityAndSendsTheServerName() {
        Json run = press(Receiver.TLS_NAME);

        assertThat(run.getString("state")).as(run.prettify()).isEqualTo("succeeded");
        assertThat(receiver.heard(name)).hasSize(1);
        assertThat(receiver.heard(name).get(0).serverName()).isEqualTo(Receiver.TLS_NAME);
        assertThat(receiver.heard(name).get(0).headers()).containsEntry("Host", Receiver.TLS_NAME + ":" + receiver.port());
    }

    /** The final dot of a name is neither sent in SNI (RFC 6066, section 3) nor compared (RFC 9525, section 6.3). */
    @Test
    void ignoresTheFinalDotOfAName() {
        Json run = press(Receiver.TLS_NAME + ".");

        assertThat(run.getString("state")).as(run.prettify()).isEqualTo("succeeded");
        assertThat(receiver.heard(name).get(0).serverName()).isEqualTo(Receiver.TLS_NAME);
    }

    @Test
    void acceptsACertificateForAnAddress() {
        Json run = press("127.0.0.1");

        assertThat(run.getString("state")).as(run.prettify()).isEqualTo("succeeded");
        assertThat(receiver.heard(name).get(0).serverName()).as("RFC 6066: no literal addresses").isNull();
    }

    /** The name resolves to a server whose certificate is valid, but for another name. */
    @Test
    void sendsNothingWhenTheCertificateIsForAnotherName() {
        Json run = press("other.studio.test");

        assertThat(run.getString("deliveries[0].failure.kind")).isEqualTo("tls");
        assertThat(run.getString("deliveries[0].failure.message")).contains("other.studio.test", "for another name");
        assertThat(receiver.heard(name)).isEmpty();
    }

    @Test
    void sendsNothingWhenTheCertificateIsForAnotherAddress() {
        Receiver six = opened(Receiver.withTls("::1", Certificates.shared().of("IP:127.0.0.1")));
        Receiver right = opened(Receiver.withTls("::1", Certificates.shared().of("IP:0:0:0:0:0:0:0:1")));

        assertUntrusted(send("[::1]", six, "[::1]"), "for another name");
        assertThat(send("[::1]", right, "[::1]")).isInstanceOf(Reply.Delivered.class);
        assertThat(six.heard(name)).isEmpty();
    }

    @Test
    void sendsNothingWhenTheCertificateHasExpired() {
        assertRefuses(Certificates.shared().outOfDate("DNS:" + Receiver.TLS_NAME), "has expired");
    }

    @Test
    void sendsNothingWhenTheCertificateIsNotTrusted() {
        assertRefuses(Certificates.shared().ofNobody("DNS:" + Receiver.TLS_NAME), "CUSTOM_ACTIONS_TRUST");
    }

    @Test
    void trustsTheAuthoritiesThatJavaTrusts() throws Exception {
        var java = javax.net.ssl.TrustManagerFactory.getInstance(javax.net.ssl.TrustManagerFactory.getDefaultAlgorithm());
        java.init((java.security.KeyStore) null);
        var store = tls.get("egress").orElseThrow().getTrustStore();

        for (var authority : ((javax.net.ssl.X509TrustManager) java.getTrustManagers()[0]).getAcceptedIssuers()) {
            assertThat(store.getCertificateAlias(authority)).as(authority.getSubjectX500Principal().getName()).isNotNull();
        }
    }

    // ---- Handshakes

    /** The server does not answer the handshake. The shorter of the action's time limit and the connect timeout applies. */
    @ParameterizedTest
    @ValueSource(ints = { 1000, 8000 })
    @Tag("survival")
    void doesNotWaitForAHandshakeThatDoesNotEnd(int timeout) throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 10, InetAddress.getByName("127.0.0.1"))) {
            Reply reply = send(egress("127.0.0.1:" + silent.getLocalPort()),
                    "https://127.0.0.1:" + silent.getLocalPort() + "/", Duration.ofMillis(timeout));

            assertThat(reply).isInstanceOfSatisfying(Reply.Failed.class, failed -> {
                assertThat(failed.kind()).isEqualTo(timeout < 3000 ? FailureKind.timeout : FailureKind.tls);
                assertThat(failed.durationMs()).isBetween((long) Math.min(timeout, 3000) - 10, Math.min(timeout, 3000) + 300L);
            });
            try (Socket accepted = silent.accept()) {
                accepted.setSoTimeout(5000);
                assertThat(accepted.getInputStream().readAllBytes()).as("a hello, and the end").isNotEmpty();
            }
        }
    }

    /** A connection that outlives its request still counts towards the host's five slots. */
    @Test
    void opensNoMoreConnectionsThanAHostHasSlots() throws Exception {
        try (Receiver hesitant = Receiver.withTls("127.0.0.1", Certificates.shared().of("IP:127.0.0.1"),
                Duration.ofSeconds(1))) {
            Egress egress = egress("127.0.0.1:" + hesitant.port());
            String url = "https://127.0.0.1:" + hesitant.port() + "/" + name + "/ok";
            AtomicInteger answered = new AtomicInteger();
            for (int i = 0; i < 10; i++) {
                Doors.send(egress, new Outbound("GET", url, Map.of(), null, Duration.ofMillis(100))).subscribe()
                        .with(reply -> answered.incrementAndGet());
            }

            await().atMost(Duration.ofMillis(900)).untilAtomic(answered, equalTo(5));
            assertThat(hesitant.accepted()).isEqualTo(5);
            await().atMost(Duration.ofSeconds(5)).untilAtomic(answered, equalTo(10));
            assertThat(hesitant.accepted()).isEqualTo(10);
            assertThat(hesitant.heard(name)).isEmpty();
        }
    }

    /** RFC 9112, section 6.3, case 8, and section 9.8: TLS ends the answer while the TCP connection stays open. */
    @Test
    void endsAnAnswerWithoutALengthWhenTlsEnds() throws Exception {
        try (SSLServerSocket server = server(false)) {
            CompletableFuture<Void> answers = CompletableFuture.runAsync(() -> {
                try (Socket client = server.accept()) {
                    client.getInputStream().read(new byte[4096]);
                    client.getOutputStream().write("HTTP/1.1 200 OK\r\n\r\nuntil it ends".getBytes());
                    client.shutdownOutput();
                    client.getInputStream().readAllBytes();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });

            assertThat(send(egress("127.0.0.1:" + server.getLocalPort()), "https://127.0.0.1:" + server.getLocalPort() + "/",
                    Duration.ofSeconds(5))).isInstanceOfSatisfying(Reply.Delivered.class,
                            delivered -> assertThat(delivered.response()).isEqualTo("until it ends"));
            answers.join();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "TLSv1.2", "TLSv1.3" })
    void saysThatAServerAsksForAClientCertificate(String protocol) throws Exception {
        try (SSLServerSocket server = server(true)) {
            server.setEnabledProtocols(new String[] { protocol });
            CompletableFuture.runAsync(() -> {
                try (Socket client = server.accept()) {
                    client.getInputStream().read(new byte[4096]);
                } catch (IOException refused) {
                    // The client refused the handshake, as expected.
                }
            });

            assertUntrusted(send(egress("127.0.0.1:" + server.getLocalPort()),
                    "https://127.0.0.1:" + server.getLocalPort() + "/", Duration.ofSeconds(5)), "client certificate");
        }
    }

    private static SSLServerSocket server(boolean needsClientCertificate) throws IOException {
        SSLServerSocket server = (SSLServerSocket) Certificates.shared().of("IP:127.0.0.1").getServerSocketFactory()
                .createServerSocket(0, 10, InetAddress.getByName("127.0.0.1"));
        server.setNeedClientAuth(needsClientCertificate);
        return server;
    }

    @Test
    void sendsTheServerNameOfAHostWithoutADot() {
        Receiver farm = opened(Receiver.withTls("127.0.0.1", Certificates.shared().of("DNS:farm")));
        Egress egress = doors.of(List.of("127.0.0.1:" + farm.port(), "farm:" + farm.port()),
                new NameResolver(doors.config, name -> new InetAddress[] { InetAddress.getLoopbackAddress() }), doors.config);
        opened.add(egress::close);

        assertThat(send(egress, "https://farm:" + farm.port() + "/" + name + "/ok", Duration.ofSeconds(5)))
                .isInstanceOf(Reply.Delivered.class);
        assertThat(farm.heard(name).get(0).serverName()).isEqualTo("farm");
    }

    @Test
    void saysThatTheReceiverDoesNotSpeakTls() {
        Reply reply = send(egress("127.0.0.1:" + Receiver.shared().port()),
                "https://127.0.0.1:" + Receiver.shared().port() + "/" + name + "/ok", Duration.ofSeconds(5));

        assertUntrusted(reply, "does not speak TLS");
    }

    @Test
    void usesNoTlsForPlainHttp() {
        Reply reply = send(egress("127.0.0.1:" + receiver.port()), "http://127.0.0.1:" + receiver.port() + "/" + name + "/ok",
                Duration.ofSeconds(5));

        assertThat(reply).isInstanceOf(Reply.Failed.class);
        assertThat(receiver.heard(name)).isEmpty();
    }

    private Json press(String host) {
        return Api.press(Api.ajax("https://" + host + ":" + receiver.port() + "/" + name + "/ok"));
    }

    private void assertRefuses(SSLContext certificate, String why) {
        Receiver other = opened(Receiver.withTls("127.0.0.1", certificate));

        assertUntrusted(send(Receiver.TLS_NAME, other, "127.0.0.1"), why);
        assertThat(other.heard(name)).isEmpty();
    }

    private static void assertUntrusted(Reply reply, String why) {
        assertThat(reply).isInstanceOfSatisfying(Reply.Failed.class, failed -> {
            assertThat(failed.kind()).isEqualTo(FailureKind.tls);
            assertThat(failed.message()).contains(why);
        });
    }

    private Reply send(String host, Receiver to, String address) {
        return send(egress(address + ":" + to.port()), "https://" + host + ":" + to.port() + "/" + name + "/ok",
                Duration.ofSeconds(5));
    }

    private Egress egress(String... allow) {
        Egress egress = doors.allowing(List.of(allow));
        opened.add(egress::close);
        return egress;
    }

    private Receiver opened(Receiver one) {
        opened.add(one);
        return one;
    }

    private static Reply send(Egress egress, String url, Duration timeout) {
        return Doors.send(egress, new Outbound("POST", url, Map.of(), "{}", timeout)).await().atMost(Duration.ofSeconds(15));
    }
}
