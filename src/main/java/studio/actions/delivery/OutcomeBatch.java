package studio.actions.delivery;

import static studio.actions.database.SqlBatch.each;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiFunction;
import java.util.function.Consumer;

import studio.actions.database.Notifications;
import studio.actions.database.SqlBatch;
import studio.actions.egress.FailureKind;
import studio.actions.run.Delivery;
import studio.actions.run.Run;
import studio.actions.run.RunEvents;

/**
 * Saves and publishes how several attempts, also of several runs, ended. Ignores an attempt whose delivery another replica has
 * taken over, because only the owner of a delivery may report its outcome. Locks the runs first, so that transactions save
 * outcomes of the same run in turn, and exactly one of them ends the run. Uses the open transaction; usually needs two round
 * trips.
 */
final class OutcomeBatch {

    private static final String LOCK = """
            SELECT id, state, unfinished, events, max_attempts, cancelled_at IS NOT NULL AS cancelled,
                   finished_at IS NOT NULL AS finished
              FROM run WHERE id = ANY (?) ORDER BY id FOR NO KEY UPDATE""";

    /**
     * IS NOT DISTINCT FROM keeps PostgreSQL from using the index on {@code owner}. It looks up the deliveries by id instead,
     * which is faster.
     */
    private static final String OWNED = """
            SELECT d.id, clock_timestamp() AS now
              FROM unnest(?, ?, ?) AS ended (id, owner, attempt)
              JOIN delivery d ON d.id = ended.id AND d.state = 'in_flight' AND d.attempts = ended.attempt
               AND d.owner IS NOT DISTINCT FROM ended.owner""";

    private static final String WRITE = """
            UPDATE delivery d SET state = ended.state, owner = NULL, status = ended.status, failure_kind = ended.kind,
                failure_message = ended.message, response = ended.response, truncated = ended.truncated, duration_ms = ended.took, event = ended.event,
                attempts = d.attempts - ended.uncounted,
                due_at = CASE WHEN ended.state = 'pending' THEN now() + ended.pause * interval '1 millisecond' END
              FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                AS ended (id, state, status, kind, message, response, truncated, took, event, uncounted, pause)
             WHERE d.id = ended.id""";

    /** LATERAL makes PostgreSQL look up each run by index, even if it expects a long array of run ids. */
    private static final String COUNT = """
            SELECT run.id, owed.state, owed.count
              FROM unnest(?) AS run (id)
             CROSS JOIN LATERAL (SELECT state, count(*) FROM delivery WHERE run_id = run.id GROUP BY state) owed""";

    private static final String ADVANCE = """
            UPDATE run SET state = advanced.state, unfinished = advanced.unfinished, events = advanced.events,
                finished_at = CASE WHEN advanced.ends THEN ? ELSE finished_at END
              FROM unnest(?, ?, ?, ?, ?) AS advanced (id, state, unfinished, events, ends)
             WHERE run.id = advanced.id""";

    /** Copies the results of the latest attempts to table {@code attempt}, before the next attempts overwrite them. */
    private static final String KEEP_ATTEMPTS = """
            INSERT INTO attempt (id, delivery_id, number, ended_at, status, duration_ms, failure_kind, failure_message)
            SELECT gen_random_uuid(), id, attempts, now(), status, duration_ms, failure_kind, failure_message
              FROM delivery WHERE id = ANY (?)""";

    /** An attempt whose outcome is to be saved. */
    interface Attempted {

        UUID delivery();

        UUID run();

        /** Returns the id of the replica that made the attempt. */
        UUID owner();

        int attempt();
    }

    /** The fields of a run that decide whether another attempt may follow a failed one. */
    record Terms(int maxAttempts, boolean cancelled) {
    }

    private record Settling(UUID delivery, Delivery.Outcome outcome, int event) {
    }

    /** A locked run, and what this batch changes in it. */
    private static final class Course {
        private final UUID run;
        private final Terms terms;
        /**
         * How many deliveries the run has to end; -1 if the run had outcomes before this batch, because {@link #states} lacks
         * those outcomes.
         */
        private final int all;
        private Run.State state;
        private int unfinished;
        private int events;
        private boolean finished;
        private boolean ends;
        /** How many deliveries of the run got each state in this batch. */
        private final Map<Delivery.State, Long> states = new EnumMap<>(Delivery.State.class);

        Course(ResultSet locked) throws SQLException {
            run = locked.getObject("id", UUID.class);
            state = Run.State.valueOf(locked.getString("state"));
            unfinished = locked.getInt("unfinished");
            events = locked.getInt("events");
            terms = new Terms(locked.getInt("max_attempts"), locked.getBoolean("cancelled"));
            finished = locked.getBoolean("finished");
            all = events > 0 ? -1 : unfinished;
        }

        void settle(Delivery.State outcome) {
            events++;
            unfinished -= outcome.ended() ? 1 : 0;
            state = state == Run.State.queued ? Run.State.running : state;
            states.merge(outcome, 1L, Long::sum);
        }

        boolean moved() {
            return !states.isEmpty();
        }

        /** Returns whether {@link #states} covers all deliveries of the run. */
        boolean whole() {
            return all == states.values().stream().mapToLong(Long::longValue).sum();
        }

        boolean isLast() {
            return moved() && unfinished <= 0 && !finished;
        }

        void end(Map<Delivery.State, Long> counts) {
            state = Run.State.of(counts);
            finished = true;
            ends = true;
        }
    }

    private final Map<UUID, Course> courses = new LinkedHashMap<>();
    private final Set<UUID> owned = new HashSet<>();
    private final Map<UUID, Delivery.Outcome> outcomes = new HashMap<>();
    /** The database's time, read after the runs were locked. */
    private OffsetDateTime now;

    private OutcomeBatch() {
    }

    /**
     * Saves the outcomes of attempts in the open transaction.
     *
     * @param becomes decides the outcome of an attempt; not called if another replica has taken the delivery over
     */
    static <A extends Attempted> OutcomeBatch of(List<A> attempts, BiFunction<Terms, A, Delivery.Outcome> becomes) {
        return of(attempts, becomes, SqlBatch::send);
    }

    /** Saves the outcomes like {@link #of(List, BiFunction)}, and commits the transaction. */
    static <A extends Attempted> OutcomeBatch ofAndCommit(List<A> attempts, BiFunction<Terms, A, Delivery.Outcome> becomes) {
        return of(attempts, becomes, SqlBatch::sendAndCommit);
    }

    private static <A extends Attempted> OutcomeBatch of(List<A> attempts, BiFunction<Terms, A, Delivery.Outcome> becomes,
            Consumer<SqlBatch> send) {
        OutcomeBatch batch = new OutcomeBatch();
        batch.lock(attempts);
        List<Settling> settling = new ArrayList<>();
        for (A attempt : attempts) {
            Course course = batch.courses.get(attempt.run());
            // The id is removed, so that an attempt that is in the list twice is saved only once.
            if (course != null && batch.owned.remove(attempt.delivery())) {
                Delivery.Outcome outcome = becomes.apply(course.terms, attempt);
                course.settle(outcome.state());
                batch.outcomes.put(attempt.delivery(), outcome);
                settling.add(new Settling(attempt.delivery(), outcome, course.events));
            }
        }
        batch.write(settling, send);
        return batch;
    }

    /** Returns the saved outcomes by delivery id. Deliveries that another replica has taken over are missing. */
    Map<UUID, Delivery.Outcome> outcomes() {
        return outcomes;
    }

    /** Reports the changed runs to the requests and event streams in this process that wait for news of these runs. */
    void publish(RunEvents events) {
        courses.values().forEach(course -> {
            if (course.ends) {
                events.ended(course.run, new RunEvents.End(course.state, now.toInstant()));
            } else {
                events.changed(course.run, course.finished);
            }
        });
    }

    private void lock(List<? extends Attempted> attempts) {
        UUID[] runs = attempts.stream().map(Attempted::run).distinct().toArray(UUID[]::new);
        List<?> owned = List.of(each(attempts, Attempted::delivery, UUID[]::new), each(attempts, Attempted::owner, UUID[]::new),
                each(attempts, Attempted::attempt, Integer[]::new));
        new SqlBatch().add(LOCK, List.<UUID[]> of(runs)).add(OWNED, owned).ask(answers -> {
            for (ResultSet run = answers.of(0); run.next();) {
                Course course = new Course(run);
                courses.put(course.run, course);
            }
            for (ResultSet attempt = answers.of(1); attempt.next();) {
                this.owned.add(attempt.getObject("id", UUID.class));
                now = attempt.getObject("now", OffsetDateTime.class);
            }
            return null;
        });
    }

    private void write(List<Settling> settling, Consumer<SqlBatch> send) {
        SqlBatch statements = new SqlBatch();
        if (!settling.isEmpty()) {
            statements.add(WRITE, List.of(each(settling, Settling::delivery, UUID[]::new),
                    each(settling, one -> one.outcome.state().name(), String[]::new),
                    each(settling, one -> one.outcome.status(), Integer[]::new),
                    each(settling, one -> name(one.outcome.kind()), String[]::new),
                    each(settling, one -> one.outcome.message(), String[]::new),
                    each(settling, one -> one.outcome.response(), String[]::new),
                    each(settling, one -> one.outcome.truncated(), Boolean[]::new),
                    each(settling, one -> one.outcome.durationMs(), Integer[]::new),
                    each(settling, Settling::event, Integer[]::new),
                    each(settling, one -> one.outcome.uncounted() ? 1 : 0, Integer[]::new),
                    each(settling, one -> one.outcome.pause() == null ? 0 : one.outcome.pause().toMillis(), Long[]::new)));
            UUID[] again = settling.stream()
                    .filter(one -> one.outcome.state() == Delivery.State.pending && !one.outcome.uncounted())
                    .map(Settling::delivery).toArray(UUID[]::new);
            if (again.length > 0) {
                statements.add(KEEP_ATTEMPTS, List.<UUID[]> of(again));
            }
        }
        List<Course> last = courses.values().stream().filter(Course::isLast).toList();
        UUID[] uncounted = last.stream().filter(course -> !course.whole()).map(course -> course.run).toArray(UUID[]::new);
        last.stream().filter(Course::whole).forEach(course -> course.end(course.states));
        if (uncounted.length > 0) {
            int count = statements.size();
            statements.add(COUNT, List.<UUID[]> of(uncounted)).ask(answers -> counts(answers.of(count)))
                    .forEach((run, states) -> courses.get(run).end(states));
            statements = new SqlBatch();
        }
        List<Course> moved = courses.values().stream().filter(Course::moved).toList();
        if (!moved.isEmpty()) {
            statements.add(ADVANCE, List.of(now, each(moved, course -> course.run, UUID[]::new),
                    each(moved, course -> course.state.name(), String[]::new),
                    each(moved, course -> course.unfinished, Integer[]::new),
                    each(moved, course -> course.events, Integer[]::new),
                    each(moved, course -> course.ends, Boolean[]::new)));
        }
        if (!courses.isEmpty()) {
            send.accept(statements.add(Notifications.PUBLISH, List.of(Notifications.Topic.run_changed.name(),
                    each(courses.values(), course -> RunEvents.payload(course.run, course.finished), String[]::new))));
        }
    }

    private static Map<UUID, Map<Delivery.State, Long>> counts(ResultSet count) throws SQLException {
        Map<UUID, Map<Delivery.State, Long>> counts = new HashMap<>();
        while (count.next()) {
            counts.computeIfAbsent(count.getObject("id", UUID.class), run -> new EnumMap<>(Delivery.State.class))
                    .put(Delivery.State.valueOf(count.getString("state")), count.getLong("count"));
        }
        return counts;
    }

    private static String name(FailureKind kind) {
        return kind == null ? null : kind.name();
    }
}
