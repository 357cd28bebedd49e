package studio.actions.start;

import java.net.BindException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;

import org.eclipse.microprofile.config.Config;
import org.flywaydb.core.api.exception.FlywayValidateException;
import org.hibernate.tool.schema.spi.SchemaManagementException;

import io.quarkus.runtime.QuarkusBindException;
import io.quarkus.runtime.util.ExceptionUtil;
import io.smallrye.config.ConfigValidationException;
import studio.actions.database.DatabaseCheck;
import studio.actions.database.DatabaseFailure;
import studio.actions.database.DatabaseUrl;
import studio.actions.log.Causes;

/** The reasons why the service could not start, as lines that tell the operator what to do, without a stack trace. */
final class StartFailure {

    private static final String URL = "QUARKUS_DATASOURCE_JDBC_URL";

    private final Throwable failure;
    private final Throwable cause;
    private final Config config;
    private final Path dataFolder;

    /** @param dataFolder the folder of the embedded database; null if the operator runs the database */
    StartFailure(Throwable failure, Config config, Path dataFolder) {
        this.failure = failure;
        this.cause = ExceptionUtil.getRootCause(failure);
        this.config = config;
        this.dataFolder = dataFolder;
    }

    List<String> lines() {
        if (cause instanceof ConfigValidationException invalid) {
            return Settings.explain(invalid, config);
        }
        return List.of(Settings.shown(line()));
    }

    private String line() {
        if (cause instanceof QuarkusBindException bind) {
            return taken("Port " + bind.getPort() + " on " + bind.getHost(), "QUARKUS_HTTP_PORT", "QUARKUS_HTTP_HOST");
        }
        if (cause instanceof BindException) {
            return taken("The management port, " + config.getConfigValue("quarkus.management.port").getValue() + ",",
                    "QUARKUS_MANAGEMENT_PORT", "QUARKUS_MANAGEMENT_HOST");
        }
        if (config.getOptionalValue(DatabaseUrl.KEY, String.class).isEmpty()) {
            return "No database is configured. Set " + URL + " (and …_USERNAME, …_PASSWORD), such as "
                    + "jdbc:postgresql://postgres:5432/kitsu_actions. PostgreSQL 15 or later.";
        }
        return database().orElseGet(() -> cause.getClass().getSimpleName() + ": " + cause.getMessage()
                + " (QUARKUS_LOG_LEVEL=DEBUG shows where)");
    }

    private Optional<String> database() {
        String name = "The database " + (dataFolder == null
                ? "at " + config.getConfigValue(DatabaseUrl.KEY).getValue().replaceAll("\\?.*", "")
                : "in " + dataFolder);
        if (find(DatabaseCheck.Unfit.class) instanceof DatabaseCheck.Unfit unfit) {
            return Optional.of(name + " " + unfit.getMessage());
        }
        if (find(FlywayValidateException.class) != null) {
            return Optional.of(name + " was made by another build of this service, which was never released: delete that "
                    + (dataFolder == null ? "database and create it again, empty (DROP DATABASE, CREATE DATABASE)."
                            : "folder."));
        }
        if (find(SchemaManagementException.class) instanceof SchemaManagementException wrong) {
            return Optional.of(name + " does not have the tables of this version: " + wrong.getMessage()
                    + ". Was it changed by hand, or only partly restored? Restore a backup, or let the service create its "
                    + "tables in an empty database.");
        }
        if (find(SQLException.class) instanceof SQLException sql && String.valueOf(sql.getSQLState()).equals("42501")) {
            return Optional.of(name + " does not give its user the rights that the service needs: " + sql.getMessage()
                    + ". Make that user the owner of the database and of all tables in it.");
        }
        if (String.valueOf(cause.getMessage()).contains("startup parameter: extra_float_digits")) {
            return Optional.of(name + " is reached through a pool that refuses a parameter of the driver. In PgBouncer, set "
                    + "ignore_startup_parameters = extra_float_digits.");
        }
        return DatabaseFailure.of(failure).map(found -> {
            String state = String.valueOf(found.state());
            return state.startsWith("28") ? name + " refuses the login: " + found.message()
                    + ". Are QUARKUS_DATASOURCE_USERNAME and QUARKUS_DATASOURCE_PASSWORD right?"
                    : state.startsWith("3D") ? name + " does not exist: " + found.message()
                            + ". Create it with CREATE DATABASE, or correct " + URL + "."
                            : state.matches("25006|53.*|57P.*") ? name + " cannot be used: " + found.sentence() + " ("
                                    + found.message() + ")"
                                    : name + " does not answer: " + cause.getMessage() + ". Is it running, and are " + URL
                                            + ", …_USERNAME and …_PASSWORD right?";
        });
    }

    private Throwable find(Class<? extends Throwable> type) {
        return Causes.find(failure, type).orElse(null);
    }

    private String taken(String address, String port, String host) {
        String message = String.valueOf(cause.getMessage());
        return message.contains("assign requested address") ? address + " cannot be listened on, because this machine does not "
                + "have that address. Set " + host + " to one that it has, or to 0.0.0.0 for all."
                : message.contains("ermission denied") ? address + " cannot be listened on: ports below 1024 need a right that "
                        + "this process does not have. Set " + port + " to a higher one."
                        : address + " is in use by another process. Stop that one, or set " + port + " to a free port.";
    }
}
