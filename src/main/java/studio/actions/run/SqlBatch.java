package studio.actions.run;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.IntFunction;

import javax.sql.DataSource;

import org.hibernate.Session;

import io.quarkus.hibernate.orm.panache.Panache;

/**
 * Several statements in one round trip. Each sees what was committed when the one before it ended.
 */
final class SqlBatch {

    interface Reading<T> {
        T of(Answers answers) throws SQLException;
    }

    /** What they answered, in their order. */
    static final class Answers {

        private final PreparedStatement asked;
        private int at;

        private Answers(PreparedStatement asked) {
            this.asked = asked;
        }

        /** @param statement its number, from 0; none before the last that was read */
        ResultSet of(int statement) throws SQLException {
            // Before all of them there is one of ours.
            for (; at <= statement; at++) {
                asked.getMoreResults();
            }
            return asked.getResultSet();
        }
    }

    /**
     * For arrays PostgreSQL would plan each of them anew, each time, by how much is in them. All are looked up by index,
     * whatever is in them, and planning takes longer than that.
     */
    private static final String PLANNED_ONCE = "SELECT set_config('plan_cache_mode', 'force_generic_plan', true)";

    private final List<String> all = new ArrayList<>();
    private final List<Object> values = new ArrayList<>();

    /** @param of for its question marks: what JDBC knows, and arrays of what {@link #type} knows */
    SqlBatch add(String sql, List<?> of) {
        all.add(sql);
        values.addAll(of);
        return this;
    }

    int size() {
        return all.size();
    }

    /** In the transaction that is open. */
    void send() {
        ask(answers -> null);
    }

    /** The same, as {@link #askLast} does. */
    void sendLast() {
        askLast(answers -> null);
    }

    /**
     * In the transaction that is open, and ends it, so that its end costs no round trip: whatever ends it then has nothing left
     * to do. Nothing else may be asked in it.
     */
    <T> T askLast(Reading<T> reading) {
        return add("COMMIT", List.of()).ask(reading);
    }

    /** In the transaction that is open. */
    <T> T ask(Reading<T> reading) {
        return Panache.getEntityManager().unwrap(Session.class).doReturningWork(connection -> ask(connection, reading));
    }

    /** Where no transaction is open, and none is needed: nothing has to be told of its end. */
    <T> T ask(DataSource database, Reading<T> reading) {
        try (Connection connection = database.getConnection()) {
            return ask(connection, reading);
        } catch (SQLException e) {
            throw new IllegalStateException("The database cannot be asked: " + e.getMessage(), e);
        }
    }

    private <T> T ask(Connection connection, Reading<T> reading) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(PLANNED_ONCE + ";" + String.join(";", all))) {
            for (int i = 0; i < values.size(); i++) {
                statement.setObject(i + 1, value(values.get(i), connection));
            }
            statement.execute();
            return reading.of(new Answers(statement));
        }
    }

    /** A part of each, as an array to be taken apart by {@code unnest}. */
    static <S, T> T[] each(Collection<S> all, Function<S, T> part, IntFunction<T[]> array) {
        return all.stream().map(part).toArray(array);
    }

    private static Object value(Object value, Connection connection) throws SQLException {
        return value instanceof Object[] array ? connection.createArrayOf(type(array), array) : value;
    }

    private static String type(Object[] array) {
        return array instanceof UUID[] ? "uuid"
                : array instanceof Integer[] ? "int4"
                        : array instanceof Long[] ? "int8"
                                : array instanceof Double[] ? "float8" : array instanceof Boolean[] ? "bool" : "text";
    }
}
