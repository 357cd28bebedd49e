package studio.actions.testing;

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
        return Map.of(
                "quarkus.datasource.jdbc.url", database.jdbcUrl(),
                "custom-actions.local.token", TOKEN,
                "custom-actions.egress.allow",
                "127.0.0.1:" + Receiver.shared().port() + ",127.0.0.1:" + Receiver.sharedWithTls().port(),
                "custom-actions.egress.trust", Certificates.shared().authority().toAbsolutePath().toString(),
                "custom-actions.secrets.farm", FARM,
                "custom-actions.secrets.sign-here", SIGNING,
                "custom-actions.run.lease", "3s",
                "custom-actions.run.shutdown", "2s");
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
