package studio.actions.start;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

import org.eclipse.microprofile.config.ConfigProvider;
import org.jboss.logging.Logger;

import io.quarkus.runtime.Application;
import studio.actions.database.DatabaseUrl;
import studio.actions.database.EmbeddedDatabase;
import studio.actions.thread.Threads;

/**
 * The entry point of the JAR: starts an embedded PostgreSQL if no JDBC URL is configured, then the service. The native image
 * has no embedded PostgreSQL and starts with {@link Main}.
 */
public final class MainWithDatabase {

    private static final Logger LOG = Logger.getLogger(MainWithDatabase.class);

    private MainWithDatabase() {
    }

    public static void main(String... args) {
        Main.refuseBadSettings(args);
        var config = ConfigProvider.getConfig();
        Path data = null;
        if (!CheckMode.asked(args) && config.getOptionalValue(DatabaseUrl.KEY, String.class).isEmpty()) {
            Path folder = Path.of(config.getOptionalValue("custom-actions.data-dir", String.class)
                    .orElse(System.getProperty("user.home") + "/.kitsu-actions"));
            try {
                EmbeddedDatabase database = EmbeddedDatabase.open(folder);
                System.setProperty(DatabaseUrl.KEY, database.jdbcUrl());
                data = database.dataFolder();
                LOG.infof("Started PostgreSQL on the data folder %s", folder.toAbsolutePath());
                Runtime.getRuntime()
                        .addShutdownHook(new Thread(() -> closeAfterTheService(database), "embedded-database"));
            } catch (IOException | IllegalStateException e) {
                Main.stop(List.of(e.getMessage()));
            }
        }
        Main.run(data, args);
    }

    /**
     * Waits at most 30 s for the service to stop, then stops PostgreSQL. All shutdown hooks run at the same time, and the
     * service, which another hook stops, needs its database until its end.
     */
    private static void closeAfterTheService(EmbeddedDatabase database) {
        try {
            Application service = Application.currentApplication();
            if (service != null) {
                Thread stopping = Threads.daemon("awaits-shutdown", service::awaitShutdown);
                stopping.start();
                stopping.join(TimeUnit.SECONDS.toMillis(30));
            }
            database.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            System.err.println("PostgreSQL did not stop cleanly: " + e.getMessage());
        }
    }
}
