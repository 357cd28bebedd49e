package studio.actions.run;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.List;
import java.util.UUID;

import org.hibernate.Session;

import io.quarkus.hibernate.orm.panache.Panache;

/**
 * Statements that are sent together, in the transaction that is open: where a round trip takes longer than what it asks for.
 * Each sees what was committed when the one before had ended.
 */
final class Statements {

    interface Answer<T> {
        /** @param asked stands at what the first one answered */
        T read(PreparedStatement asked) throws SQLException;
    }

    private Statements() {
    }

    /**
     * @param sql with semicolons between
     * @param values for the question marks of all: what JDBC knows, and arrays of strings, integers, booleans and UUIDs
     */
    static <T> T ask(String sql, List<Object> values, Answer<T> answer) {
        return Panache.getEntityManager().unwrap(Session.class).doReturningWork(connection -> {
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                for (int i = 0; i < values.size(); i++) {
                    statement.setObject(i + 1, value(values.get(i), connection));
                }
                statement.execute();
                return answer.read(statement);
            }
        });
    }

    private static Object value(Object value, Connection connection) throws SQLException {
        return value instanceof Object[] array ? connection.createArrayOf(type(array), array) : value;
    }

    private static String type(Object[] array) {
        return array instanceof UUID[] ? "uuid"
                : array instanceof Integer[] ? "int4"
                        : array instanceof Long[] ? "int8" : array instanceof Boolean[] ? "bool" : "text";
    }
}
