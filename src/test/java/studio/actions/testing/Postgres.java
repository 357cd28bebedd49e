package studio.actions.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;

/** A PostgreSQL that a test stops and starts again on the same files and port, as an administrator does. */
public final class Postgres implements AutoCloseable {

    private static final String OTHER_CLIENTS = "backend_type = 'client backend' AND pid <> pg_backend_pid()";

    private final Path folder;
    private final int port;
    private EmbeddedPostgres server;

    public Postgres(Path folder) throws IOException {
        this.folder = folder;
        this.port = Packaged.freePort();
        start();
    }

    /** Links a shared folder of binaries into a data folder of the service's own database, so that it is unpacked once. */
    public static void shareBinaries(Path dataFolder) throws IOException {
        Path shared = Files.createDirectories(Path.of("target/postgres-binaries")).toAbsolutePath();
        Files.createSymbolicLink(Files.createDirectories(dataFolder).resolve("binaries"), shared);
    }

    public void start() throws IOException {
        server = EmbeddedPostgres.builder().setDataDirectory(folder.resolve("postgres")).setCleanDataDirectory(false)
                .setPort(port).setRegisterShutdownHook(false)
                .setServerConfig("synchronous_commit", "on").setServerConfig("fsync", "on")
                .setServerConfig("full_page_writes", "on").setLocaleConfig("locale", "C").start();
    }

    /** Stops the server, which cuts all connections. */
    public void stop() throws IOException {
        server.close();
    }

    @Override
    public void close() throws IOException {
        server.close();
    }

    public int port() {
        return port;
    }

    public String url() {
        return "jdbc:postgresql://127.0.0.1:" + port + "/postgres?user=postgres";
    }

    /** Creates a new database and returns its JDBC URL. */
    public String another() throws SQLException {
        return another(url());
    }

    /** Creates a new database on the server of another database and returns its JDBC URL. */
    static String another(String url) throws SQLException {
        String name = "d" + UUID.randomUUID().toString().replace("-", "");
        execute(url, "CREATE DATABASE " + name);
        return url.replaceFirst("/postgres\\?", "/" + name + "?");
    }

    /** Creates the history that Flyway wrote for the eight migrations of version 0.1. */
    public static void migratedByAnEarlierBuild(String url) throws SQLException {
        execute(url, """
                CREATE TABLE flyway_schema_history (
                    installed_rank integer PRIMARY KEY,
                    version        varchar(50),
                    description    varchar(200) NOT NULL,
                    type           varchar(20) NOT NULL,
                    script         varchar(1000) NOT NULL,
                    checksum       integer,
                    installed_by   varchar(100) NOT NULL,
                    installed_on   timestamp NOT NULL DEFAULT now(),
                    execution_time integer NOT NULL,
                    success        boolean NOT NULL
                );
                INSERT INTO flyway_schema_history
                SELECT n, n, 'step ' || n, 'SQL', 'V' || n || '__step.sql', n, 'postgres', now(), 1, true
                  FROM generate_series(1, 8) n""");
    }

    /** Returns the processes that serve the clients, except this one. */
    public List<String> backends() throws SQLException {
        return execute("SELECT pid FROM pg_stat_activity WHERE " + OTHER_CLIENTS);
    }

    /** Cuts the connections of all other clients. */
    public void cutConnections() throws SQLException {
        execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE " + OTHER_CLIENTS);
    }

    /** Executes a statement and returns the first column of its result. */
    public List<String> execute(String sql) throws SQLException {
        return execute(url(), sql);
    }

    /** Executes statements in the database with this JDBC URL and returns the first column of the first result. */
    public static List<String> execute(String url, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url); Statement statement = connection.createStatement()) {
            List<String> rows = new ArrayList<>();
            if (statement.execute(sql)) {
                try (ResultSet found = statement.getResultSet()) {
                    while (found.next()) {
                        rows.add(found.getString(1));
                    }
                }
            }
            return rows;
        }
    }
}
