package studio.actions.action;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.runtime.annotations.RegisterForReflection;
import studio.actions.action.Action.Method;
import studio.actions.action.Action.Report;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.identity.Role;

/** An action on the wire. */
public final class ActionJson {

    private static final String CONTROL = "\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029";

    /** One line, of which somebody sees something; what is around it is trimmed. */
    public static final String NAME = "^\\s*[^" + CONTROL + "]*[^\\s\\p{Z}\\p{Cf}" + CONTROL + "][^" + CONTROL + "]*\\s*$";

    static final String ACTION = """
            {"id": "0d5b1c1e-4a57-4f43-9f5e-4c4b2b6f0f11", "name": "Sync to ShotGrid",
             "url": "https://api.studio.com/sync?entity={entity_id}", "entity_type": "all", "is_ajax": true,
             "description": null, "enabled": true, "method": "POST", "headers": {}, "timeout_ms": 10000, "max_attempts": 1,
             "rate_per_minute": 600, "signing_secret": null, "report": "none", "roles": [], "project_ids": [], "version": 1,
             "created_at": "2026-11-23T17:41:13Z", "updated_at": "2026-11-23T17:41:13Z",
             "created_by": "c0affcde-b8fc-4715-83e7-0ea24eb15e0c", "updated_by": "c0affcde-b8fc-4715-83e7-0ea24eb15e0c",
             "type": "CustomAction"}""";

    static final String PAGE = "{\"data\": [" + ACTION
            + "], \"total\": 41, \"nb_pages\": 3, \"limit\": 20, \"offset\": 0, \"page\": 1}";

    private static final String HISTORY = """
            {"data": [{"version": 2, "at": "2026-11-24T09:02:40Z", "verb": "changed",
               "by": {"id": "c0affcde-b8fc-4715-83e7-0ea24eb15e0c", "name": "Ada", "email": "admin@example.com", "role": "admin"},
               "changes": [{"field": "timeout_ms", "from": 10000, "to": 20000}],
               "action": {"name": "Sync to ShotGrid", "url": "https://api.studio.com/sync?entity={entity_id}",
                 "entity_type": "all", "is_ajax": true, "description": null, "enabled": true, "method": "POST", "headers": {},
                 "timeout_ms": 20000, "max_attempts": 1, "rate_per_minute": 600, "signing_secret": null, "report": "none",
                 "roles": [], "project_ids": []}}],
             "next": "2"}""";

    private static final String IMPORT = """
            {"created": 1, "updated": 0, "unchanged": 0, "errors": [],
             "changes": [{"line": 2, "kind": "created", "action": "Sync to ShotGrid", "id": null, "fields": ["name", "url"],
               "from": null, "to": {"name": "Sync to ShotGrid", "url": "https://api.studio.com/sync?entity={entity_id}"}}]}""";

    private ActionJson() {
    }

    /** What an admin writes. A field that is left out or null has its default. */
    @Schema(name = "ActionDraft", description = "An action as an admin writes it. What is left out has its default.")
    @JsonIgnoreProperties({ "id", "type", "version", "created_at", "updated_at", "created_by", "updated_by" })
    public record Draft(
            @Schema(required = true, minLength = 1, maxLength = 80, pattern = NAME, examples = "Sync to ShotGrid",
                    description = "What stands on the button; trimmed.") String name,
            @Schema(required = true, minLength = 1, maxLength = 2000,
                    examples = "https://api.studio.com/sync?entity={entity_id}",
                    description = "The template: a URL with variables such as {entity_id} or {?task_id}.") String url,
            @Schema(nullable = true, defaultValue = "all", description = "Where the action appears.") EntityType entityType,
            @Schema(nullable = true, defaultValue = "false",
                    description = "Sent by the service (true) or opened by the browser.") Boolean isAjax,
            @Schema(maxLength = 2000, nullable = true, examples = "Publishes to the client's ShotGrid.") String description,
            @Schema(nullable = true, defaultValue = "true",
                    description = "A disabled action is seen by admins only and never runs.") Boolean enabled,
            @Schema(nullable = true, defaultValue = "POST", description = "AJAX actions only.") Method method,
            @Schema(type = SchemaType.OBJECT, nullable = true, maxProperties = 20, propertyNames = HeaderName.class,
                    additionalProperties = HeaderValue.class, examples = "{\"X-Queue\": \"fast\"}",
                    description = "At most 20. A value may name a secret: ${secret:farm}.") Map<String, String> headers,
            @Schema(nullable = true, minimum = "100", maximum = "30000", defaultValue = "10000",
                    description = "Milliseconds, over everything, the last byte of the answer included.") Integer timeoutMs,
            @Schema(nullable = true, minimum = "1", maximum = "8", defaultValue = "1",
                    description = "More than 1: tried again with back-off.") Integer maxAttempts,
            @Schema(nullable = true, minimum = "1", maximum = "60000", defaultValue = "600",
                    description = "Deliveries, each attempt counted; what is beyond it waits.") Integer ratePerMinute,
            @Schema(nullable = true, maxLength = 100,
                    description = "Name of the secret that signs; null: the service's own, if set.") String signingSecret,
            @Schema(nullable = true, defaultValue = "none",
                    description = "When a comment in Kitsu, on each task, tells of the outcome.") Report report,
            @Schema(nullable = true,
                    description = "Who sees and runs it; empty: admin, manager, supervisor and user.") List<Role> roles,
            @Schema(nullable = true, description = "Productions where it may run; empty: all.") List<UUID> projectIds) {

        /** The same with its defaults filled in and its text trimmed; what is wrong stays wrong. */
        public Draft settled(int defaultTimeoutMs) {
            return new Draft(name == null ? null : name.strip(),
                    url == null ? null : Template.unlink(url.strip()),
                    entityType == null ? EntityType.all : entityType,
                    isAjax != null && isAjax,
                    description == null || description.isBlank() ? null : description,
                    enabled == null || enabled,
                    method == null ? Method.POST : method,
                    headers == null ? Map.of() : new LinkedHashMap<>(headers),
                    timeoutMs == null ? Integer.valueOf(defaultTimeoutMs) : timeoutMs,
                    maxAttempts == null ? Integer.valueOf(1) : maxAttempts,
                    ratePerMinute == null ? Integer.valueOf(600) : ratePerMinute,
                    signingSecret,
                    report == null ? Report.none : report,
                    roles == null ? List.of() : roles.stream().distinct().sorted().toList(),
                    projectIds == null ? List.of() : projectIds.stream().distinct().sorted().toList());
        }
    }

    /** RFC 9110, section 5.1. */
    @Schema(name = "HeaderName", type = SchemaType.STRING, pattern = "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$",
            examples = "X-Queue")
    interface HeaderName {
    }

    /** RFC 9110, section 5.5, without what was never meant to be there. */
    @Schema(name = "HeaderValue", type = SchemaType.STRING, maxLength = 2000, pattern = "^[\\t\\x20-\\x7e]*$",
            examples = "fast")
    interface HeaderValue {
    }

    /** What everybody reads. */
    @Schema(name = "Action", description = "A button of the studio.", examples = ACTION)
    public record View(UUID id,
            @Schema(examples = "Sync to ShotGrid") String name,
            @Schema(examples = "https://api.studio.com/sync?entity={entity_id}") String url,
            EntityType entityType, boolean isAjax,
            @Schema(nullable = true) String description,
            boolean enabled, Method method,
            @Schema(type = SchemaType.OBJECT, additionalProperties = String.class,
                    description = "Secrets by their names, never by their values.") Map<String, String> headers,
            int timeoutMs, int maxAttempts, int ratePerMinute,
            @Schema(nullable = true) String signingSecret,
            Report report, List<Role> roles, List<UUID> projectIds,
            @Schema(description = "Counts the changes; the ETag.") int version,
            Instant createdAt, Instant updatedAt,
            @Schema(description = "The person's id.") UUID createdBy,
            @Schema(description = "The person's id.") UUID updatedBy,
            @Schema(examples = "CustomAction") String type) {

        static View of(Action action) {
            return new View(action.id, action.name, action.url, action.entityType, action.isAjax, action.description,
                    action.enabled, action.method, action.headers, action.timeoutMs, action.maxAttempts, action.ratePerMinute,
                    action.signingSecret, action.report, action.roles, action.projectIds, action.version, action.createdAt,
                    action.updatedAt, action.createdBy, action.updatedBy, "CustomAction");
        }
    }

    /** Zou's page object. */
    @Schema(name = "ActionPage", description = "One page of a longer list.", examples = PAGE)
    // The list's signature has a wildcard, so the native image would not know it.
    @RegisterForReflection
    public record Page(List<View> data,
            @Schema(description = "Over all pages.") int total, int nbPages, int limit, int offset, int page) {
    }

    /** What an action was, newest first. */
    @Schema(name = "ActionHistory", examples = HISTORY)
    public record History(List<Version> data,
            @Schema(nullable = true, description = "The cursor of the next page; null on the last one.") String next) {

        @Schema(name = "ActionVersion")
        public record Version(int version, Instant at, Verb verb, Person by,
                @Schema(description = "What differs from the version before; empty for a deletion.") List<Change> changes,
                @Schema(ref = "ActionFields",
                        description = "The whole; of a deletion, what was deleted.") Draft action) {
        }

        @Schema(name = "ActionChange")
        public record Change(@Schema(examples = "url") String field,
                @Schema(implementation = Object.class, nullable = true,
                        description = "Null where there was nothing.") JsonNode from,
                @Schema(implementation = Object.class, nullable = true) JsonNode to) {
        }

        @Schema(name = "ActionPerson", description = "Of what is older than the history, only the id is known.")
        public record Person(UUID id, @Schema(nullable = true) String name, @Schema(nullable = true) String email,
                @Schema(nullable = true) Role role) {
        }
    }

    /** What an import would change, or has changed; nothing is, where there are errors. */
    @Schema(name = "Import", description = "What an import changes, line by line. With errors nothing is changed.",
            examples = IMPORT)
    public record Import(int created, int updated, int unchanged, List<Change> changes, List<Wrong> errors) {

        /** Whether to do it, or to say what would be done. */
        @Schema(name = "ImportMode")
        public enum Mode {
            check,
            apply
        }

        /** Spelled as on the wire. */
        @Schema(name = "ImportKind")
        public enum Kind {
            created,
            updated
        }

        @Schema(name = "ImportChange")
        public record Change(int line, Kind kind,
                @Schema(description = "Its name.", examples = "Sync to ShotGrid") String action,
                @Schema(nullable = true, description = "Null where it gets one when it is made.") UUID id,
                @Schema(examples = "[\"url\"]") List<String> fields,
                @Schema(ref = "ImportFields", nullable = true,
                        description = "These fields as they were; null where it is new.") Map<String, Object> from,
                @Schema(ref = "ImportFields",
                        description = "These fields as they become.") Map<String, Object> to) {
        }

        @Schema(name = "ImportError")
        public record Wrong(int line,
                @Schema(examples = "URL", nullable = true,
                        description = "As the header has it; null where it is the whole line.") String column,
                String message) {
        }
    }
}
