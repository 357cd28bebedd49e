package studio.actions.bench;

import java.util.Map;

import studio.actions.action.FillingBench;
import studio.actions.testing.Postgres;

/** What a hundred deliveries would be, without Kitsu. */
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
    public Map<Row, Pair> round() throws Exception {
        double ours = new Load(service.port, CONNECTIONS, 200, () -> request).run(Bench.ROUND).perSecond();
        return Map.of(PREVIEW, new Pair(ours, Jmh.perSecond(FillingBench.class)));
    }

    @Override
    public void close() {
        service.close();
    }
}
