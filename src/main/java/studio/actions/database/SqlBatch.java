package studio.actions.database;

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
 * Several SQL statements in one round trip. Each statement sees what other transactions had committed when the previous
 * statement ended.
 */
public final class SqlBatch {

    public interface Reading<T> {
        T of(Answers answers) throws SQLException;
    }

    /** The results of a batch's statements, in their order. */
    public static final class Answers {

        private final PreparedStatement asked;
        private int at;

        private Answers(PreparedStatement asked) {
            this.asked = asked;
        }

        /**
         * Returns the rows of a statement.
         *
         * @param statement the number of the statement, from 0; not lower than in the previous call, since results are read
         *        in order
         */
        public ResultSet of(int statement) throws SQLException {
            // Also skips the result of PLANNED_ONCE, which precedes the batch's results.
            for (; at <= statement; at++) {
                asked.getMoreResults();
            }
            return asked.getResultSet();
        }
    }

    /**
     * Makes PostgreSQL plan each prepared statement only once. Otherwise it plans a statement with arrays at each execution,
     * because the best plan may depend on the arrays' lengths. The batches' statements find rows by an index at any length, and
     * planning takes longer than that.
     */
    private static final String PLANNED_ONCE = "SELECT set_config('plan_cache_mode', 'force_generic_plan', true)";

    private final List<String> all = new ArrayList<>();
    private final List<Object> values = new ArrayList<>();

    /**
     * Adds a statement to the batch.
     *
     * @param of the values of its question marks: of types that JDBC accepts, or arrays that {@link #type} accepts
     */
    public SqlBatch add(String sql, List<?> of) {
        all.add(sql);
        values.addAll(of);
        return this;
    }

    public int size() {
        return all.size();
    }

    /** Sends the statements in the open transaction; reads no results. */
    public void send() {
        ask(answers -> null);
    }

    /** Sends the statements and commits, as {@link #askAndCommit} does, without reading results. */
    public void sendAndCommit() {
        askAndCommit(answers -> null);
    }

    /**
     * Sends the statements in the open transaction and commits it in the same round trip. They must be the last statements of
     * the transaction: the transaction manager later sends its own commit, which has no effect.
     */
    public <T> T askAndCommit(Reading<T> reading) {
        return add("COMMIT", List.of()).ask(reading);
    }

    /** Sends the statements in the open transaction, and reads their results. */
    public <T> T ask(Reading<T> reading) {
        return Panache.getEntityManager().unwrap(Session.class).doReturningWork(connection -> ask(connection, reading));
    }

    /**
     * Sends the statements on a connection of their own and commits them. The caller needs no managed transaction, because
     * nothing else is committed with them.
     */
    public <T> T ask(DataSource database, Reading<T> reading) {
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

    /** Returns one property of each element as an array, for a statement that turns arrays into rows with {@code unnest}. */
    public static <S, T> T[] each(Collection<S> all, Function<S, T> part, IntFunction<T[]> array) {
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
