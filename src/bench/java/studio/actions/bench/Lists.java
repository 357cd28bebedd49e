package studio.actions.bench;

import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import io.vertx.core.json.JsonObject;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Postgres;

/** The list of actions that Kitsu requests at every login, and the 304 for a client that already has the list. */
final class Lists implements Case {

    private static final int ACTIONS = 100;
    private static final int CONNECTIONS = 16;
    /** Zou 1.0.67's requests a second, with two workers on two cores and the load from the same machine. */
    private static final double ZOU = 337;

    private static final String KITSU = "/api/data/custom-actions";
    private static final String SHOTS = Service.ACTIONS + "?entity_type=shot";
    private static final String CONSTANT = "/bench/constant";

    private static final Row LIST = Row.atLeast(0.6, "`GET /api/data/custom-actions`, 100 actions, bearer known",
            "the same bytes, constant", "a second");
    private static final Row OVER_ZOU = Row.atLeast(100, "the same", "Zou", "a second");
    private static final Row UNCHANGED = Row.atLeast(0.6, "`GET /api/custom-actions?entity_type=shot`, 304",
            "constant 304", "a second");

    private final FakeZou zou = new FakeZou();
    private final Service service;
    private final Map<String, Long> allocated = new LinkedHashMap<>();

    Lists(Postgres postgres) throws Exception {
        service = Service.start(postgres.another(), zou.login("admin"), Map.of("CUSTOM_ACTIONS_ZOU_URL", zou.url()));
        for (int i = 0; i < ACTIONS; i++) {
            service.send("POST", KITSU, "application/json", new JsonObject().put("name", "Submit to the farm, queue " + i)
                    .put("entity_type", i % 2 == 0 ? "shot" : "all").put("is_ajax", i % 3 == 0)
                    .put("url", "https://farm.studio.com/submit/{entity_type}?shot={entity_id}&project={production_id}")
                    .encode());
        }
    }

    @Override
    public Map<Row, Pair> round() throws Exception {
        Map<Row, Pair> figures = new LinkedHashMap<>();
        Pair list = beside(KITSU, "The list", 200);
        figures.put(LIST, list);
        figures.put(OVER_ZOU, new Pair(list.ours(), ZOU));
        String etag = service.get(SHOTS).headers().firstValue("etag").orElseThrow();
        figures.put(UNCHANGED, beside(SHOTS, "The 304", 304, "If-None-Match", etag));
        return figures;
    }

    private Pair beside(String path, String what, int status, String... headers) throws Exception {
        String[] all = new String[headers.length + 2];
        System.arraycopy(headers, 0, all, 0, headers.length);
        all[headers.length] = "Authorization";
        all[headers.length + 1] = service.bearer();
        learn(service.get(path, headers));
        return new Pair(perSecond(what, Load.get(path, all), status),
                perSecond(what + " that is constant", Load.get(CONSTANT, all), status));
    }

    private double perSecond(String what, byte[] request, int status) throws Exception {
        long before = service.allocated();
        Load.Result load = new Load(service.port, CONNECTIONS, status, () -> request).run(Bench.ROUND);
        allocated.put(what, (service.allocated() - before) / load.requests());
        return load.perSecond();
    }

    private void learn(HttpResponse<String> answer) throws Exception {
        JsonObject headers = new JsonObject();
        answer.headers().map().forEach((name, values) -> {
            if (!name.startsWith(":")) {
                headers.put(name, values.get(0));
            }
        });
        service.send("PUT", CONSTANT, "application/json", new JsonObject().put("status", answer.statusCode())
                .put("headers", headers).put("body", answer.body()).encode());
    }

    @Override
    public List<String> notes() {
        List<String> notes = new ArrayList<>();
        allocated.forEach(
                (what, bytes) -> notes.add(String.format(Locale.ROOT, "- %s allocates %,d bytes a request.", what, bytes)));
        return notes;
    }

    @Override
    public void close() {
        service.close();
        zou.close();
    }
}
