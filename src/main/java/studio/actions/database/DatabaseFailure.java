package studio.actions.database;

import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import javax.transaction.xa.XAException;

import studio.actions.log.Causes;

/**
 * A failure of the database, as opposed to a fault in our own statements. Classified by SQLSTATE and type, because messages
 * change and clash.
 *
 * @param state the SQLSTATE; null if the pool had no connection
 * @param message the driver's or the pool's message
 */
public record DatabaseFailure(String state, String message) {

    /**
     * States that only a wrong statement causes: cardinality, data, integrity, syntax, and statements after a failed one. All
     * other states are failures of the database.
     */
    private static final List<String> OURS = List.of("21", "22", "23", "42", "25P02");

    /** Class 42, but a failure of the database: a hosting provider or an administrator has revoked rights. */
    private static final String NO_RIGHT = "42501";

    private static final Map<String, String> SENTENCES = Map.ofEntries(
            Map.entry("25006", "The database is read-only."),
            Map.entry(NO_RIGHT, "The database does not allow the service to write."),
            Map.entry("53100", "The database's disk is full."),
            Map.entry("53200", "The database is out of memory."),
            Map.entry("53300", "The database has no connection left."),
            Map.entry("57P01", "The database is shutting down."),
            Map.entry("57P02", "The database has crashed and is restarting."),
            Map.entry("57P03", "The database is starting or recovering."),
            Map.entry("57P04", "The database was dropped."),
            Map.entry("3D", "The database does not exist."),
            Map.entry("28", "The database refuses the service's login."));

    /** States that concern one statement only: deadlocks, lock time-outs, cancelled statements. */
    private static final List<String> PASSING = List.of("0A", "40", "55", "57014");

    /** Finds the failure behind an exception. Looks at suppressed exceptions, too: a failed commit hides its reason there. */
    public static Optional<DatabaseFailure> of(Throwable thrown) {
        DatabaseFailure found = null;
        for (Throwable one : Causes.withSuppressed(thrown)) {
            String state = one instanceof SQLException sql ? sql.getSQLState() : null;
            if (state != null && !state.equals(NO_RIGHT) && OURS.stream().anyMatch(state::startsWith)) {
                return Optional.empty();
            }
            if (state != null && (found == null || found.state == null)
                    || found == null && (one instanceof SQLException || one instanceof XAException)) {
                found = new DatabaseFailure(state, one.getMessage());
            }
        }
        return Optional.ofNullable(found);
    }

    static boolean isIn(Throwable thrown) {
        return of(thrown).isPresent();
    }

    /** Returns true if the next statement would most likely fail, too. */
    boolean lasts() {
        return state == null || PASSING.stream().noneMatch(state::startsWith);
    }

    /** Returns true if reads work and writes fail, which a probe of the connection does not notice. */
    boolean isOfWrites() {
        return is("25006") || is(NO_RIGHT) || is("53");
    }

    /** Returns true if both failures need the same remedy. A restart causes several failures, one after the other. */
    boolean isLike(DatabaseFailure other) {
        return other != null && (sentence().equals(other.sentence()) || comesBack() && other.comesBack());
    }

    private boolean comesBack() {
        return state == null || is("08") || is("57P01") || is("57P02") || is("57P03");
    }

    /** Describes the failure in a sentence. */
    public String sentence() {
        return SENTENCES.entrySet().stream().filter(known -> is(known.getKey())).map(Map.Entry::getValue).findFirst()
                .orElse(is("53") ? "The database has reached one of its limits." : "The database does not answer.");
    }

    private boolean is(String prefix) {
        return state != null && state.startsWith(prefix);
    }
}
