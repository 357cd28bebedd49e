package studio.actions.action;

import java.text.Normalizer;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.runtime.annotations.RegisterForReflection;
import studio.actions.action.Action.Method;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;

/** An action on the wire. */
public final class ActionJson {

    private ActionJson() {
    }

    /** What an admin writes. A field that is left out or null has its default. */
    @JsonIgnoreProperties({ "id", "type", "version", "created_at", "updated_at", "created_by", "updated_by" })
    public record Draft(
            String name,
            String url,
            EntityType entityType,
            Boolean isAjax,
            String description,
            Boolean enabled,
            Method method,
            Map<String, String> headers,
            Integer timeoutMs,
            Integer maxAttempts,
            Integer ratePerMinute,
            String signingSecret,
            List<Role> roles,
            List<UUID> projectIds) {

        /** What Kitsu knows of an action; the rest is left out. */
        public static Draft of(String name, String url, EntityType entityType, Boolean isAjax) {
            return new Draft(name, url, entityType, isAjax, null, null, null, null, null, null, null, null, null, null);
        }

        /** Returns the same with other values in the four fields that Kitsu edits. */
        public Draft withKitsuFields(String newName, String newUrl, EntityType newType, Boolean newAjax) {
            return new Draft(newName, newUrl, newType, newAjax, description, enabled, method, headers, timeoutMs, maxAttempts,
                    ratePerMinute, signingSecret, roles, projectIds);
        }

        Draft withTimeoutMs(int milliseconds) {
            return new Draft(name, url, entityType, isAjax, description, enabled, method, headers, milliseconds, maxAttempts,
                    ratePerMinute, signingSecret, roles, projectIds);
        }

        /** The same with its defaults filled in and its text trimmed; what is wrong stays wrong. */
        public Draft settled(int defaultTimeoutMs) {
            return new Draft(name == null ? null : Normalizer.normalize(name.strip(), Normalizer.Form.NFC),
                    url == null ? null : TriggerLink.unlink(url.strip()),
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
                    roles == null ? List.of() : roles.stream().distinct().sorted().toList(),
                    projectIds == null ? List.of() : projectIds.stream().distinct().sorted().toList());
        }
    }

    /** What everybody reads. */
    public record View(UUID id,
            String name,
            String url,
            EntityType entityType, boolean isAjax,
            String description,
            boolean enabled, Method method,
            Map<String, String> headers,
            int timeoutMs, int maxAttempts, int ratePerMinute,
            String signingSecret,
            List<Role> roles, List<UUID> projectIds,
            int version,
            Instant createdAt, Instant updatedAt,
            UUID createdBy,
            UUID updatedBy,
            String type) {

        /** As a person may see it: a header may hold what is for admins only. */
        static View of(Action action, Caller caller) {
            return new View(action.id, action.name, action.url, action.entityType, action.isAjax, action.description,
                    action.enabled, action.method, caller.is(Role.admin) ? action.headers : null, action.timeoutMs,
                    action.maxAttempts, action.ratePerMinute,
                    action.signingSecret, action.roles, action.projectIds, action.version, action.createdAt,
                    action.updatedAt, action.createdBy, action.updatedBy, "CustomAction");
        }
    }

    /**
     * Actions by name.
     *
     * @param next the cursor of the next page; null on the last one
     */
    // The list is answered as bytes, so the native image would not know this.
    @RegisterForReflection
    public record Page(List<View> data, String next) {
    }

    /** What an action was, newest first. */
    public record History(List<Version> data,
            String next) {

        public record Version(int version, Instant at, Verb verb, Person by,
                List<Change> changes,
                Draft action) {
        }

        public record Change(String field,
                JsonNode from,
                JsonNode to) {
        }

        public record Person(UUID id, String name, String email,
                Role role) {
        }
    }

    /** What an import would change, or has changed. With errors nothing is changed, unless what is wrong is to be skipped. */
    public record Import(int created, int updated, int unchanged, List<Change> changes, List<Wrong> errors) {

        /** Whether to do it, or to say what would be done. */
        public enum Mode {
            check,
            apply
        }

        /** Spelled as on the wire. */
        public enum Kind {
            created,
            updated,
            /** In Kitsu only. */
            deleted
        }

        public record Change(int line, Kind kind,
                String action,
                UUID id,
                List<String> fields,
                Map<String, Object> from,
                Map<String, Object> to) {
        }

        /**
         * What is wrong.
         *
         * @param action the name of an action of Kitsu's, and its id; both null for a line of a file, which one can look at
         */
        public record Wrong(int line,
                String column,
                String message,
                @JsonInclude(JsonInclude.Include.NON_NULL) String action,
                @JsonInclude(JsonInclude.Include.NON_NULL) UUID id) {

            public Wrong(int line, String column, String message) {
                this(line, column, message, null, null);
            }
        }
    }
}
