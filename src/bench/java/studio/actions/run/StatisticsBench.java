package studio.actions.run;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

import jakarta.inject.Inject;

import org.junit.jupiter.api.Test;

import io.agroal.api.AgroalDataSource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import studio.actions.testing.Api;
import studio.actions.testing.Services;

/** How long statistics take with a million deliveries of twenty actions over 90 days, asked over HTTP. */
@QuarkusTest
@WithTestResource(Services.class)
class StatisticsBench {

    private static final int RUNS = 100_000;
    private static final int DELIVERIES = 10;
    private static final int PARTS = 50;
    private static final int ACTIONS = 20;
    private static final int QUESTIONS = 200;

    @Inject
    AgroalDataSource database;

    @Inject
    RunStatistics statistics;

    private final HttpClient client = HttpClient.newHttpClient();

    @Test
    void measure() throws Exception {
        List<String> actions = new ArrayList<>();
        for (int i = 0; i < ACTIONS; i++) {
            actions.add(Api.id(Api.create(Api.draft("name", "Action " + i))));
        }
        fill(actions);
        count();
        System.out.println("| Question | median | p99 | slowest |\n|---|---|---|---|");
        for (int days : new int[] { 30, 90 }) {
            ask("/" + actions.get(0) + "/stats?days=" + days, "one action, " + days + " days");
            ask("/stats?days=" + days, "all actions, " + days + " days");
        }
    }

    /** Some at a time: no statement of the service may take longer than 20 s. */
    private void fill(List<String> actions) throws SQLException {
        for (int part = 0; part < PARTS; part++) {
            execute("""
                    WITH pressed AS (
                        INSERT INTO run (id, action_id, action_version, action_name, state, caller_id, caller_name, caller_role,
                            method, headers, timeout_ms, max_attempts, fingerprint, created_at, finished_at, unfinished, events)
                        SELECT gen_random_uuid(), ('{%s}'::uuid[])[1 + i %% %d], 1, 'Action', 'succeeded', gen_random_uuid(),
                               'Bench', 'user', 'POST', '{}', 10000, 1, '', at, at, 0, %d
                          FROM (SELECT i, now() - random() * interval '89 days' AS at FROM generate_series(1, %d) i) presses
                        RETURNING id)
                    INSERT INTO delivery (id, run_id, position, method, state, attempts, duration_ms, failure_kind, webhook_id,
                        task_ids, event)
                    SELECT gen_random_uuid(), id, position, 'POST', CASE WHEN fails THEN 'failed' ELSE 'delivered' END, 1,
                           (20 * exp(random() * 7))::int, CASE WHEN fails THEN 'timeout' END, 'msg', '{}', position
                      FROM (SELECT id, position, random() < 0.03 AS fails
                              FROM pressed, generate_series(1, %d) position) deliveries"""
                    .formatted(String.join(",", actions), actions.size(), DELIVERIES, RUNS / PARTS, DELIVERIES));
        }
        execute("VACUUM ANALYZE");
    }

    /** As the service does it by itself. */
    private void count() throws Exception {
        long since = System.nanoTime();
        statistics.wake();
        while (!text("SELECT count(*) FROM uncounted_run").equals("0")) {
            Thread.sleep(100);
        }
        System.out.printf("Counted %,d runs with %,d deliveries in %.1f s%n", RUNS, RUNS * DELIVERIES,
                (System.nanoTime() - since) / 1e9);
        execute("VACUUM ANALYZE");
    }

    private String text(String sql) throws SQLException {
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement();
                ResultSet found = statement.executeQuery(sql)) {
            found.next();
            return found.getString(1);
        }
    }

    private void ask(String path, String question) throws Exception {
        List<Double> millis = new ArrayList<>();
        for (int i = -20; i < QUESTIONS; i++) {
            HttpRequest request = HttpRequest
                    .newBuilder(URI.create("http://localhost:" + RestAssured.port + Api.ACTIONS + path))
                    .header("Authorization", "Bearer " + Services.TOKEN).build();
            long since = System.nanoTime();
            HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new IllegalStateException(answer.body());
            }
            if (i >= 0) {
                millis.add((System.nanoTime() - since) / 1e6);
            }
        }
        millis.sort(null);
        System.out.printf("| %s | %.1f ms | %.1f ms | %.1f ms |%n", question, millis.get(QUESTIONS / 2),
                millis.get(QUESTIONS * 99 / 100), millis.get(QUESTIONS - 1));
    }

    private void execute(String sql) throws SQLException {
        try (Connection connection = database.getConnection(); Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
