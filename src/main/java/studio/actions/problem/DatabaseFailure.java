package studio.actions.problem;

import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

import javax.transaction.xa.XAException;

/**
 * What the database does to us, told from faults of our own statements: by SQLSTATE and type, since messages change and clash.
 *
 * @param state PostgreSQL's code; null where it is the pool that has no connection
 * @param message of the driver or the pool
 */
public record DatabaseFailure(String state, String message) {

    /**
     * What only a wrong statement brings: cardinality, data, integrity, syntax, and statements after a failed one. All else is
     * the database's: away, hanging, full, read-only, shutting down, deadlocked; or the pool's, which names no state.
     */
    private static final List<String> OURS = List.of("21", "22", "23", "42", "25P02");

    private static final Map<String, String> SENTENCES = Map.of(
            "25006", "The database is read-only.",
            "53100", "The database's disk is full.",
            "53200", "The database is out of memory.",
            "53300", "The database has no connection left.",
            "57P01", "The database is shutting down.",
            "57P02", "The database has crashed and starts again.",
            "57P03", "The database is starting or recovering.",
            "57P04", "The database was dropped.",
            "3D", "The database is not there.",
            "28", "The database does not let the service in.");

    /** Passes with the statement that it happened to: deadlocks, locks that were waited for, statements that were cancelled. */
    private static final List<String> PASSING = List.of("0A", "40", "55", "57014");

    /**
     * The failure behind an exception; empty where there is none. Looks at what was suppressed, too: a commit hides it there.
     */
    public static Optional<DatabaseFailure> of(Throwable thrown) {
        DatabaseFailure found = null;
        Set<Throwable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<Throwable> next = new ArrayDeque<>(List.of(thrown));
        while (!next.isEmpty()) {
            Throwable one = next.pop();
            if (!seen.add(one)) {
                continue;
            }
            String state = one instanceof SQLException sql ? sql.getSQLState() : null;
            if (state != null && OURS.stream().anyMatch(state::startsWith)) {
                return Optional.empty();
            }
            if (state != null && (found == null || found.state == null)
                    || found == null && (one instanceof SQLException || one instanceof XAException)) {
                found = new DatabaseFailure(state, one.getMessage());
            }
            if (one.getCause() != null) {
                next.push(one.getCause());
            }
            List.of(one.getSuppressed()).forEach(next::push);
        }
        return Optional.ofNullable(found);
    }

    static boolean isIn(Throwable thrown) {
        return of(thrown).isPresent();
    }

    /** Whether the next statement would most likely fail, too. */
    boolean lasts() {
        return state == null || PASSING.stream().noneMatch(state::startsWith);
    }

    /** Whether reading goes on and only writing fails, so that a look at the connection alone would find nothing. */
    boolean isOfWrites() {
        return is("25006") || is("53");
    }

    /** Whether it is the same trouble for whoever has to mend it: a restart is many failures, one after the other. */
    boolean isLike(DatabaseFailure other) {
        return other != null && (sentence().equals(other.sentence()) || comesBack() && other.comesBack());
    }

    private boolean comesBack() {
        return state == null || is("08") || is("57P01") || is("57P02") || is("57P03");
    }

    /** What is wrong, as a sentence. */
    public String sentence() {
        return SENTENCES.entrySet().stream().filter(known -> is(known.getKey())).map(Map.Entry::getValue).findFirst()
                .orElse("The database does not answer.");
    }

    private boolean is(String prefix) {
        return state != null && state.startsWith(prefix);
    }
}
