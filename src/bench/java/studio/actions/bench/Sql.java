package studio.actions.bench;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** SQL statements on a database, past the service. */
final class Sql {

    private Sql() {
    }

    static void run(String database, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(database);
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /** Repeats a query until the first column of its first row is true. */
    static void await(String database, String sql) throws Exception {
        try (Connection connection = DriverManager.getConnection(database);
                PreparedStatement question = connection.prepareStatement(sql)) {
            boolean so = false;
            while (!so) {
                Thread.sleep(10);
                try (ResultSet found = question.executeQuery()) {
                    so = found.next() && found.getBoolean(1);
                }
            }
        }
    }

    /** Returns the first column of the first row. */
    static String one(String database, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(database);
                Statement statement = connection.createStatement();
                ResultSet found = statement.executeQuery(sql)) {
            found.next();
            return found.getString(1);
        }
    }
}
