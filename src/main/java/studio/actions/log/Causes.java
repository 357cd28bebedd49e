package studio.actions.log;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** The causes of exceptions, and suppressed ones. */
public final class Causes {

    private Causes() {
    }

    /** Returns the exception, then its cause, then the cause's cause, and so on. */
    public static Stream<Throwable> of(Throwable thrown) {
        return Stream.iterate(thrown, Objects::nonNull, Throwable::getCause);
    }

    /** Finds the first exception of a type among an exception and its causes. */
    public static <T extends Throwable> Optional<T> find(Throwable thrown, Class<T> type) {
        return of(thrown).filter(type::isInstance).map(type::cast).findFirst();
    }

    /**
     * Returns the exception, its causes and the suppressed exceptions of all of them, each once. After each exception come its
     * suppressed exceptions, the last one first, then its cause.
     */
    public static List<Throwable> withSuppressed(Throwable thrown) {
        List<Throwable> all = new ArrayList<>();
        Set<Throwable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<Throwable> next = new ArrayDeque<>(List.of(thrown));
        while (!next.isEmpty()) {
            Throwable one = next.pop();
            if (!seen.add(one)) {
                continue;
            }
            all.add(one);
            if (one.getCause() != null) {
                next.push(one.getCause());
            }
            List.of(one.getSuppressed()).forEach(next::push);
        }
        return all;
    }
}
