package studio.actions.bench;

import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;

import org.postgresql.PGConnection;

import io.vertx.core.json.JsonObject;
import studio.actions.testing.Postgres;

/** Import and export of all actions of a large studio. */
final class Transfers implements Case {

    private static final int ACTIONS = 10_000;

    private static final Row IMPORT = Row.atMost(10, "import of 10,000 actions", "`COPY … FROM` of the same bytes", "ms");
    private static final Row EXPORT = Row.atMost(3, "export of 10,000 actions", "`COPY … TO` of the same bytes", "ms");

    private static final String HEADER = "\"Type\";\"Name\";\"URL\";\"Entity Type\";\"Use AJAX\"\n";

    private final String database;
    private final Service service;

    Transfers(Postgres postgres) throws Exception {
        database = postgres.another();
        service = Service.start(database, Map.of());
        Sql.run(database, "CREATE TABLE copied (type text, name text, url text, entity_type text, is_ajax text)");
    }

    /** Empties the tables, then imports into them and exports from them. */
    @Override
    public Map<Row, Pair> round() throws Exception {
        StringBuilder file = new StringBuilder(HEADER);
        for (int i = 0; i < ACTIONS; i++) {
            file.append("\"CustomAction\";\"Submit ").append(UUID.randomUUID())
                    .append("\";\"https://farm.studio.com/submit/{entity_type}?shot={entity_id}&project={production_id}\";")
                    .append(i % 2 == 0 ? "\"shot\";\"true\"\n" : "\"all\";\"false\"\n");
        }
        Map<Row, Pair> figures = new LinkedHashMap<>();
        Sql.run(database, "TRUNCATE copied; TRUNCATE action, action_version");
        Sql.run(database, "VACUUM ANALYZE");
        long since = System.nanoTime();
        JsonObject told = new JsonObject(
                service.send("POST", Service.ACTIONS + "/import?mode=apply", "text/csv", file.toString()).body());
        double ours = millis(since);
        if (told.getInteger("created") != ACTIONS) {
            throw new IllegalStateException(told.encode());
        }
        try (Connection connection = DriverManager.getConnection(database)) {
            var copy = connection.unwrap(PGConnection.class).getCopyAPI();
            since = System.nanoTime();
            copy.copyIn("COPY copied FROM STDIN (FORMAT csv, DELIMITER ';', HEADER)", new StringReader(file.toString()));
            figures.put(IMPORT, new Pair(ours, millis(since)));

            since = System.nanoTime();
            String exported = service.get(Service.ACTIONS + "/export?columns=kitsu").body();
            ours = millis(since);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            since = System.nanoTime();
            copy.copyOut("COPY (SELECT type AS \"Type\", name AS \"Name\", url AS \"URL\", entity_type AS \"Entity Type\", "
                    + "is_ajax AS \"Use AJAX\" FROM copied ORDER BY lower(name)) TO STDOUT "
                    + "(FORMAT csv, DELIMITER ';', HEADER, FORCE_QUOTE *)", out);
            figures.put(EXPORT, new Pair(ours, millis(since)));
            String copied = out.toString(StandardCharsets.UTF_8).replaceFirst("[^\n]*\n", HEADER);
            if (!exported.equals(copied)) {
                throw new IllegalStateException("The two are not the same bytes: " + exported.length() + " and "
                        + copied.length());
            }
        }
        return figures;
    }

    private static double millis(long since) {
        return (System.nanoTime() - since) / 1e6;
    }

    @Override
    public void close() {
        service.close();
    }
}
