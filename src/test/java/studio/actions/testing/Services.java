package studio.actions.testing;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;
import static java.util.Map.entry;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import studio.actions.database.EmbeddedDatabase;

/** The services that tests use: a real PostgreSQL and a real receiver, one of each for the whole test run. */
public class Services implements QuarkusTestResourceLifecycleManager {

    public static final String TOKEN = "the-token-of-the-tests";
    public static final String FARM = "farm-secret-0123456789";
    public static final String SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /**
     * The system property with the URL of the server. A static field would not last, because each start of the service loads
     * the classes again.
     */
    private static final String SERVER = "testing.database";

    @Override
    public Map<String, String> start() {
        List.of(TOKEN, FARM, SIGNING).forEach(Confidential::note);
        return Map.ofEntries(
                entry("quarkus.datasource.jdbc.url", database()),
                entry("custom-actions.local.token", TOKEN),
                entry("custom-actions.egress.allow",
                        "127.0.0.1:" + Receiver.shared().port() + ",127.0.0.1:" + Receiver.sharedWithTls().port()),
                entry("custom-actions.trust", Certificates.shared().authority().toAbsolutePath().toString()),
                entry("custom-actions.secrets.farm", FARM),
                entry("custom-actions.secrets.sign-here", SIGNING),
                entry("custom-actions.run.lease", "3s"),
                entry("custom-actions.run.shutdown", "2s"),
                entry("quarkus.http.read-timeout", "3s"),
                entry("quarkus.log.category.\"studio.actions\".level", "DEBUG"),
                // Only few slots, so that a test can fill all of them.
                entry("custom-actions.egress.in-flight-per-host", "5"),
                // High limits, because all tests share one caller and one receiver.
                entry("custom-actions.limits.per-caller", "60000"),
                entry("custom-actions.limits.per-host", "10000"));
    }

    @Override
    public void stop() {
        // The server ends with the tests. A process under test leaves a log, which the next process would overwrite.
        Path log = Path.of("target/quarkus.log");
        try {
            if (Files.exists(log)) {
                Files.copy(log, Confidential.LOGS.resolve("process-" + UUID.randomUUID() + ".log"));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Creates an empty database on the server of the whole test run and returns its JDBC URL. */
    private static String database() {
        try {
            if (System.getProperty(SERVER) == null) {
                Path folder = Files.createTempDirectory(Files.createDirectories(Path.of("target")), "database-");
                Postgres.shareBinaries(folder);
                // One process at a time: a second process would delete half-unpacked files of the first as left behind.
                try (FileChannel turn = FileChannel.open(Path.of("target/postgres.lock"), CREATE, WRITE)) {
                    turn.lock();
                    EmbeddedDatabase server = EmbeddedDatabase.open(folder);
                    Runtime.getRuntime().addShutdownHook(new Thread(() -> close(server)));
                    System.setProperty(SERVER, server.jdbcUrl());
                }
            }
            return Postgres.another(System.getProperty(SERVER));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void close(EmbeddedDatabase server) {
        try {
            server.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
