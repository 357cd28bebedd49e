package studio.actions.action;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.runtime.annotations.RegisterForReflection;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.draft.Draft;
import studio.actions.draft.EntityType;
import studio.actions.draft.Method;
import studio.actions.identity.Caller;
import studio.actions.identity.Person;
import studio.actions.identity.Role;

/** The JSON of responses about actions. */
public final class ActionJson {

    private ActionJson() {
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

        /**
         * Returns an action as JSON for this caller. Only admins get the HTTP headers of the action's deliveries, because these
         * headers may be confidential.
         */
        static View of(Action action, Caller caller) {
            return new View(action.id, action.name, action.url, action.entityType, action.isAjax, action.description,
                    action.enabled, action.method, caller.is(Role.admin) ? action.headers : null, action.timeoutMs,
                    action.maxAttempts, action.ratePerMinute,
                    action.signingSecret, action.roles, action.projectIds, action.version, action.createdAt,
                    action.updatedAt, action.createdBy, action.updatedBy, "CustomAction");
        }
    }

    /**
     * A page of the list of actions, ordered by name.
     *
     * @param next the cursor of the next page; null on the last page
     */
    // Registered, because the REST resource returns this page as bytes, and the native image build finds only returned types.
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
    }
}
