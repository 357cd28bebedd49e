package studio.actions.bench;

import java.time.Duration;
import java.util.Map;

import studio.actions.action.FillingBench;
import studio.actions.testing.Postgres;

/** The preview of a hundred deliveries, without Kitsu. */
final class Previews implements Case {

    private static final int CONNECTIONS = 16;

    private static final Row PREVIEW = Row.atLeast(0.5, "preview of 100 targets, without Kitsu",
            "JMH of the filling alone, two threads", "a second");

    private final Service service;
    private final byte[] request;

    Previews(Postgres postgres) throws Exception {
        service = Service.start(postgres.another(), Map.of());
        String action = service.action(FillingBench.TEMPLATE);
        request = Load.request("POST", Service.ACTIONS + "/" + action + "/preview", FanOut.targets(FillingBench.TARGETS),
                "Authorization", service.bearer());
    }

    @Override
    public void warmUp(Duration time) throws Exception {
        load(time);
    }

    @Override
    public Map<Row, Pair> round() throws Exception {
        return Map.of(PREVIEW, new Pair(load(Bench.ROUND).perSecond(), Jmh.perSecond(FillingBench.class)));
    }

    private Load.Result load(Duration time) throws Exception {
        return new Load(service.port, CONNECTIONS, 200, () -> request).run(time);
    }

    @Override
    public void close() {
        service.close();
    }
}
