package studio.actions.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import studio.actions.testing.Postgres;

/** The slowdown by accumulated finished deliveries, in three studios side by side; the first has few and is the ceiling. */
final class Growth implements Case {

    private static final List<Integer> SIZES = List.of(1_000, 100_000, 1_000_000);
    private static final int OF_A_RUN = 10;
    /** Deliveries per insert. The service counts them meanwhile, and none of its statements may take longer than 20 s. */
    private static final int PART = 20_000;
    private static final int CLAIMED = 500;
    private static final int QUESTIONS = 100;

    /** A studio with its own database and service. */
    private record Studio(int size, String database, Service service, String action) {
    }

    private final Sink sink = new Sink(0);
    private final List<Studio> studios = new ArrayList<>();

    Growth(Postgres postgres) throws Exception {
        for (int size : SIZES) {
            String database = postgres.another();
            Service service = Service.start(database, Map.of("CUSTOM_ACTIONS_EGRESS_ALLOW", sink.address(),
                    "CUSTOM_ACTIONS_EGRESS_IN_FLIGHT_PER_HOST", "32"));
            Studio studio = new Studio(size, database, service, service.action(sink.url() + "{entity_id}"));
            studios.add(studio);
            for (int done = 0; done < size; done += PART) {
                fill(studio, done, Math.min(PART, size - done));
            }
        }
        for (Studio studio : studios) {
            Sql.await(studio.database, "SELECT NOT EXISTS (SELECT FROM uncounted_run)");
            Sql.run(studio.database, "VACUUM ANALYZE");
        }
    }

    /** Inserts finished deliveries, spread evenly over the last 29 days, which the service keeps; most are delivered. */
    private static void fill(Studio studio, int done, int deliveries) throws Exception {
        Sql.run(studio.database,
                """
                        WITH pressed AS (
                            INSERT INTO run (id, action_id, action_version, action_name, state, caller_id, caller_name, caller_role,
                                method, headers, timeout_ms, max_attempts, rate_per_minute, production_ids, fingerprint, created_at,
                                finished_at, unfinished, events)
                            SELECT gen_random_uuid(), '%s', 1, 'Bench', 'succeeded', gen_random_uuid(), 'Bench', 'user', 'POST', '{}',
                                   10000, 1, 600, '{00000000-0000-0000-0000-000000000000}', '', at, at, 0, %2$d
                              FROM (SELECT now() - interval '29 days' * (1 - (%4$d + press) / %5$d.0) AS at
                                      FROM generate_series(1, %3$d) press) presses
                            RETURNING id)
                        INSERT INTO delivery (id, run_id, position, method, state, attempts, duration_ms, failure_kind, webhook_id,
                            task_ids, event)
                        SELECT gen_random_uuid(), id, position, 'POST', CASE WHEN fails THEN 'failed' ELSE 'delivered' END, 1,
                               (20 * exp(random() * 7))::int, CASE WHEN fails THEN 'timeout' END, 'msg', '{}', position
                          FROM (SELECT id, position, random() < 0.03 AS fails
                                  FROM pressed, generate_series(1, %2$d) position) deliveries"""
                        .formatted(studio.action, OF_A_RUN, deliveries / OF_A_RUN, done / OF_A_RUN, studio.size / OF_A_RUN));
    }

    /** A request to a studio; returns its latency in milliseconds. */
    private interface Question {
        double millis(Studio studio) throws Exception;
    }

    @Override
    public Map<Row, Pair> round() throws Exception {
        Map<Row, Pair> figures = new LinkedHashMap<>();
        ask(figures, 1.25, "list of actions", studio -> get(studio, Service.ACTIONS));
        ask(figures, 1.25, "claim, each of 500 deliveries of a run", Growth.this::claim);
        ask(figures, 1.25, "list of runs", studio -> get(studio, Service.ACTIONS + "/runs"));
        ask(figures, 3, "statistics of an action, 30 days",
                studio -> get(studio, Service.ACTIONS + "/" + studio.action + "/stats?days=30"));
        return figures;
    }

    private void ask(Map<Row, Pair> figures, double goal, String what, Question question) throws Exception {
        double least = question.millis(studios.get(0));
        for (Studio studio : studios.subList(1, studios.size())) {
            figures.put(Row.atMost(goal, "%s, %,d finished deliveries".formatted(what, studio.size), "1,000", "ms"),
                    new Pair(question.millis(studio), least));
        }
    }

    private static double get(Studio studio, String path) throws Exception {
        List<Double> millis = new ArrayList<>();
        for (int i = 0; i < QUESTIONS; i++) {
            long since = System.nanoTime();
            int status = studio.service.get(path).statusCode();
            millis.add((System.nanoTime() - since) / 1e6);
            if (status != 200) {
                throw new IllegalStateException(path + " was answered " + status);
            }
        }
        return millis.stream().sorted().toList().get(QUESTIONS / 2);
    }

    private double claim(Studio studio) throws Exception {
        String body = FanOut.targets(CLAIMED);
        long since = System.nanoTime();
        studio.service.send("POST", Service.ACTIONS + "/" + studio.action + "/run", "application/json", body);
        return (System.nanoTime() - since) / 1e6 / CLAIMED;
    }

    @Override
    public void close() {
        studios.forEach(studio -> studio.service.close());
        sink.close();
    }
}
