package studio.actions.audit;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;

import io.quarkus.runtime.annotations.RegisterForReflection;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.identity.Role;

/** The audit on the wire. */
// They stand in no signature, since the answer may be a table; so the native image would not know them.
@RegisterForReflection(
        targets = { AuditJson.Page.class, AuditJson.View.class, AuditJson.Subject.class, AuditJson.Person.class })
public final class AuditJson {

    private static final String PAGE = """
            {"data": [{"id": "9a3f3f0a-7c29-4f0a-8a55-6d4c1d0b7e21", "at": "2026-11-23T17:41:13.204Z", "verb": "ran",
               "subject": {"id": "0d5b1c1e-4a57-4f43-9f5e-4c4b2b6f0f11", "name": "Sync to ShotGrid"},
               "run_id": "7a1d0f5e-55b3-4ed9-8d0c-0d6d5c1b2a33",
               "caller": {"id": "c0affcde-b8fc-4715-83e7-0ea24eb15e0c", "name": "Ada", "email": "supervisor@example.com",
                 "role": "supervisor"},
               "from": "10.20.0.7", "result": "failed", "detail": {"deliveries": 1, "refused": 0, "outcome": {"failed": 1}}}],
             "next": "MjAyNi0xMS0yM1QxNzo0MToxMy4yMDRaIDlhM2YzZjBhLTdjMjktNGYwYS04YTU1LTZkNGMxZDBiN2UyMQ"}""";

    private AuditJson() {
    }

    @Schema(name = "AuditPage", examples = PAGE)
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

    /** Those of {@code AuditEntry.with}, each where it applies. */
    @Schema(name = "AuditDetail", description = "Each where it applies; more may come.")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    interface Detail {

        @Schema(description = "Of the action, after this.")
        Integer version();

        @Schema(description = "Of the action, that were changed.")
        List<String> fields();

        @Schema(description = "The entry of the import that did this.")
        @JsonProperty("import")
        UUID imported();

        @Schema(description = "Where they were taken from.", examples = "Kitsu")
        String from();

        @Schema(description = "Actions that were made.")
        Integer created();

        @Schema(description = "Actions that were changed.")
        Integer updated();

        @Schema(description = "Actions that were as the file has them.")
        Integer unchanged();

        @Schema(description = "How many were exported.")
        Integer actions();

        @Schema(description = "Which were exported.")
        String columns();

        @Schema(description = "How many were made, or cancelled.")
        Integer deliveries();

        @Schema(description = "How many of them, or of the openings, were refused.")
        Integer refused();

        @Schema(description = "How many were opened.")
        Integer urls();

        @Schema(description = "The run whose deliveries this one sends again.")
        UUID replayOf();

        @Schema(type = SchemaType.OBJECT, additionalProperties = Integer.class,
                description = "Of a run that has ended: its deliveries by state.")
        Map<String, Integer> outcome();

        @Schema(description = "Of what was refused.")
        String method();

        @Schema(description = "Of what was refused.")
        String path();

        @Schema(description = "The problem's detail.")
        String why();

        @Schema(description = "Refusals of the minute before that have no entry.")
        Integer untold();
    }

    @Schema(name = "AuditSubject")
    public record Subject(UUID id, @Schema(nullable = true, description = "As it was called then.") String name) {
    }

    @Schema(name = "AuditPerson")
    public record Person(UUID id, String name, @Schema(nullable = true) String email, Role role) {
    }
}
