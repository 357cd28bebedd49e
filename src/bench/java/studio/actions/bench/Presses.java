package studio.actions.bench;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import studio.actions.testing.Postgres;

/** Presses of one delivery each, whose answers come at the end of their runs. */
final class Presses implements Case {

    private static final int CLIENTS = 16;

    private static final Row THROUGHPUT = Row.atLeast(0.6, "synchronous run, one delivery, 16 clients",
            "pgbench, the same inserts, updates and commits", "a second");
    private static final Row LATENCY = Row.atMost(4, "the same, one client: median added to a direct call",
            "1 ms", "ms");

    private static final Pattern TPS = Pattern.compile("tps = ([0-9.]+)");

    /** The writes of a press in three commits: the tokens; the run with its delivery and audit entry; the outcome. */
    private static final String SCRIPT = """
            \\set caller random(1, 1000000000)
            SELECT gen_random_uuid() AS run, gen_random_uuid() AS delivery \\gset
            BEGIN;
            SET LOCAL synchronous_commit = off;
            UPDATE bucket SET tokens = tokens + 0, at = clock_timestamp() WHERE subject IN ('%2$s', 'bench');
            COMMIT;
            BEGIN;
            INSERT INTO run (id, action_id, action_version, action_name, state, caller_id, caller_name, caller_email,
                caller_role, method, headers, timeout_ms, max_attempts, rate_per_minute, host, production_ids, fingerprint, created_at,
                unfinished, events)
            VALUES (:run, '%2$s', 1, 'Bench', 'running', '00000000-0000-4000-8000-000000000001', 'Local admin',
                'admin@localhost', 'admin', 'POST', '{}', 10000, 1, 60000, '127.0.0.1:8080',
                '{00000000-0000-0000-0000-000000000000}', CAST(:caller AS text), clock_timestamp(),
                1, 0);
            INSERT INTO delivery (id, run_id, position, entity_id, entity_type, task_ids, method, url, host, body, webhook_id,
                state, owner, attempts)
            VALUES (:delivery, :run, 0, gen_random_uuid(), 'shot', '{}', 'POST',
                'http://127.0.0.1:8080/00000000-0000-4000-8000-000000000001', '127.0.0.1:8080', '%1$s', 'msg_' || CAST(:delivery AS text),
                'in_flight', '%3$s', 1);
            INSERT INTO audit_entry (id, at, verb, subject, subject_name, caller_id, caller_name, caller_email, caller_role,
                from_address, result, run_id, detail)
            VALUES (gen_random_uuid(), clock_timestamp(), 'ran', '%2$s', 'Bench', '00000000-0000-4000-8000-000000000001',
                'Local admin', 'admin@localhost', 'admin', '127.0.0.1', 'running', :run, '{"deliveries": 1, "refused": 0}');
            UPDATE bucket SET tokens = tokens + 0, at = clock_timestamp() WHERE kind = 'caller';
            COMMIT;
            BEGIN;
            UPDATE delivery SET state = 'delivered', owner = NULL, status = 200, response = '{}', duration_ms = 1, event = 1
             WHERE id = :delivery;
            UPDATE run SET state = 'succeeded', unfinished = 0, events = 1, finished_at = clock_timestamp() WHERE id = :run;
            SELECT pg_notify('run_changed', CAST(:run AS text));
            COMMIT;
            """;

    private final String database;
    private final Sink sink = new Sink(0);
    private final Service service;
    private final String action;
    private final Path script;

    Presses(Postgres postgres) throws Exception {
        database = postgres.another();
        service = Service.start(database, Map.of("CUSTOM_ACTIONS_EGRESS_ALLOW", sink.address(),
                "CUSTOM_ACTIONS_EGRESS_IN_FLIGHT_PER_HOST", "64"));
        action = service.action(sink.url() + "{entity_id}");
        script = Files.createTempFile(Bench.FOLDER, "press-", ".sql");
        Files.writeString(script, SCRIPT.formatted("x".repeat(800), action, Sql.one(database, "SELECT id FROM replica")));
    }

    @Override
    public void warmUp(Duration time) throws Exception {
        press(CLIENTS, time);
    }

    @Override
    public Map<Row, Pair> round() throws Exception {
        Map<Row, Pair> figures = new LinkedHashMap<>();
        figures.put(THROUGHPUT, new Pair(press(CLIENTS, Bench.ROUND).perSecond(), pgbench()));
        Load.Result direct = new Load(sink.port(), 1, 200, () -> Load.request("POST", "/", "x".repeat(800)))
                .run(Bench.ROUND.dividedBy(2));
        figures.put(LATENCY, new Pair(press(1, Bench.ROUND).p50() - direct.p50(), 1));
        return figures;
    }

    /** Presses on a new shot each time, since an equal press within three seconds would return the same run. */
    private Load.Result press(int clients, Duration time) throws Exception {
        Supplier<byte[]> press = () -> Load.request("POST", Service.ACTIONS + "/" + action + "/run",
                "{\"targets\": [{\"entity_id\": \"" + id() + "\", \"entity_type\": \"shot\"}]}",
                "Authorization", service.bearer());
        return new Load(service.port, clients, 200, press).run(time);
    }

    private static UUID id() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        return new UUID(random.nextLong() & ~0xf000L | 0x4000L, random.nextLong() >>> 2 | 0x8000_0000_0000_0000L);
    }

    private double pgbench() throws IOException, InterruptedException {
        URI server = URI.create(database.replaceFirst("jdbc:", "").replaceFirst("\\?.*", ""));
        File output = Files.createTempFile(Bench.FOLDER, "pgbench-", ".log").toFile();
        Process pgbench = new ProcessBuilder("pgbench", "--no-vacuum", "--protocol=prepared", "--host=" + server.getHost(),
                "--port=" + server.getPort(), "--username=postgres", "--client=" + CLIENTS, "--jobs=2",
                "--time=" + Bench.ROUND.toSeconds(), "--file=" + script, server.getPath().substring(1))
                .redirectErrorStream(true).redirectOutput(output).start();
        pgbench.waitFor();
        Matcher tps = TPS.matcher(Files.readString(output.toPath()));
        if (!tps.find()) {
            throw new IllegalStateException("pgbench says: " + Files.readString(output.toPath()));
        }
        return Double.parseDouble(tps.group(1));
    }

    @Override
    public void close() {
        service.close();
        sink.close();
    }
}
