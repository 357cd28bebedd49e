package studio.actions.start;

import java.io.IOException;
import java.net.BindException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.config.ConfigProvider;
import org.flywaydb.core.api.exception.FlywayValidateException;
import org.jboss.logging.Logger;

import io.quarkus.runtime.ImageMode;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusBindException;
import io.quarkus.runtime.annotations.QuarkusMain;
import io.quarkus.runtime.configuration.ConfigurationException;
import io.quarkus.runtime.util.ExceptionUtil;
import io.smallrye.config.ConfigValidationException;
import io.smallrye.config.SmallRyeConfigBuilder;

/** Starts the service on the database it is given; what keeps it from starting is told in lines one can act on. */
@QuarkusMain
public class Main {

    static final String JDBC_URL = "quarkus.datasource.jdbc.url";
    private static final String JSON_LOG = "quarkus.log.console.json.enabled";
    private static final String TRACES_OFF = "quarkus.otel.sdk.disabled";
    /** Of our own application.properties; what comes from further up was said by whoever starts this. */
    private static final int OURS = 250;

    public static void main(String... args) {
        run(null, args);
    }

    /** @param dataFolder the files of the embedded database; null with a server of the operator's own */
    static void run(Path dataFolder, String... args) {
        refuseBadSettings(args);
        Config config = given();
        setUnlessSaid(config, JSON_LOG, !atTerminal());
        setUnlessSaid(config, TRACES_OFF, config.getOptionalValue("custom-actions.tracing.endpoint", String.class).isEmpty());
        if (Check.asked(args)) {
            Check.goOffline(config);
        }
        Quarkus.run(null, (code, failure) -> exit(code, failure, dataFolder), args);
    }

    static void refuseBadSettings(String... args) {
        List<String> refused = new ArrayList<>(Check.refused(args));
        refused.addAll(Settings.refused(System.getenv().keySet(), given()));
        if (!refused.isEmpty()) {
            stop(refused);
        }
    }

    /** What is set for this start. Until a native image runs, its configuration is that of the machine which built it. */
    private static Config given() {
        return ImageMode.current() == ImageMode.NATIVE_RUN
                ? new SmallRyeConfigBuilder().addDefaultInterceptors().addSystemSources().build()
                : ConfigProvider.getConfig();
    }

    private static void setUnlessSaid(Config config, String key, boolean value) {
        if (config.getConfigValue(key).getSourceOrdinal() <= OURS) {
            System.setProperty(key, Boolean.toString(value));
        }
    }

    /**
     * Whether somebody reads along. Java's own console wants to be typed into as well, or, from Java 22 on, is always there.
     */
    private static boolean atTerminal() {
        Path output = Path.of("/proc/self/fd/1");
        try {
            return Files.isSymbolicLink(output) ? Files.readSymbolicLink(output).toString().matches("/dev/(pts/|tty|console).*")
                    : System.console() != null;
        } catch (IOException e) {
            return false;
        }
    }

    private static void exit(int code, Throwable failure, Path dataFolder) {
        if (failure == null) {
            System.exit(code);
        }
        Config config = ConfigProvider.getConfig();
        Throwable cause = ExceptionUtil.getRootCause(failure);
        if (cause instanceof Check.Passed) {
            System.out.println(cause.getMessage());
            System.exit(0);
        }
        if (cause instanceof ConfigValidationException invalid) {
            stop(Settings.explain(invalid, config));
        } else if (cause instanceof QuarkusBindException bind) {
            stop(List.of(taken("Port " + bind.getPort() + " on " + bind.getHost(), "QUARKUS_HTTP_PORT")));
        } else if (cause instanceof BindException) {
            stop(List.of(taken("The management port, " + config.getConfigValue("quarkus.management.port").getValue() + ",",
                    "QUARKUS_MANAGEMENT_PORT")));
        } else if (config.getOptionalValue(JDBC_URL, String.class).isEmpty()) {
            stop(List.of("There is no database. Set QUARKUS_DATASOURCE_JDBC_URL (and …_USERNAME, …_PASSWORD), such as "
                    + "jdbc:postgresql://postgres:5432/kitsu_actions. PostgreSQL 15 or later."));
        } else if (databaseAway(failure)) {
            stop(List.of("The database at " + config.getConfigValue(JDBC_URL).getValue().replaceAll("\\?.*", "")
                    + " does not answer: " + cause.getMessage() + ". Is it running, and are QUARKUS_DATASOURCE_JDBC_URL, "
                    + "…_USERNAME and …_PASSWORD right?"));
        } else if (cause instanceof FlywayValidateException) {
            String database = config.getConfigValue(JDBC_URL).getValue().replaceAll("\\?.*", "");
            stop(List.of(dataFolder == null
                    ? "The database at " + database + " was made by another build of this service, which was never released: "
                            + "delete that database and create it again, empty (DROP DATABASE, CREATE DATABASE)."
                    : "The database in " + dataFolder + " was made by another build of this service, which was never "
                            + "released: delete that folder."));
        } else if (cause instanceof ConfigurationException) {
            stop(List.of(cause.getMessage()));
        }
        Logger.getLogger(Main.class).error("The service could not start", failure);
        System.exit(1);
    }

    private static String taken(String port, String variable) {
        return port + " is in use by another process. Stop that one, or set " + variable + " to a free port.";
    }

    private static boolean databaseAway(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            // Without a state it is the pool, which waited for a connection in vain.
            if (cause instanceof SQLException sql
                    && (sql.getSQLState() == null || sql.getSQLState().matches("(08|28|3D|57P).*"))) {
                return true;
            }
        }
        return false;
    }

    static void stop(List<String> lines) {
        System.err.println("Kitsu Actions cannot start:");
        lines.forEach(line -> System.err.println("  " + line));
        System.exit(1);
    }
}
