package studio.actions.start;

import java.util.List;

import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import io.quarkus.runtime.configuration.ConfigurationException;
import io.quarkus.runtime.util.ExceptionUtil;
import io.quarkus.runtime.QuarkusBindException;
import io.smallrye.config.ConfigValidationException;

import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.config.ConfigProvider;
import org.jboss.logging.Logger;

/** Starts the service on the database it is given; what keeps it from starting is told in lines one can act on. */
@QuarkusMain
public class Main {

    static final String JDBC_URL = "quarkus.datasource.jdbc.url";

    private Main() {
    }

    public static void main(String... args) {
        refuseUnknownVariables();
        Quarkus.run(null, Main::exit, args);
    }

    static void refuseUnknownVariables() {
        List<String> unknown = Settings.unknown(System.getenv().keySet());
        if (!unknown.isEmpty()) {
            stop(unknown);
        }
    }

    private static void exit(int code, Throwable failure) {
        if (failure == null) {
            System.exit(code);
        }
        Config config = ConfigProvider.getConfig();
        Throwable cause = ExceptionUtil.getRootCause(failure);
        if (cause instanceof ConfigValidationException invalid) {
            stop(Settings.explain(invalid, config));
        } else if (cause instanceof QuarkusBindException bind) {
            stop(List.of("Port " + bind.getPort() + " on " + bind.getHost() + " is in use by another process. "
                    + "Stop that one, or set QUARKUS_HTTP_PORT to a free port."));
        } else if (config.getOptionalValue(JDBC_URL, String.class).isEmpty()) {
            stop(List.of("There is no database. Set QUARKUS_DATASOURCE_JDBC_URL (and …_USERNAME, …_PASSWORD), such as "
                    + "jdbc:postgresql://postgres:5432/kitsu_actions. PostgreSQL 15 or later."));
        } else if (cause instanceof ConfigurationException) {
            stop(List.of(cause.getMessage()));
        }
        Logger.getLogger(Main.class).error("The service could not start", failure);
        System.exit(1);
    }

    static void stop(List<String> lines) {
        System.err.println("Kitsu Actions cannot start:");
        lines.forEach(line -> System.err.println("  " + line));
        System.exit(1);
    }
}
