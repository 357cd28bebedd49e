package studio.actions.bench;

import java.util.Map;
import java.util.UUID;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import studio.actions.testing.Postgres;

/** One run of a thousand targets to a slow receiver. */
final class FanOut implements Case {

    private static final int TARGETS = 1000;
    private static final int AT_ONCE = 64;
    private static final int ANSWER_MS = 20;

    private static final Row RUN = Row.atMost(1.25, "a run of 1,000 targets, receiver answers in 20 ms, 64 at once",
            "1,000 / 64 × 20 ms", "ms");

    private final Sink sink = new Sink(ANSWER_MS);
    private final Service service;

    FanOut(Postgres postgres) throws Exception {
        service = Service.start(postgres.another(), Map.of("CUSTOM_ACTIONS_EGRESS_ALLOW", sink.address(),
                "CUSTOM_ACTIONS_EGRESS_IN_FLIGHT_PER_HOST", Integer.toString(AT_ONCE),
                "CUSTOM_ACTIONS_RUN_PARALLELISM", Integer.toString(AT_ONCE)));
    }

    @Override
    public Map<Row, Pair> round() throws Exception {
        // A new action, whose bucket is full.
        String action = service.action(sink.url() + "{entity_id}");
        String body = targets(TARGETS);
        long since = System.nanoTime();
        JsonObject run = new JsonObject(
                service.send("POST", Service.ACTIONS + "/" + action + "/run", "application/json", body).body());
        double millis = (System.nanoTime() - since) / 1e6;
        if (!run.getString("state").equals("succeeded")) {
            throw new IllegalStateException(run.encode());
        }
        return Map.of(RUN, new Pair(millis, (double) TARGETS / AT_ONCE * ANSWER_MS));
    }

    static String targets(int count) {
        JsonArray targets = new JsonArray();
        for (int i = 0; i < count; i++) {
            targets.add(new JsonObject().put("entity_id", UUID.randomUUID().toString()).put("entity_type", "shot"));
        }
        return new JsonObject().put("targets", targets).encode();
    }

    @Override
    public void close() {
        service.close();
        sink.close();
    }
}
