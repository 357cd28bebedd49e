package studio.actions.testing;

import static java.util.Map.entry;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import studio.actions.start.EmbeddedDatabase;

/** What the tests run against: a real PostgreSQL and a real receiver, one of each for the whole test run. */
public class Services implements QuarkusTestResourceLifecycleManager {

    public static final String TOKEN = "the-token-of-the-tests";
    public static final String FARM = "farm-secret-0123456789";
    public static final String SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private EmbeddedDatabase database;

    @Override
    public Map<String, String> start() {
        try {
            Path folder = Files.createTempDirectory(Files.createDirectories(Path.of("target")), "database-");
            Postgres.shareBinaries(folder);
            database = EmbeddedDatabase.open(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return Map.ofEntries(
                entry("quarkus.datasource.jdbc.url", database.jdbcUrl()),
                entry("custom-actions.local.token", TOKEN),
                entry("custom-actions.egress.allow",
                        "127.0.0.1:" + Receiver.shared().port() + ",127.0.0.1:" + Receiver.sharedWithTls().port()),
                entry("custom-actions.egress.trust", Certificates.shared().authority().toAbsolutePath().toString()),
                entry("custom-actions.secrets.farm", FARM),
                entry("custom-actions.secrets.sign-here", SIGNING),
                entry("custom-actions.run.lease", "3s"),
                entry("custom-actions.run.shutdown", "2s"),
                // One caller and one receiver are those of all tests.
                entry("custom-actions.limits.per-caller", "60000"),
                entry("custom-actions.limits.per-host", "10000"));
    }

    @Override
    public void stop() {
        try {
            database.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
