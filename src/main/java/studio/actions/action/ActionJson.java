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
import studio.actions.template.TriggerLink;

/** The JSON bodies of requests and responses about actions. */
public final class ActionJson {

    private ActionJson() {
    }

    /** The body with which an admin creates or changes an action. A field that is left out or null has its default. */
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

        /** Creates a draft with the four fields that Kitsu knows; the other fields are null. */
        public static Draft of(String name, String url, EntityType entityType, Boolean isAjax) {
            return new Draft(name, url, entityType, isAjax, null, null, null, null, null, null, null, null, null, null);
        }

        /** Returns this draft with other values in the four fields that Kitsu edits. */
        public Draft withKitsuFields(String newName, String newUrl, EntityType newType, Boolean newAjax) {
            return new Draft(newName, newUrl, newType, newAjax, description, enabled, method, headers, timeoutMs, maxAttempts,
                    ratePerMinute, signingSecret, roles, projectIds);
        }

        Draft withTimeoutMs(int milliseconds) {
            return new Draft(name, url, entityType, isAjax, description, enabled, method, headers, milliseconds, maxAttempts,
                    ratePerMinute, signingSecret, roles, projectIds);
        }

        /** Returns this draft with its defaults filled in and its text trimmed. Does not check any value. */
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

    /** An action in responses. */
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

        /** Returns the view for a caller. Only admins get the headers, which may hold values for admins only. */
        static View of(Action action, Caller caller) {
            return new View(action.id, action.name, action.url, action.entityType, action.isAjax, action.description,
                    action.enabled, action.method, caller.is(Role.admin) ? action.headers : null, action.timeoutMs,
                    action.maxAttempts, action.ratePerMinute,
                    action.signingSecret, action.roles, action.projectIds, action.version, action.createdAt,
                    action.updatedAt, action.createdBy, action.updatedBy, "CustomAction");
        }
    }

    /**
     * A page of the list of actions, by name.
     *
     * @param next the cursor of the next page; null on the last one
     */
    // The resource returns the list as bytes, so the native image build would not find this type by itself.
    @RegisterForReflection
    public record Page(List<View> data, String next) {
    }

    /** A page of the versions of an action, newest first. */
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

    /**
     * The report of an import: the changes that it would make, or has made. With errors nothing is changed, unless the caller
     * asked to skip invalid actions.
     */
    public record Import(int created, int updated, int unchanged, List<Change> changes, List<Wrong> errors) {

        /** Whether to apply an import, or only to report its changes. */
        public enum Mode {
            check,
            apply
        }

        /** The kind of a change; spelled as in JSON. */
        public enum Kind {
            created,
            updated,
            /** Deleted in Kitsu; an import never deletes an action here. */
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
         * An error of an import.
         *
         * @param action the name of an action from Kitsu; null for a line of a file, which the caller can look up
         * @param id the id of that action; null for a line of a file
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
