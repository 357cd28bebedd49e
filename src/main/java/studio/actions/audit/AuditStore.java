package studio.actions.audit;

import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;

import com.fasterxml.jackson.databind.ObjectMapper;

import studio.actions.audit.AuditEntry.Verb;
import studio.actions.database.SqlBatch;
import studio.actions.problem.Cursor;

/** The queries of the audit. The calling method must open the transaction. */
@Singleton
public class AuditStore {

    private static final String INSERT = """
            INSERT INTO audit_entry (id, verb, subject, subject_name, run_id, caller_id, caller_name, caller_email, caller_role,
                from_address, result, detail)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS jsonb))""";

    private final EntityManager entities;
    private final ObjectMapper json;

    AuditStore(EntityManager entities, ObjectMapper json) {
        this.entities = entities;
        this.json = json;
    }

    /** Adds an INSERT of an audit entry to a batch. */
    public SqlBatch insert(SqlBatch batch, AuditEntry entry) {
        return batch.add(INSERT, Arrays.asList(entry.id, entry.verb.name(), entry.subject, entry.subjectName, entry.runId,
                entry.callerId, entry.callerName, entry.callerEmail, entry.callerRole.name(), entry.fromAddress, entry.result,
                json.valueToTree(entry.detail).toString()));
    }

    /** The conditions for finding entries; null allows any value. */
    public record Filter(UUID subject, UUID runId, UUID callerId, Verb verb, Instant since, Instant until) {
    }

    /** Finds entries, newest first: after the cursor, or from the start if the cursor is null. */
    List<AuditEntry> entries(Filter filter, Cursor after, int most) {
        Map<String, Object> values = new HashMap<>();
        String where = Stream.of(
                condition(values, "subject = :subject", "subject", filter.subject),
                condition(values, "runId = :runId", "runId", filter.runId),
                condition(values, "callerId = :callerId", "callerId", filter.callerId),
                condition(values, "verb = :verb", "verb", filter.verb),
                condition(values, "at >= :since", "since", filter.since),
                condition(values, "at < :until", "until", filter.until),
                condition(values, "at <= :at", "at", after == null ? null : after.at()),
                condition(values, "(at < :at or id < :after)", "after", after == null ? null : after.id()))
                .filter(Objects::nonNull).reduce("1 = 1", (all, one) -> all + " and " + one);
        return AuditEntry.<AuditEntry> find(where + " order by at desc, id desc", values).page(0, most).list();
    }

    private static String condition(Map<String, Object> values, String condition, String name, Object value) {
        if (value == null) {
            return null;
        }
        values.put(name, value);
        return condition;
    }

    /** Finds the outcomes of runs, by run id. The map lacks the runs that have not ended. */
    Map<UUID, AuditOutcome> outcomes(Collection<UUID> runs) {
        return runs.isEmpty() ? Map.of()
                : AuditOutcome.<AuditOutcome> list("runId in ?1", runs).stream()
                        .collect(Collectors.toMap(outcome -> outcome.runId, Function.identity()));
    }

    /**
     * Sets the action of the entry of a refused request and, if the request was about a run, the run. The request's path holds
     * only an id, so the name is read from the database.
     */
    @SuppressWarnings("unchecked")
    void aboutPath(AuditEntry entry, UUID id, boolean run) {
        List<Object[]> found = entities
                .createNativeQuery(run ? "SELECT action_id, action_name FROM run WHERE id = :id"
                        : "SELECT id, name FROM action WHERE id = :id", Object[].class)
                .setParameter("id", id).getResultList();
        entry.runId = run ? id : null;
        entry.subject = run ? null : id;
        found.forEach(row -> entry.about((UUID) row[0], (String) row[1]));
    }

    /** Saves the retention period, so that the database's trigger refuses to remove younger entries. */
    void keep(Duration age) {
        entities.createNativeQuery("UPDATE audit_retention SET keep = make_interval(secs => :seconds)")
                .setParameter("seconds", (double) age.toSeconds()).executeUpdate();
    }

    /**
     * Removes a batch of expired entries, the oldest first, and returns their number. Skips entries that another replica is
     * removing.
     */
    int remove(Duration age, int most) {
        return remove("""
                DELETE FROM audit_entry WHERE id IN (
                    SELECT id FROM audit_entry WHERE at < now() - :age
                     ORDER BY at, id LIMIT :most FOR UPDATE SKIP LOCKED)""", age, most);
    }

    int removeOutcomes(Duration age, int most) {
        return remove("""
                DELETE FROM audit_outcome WHERE run_id IN (
                    SELECT run_id FROM audit_outcome WHERE at < now() - :age
                     ORDER BY at LIMIT :most FOR UPDATE SKIP LOCKED)""", age, most);
    }

    /**
     * Removes rows that are older than both the retention period in the database and this replica's own setting. The two differ
     * if another replica has another setting, or if this replica has not saved its own yet.
     */
    private int remove(String some, Duration age, int most) {
        return entities.createNativeQuery(some.replace(":age",
                "(SELECT greatest(keep, make_interval(secs => :seconds)) FROM audit_retention)"))
                .setParameter("seconds", (double) age.toSeconds()).setParameter("most", most).executeUpdate();
    }
}
