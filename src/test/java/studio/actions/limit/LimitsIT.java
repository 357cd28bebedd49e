package studio.actions.limit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;

import org.jboss.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Packaged;
import studio.actions.testing.Packaged.Answer;
import studio.actions.testing.Postgres;
import studio.actions.testing.Receiver;
import studio.actions.testing.Receiver.Heard;
import studio.actions.testing.Replicated;

/** Rate limits that two replicas of the packaged service share on one PostgreSQL. */
@Tag("survival")
@Isolated("measures rates and times of two busy replicas")
class LimitsIT {

    private static final Logger LOG = Logger.getLogger(LimitsIT.class);

    private static final String SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /**
     * Two replicas with default settings, shared by the tests that leave them running. Starting them would take most of the
     * time of such a test.
     */
    private static Replicated alike;

    @TempDir
    static Path shared;

    @TempDir
    Path folder;

    private final Receiver receiver = Receiver.shared();
    private final ExecutorService clients = Executors.newCachedThreadPool();
    private List<Packaged> replicas;
    private Postgres postgres;
    private Replicated own;
    private String name;

    @BeforeEach
    void name(TestInfo test) {
        name = test.getTestMethod().orElseThrow().getName() + "-" + UUID.randomUUID();
    }

    @AfterEach
    void stop() throws Exception {
        clients.shutdownNow();
        if (own != null) {
            own.stop(name);
        }
    }

    @AfterAll
    static void stopAlike() throws Exception {
        if (alike != null) {
            alike.stop("alike");
            alike = null;
        }
    }

    /** A rate of 60 a minute allows 60 deliveries at once, then one a second. */
    @ParameterizedTest
    @CsvSource({ "8, 8, 0", "15, 1, 0", "8, 8, 1" })
    void deliversAsMuchAsTheRateAllowsAndNoMore(int atTheFirst, int atTheSecond, int wrongClocks) throws Exception {
        if (wrongClocks == 0) {
            alike();
        } else {
            start(Map.of(), Map.of("LD_PRELOAD", aheadByAnHour()));
        }
        String action = action(60);

        long until = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        List<Future<Map<Integer, Long>>> presses = new ArrayList<>();
        for (int i = 0; i < atTheFirst + atTheSecond; i++) {
            Packaged replica = replicas.get(i < atTheFirst ? 0 : 1);
            presses.add(clients.submit(() -> {
                Map<Integer, Long> answers = new HashMap<>();
                while (System.nanoTime() < until || !answers.containsKey(429)) {
                    answers.merge(replica.press(action, Packaged.TOKEN, Packaged.targets(1)).status(), 1L, Long::sum);
                }
                return answers;
            }));
        }
        Map<Integer, Long> answers = new HashMap<>();
        for (Future<Map<Integer, Long>> press : presses) {
            press.get().forEach((status, count) -> answers.merge(status, count, Long::sum));
        }

        List<Heard> heard = receiver.heard(name);
        long end = heard.get(0).at() + Duration.ofSeconds(20).toNanos();
        LOG.infof("Of a rate of 60 a minute, %d and %d clients got %d in 20 s; answers: %s", atTheFirst, atTheSecond,
                heard.stream().filter(one -> one.at() <= end).count(), answers);
        assertThat(heard.stream().filter(one -> one.at() <= end).count()).isBetween(78L, 80L);
        assertThat(answers.keySet()).isSubsetOf(200, 202, 429);
        // Clients that press at the same moment see the same queue, so each may add one press too many.
        assertThat(answers.get(202)).as("ten minutes' worth, what went out, and one more for each client")
                .isBetween(600L, 600L + receiver.heard(name).size() + atTheFirst + atTheSecond);
        if (wrongClocks > 0) {
            assertThat(heard).as("one of them lives in the future").anySatisfy(one -> assertThat(
                    Instant.ofEpochSecond(Long.parseLong(one.headers().get("webhook-timestamp"))))
                    .isAfter(Instant.now().plusSeconds(3500)));
        }
    }

    @Test
    void sendsAtAnEvenRate() throws Exception {
        alike();
        // Warms up the replicas: the just-in-time compiler of a new process would disturb the measured rate.
        String other = action(60_000);
        for (Packaged replica : replicas) {
            replica.start(other, Packaged.TOKEN, Packaged.targets(500));
        }
        await().atMost(Duration.ofSeconds(60)).until(() -> receiver.heard(name).size() == 1000);
        String action = action(6000);

        replicas.get(0).start(action, Packaged.TOKEN, Packaged.targets(1000));
        postgres.execute("UPDATE bucket SET tokens = 0, pace = 0, short = true, at = clock_timestamp() WHERE kind = 'action'");
        Thread.sleep(500);
        int first = receiver.heard(name).size() - 1000;
        replicas.get(1).start(action, Packaged.TOKEN, Packaged.targets(first));
        await().atMost(Duration.ofSeconds(30)).until(() -> receiver.heard(name).size() == 2000 + first);

        long[] at = receiver.heard(name).stream().skip(1000 + first).mapToLong(Heard::at).sorted().toArray();
        long most = IntStream.range(0, at.length).mapToLong(
                i -> IntStream.range(i, at.length).filter(j -> at[j] < at[i] + 1_000_000_000L).count()).max().orElseThrow();
        double seconds = (at[999] - at[0]) / 1e9;
        LOG.infof("1,000 deliveries at 6,000 a minute took %.2f s, and at most %d in a second", seconds, most);
        assertThat(most).as("in any second").isLessThanOrEqualTo(110);
        assertThat(seconds).isBetween(9.5, 15.0);
    }

    @Test
    void startsOneRunForADoubleClickOnTwoReplicas() throws Exception {
        alike();
        String action = action(600);

        for (int i = 0; i < 20; i++) {
            String press = Packaged.targets(1);
            List<CompletableFuture<String>> answers = replicas.stream().map(replica -> CompletableFuture
                    .supplyAsync(() -> replica.press(action, Packaged.TOKEN, press).json().getString("id"), clients)).toList();

            assertThat(answers.get(0).join()).isEqualTo(answers.get(1).join());
        }
        await().until(() -> receiver.heard(name).size() == 20);
    }

    @Test
    void refusesPressesWhileTheDatabaseIsDown() throws Exception {
        start(Map.of());
        String action = action(60);
        replicas.get(0).press(action, Packaged.TOKEN, Packaged.targets(61));
        await().until(() -> receiver.heard(name).size() >= 60);

        postgres.stop();
        int before = receiver.heard(name).size();
        Answer refused = replicas.get(0).press(action, Packaged.TOKEN, Packaged.targets(1));
        Thread.sleep(3000);

        assertThat(refused.status()).isEqualTo(503);
        assertThat(refused.json().getString("code")).isEqualTo("unavailable");
        assertThat(refused.header("Retry-After")).isEqualTo("5");
        assertThat(receiver.heard(name).size() - before).as("what was claimed already").isLessThanOrEqualTo(1);
        postgres.start();
        await().atMost(Duration.ofSeconds(30))
                .until(() -> replicas.get(0).press(action, Packaged.TOKEN, Packaged.targets(1)).status() == 202);
    }

    @Test
    void doesNotSlowOtherCallersWhenOneCallerFloodsTheService() throws Exception {
        start(Map.of("CUSTOM_ACTIONS_ZOU_URL", FakeZou.shared().url(), "CUSTOM_ACTIONS_LIMITS_PER_CALLER", "30",
                "CUSTOM_ACTIONS_LIMITS_PER_CALLER_BY_ROLE_MANAGER", "60000"));
        String action = action(BesideKitsu.token("admin"), 60_000);
        String manager = BesideKitsu.token("manager");
        presses(action, manager, 200);

        // Alternates the two measurements, so that other load on the machine affects both.
        List<Long> alone = new ArrayList<>();
        List<Long> beside = new ArrayList<>();
        Map<Integer, Long> answers = new HashMap<>();
        String wild = BesideKitsu.token("supervisor");
        for (int round = 0; round < 3; round++) {
            alone.addAll(presses(action, manager, 100));
            AtomicBoolean running = new AtomicBoolean(true);
            List<Future<Map<Integer, Long>>> loops = IntStream.range(0, 8).mapToObj(i -> clients.submit(() -> {
                Map<Integer, Long> its = new HashMap<>();
                while (running.get()) {
                    its.merge(replicas.get(0).press(action, wild, Packaged.targets(1)).status(), 1L, Long::sum);
                }
                return its;
            })).toList();
            presses(action, manager, 20);
            beside.addAll(presses(action, manager, 100));
            running.set(false);
            for (Future<Map<Integer, Long>> loop : loops) {
                loop.get().forEach((status, count) -> answers.merge(status, count, Long::sum));
            }
        }

        LOG.infof("p99 of a press: %d µs alone, %d µs beside a caller at full tilt, who was answered %s", p99(alone) / 1000,
                p99(beside) / 1000, answers);
        assertThat(answers.get(429)).isGreaterThan(100);
        assertThat(p99(beside)).isLessThan(2 * p99(alone));
    }

    // ---- Helpers

    /** Presses one after another and returns how long each press took, in nanoseconds. */
    private List<Long> presses(String action, String token, int count) throws Exception {
        List<Long> took = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String task = task();
            long since = System.nanoTime();
            Answer answer = replicas.get(0).press(action, token, task);
            took.add(System.nanoTime() - since);
            assertThat(answer.status()).as(answer.body()).isIn(200, 202);
            Thread.sleep(5);
        }
        return took;
    }

    private static long p99(List<Long> nanos) {
        return nanos.stream().sorted().toList().get(nanos.size() * 99 / 100);
    }

    /** @param environments one for each replica, in addition to the settings that all replicas have */
    @SafeVarargs
    private void start(Map<String, String>... environments) throws Exception {
        own = started(folder, environments);
        use(own);
    }

    private void alike() throws Exception {
        if (alike == null) {
            alike = started(shared, Map.of(), Map.of());
        }
        use(alike);
    }

    private void use(Replicated replicated) {
        replicas = replicated.replicas();
        postgres = replicated.postgres();
    }

    @SafeVarargs
    private static Replicated started(Path folder, Map<String, String>... environments) throws IOException {
        Replicated replicated = new Replicated(folder);
        for (Map<String, String> environment : environments) {
            Map<String, String> all = new HashMap<>(
                    Map.of("CUSTOM_ACTIONS_SIGNING_SECRET", SIGNING, "CUSTOM_ACTIONS_LIMITS_PER_CALLER", "60000"));
            all.putAll(environment);
            replicated.add(all);
        }
        return replicated.ready();
    }

    private String action(int ratePerMinute) throws Exception {
        return action(Packaged.TOKEN, ratePerMinute);
    }

    private String action(String token, int ratePerMinute) throws Exception {
        return replicas.get(0).ajax(token, receiver.url("/" + name + "/ok?e={entity_id}"), "rate_per_minute", ratePerMinute);
    }

    private static String task() {
        return "{\"selection\": [\"" + FakeZou.shared().shot(UUID.randomUUID().toString()).id() + "\"]}";
    }

    /** Compiles a library for {@code LD_PRELOAD} that sets the clock of a process ahead by an hour. */
    private String aheadByAnHour() throws Exception {
        Path library = folder.resolve("clock.so");
        try {
            Process compiler = new ProcessBuilder("cc", "-shared", "-fPIC", "-o", library.toString(),
                    "src/test/resources/clock.c").inheritIO().start();
            assertThat(compiler.waitFor()).isZero();
        } catch (IOException e) {
            assumeTrue(false, "needs a C compiler: " + e.getMessage());
        }
        return library.toString();
    }
}
