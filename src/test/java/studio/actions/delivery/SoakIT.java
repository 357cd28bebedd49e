package studio.actions.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToLongFunction;

import org.jboss.logging.Logger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import studio.actions.testing.Packaged;
import studio.actions.testing.Postgres;
import studio.actions.testing.Receiver;
import studio.actions.testing.Usage;

/**
 * Five minutes of load with a studio's daily requests. At the end the process uses no more resources than after two minutes.
 */
@Tag("soak")
class SoakIT {

    private static final Logger LOG = Logger.getLogger(SoakIT.class);

    private static final int CLIENTS = 4;
    private static final Duration LOAD = Duration.ofMinutes(5);
    private static final Duration EACH = Duration.ofSeconds(5);

    @TempDir
    Path folder;

    @Test
    void usesNoMoreResourcesAfterFiveMinutesThanAfterTwo() throws Exception {
        Receiver receiver = Receiver.shared();
        AtomicLong presses = new AtomicLong();
        AtomicLong deliveries = new AtomicLong();
        try (Postgres postgres = new Postgres(folder)) {
            Packaged service = new Packaged(folder,
                    Map.of("CUSTOM_ACTIONS_LOCAL_TOKEN", Packaged.TOKEN, "JAVA_TOOL_OPTIONS", "-Xmx128m",
                            "CUSTOM_ACTIONS_EGRESS_ALLOW", "127.0.0.1:" + receiver.port(), "CUSTOM_ACTIONS_LIMITS_PER_CALLER",
                            "60000",
                            "CUSTOM_ACTIONS_LIMITS_PER_HOST", "10000", "QUARKUS_DATASOURCE_JDBC_URL", postgres.url(),
                            "QUARKUS_DATASOURCE_JDBC_MAX_SIZE", "20"));
            ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
            try {
                service.ready();
                List<String> actions = List.of(action(service, receiver, "/ok"), action(service, receiver, "/status/503"),
                        action(service, receiver, "/long/100000"));
                long until = System.nanoTime() + LOAD.toNanos();
                for (int client = 0; client < CLIENTS; client++) {
                    clients.submit(() -> {
                        while (System.nanoTime() < until) {
                            int count = 1 + (int) (presses.incrementAndGet() % 5);
                            String run = service
                                    .post("/" + actions.get((int) (presses.get() % actions.size())) + "/run", Packaged.TOKEN,
                                            Packaged.targets(count))
                                    .getString("id");
                            deliveries.addAndGet(count);
                            service.get("", Packaged.TOKEN);
                            service.get("/runs/" + run, Packaged.TOKEN);
                            service.get("/runs?limit=20", Packaged.TOKEN);
                        }
                        return null;
                    });
                }
                List<Usage> samples = new ArrayList<>();
                await().pollInterval(EACH).atMost(LOAD.plusMinutes(1)).until(() -> {
                    samples.add(Usage.of(service.process, postgres));
                    return System.nanoTime() > until;
                });
                clients.shutdown();
                assertThat(clients.awaitTermination(1, TimeUnit.MINUTES)).isTrue();

                List<Usage> early = samples.subList(samples.size() * 2 / 5, samples.size() * 3 / 5);
                List<Usage> late = samples.subList(samples.size() * 4 / 5, samples.size());
                LOG.infof("%d presses, %d deliveries, %.0f a second. Memory (MB) %s, threads %s, files %s, connections %s",
                        presses.get(), deliveries.get(), deliveries.get() / (double) LOAD.toSeconds(),
                        of(samples, sample -> sample.memory() / 1024), of(samples, Usage::threads), of(samples, Usage::files),
                        of(samples, Usage::connections));
                assertThat(presses).hasValueGreaterThan(1000);
                assertThat(most(late, Usage::memory)).isLessThan(most(early, Usage::memory) * 11 / 10);
                assertThat(most(late, Usage::threads)).isLessThanOrEqualTo(most(early, Usage::threads) + 3);
                assertThat(most(late, Usage::files)).isLessThanOrEqualTo(most(early, Usage::files) + 10);
                assertThat(most(late, Usage::connections)).isLessThanOrEqualTo(22);
                assertThat(service.get("/runs?state=running", Packaged.TOKEN).getList("data")).isEmpty();
            } finally {
                clients.shutdownNow();
                service.end();
            }
        }
    }

    private static String action(Packaged service, Receiver receiver, String behaviour) throws Exception {
        return service.ajax(Packaged.TOKEN, receiver.url("/soak" + behaviour + "?e={entity_id}"), "rate_per_minute", 60_000);
    }

    private static long most(List<Usage> samples, ToLongFunction<Usage> what) {
        return samples.stream().mapToLong(what).max().orElseThrow();
    }

    private static List<Long> of(List<Usage> samples, ToLongFunction<Usage> what) {
        return samples.stream().mapToLong(what).boxed().toList();
    }
}
