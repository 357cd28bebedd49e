package studio.actions.database;

import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import javax.transaction.xa.XAException;

import studio.actions.log.Causes;

/**
 * A failure of the database, as opposed to a fault in our own statements. Recognized by SQLSTATE and exception type, because
 * the texts of messages change and are ambiguous.
 *
 * @param state the SQLSTATE; null if there is none, for example because the pool had no connection
 * @param message the driver's or the pool's message
 */
public record DatabaseFailure(String state, String message) {

    /**
     * Prefixes of SQLSTATEs that only a wrong statement causes: violated cardinality or integrity, wrong data or syntax, and a
     * statement in a transaction that has already failed. All other SQLSTATEs are failures of the database.
     */
    private static final List<String> OURS = List.of("21", "22", "23", "42", "25P02");

    /**
     * A revoked right of the service's user. In class 42 of {@link #OURS}, but the fault of an administrator or hosting
     * provider.
     */
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

    /** Prefixes of SQLSTATEs after which the next statement may well succeed: deadlocks, lock time-outs, cancellations. */
    private static final List<String> PASSING = List.of("0A", "40", "55", "57014");

    /**
     * Finds the database failure that caused an exception, if any. Also looks at suppressed exceptions, because the reason of a
     * failed commit is one of them.
     */
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

    /** Returns true if the next statement would most likely fail as well. */
    boolean lasts() {
        return state == null || PASSING.stream().noneMatch(state::startsWith);
    }

    /** Returns true if writes fail while reads may still work, so that a health check that only reads notices nothing. */
    boolean isOfWrites() {
        return is("25006") || is(NO_RIGHT) || is("53");
    }

    /**
     * Returns true if both failures are the same to an operator. The various failures that a restart of the database causes
     * count as the same.
     */
    boolean isLike(DatabaseFailure other) {
        return other != null && (sentence().equals(other.sentence()) || comesBack() && other.comesBack());
    }

    private boolean comesBack() {
        return state == null || is("08") || is("57P01") || is("57P02") || is("57P03");
    }

    public String sentence() {
        return SENTENCES.entrySet().stream().filter(known -> is(known.getKey())).map(Map.Entry::getValue).findFirst()
                .orElse(is("53") ? "The database has reached one of its limits." : "The database does not answer.");
    }

    private boolean is(String prefix) {
        return state != null && state.startsWith(prefix);
    }
}
