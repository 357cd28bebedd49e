package studio.actions.problem;

import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

import javax.transaction.xa.XAException;

/** Tells failures of the database from faults of our own statements: by SQLSTATE and type, since messages change and clash. */
final class DatabaseFailure {

    /**
     * What only a wrong statement brings: cardinality, data, integrity, syntax, and statements after a failed one. All else is
     * the database's: away, hanging, full, read-only, shutting down, deadlocked; or the pool's, which names no state.
     */
    private static final List<String> OURS = List.of("21", "22", "23", "42", "25P02");

    private DatabaseFailure() {
    }

    /** Looks at causes and at what was suppressed: a commit that fails hides its reason there. */
    static boolean isIn(Throwable thrown) {
        boolean found = false;
        Set<Throwable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<Throwable> next = new ArrayDeque<>(List.of(thrown));
        while (!next.isEmpty()) {
            Throwable one = next.pop();
            if (!seen.add(one)) {
                continue;
            }
            if (one instanceof SQLException sql && sql.getSQLState() != null
                    && OURS.stream().anyMatch(sql.getSQLState()::startsWith)) {
                return false;
            }
            found |= one instanceof SQLException || one instanceof XAException;
            if (one.getCause() != null) {
                next.push(one.getCause());
            }
            List.of(one.getSuppressed()).forEach(next::push);
        }
        return found;
    }
}
