package studio.actions.database;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

import javax.sql.DataSource;

import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.callback.Callback;
import org.flywaydb.core.api.callback.Context;
import org.flywaydb.core.api.callback.Event;

/** A Flyway callback that refuses an unsuitable database at each start, before any migration runs. */
public final class DatabaseCheck implements Callback {

    private static final int OLDEST = 15;
    private static final String SERVER = "SELECT pg_backend_pid()";

    /** Thrown for an unsuitable database. The message is the rest of a sentence that begins with the database's name. */
    public static final class Unfit extends FlywayException {

        private static final long serialVersionUID = 1L;

        Unfit(String what) {
            super(what);
        }
    }

    @Override
    public boolean supports(Event event, Context context) {
        return event == Event.BEFORE_VALIDATE;
    }

    @Override
    public boolean canHandleInTransaction(Event event, Context context) {
        return true;
    }

    @Override
    public String getCallbackName() {
        return getClass().getSimpleName();
    }

    @Override
    public void handle(Event event, Context context) {
        DataSource database = context.getConfiguration().getDataSource();
        try (Connection connection = database.getConnection()) {
            int version = connection.getMetaData().getDatabaseMajorVersion();
            if (version < OLDEST) {
                throw new Unfit("is PostgreSQL " + version + ". The service needs PostgreSQL " + OLDEST + " or later.");
            }
            String encoding = ask(connection, "SHOW server_encoding");
            if (!encoding.equals("UTF8")) {
                throw new Unfit("is encoded in " + encoding + ", which cannot hold every name. Create one with: "
                        + "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0");
            }
            if (ask(connection, "SHOW transaction_read_only").equals("on")) {
                throw new Unfit("is read-only. Is it a standby? QUARKUS_DATASOURCE_JDBC_URL must name the primary server.");
            }
            if (ask(connection, "SELECT CASE WHEN to_regclass('flyway_schema_history') IS NULL AND NOT "
                    + "coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) THEN 'no' END") != null) {
                throw new Unfit(
                        "has no schema in which its user may make tables. Make that user the owner of the database, or: "
                                + "GRANT USAGE, CREATE ON SCHEMA public TO "
                                + ask(connection, "SELECT quote_ident(current_user)"));
            }
            if (isSharedByTransaction(connection, database)) {
                throw new Unfit("is reached through a pool that hands out connections by transaction, such as PgBouncer with "
                        + "pool_mode = transaction: LISTEN does not work through it. Set pool_mode = session, or name the "
                        + "server itself in QUARKUS_DATASOURCE_JDBC_URL.");
            }
        } catch (SQLException e) {
            throw new FlywayException(e.getMessage(), e);
        }
    }

    /**
     * Returns true if a pool assigns server processes by transaction. If so, while another connection's open transaction holds
     * the process that this connection had, this connection gets a different one.
     */
    private static boolean isSharedByTransaction(Connection connection, DataSource database) throws SQLException {
        String before = ask(connection, SERVER);
        try (Connection other = database.getConnection()) {
            other.setAutoCommit(false);
            ask(other, SERVER);
            String after = ask(connection, SERVER);
            other.rollback();
            other.setAutoCommit(true);
            return !before.equals(after);
        }
    }

    private static String ask(Connection connection, String question) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet answer = statement.executeQuery(question)) {
            answer.next();
            return answer.getString(1);
        }
    }
}
