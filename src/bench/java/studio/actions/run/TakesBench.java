package studio.actions.run;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.IntConsumer;

import jakarta.inject.Inject;

import org.junit.jupiter.api.Test;

import io.agroal.api.AgroalDataSource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Services;

/** Takes from token buckets a second, beside the least that can be asked of the same database over the same pool. */
@QuarkusTest
@WithTestResource(Services.class)
class TakesBench {

    private static final int ROUNDS = 5;
    private static final long ROUND_NANOS = TimeUnit.SECONDS.toNanos(2);

    @Inject
    AgroalDataSource database;

    @Inject
    RateLimits limits;

    @Test
    void measure() throws Exception {
        Map<String, IntConsumer> cases = new LinkedHashMap<>();
        cases.put("`SELECT 1`", thread -> selectOne());
        cases.put("take, an action and a host for each", this::takeApart);
        cases.put("take, one action and one host for all", thread -> takeApart(0));
        System.out.println("| Threads | Case | a second (median of " + ROUNDS + ") | of `SELECT 1` |\n|---|---|---|---|");
        for (int threads : new int[] { 1, 4, 16 }) {
            compare(threads, cases);
        }
    }

    /** In turn, so that whatever else the machine does is shared. */
    private static void compare(int threads, Map<String, IntConsumer> cases) throws Exception {
        Map<String, List<Double>> figures = new LinkedHashMap<>();
        for (int round = 0; round <= ROUNDS; round++) {
            for (Map.Entry<String, IntConsumer> one : cases.entrySet()) {
                double figure = perSecond(threads, one.getValue());
                if (round > 0) {
                    figures.computeIfAbsent(one.getKey(), first -> new ArrayList<>()).add(figure);
                }
            }
        }
        double ceiling = median(figures.values().iterator().next());
        figures.forEach((name, all) -> System.out.printf("| %d | %s | %,.0f | %.0f %% |%n", threads, name, median(all),
                100 * median(all) / ceiling));
    }

    private static double perSecond(int threads, IntConsumer work) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        LongAdder done = new LongAdder();
        long since = System.nanoTime();
        List<Future<?>> workers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int thread = i;
            workers.add(pool.submit(() -> {
                while (System.nanoTime() - since < ROUND_NANOS) {
                    work.accept(thread);
                    done.increment();
                }
            }));
        }
        for (Future<?> worker : workers) {
            worker.get();
        }
        pool.shutdown();
        return done.sum() * 1e9 / (System.nanoTime() - since);
    }

    private static double median(List<Double> figures) {
        return figures.stream().sorted().toList().get(figures.size() / 2);
    }

    private void selectOne() {
        try (Connection connection = database.getConnection();
                PreparedStatement select = connection.prepareStatement("SELECT 1");
                ResultSet one = select.executeQuery()) {
            one.next();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private void takeApart(int thread) {
        limits.take(Map.of(RateLimits.action(new UUID(0, thread), 60_000), 1, limits.host("bench-" + thread), 1));
    }
}
