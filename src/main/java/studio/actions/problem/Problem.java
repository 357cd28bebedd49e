package studio.actions.problem;

import java.util.List;
import java.util.Locale;
import java.util.UUID;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;

import io.quarkus.runtime.annotations.RegisterForReflection;

/**
 * The body of an error response (RFC 9457), with a stable {@code code} for programs and an {@code id} that also stands in the
 * log. Clients written for Zou's API read {@code error} and {@code message}.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
// No resource method's signature names this type, so Quarkus would not register it for reflection in the native image.
@RegisterForReflection(ignoreNested = false)
public record Problem(
        String type,
        String title,
        int status,
        String detail,
        String instance,
        String code,
        UUID id,
        List<Fault> errors,
        @JsonProperty("violated-policies") List<String> violatedPolicies,
        boolean error,
        String message,
        @JsonIgnore boolean refusal) {

    public static final String MEDIA_TYPE = "application/problem+json";

    /** A wrong field: its JSON pointer (RFC 6901), the code of the broken rule, and a sentence that says what to do. */
    public record Fault(
            String pointer,
            String code,
            String message) {
    }

    /** The kinds of errors, with HTTP status and title. In an answer, {@code code} is the name in lower case. */
    public enum Code {
        /** The body is malformed, is not UTF-8, or is another kind of JSON value than the one that is expected. */
        INVALID_JSON(400, "Invalid JSON"),
        /** The body cannot be read as a table; {@code detail} says where. */
        INVALID_CSV(400, "Invalid CSV"),
        /** The body breaks a rule; {@code errors} names each wrong field. */
        INVALID_BODY(400, "Invalid request body"),
        /** A parameter breaks a rule; {@code errors} names it. */
        INVALID_PARAMETER(400, "Invalid parameter"),
        /** An id is not a UUID. */
        MALFORMED_ID(400, "Malformed ID"),
        /** The request has no host, its path is malformed, or its body breaks off. */
        BAD_REQUEST(400, "Bad request"),
        /** The targets have another entity type than the action, or no value for a variable of its URL. */
        NOT_FOR_SELECTION(400, "Action not applicable to the selection"),
        /** The caller is not known: sign in to Kitsu, or send {@code Authorization: Bearer} with a valid token. */
        UNAUTHENTICATED(401, "Not authenticated"),
        /** The token is malformed. Only below {@code /api/data/}, as in Zou; elsewhere this is {@code unauthenticated}. */
        MALFORMED_TOKEN(422, "Malformed token"),
        /** The caller's role does not allow this; {@code detail} names the roles that do, or gives Kitsu's reason. */
        FORBIDDEN(403, "Permission denied"),
        /** A page of another site sent the request. If that is Kitsu's own site, set {@code public-url}. */
        CROSS_SITE(403, "Cross-site request refused"),
        /** Kitsu does not show the selection to the caller. */
        NOT_VISIBLE(403, "Selection not visible"),
        /** The caller's role in that production does not allow this. */
        NOT_ALLOWED(403, "Insufficient role in the production"),
        /** Nothing is there, or the caller may not see it. */
        NOT_FOUND(404, "Not found"),
        /** The resource exists, but not for this caller. On the wire, this code is {@link #NOT_FOUND}. */
        HIDDEN(404, "Not found"),
        /** The path has no such method; the header Allow lists the methods that it has. */
        METHOD_NOT_ALLOWED(405, "Method not allowed"),
        /** The answer does not exist in this media type; {@code detail} lists the media types. */
        NOT_ACCEPTABLE(406, "Not acceptable"),
        /** The browser opens this action, so the service has nothing to send. */
        NOT_AJAX(409, "Not an AJAX action"),
        /** The service sends this action, so the browser has nothing to open. If it was changed a moment ago, reload Kitsu. */
        AJAX(409, "AJAX action cannot be opened"),
        /** The action is disabled, or was deleted a moment ago. */
        ACTION_DISABLED(409, "Action disabled"),
        /** The run has not ended, or another {@code clear} or {@code undo} of Kitsu's actions is running. Wait for the end. */
        STILL_RUNNING(409, "Still running"),
        /** The run has ended, so there is nothing to cancel. */
        RUN_ENDED(409, "Run already ended"),
        /** Every delivery was delivered, or none had a request. */
        NOTHING_TO_REPLAY(409, "Nothing to replay"),
        /** Somebody has changed the action since the version in {@code If-Match}: read it again before you change it. */
        STALE_VERSION(412, "Conflict with a newer version"),
        /** The body arrived too slowly. */
        REQUEST_TIMEOUT(408, "Request timeout"),
        /** The body is too large; {@code detail} has the limit. */
        TOO_LARGE(413, "Content too large"),
        /** The body is of another media type, or compressed; {@code detail} says what to send. */
        UNSUPPORTED_MEDIA_TYPE(415, "Unsupported media type"),
        /** The key was used for another action or selection: use a new key for each press. */
        IDEMPOTENCY_KEY_REUSED(422, "Idempotency key reused"),
        /** The receiver wants fewer requests. Only if Kitsu presses; {@code Retry-After} says when to press again. */
        RECEIVER_BUSY(429, "Receiver busy"),
        /**
         * The caller or the action exceeds a limit; {@code Retry-After} says when to ask again.
         *
         * <p>
         * The title is the one that its registered type prescribes.
         */
        QUOTA_EXCEEDED(429, "Request cannot be satisfied as assigned quota has been exceeded"),
        /** A refusal without a code of its own; the status says why. */
        OTHER(0, "Request refused"),
        /** A fault of this service; the log says more under the problem's {@code id}. */
        INTERNAL(500, "Internal server error"),
        /**
         * The run did not deliver everything. Only if Kitsu presses: the service's own API answers 200 and reports the failure
         * in the run.
         */
        NOT_DELIVERED(502, "Not all deliveries succeeded"),
        /**
         * Kitsu or the database does not answer, or too many requests are arriving at once; {@code Retry-After} says when to
         * ask
         * again.
         */
        UNAVAILABLE(503, "Service unavailable"),
        /** The receiver did not answer in time. Only if Kitsu presses, like {@code not_delivered}. */
        RECEIVER_TIMEOUT(504, "Receiver timeout");

        public final int status;
        public final String title;

        Code(int status, String title) {
            this.status = status;
            this.title = title;
        }

        public String wire() {
            return this == HIDDEN ? NOT_FOUND.wire() : name().toLowerCase(Locale.ROOT);
        }

        /** Returns true if the caller lacks a right or has exceeded a quota. The audit records these problems. */
        boolean refusal() {
            return this == FORBIDDEN || this == HIDDEN || this == QUOTA_EXCEEDED;
        }

        /** Returns the URI of the problem type (RFC 9457): the type registered with IANA if there is one, else our own. */
        public String type() {
            return this == QUOTA_EXCEEDED ? "https://iana.org/assignments/http-problem-types#quota-exceeded"
                    : "urn:kitsu-actions:problem:" + wire();
        }
    }

    public static Problem of(Code code, int status, String detail, String instance, List<Fault> errors, List<String> violated) {
        return new Problem(code.type(), code.title, status, detail, instance, code.wire(), UUID.randomUUID(),
                errors.isEmpty() ? null : errors, violated.isEmpty() ? null : violated, true, detail, code.refusal());
    }
}
