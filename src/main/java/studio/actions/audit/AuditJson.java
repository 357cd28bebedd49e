package studio.actions.audit;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

import io.quarkus.runtime.annotations.RegisterForReflection;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.identity.Role;

/** The audit on the wire. */
// They stand in no signature, since the answer may be a table; so the native image would not know them.
@RegisterForReflection(
        targets = { AuditJson.Page.class, AuditJson.View.class, AuditJson.Subject.class, AuditJson.Person.class })
public final class AuditJson {

    private AuditJson() {
    }

    @Schema(name = "AuditPage")
    public record Page(List<View> data,
            @Schema(nullable = true, description = "The cursor of the next page; null on the last one.") String next) {
    }

    @Schema(name = "AuditEntry", description = "Who did what, to what, from where, with which result.")
    public record View(UUID id, Instant at, Verb verb,
            @Schema(nullable = true, description = "The action; null where it is about none or several.") Subject subject,
            @Schema(nullable = true, description = "The run that was made, cancelled or refused.") UUID runId,
            Person caller,
            @Schema(nullable = true, description = "The address that the request came from.",
                    examples = "10.20.0.7") String from,
            @Schema(description = "'done'; of a run and an opening its state (a run's, once it has ended, is its last one); of "
                    + "a refusal the code of its problem.",
                    examples = "done") String result,
            @Schema(type = SchemaType.OBJECT,
                    description = "What else there is to know: versions, fields, counts.") Map<String, Object> detail) {

        /** @param outcome of its run; null where that has not ended, or there is none */
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

    @Schema(name = "AuditSubject")
    public record Subject(UUID id, @Schema(nullable = true, description = "As it was called then.") String name) {
    }

    @Schema(name = "AuditPerson")
    public record Person(UUID id, String name, @Schema(nullable = true) String email, Role role) {
    }
}
