package studio.actions.bench;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpMethod;
import studio.actions.testing.Postgres;

/** Two replicas send pending deliveries at the same time. */
final class Drain implements Case {

    private static final int DELIVERIES = 10_000;
    private static final int RUNS = 10;
    /** Requests in flight at once per replica. */
    private static final int AT_ONCE = 32;

    private static final Row DRAIN = Row.atLeast(0.5, "10,000 owed deliveries, two replicas with 32 at once each",
            "the Vert.x client alone, 64 at once, a connection for each request as here", "a second");

    private final String database;
    private final Sink sink = new Sink(0);
    private final List<Service> replicas;
    private final Vertx vertx = Vertx.vertx();

    Drain(Postgres postgres) throws Exception {
        database = postgres.another();
        Map<String, String> settings = Map.of("CUSTOM_ACTIONS_EGRESS_ALLOW", sink.address(),
                "CUSTOM_ACTIONS_EGRESS_IN_FLIGHT_PER_HOST", Integer.toString(AT_ONCE));
        replicas = List.of(Service.start(database, settings), Service.start(database, settings));
    }

    @Override
    public Map<Row, Pair> round() throws Exception {
        return Map.of(DRAIN, new Pair(ours(), alone()));
    }

    private double ours() throws Exception {
        // A new action, whose bucket is full.
        String action = replicas.get(0).action(sink.url() + "{entity_id}");
        sink.hold();
        for (int i = 0; i < RUNS; i++) {
            replicas.get(i % replicas.size()).send("POST", Service.ACTIONS + "/" + action + "/run", "application/json",
                    FanOut.targets(DELIVERIES / RUNS), "Prefer", "respond-async");
        }
        long since = System.nanoTime();
        sink.release();
        Sql.await(database, "SELECT NOT EXISTS (SELECT FROM run WHERE finished_at IS NULL)");
        double seconds = (System.nanoTime() - since) / 1e9;
        String others = Sql.one(database, "SELECT count(*) FROM run WHERE state <> 'succeeded'");
        if (!others.equals("0")) {
            throw new IllegalStateException(others + " runs did not succeed");
        }
        return DELIVERIES / seconds;
    }

    /** Sends as many requests with the Vert.x client alone, with bodies of the same size, and returns the rate. */
    private double alone() {
        String body = "x".repeat(800);
        HttpClient client = vertx.createHttpClient(new HttpClientOptions().setKeepAlive(false).setMaxPoolSize(2 * AT_ONCE));
        AtomicInteger begun = new AtomicInteger();
        AtomicInteger ended = new AtomicInteger();
        CompletableFuture<Void> all = new CompletableFuture<>();
        long since = System.nanoTime();
        for (int i = 0; i < 2 * AT_ONCE; i++) {
            one(client, body, begun, ended, all);
        }
        all.join();
        double seconds = (System.nanoTime() - since) / 1e9;
        client.close();
        return DELIVERIES / seconds;
    }

    private void one(HttpClient client, String body, AtomicInteger begun, AtomicInteger ended, CompletableFuture<Void> all) {
        if (begun.incrementAndGet() > DELIVERIES) {
            return;
        }
        client.request(HttpMethod.POST, sink.port(), "127.0.0.1", "/").compose(request -> request.send(body))
                .compose(response -> response.body()).onComplete(answered -> {
                    if (answered.failed()) {
                        all.completeExceptionally(answered.cause());
                    } else if (ended.incrementAndGet() == DELIVERIES) {
                        all.complete(null);
                    } else {
                        one(client, body, begun, ended, all);
                    }
                });
    }

    @Override
    public void close() {
        replicas.forEach(Service::close);
        sink.close();
        vertx.close();
    }
}
