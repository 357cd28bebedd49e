package studio.actions.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

import jakarta.inject.Singleton;

import io.agroal.api.AgroalDataSource;

/** SQL against the database of the service under test. */
@Singleton
public class Database {

    private final AgroalDataSource source;

    Database(AgroalDataSource source) {
        this.source = source;
    }

    public Connection connect() throws SQLException {
        return source.getConnection();
    }

    /** Executes a statement with these values for its question marks and returns how many rows it changed. */
    public int execute(String sql, Object... values) throws SQLException {
        try (Connection connection = connect(); PreparedStatement statement = prepare(connection, sql, values)) {
            statement.execute();
            return statement.getUpdateCount();
        }
    }

    /** Executes a statement and checks that it changed one row. */
    public void change(String sql, Object... values) throws SQLException {
        assertThat(execute(sql, values)).isEqualTo(1);
    }

    /** Returns the first column of the first row. */
    public String text(String sql, Object... values) throws SQLException {
        return rows(sql, values).get(0).get(0);
    }

    /** Returns the rows, each as the texts of its columns. */
    public List<List<String>> rows(String sql, Object... values) throws SQLException {
        try (Connection connection = connect();
                PreparedStatement statement = prepare(connection, sql, values);
                ResultSet found = statement.executeQuery()) {
            List<List<String>> rows = new ArrayList<>();
            while (found.next()) {
                List<String> row = new ArrayList<>();
                for (int column = 1; column <= found.getMetaData().getColumnCount(); column++) {
                    row.add(found.getString(column));
                }
                rows.add(row);
            }
            return rows;
        }
    }

    /** Returns the rows, each with its columns joined by a bar. */
    public List<String> select(String sql, Object... values) throws SQLException {
        return rows(sql, values).stream().map(row -> String.join("|", row)).toList();
    }

    private static PreparedStatement prepare(Connection connection, String sql, Object... values) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        for (int i = 0; i < values.length; i++) {
            statement.setObject(i + 1, values[i]);
        }
        return statement;
    }
}
