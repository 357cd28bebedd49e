package studio.actions.audit;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

import io.quarkus.runtime.annotations.RegisterForReflection;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.identity.Person;

/** The JSON of audit entries. */
// The resource's method returns a Response, since the answer may be CSV. So the native image would leave these types out.
@RegisterForReflection(
        targets = { AuditJson.Page.class, AuditJson.View.class, AuditJson.Subject.class, Person.class })
public final class AuditJson {

    private AuditJson() {
    }

    public record Page(List<View> data,
            String next) {
    }

    public record View(UUID id, Instant at, Verb verb,
            Subject subject,
            UUID runId,
            Person caller,
            String from,
            String result,
            Map<String, Object> detail) {

        /**
         * @param outcome the outcome of the run whose start the entry records; null if it has not ended, or the entry records
         *        no start
         */
        static View of(AuditEntry entry, AuditOutcome outcome) {
            Map<String, Object> detail = new TreeMap<>(entry.detail);
            if (outcome != null) {
                detail.put("outcome", outcome.detail);
            }
            return new View(entry.id, entry.at, entry.verb,
                    entry.subject == null ? null : new Subject(entry.subject, entry.subjectName), entry.runId,
                    new Person(entry.callerId, entry.callerName, entry.callerEmail, entry.callerRole), entry.fromAddress,
                    outcome == null ? entry.result : outcome.result, detail);
        }
    }

    public record Subject(UUID id, String name) {
    }
}
