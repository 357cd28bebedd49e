package studio.actions;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import org.jboss.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import studio.actions.testing.Api;
import studio.actions.testing.Json;
import studio.actions.testing.Packaged;
import studio.actions.testing.Postgres;
import studio.actions.testing.Raw;
import studio.actions.testing.Receiver;
import studio.actions.testing.Usage;

/**
 * Attacks by clients, receivers and the database, one after the other for twenty minutes ({@code -Dattacks.minutes}).
 * Afterwards the service's memory, threads, open files and database connections must be about as before.
 * During each attack other clients must still get their lists within 200 ms at the 99th percentile.
 */
@Tag("soak")
class AttackIT {

    private static final Logger LOG = Logger.getLogger(AttackIT.class);

    private static final Duration ALL = Duration.ofMinutes(Integer.getInteger("attacks.minutes", 20));
    /** Part of an attack's name; runs only the attacks that match ({@code -Dattacks.only}). */
    private static final String ONLY = System.getProperty("attacks.only", "");
    private static final String API = "/api/custom-actions";
    private static final String BEARER = "Authorization: Bearer " + Packaged.TOKEN + "\r\n";

    /** One round of an attack; it is repeated until the attack's time is over. */
    private interface Attack {
        void strike() throws Exception;
    }

    @TempDir
    Path folder;

    private final Receiver receiver = Receiver.shared();
    private final String name = "attack-" + UUID.randomUUID();
    private Postgres database;
    private Packaged service;

    @BeforeEach
    void start() throws Exception {
        database = new Postgres(folder);
        service = new Packaged(folder, Map.of("CUSTOM_ACTIONS_LOCAL_TOKEN", Packaged.TOKEN, "JAVA_TOOL_OPTIONS", "-Xmx128m",
                "CUSTOM_ACTIONS_EGRESS_ALLOW", "127.0.0.1:" + receiver.port(), "CUSTOM_ACTIONS_LIMITS_PER_CALLER", "60000",
                "CUSTOM_ACTIONS_LIMITS_PER_HOST", "10000", "QUARKUS_DATASOURCE_JDBC_URL", database.url(),
                "QUARKUS_DATASOURCE_JDBC_MAX_SIZE", "20")).ready();
    }

    @AfterEach
    void stop() throws IOException {
        receiver.releaseAll();
        service.end();
        database.close();
    }

    @Test
    void usesNoMoreResourcesAfterTwentyMinutesOfAttacks() throws Exception {
        Map<String, Attack> attacks = attacks();
        Map<String, List<Long>> latencies = new LinkedHashMap<>();
        long each = ALL.toNanos() / (attacks.size() + 1L);
        // Runs each attack for five seconds, so that code is compiled and memory is at its peak before the first measurement.
        for (Attack attack : attacks.values()) {
            repeat(attack, Duration.ofSeconds(5).toNanos());
        }
        List<Usage> early = rest(each / 2);
        for (Map.Entry<String, Attack> attack : attacks.entrySet()) {
            List<Long> meanwhile = Collections.synchronizedList(new ArrayList<>());
            Thread others = new Thread(() -> probe(meanwhile), "others");
            others.start();
            repeat(attack.getValue(), each);
            others.interrupt();
            others.join();
            latencies.put(attack.getKey(), meanwhile);
            LOG.infof("%s: others waited %d ms at the median, %d at 99 %%, %d at most, of %d lists", attack.getKey(),
                    at(meanwhile, 50), at(meanwhile, 99), at(meanwhile, 100), meanwhile.size());
        }
        List<Usage> late = rest(each / 2);

        LOG.infof("before %s, after %s", early, late);
        assertThat(latencies).allSatisfy((attack, meanwhile) -> {
            assertThat(meanwhile).as(attack).hasSizeGreaterThan(10);
            assertThat(at(meanwhile, 99)).as("ms that others waited, during: " + attack).isLessThan(200);
        });
        assertThat(most(late).memory()).isLessThan(most(early).memory() * 11 / 10);
        assertThat(most(late).threads()).isLessThanOrEqualTo(most(early).threads() + 3);
        assertThat(most(late).files()).isLessThanOrEqualTo(most(early).files() + 10);
        assertThat(most(late).connections()).isLessThanOrEqualTo(22);
        assertThat(service.output()).doesNotContain("\tat ").doesNotContain("OutOfMemory");
    }

    private static void repeat(Attack attack, long nanos) throws Exception {
        for (long until = System.nanoTime() + nanos; System.nanoTime() < until;) {
            attack.strike();
        }
    }

    private Map<String, Attack> attacks() throws Exception {
        String slow = action("/ok/{entity_name}", 10_000);
        String held = press(action("/held?e={entity_id}", 30_000), 1, i -> "SH");
        String big = press(action("/long/8192?e={entity_id}", 10_000), 1000, i -> "SH");
        receiver.script(name, out -> {
            out.write(("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + "x".repeat(0xffff) + "\r\n")
                    .getBytes(US_ASCII));
            byte[] chunks = "1\r\nx\r\n".repeat(4096).getBytes(US_ASCII);
            for (int i = 0; i < 200; i++) {
                out.write(chunks);
            }
        });
        String dripping = action("/scripted?e={entity_id}", 1000);
        Map<String, Attack> attacks = new LinkedHashMap<>();
        attacks.put("slow bodies",
                () -> hold(300, 3, i -> Raw.slow(API + (i % 2 == 0 ? "/echo" : "/" + slow + "/run"), BEARER)));
        attacks.put("slow bodies without a token", () -> hold(300, 1, i -> Raw.slow(API + "/" + slow + "/run")));
        attacks.put("half requests", () -> hold(300, 2, i -> i % 2 == 0 ? "GET / HTTP" : "PRI * HTTP/2.0\r\n\r\nSM"));
        attacks.put("made-up methods and paths", () -> hold(10, 1, i -> IntStream.range(0, 200).mapToObj(n -> "M"
                + UUID.randomUUID().toString().replace("-", "").toUpperCase() + " /" + UUID.randomUUID()
                + " HTTP/1.1\r\nHost: x\r\n\r\n"
                + "OPTIONS /" + UUID.randomUUID() + " HTTP/1.1\r\nHost: x\r\n\r\n").collect(Collectors.joining())));
        attacks.put("malformed chunks", () -> hold(100, 1, i -> "POST " + API + "/echo HTTP/1.1\r\nHost: x\r\n"
                + "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"));
        attacks.put("long values", () -> strike(slow, 10, i -> "x".repeat(90_000)));
        attacks.put("receivers that drip", () -> strike(dripping, 16, i -> "SH"));
        attacks.put("a large run, read by sixty", () -> hold(60, 1, i -> get("/runs/" + big + "?limit=500")));
        attacks.put("idle streams", () -> hold(500, 5, i -> get("/runs/" + held + "/events")));
        attacks.put("streams that nobody reads", () -> hold(300, 5, i -> get("/runs/" + big + "/events")));
        attacks.put("a database that hangs", this::hang);
        attacks.keySet().removeIf(attack -> !attack.contains(ONLY));
        return attacks;
    }

    private static String get(String path) {
        return "GET " + API + path + " HTTP/1.1\r\nHost: x\r\n" + BEARER + "\r\n";
    }

    /** Opens connections, sends a text on each, reads nothing, and closes them after some seconds. */
    private void hold(int count, int seconds, IntFunction<String> said) throws Exception {
        List<Raw> connections = new ArrayList<>();
        try {
            for (int i = 0; i < count; i++) {
                connections.add(new Raw("127.0.0.1", service.port).send(said.apply(i)));
            }
            TimeUnit.SECONDS.sleep(seconds);
        } catch (IOException refused) {
            // The service may close a connection at any time.
        } finally {
            connections.forEach(Raw::close);
        }
    }

    private void hang() throws Exception {
        List<String> backends = database.backends();
        try {
            Packaged.signal("STOP", backends);
            TimeUnit.SECONDS.sleep(5);
        } finally {
            Packaged.signal("CONT", backends);
        }
        TimeUnit.SECONDS.sleep(1);
    }

    private String action(String behaviour, int timeout) throws Exception {
        return service.ajax(Packaged.TOKEN, receiver.url("/" + name + behaviour), "rate_per_minute", 60_000, "timeout_ms",
                timeout);
    }

    /** Starts a run and returns its id. */
    private String press(String action, int targets, IntFunction<String> names) {
        List<Map<String, Object>> shots = IntStream.range(0, targets).mapToObj(i -> Api.shot(names.apply(i))).toList();
        return service.press(action, Packaged.TOKEN, Json.text(Map.of("targets", shots))).json().getString("id");
    }

    /** Starts a run and waits until it has ended. */
    private void strike(String action, int targets, IntFunction<String> names) throws Exception {
        String run = press(action, targets, names);
        for (int i = 0; i < 100 && service.get("/runs/" + run, Packaged.TOKEN).getString("finished_at") == null; i++) {
            TimeUnit.MILLISECONDS.sleep(100);
        }
    }

    /** Lists the actions ten times a second until it is interrupted, and records each latency; a failure counts as 60 s. */
    private void probe(List<Long> latencies) {
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest list = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + service.port + API))
                .header("Authorization", "Bearer " + Packaged.TOKEN).timeout(Duration.ofSeconds(30)).build();
        try {
            while (true) {
                long since = System.nanoTime();
                int status = 0;
                try {
                    status = client.send(list, HttpResponse.BodyHandlers.discarding()).statusCode();
                } catch (IOException e) {
                    LOG.infof("A list failed: %s", e);
                }
                latencies.add(status == 200 ? TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - since) : 60_000);
                TimeUnit.MILLISECONDS.sleep(100);
            }
        } catch (InterruptedException done) {
            Thread.currentThread().interrupt();
        }
    }

    private List<Usage> rest(long nanos) throws Exception {
        TimeUnit.SECONDS.sleep(10);
        List<Usage> usages = new ArrayList<>();
        for (long until = System.nanoTime() + nanos; usages.isEmpty() || System.nanoTime() < until;) {
            service.get("", Packaged.TOKEN);
            usages.add(Usage.of(service.process, database));
            TimeUnit.SECONDS.sleep(2);
        }
        return usages;
    }

    private static Usage most(List<Usage> usages) {
        return new Usage(usages.stream().mapToLong(Usage::memory).max().orElseThrow(),
                usages.stream().mapToLong(Usage::threads).max().orElseThrow(),
                usages.stream().mapToLong(Usage::files).max().orElseThrow(),
                usages.stream().mapToLong(Usage::connections).max().orElseThrow());
    }

    private static long at(List<Long> values, int percent) {
        List<Long> sorted = values.stream().sorted().toList();
        return sorted.isEmpty() ? 0 : sorted.get(Math.min(sorted.size() - 1, sorted.size() * percent / 100));
    }
}
