package studio.actions.egress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static studio.actions.testing.Json.has;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

import jakarta.inject.Inject;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.smallrye.mutiny.Uni;
import studio.actions.settings.EgressConfig;
import studio.actions.testing.Api;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** Name resolution: over HTTP with the tests' hosts file, and with a resolver whose answers change or that hangs. */
@QuarkusTest
@WithTestResource(Services.class)
class ResolvingTest {

    @Inject
    Doors doors;

    @Inject
    EgressConfig config;

    private final Receiver receiver = Receiver.shared();
    private final List<AutoCloseable> opened = new ArrayList<>();

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable one : opened) {
            one.close();
        }
    }

    // ---- Names of forbidden addresses

    static Stream<String> forbidden() throws IOException {
        return Files.readAllLines(Path.of("src/test/resources/hosts")).stream()
                .filter(line -> !line.startsWith("#") && !line.startsWith("127.0.0.1 "))
                .map(line -> line.substring(line.indexOf(' ') + 1));
    }

    @Test
    void readsTheNamesOfTheHostsFile() throws IOException {
        assertThat(forbidden()).hasSizeGreaterThan(15).contains("metadata.studio.test", "metadata6.studio.test");
    }

    @ParameterizedTest
    @MethodSource("forbidden")
    void savesANameButSendsNothingToItsForbiddenAddress(String host) {
        String action = Api.ajax("https://" + host + ":" + receiver.port() + "/led/ok");

        Json run = Api.press(action);

        assertThat(run.getMap("deliveries[0]")).containsEntry("state", "refused").containsEntry("status", null);
        assertThat(run.getString("deliveries[0].failure.kind")).isEqualTo("forbidden_address");
        assertThat(run.getString("deliveries[0].failure.message"))
                .isEqualTo(host + " resolves to an address that is not public. If this is meant, add " + host + ":"
                        + receiver.port() + " to CUSTOM_ACTIONS_EGRESS_ALLOW.");
        assertThat(receiver.heard("led")).isEmpty();
    }

    /** All forbidden addresses get the same message, so that callers cannot learn the address behind a name. */
    @Test
    void givesTheSameMessageForEveryForbiddenAddressOfAName() throws Exception {
        List<String> told = forbidden()
                .map(host -> Api.press(Api.ajax("https://" + host + ":" + receiver.port() + "/"))
                        .getString("deliveries[0].failure.message").replace(host, "it"))
                .distinct().toList();

        assertThat(told).containsExactly("it resolves to an address that is not public. If this is meant, add it:"
                + receiver.port() + " to CUSTOM_ACTIONS_EGRESS_ALLOW.");
    }

    @ParameterizedTest
    @CsvSource({ "localhost", "farm", "printer.local", "farm.internal", "kubernetes.default.svc", "db.home.arpa",
            "kitsu.studio.svc.cluster.local", "metadata.google.internal", "LOCALHOST", "localhost." })
    void savesNoNameThatIsInternalByDefinition(String host) {
        Api.create(Api.draft("url", "https://" + host + "/", "is_ajax", true)).then().statusCode(400)
                .body(has("errors.code", hasItem("egress_internal_name"), "errors[0].pointer", equalTo("/url")));
    }

    /** RFC 1035, section 2.3.4: 253 characters of text at most. */
    @Test
    void savesNoHostOf254Characters() {
        String host = ("a".repeat(62) + ".").repeat(4) + "co";

        assertThat(host).hasSize(254);
        Api.create(Api.draft("url", "https://" + host + "/", "is_ajax", true)).then().statusCode(400)
                .body(has("errors.code", hasItem("egress_host")));
        Api.create(Api.draft("url", "https://" + host.substring(1) + "/", "is_ajax", true)).then().statusCode(201);
    }

    /** Studios use underscores in names of machines, though RFC 1123, section 2.1, does not allow them. */
    @Test
    void acceptsNamesWithAnUnderscore() {
        Egress egress = egress(name -> addresses("127.0.0.1"), "127.0.0.1:" + receiver.port(),
                "render_farm:" + receiver.port());

        assertThat(send(egress, "http://Render_Farm:" + receiver.port() + "/underscore/ok"))
                .isInstanceOf(Reply.Delivered.class);
        assertThat(receiver.heard("underscore").get(0).headers()).containsEntry("Host", "Render_Farm:" + receiver.port());
        assertThat(send(egress, "http://other_farm:" + receiver.port() + "/underscore/ok")).isInstanceOf(Reply.Refused.class);
        Api.id(Api.create(Api.draft("url", "https://render_farm.studio.com:8443/x?e={entity_id}", "is_ajax", true)));
    }

    @Test
    void saysThatNoCertificateFitsANameWithAnUnderscore() {
        int port = Receiver.sharedWithTls().port();
        Egress egress = egress(name -> addresses("127.0.0.1"), "127.0.0.1:" + port, "render_farm:" + port);

        assertThat(send(egress, "https://render_farm:" + port + "/underscore-tls/ok"))
                .isInstanceOfSatisfying(Reply.Failed.class, failed -> assertThat(failed.message()).contains("underscore"));
    }

    // ---- Several addresses

    @Test
    void triesTheNextAddressWhereThereIsNoRouteToOne() {
        assertThat(
                Cause.isOfAddress(new IllegalStateException(new SocketException("Network is unreachable: farm/2001:db8::1"))))
                .isTrue();
        assertThat(Cause.isOfAddress(new BindException("Cannot assign requested address"))).isTrue();
        assertThat(Cause.isOfAddress(new SocketException("Connection reset"))).isFalse();
        assertThat(Cause.of(new SocketException("Network is unreachable"), "farm", Duration.ofSeconds(1)).message())
                .contains("no route");
    }

    @Test
    void triesTheNextAddressWhereNobodyListens() {
        Egress egress = egress(name -> addresses("127.0.0.9", "::1", "127.0.0.8", "127.0.0.1"), "127.0.0.9:" + receiver.port(),
                "[::1]:" + receiver.port(), "127.0.0.8:" + receiver.port(), "127.0.0.1:" + receiver.port(), "many.studio.test");

        assertThat(send(egress, "http://many.studio.test:" + receiver.port() + "/addresses/ok"))
                .isInstanceOf(Reply.Delivered.class);
        assertThat(receiver.heard("addresses")).hasSize(1);
    }

    @Test
    void sendsNothingTwiceWhenTheFirstAddressMayHaveReceivedIt() {
        Receiver first = opened(Receiver.at("127.0.0.2"));
        Receiver second = opened(Receiver.at("127.0.0.3", first.port()));
        Egress egress = egress(name -> addresses("127.0.0.2", "127.0.0.3"), "127.0.0.2:" + first.port(),
                "127.0.0.3:" + first.port(), "many.studio.test");

        assertThat(send(egress, "http://many.studio.test:" + first.port() + "/once/gone")).isInstanceOf(Reply.Failed.class);
        assertThat(first.heard("once")).hasSize(1);
        assertThat(second.heard("once")).isEmpty();
    }

    @Test
    void alternatesIpv6AndIpv4Addresses() throws UnknownHostException {
        assertThat(
                Egress.interleaved(List.of(addresses("2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"))))
                .containsExactly(addresses("2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3"));
        assertThat(Egress.interleaved(List.of(addresses("192.0.2.1", "2001:db8::1", "2001:db8::2"))))
                .containsExactly(addresses("192.0.2.1", "2001:db8::1", "2001:db8::2"));
    }

    // ---- Number of look-ups

    @Test
    void resolvesOnceAndConnectsToTheCheckedAddress() {
        Receiver elsewhere = opened(Receiver.at("127.0.0.2"));
        AtomicInteger asked = new AtomicInteger();
        Egress egress = egress(name -> asked.incrementAndGet() == 1 ? addresses("127.0.0.2") : addresses("127.0.0.1"),
                "127.0.0.2:" + elsewhere.port(), "rebound.studio.test");

        Reply reply = send(egress, "http://rebound.studio.test:" + elsewhere.port() + "/rebound/ok");

        assertThat(reply).isInstanceOf(Reply.Delivered.class);
        assertThat(asked).hasValue(1);
        assertThat(elsewhere.heard("rebound")).hasSize(1);
        assertThat(elsewhere.heard("rebound").get(0).headers()).containsEntry("Host",
                "rebound.studio.test:" + elsewhere.port());

        assertThat(send(egress, "http://rebound.studio.test:" + elsewhere.port() + "/rebound/ok"))
                .as("the next attempt asks again, and judges again").isInstanceOf(Reply.Refused.class);
        assertThat(asked).hasValue(2);
        assertThat(elsewhere.heard("rebound")).hasSize(1);
    }

    @Test
    void sendsToTheCurrentAddressOfAName() {
        int port = receiver.port();
        Receiver second = opened(Receiver.at("127.0.0.1"));
        CopyOnWriteArrayList<String> now = new CopyOnWriteArrayList<>(List.of("127.0.0.1"));
        Egress egress = egress(name -> addresses(now.get(0)), "127.0.0.1:" + port, "127.0.0.1:" + second.port(),
                "moved.studio.test");
        int before = receiver.accepted();

        assertThat(send(egress, "http://moved.studio.test:" + port + "/moved-1/ok")).isInstanceOf(Reply.Delivered.class);
        now.set(0, "127.0.0.3");
        assertThat(send(egress, "http://moved.studio.test:" + port + "/moved-2/ok")).isInstanceOf(Reply.Refused.class);
        now.set(0, "127.0.0.1");
        assertThat(send(egress, "http://moved.studio.test:" + port + "/moved-3/ok")).isInstanceOf(Reply.Delivered.class);

        assertThat(receiver.heard("moved-2")).isEmpty();
        assertThat(receiver.accepted() - before).as("a connection for each").isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource({ "127.0.0.1 127.0.0.2", "127.0.0.2 127.0.0.1", "127.0.0.1 0.0.0.0", "127.0.0.1 224.0.0.1", "127.0.0.1 ::1",
            "127.0.0.1 169.254.1.1" })
    void refusesANameWhenOneOfItsAddressesIsForbidden(String answers) {
        Egress egress = egress(name -> addresses(answers.split(" ")), "127.0.0.1:" + receiver.port(), "mixed.studio.test");
        String name = "mixed-" + UUID.randomUUID();

        assertThat(send(egress, "http://mixed.studio.test:" + receiver.port() + "/" + name + "/ok"))
                .isInstanceOfSatisfying(Reply.Refused.class, refused -> {
                    assertThat(refused.kind()).isEqualTo(FailureKind.forbidden_address);
                    assertThat(refused.message()).doesNotContain(answers.split(" "));
                });
        assertThat(receiver.heard(name)).isEmpty();
    }

    @Test
    void doesNotResolveLiteralAddresses() {
        Egress egress = egress(name -> {
            throw new AssertionError("asked about " + name);
        }, "127.0.0.1:" + receiver.port());

        assertThat(send(egress, receiver.url("/literal/ok"))).isInstanceOf(Reply.Delivered.class);
    }

    @Test
    void reachesAnIpv6Literal() {
        Receiver six = opened(Receiver.at("::1"));
        Egress egress = egress(name -> addresses(name), "[::1]:" + six.port());

        Reply reply = send(egress, "http://[::1]:" + six.port() + "/six/ok");

        assertThat(reply).isInstanceOf(Reply.Delivered.class);
        assertThat(six.heard("six").get(0).headers()).containsEntry("Host", "[::1]:" + six.port());
        assertThat(send(egress, "http://[0:0:0:0:0:0:0:1]:" + six.port() + "/six/ok")).isInstanceOf(Reply.Delivered.class);
        assertThat(send(egress, "http://[::2]:" + six.port() + "/six/ok")).isInstanceOf(Reply.Refused.class);
    }

    @Test
    void sharesTheSlotsOfAHostBetweenItsSpellings() {
        Egress egress = egress(name -> addresses(name));
        for (String url : List.of("http://[::1]:8080/", "http://[0:0:0:0:0:0:0:1]:8080/", "https://[0::1]:8080/x",
                "http://[::0001]:8080/?q", "http://[::0.0.0.1]:8080/")) {
            assertThat(egress.trySlot(url)).as(url).isPresent();
        }
        assertThat(egress.trySlot("http://[0::0:1]:8080/")).isEmpty();
        assertThat(egress.trySlot("http://[::1]:8081/")).isPresent();
        for (String url : List.of("http://farm.studio.test/", "http://FARM.studio.test:80/", "http://farm.studio.test.:80/x",
                "http://farm.studio.test?q", "https://Farm.Studio.Test:80/")) {
            assertThat(egress.trySlot(url)).as(url).isPresent();
        }
        assertThat(egress.trySlot("http://farm.studio.test/")).isEmpty();
    }

    // ---- A resolver that hangs

    @Test
    void givesUpOnANameAfterTwoSeconds() {
        CountDownLatch never = new CountDownLatch(1);
        opened.add(never::countDown);
        Egress egress = egress(name -> hang(never));

        Reply reply = send(egress, "https://hangs.studio.test/");

        assertThat(reply).isInstanceOfSatisfying(Reply.Failed.class, failed -> {
            assertThat(failed.kind()).isEqualTo(FailureKind.dns);
            assertThat(failed.message()).contains("hangs.studio.test", "2 s");
            assertThat(failed.durationMs()).isBetween(1990L, 2300L);
        });
    }

    @Test
    void sendsToOtherHostsWhileLookUpsHang() {
        CountDownLatch never = new CountDownLatch(1);
        opened.add(never::countDown);
        AtomicInteger hanging = new AtomicInteger();
        Egress egress = egress(name -> {
            if (name.startsWith("hangs")) {
                hanging.incrementAndGet();
                return hang(never);
            }
            return addresses("127.0.0.1");
        }, "127.0.0.1:" + receiver.port(), "farm.studio.test");
        List<Uni<Reply>> stuck = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            stuck.add(sending(egress, "https://hangs.studio.test:" + (20_000 + i) + "/"));
        }
        var all = Uni.join().all(stuck).andCollectFailures().subscribeAsCompletionStage();
        await().untilAtomic(hanging, org.hamcrest.Matchers.greaterThan(0));

        long since = System.nanoTime();
        Reply reply = send(egress, "http://farm.studio.test:" + receiver.port() + "/while-names-hang/ok");

        assertThat(reply).isInstanceOf(Reply.Delivered.class);
        assertThat(Duration.ofNanos(System.nanoTime() - since)).isLessThan(Duration.ofSeconds(1));
        assertThat(hanging).as("a name that hangs is asked for once, however many wait").hasValue(1);
        assertThat(all.toCompletableFuture().join()).allMatch(one -> one instanceof Reply.Failed failed
                && failed.kind() == FailureKind.dns);
    }

    @Test
    void looksUpANameAgainAfterAFailedLookUp() {
        AtomicInteger asked = new AtomicInteger();
        Egress egress = egress(name -> {
            if (asked.incrementAndGet() == 1) {
                throw new OutOfMemoryError("as ordered");
            }
            return addresses("127.0.0.1");
        }, "127.0.0.1:" + receiver.port(), "farm.studio.test");
        String url = "http://farm.studio.test:" + receiver.port() + "/broke/ok";

        assertThat(send(egress, url)).isInstanceOfSatisfying(Reply.Failed.class,
                failed -> assertThat(failed.kind()).isEqualTo(FailureKind.dns));
        assertThat(send(egress, url)).isInstanceOf(Reply.Delivered.class);
    }

    /** With more names than threads, names queue. A queued name whose request has timed out is not looked up any more. */
    @Test
    void skipsLookUpsWhoseRequestHasTimedOut() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        List<String> asked = new CopyOnWriteArrayList<>();
        Egress egress = egress(name -> {
            asked.add(name);
            return name.startsWith("hangs") ? hang(never) : addresses("127.0.0.1");
        }, "127.0.0.1:" + receiver.port(), "farm.studio.test");
        List<Uni<Reply>> stuck = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            stuck.add(sending(egress, "https://hangs-" + i + ".studio.test/"));
        }

        assertThat(Uni.join().all(stuck).andCollectFailures().await().atMost(Duration.ofSeconds(10)))
                .allMatch(one -> one instanceof Reply.Failed failed && failed.kind() == FailureKind.dns);
        never.countDown();

        await().untilAsserted(() -> assertThat(send(egress, "http://farm.studio.test:" + receiver.port() + "/after/ok"))
                .isInstanceOf(Reply.Delivered.class));
        assertThat(asked.stream().filter(name -> name.startsWith("hangs"))).hasSize(128);
    }

    private static InetAddress[] hang(CountDownLatch latch) throws UnknownHostException {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        throw new UnknownHostException();
    }

    private static InetAddress[] addresses(String... literals) throws UnknownHostException {
        InetAddress[] addresses = new InetAddress[literals.length];
        for (int i = 0; i < literals.length; i++) {
            addresses[i] = InetAddress.getByName(literals[i]);
        }
        return addresses;
    }

    private Egress egress(NameResolver.Lookup lookup, String... allow) {
        NameResolver names = new NameResolver(config, lookup);
        Egress egress = doors.of(List.of(allow), names, config);
        opened.add(egress::close);
        opened.add(names::close);
        return egress;
    }

    private Receiver opened(Receiver one) {
        opened.add(one);
        return one;
    }

    private static Uni<Reply> sending(Egress egress, String url) {
        return Doors.send(egress, new Outbound("POST", url, Map.of(), null, Duration.ofSeconds(5)));
    }

    private static Reply send(Egress egress, String url) {
        return sending(egress, url).await().atMost(Duration.ofSeconds(10));
    }
}
