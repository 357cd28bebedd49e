package studio.actions.problem;

import java.util.List;
import java.util.Locale;
import java.util.UUID;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;

import io.quarkus.runtime.annotations.RegisterForReflection;

/**
 * An error response (RFC 9457) with a stable {@code code} and an {@code id} that is logged as well. Clients written for Zou
 * read {@code error} and {@code message}.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
// No method's signature names this type, so Quarkus would not register it for the native image.
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

    /** A wrong field: its JSON pointer (RFC 6901), the broken rule, and a sentence that says what to do. */
    public record Fault(
            String pointer,
            String code,
            String message) {
    }

    /** Every kind of error that the service answers with. The wire form is the lower-case name. */
    public enum Code {
        INVALID_JSON(400, "Invalid JSON"),
        INVALID_CSV(400, "Invalid CSV"),
        INVALID_BODY(400, "Invalid request body"),
        INVALID_PARAMETER(400, "Invalid parameter"),
        MALFORMED_ID(400, "Malformed ID"),
        BAD_REQUEST(400, "Bad request"),
        NOT_FOR_SELECTION(400, "Action not applicable to the selection"),
        UNAUTHENTICATED(401, "Not authenticated"),
        MALFORMED_TOKEN(422, "Malformed token"),
        FORBIDDEN(403, "Permission denied"),
        CROSS_SITE(403, "Cross-site request refused"),
        NOT_VISIBLE(403, "Selection not visible"),
        NOT_ALLOWED(403, "Insufficient role in the production"),
        NOT_FOUND(404, "Not found"),
        /** The resource exists, but not for this caller. On the wire, this code is {@link #NOT_FOUND}. */
        HIDDEN(404, "Not found"),
        METHOD_NOT_ALLOWED(405, "Method not allowed"),
        NOT_ACCEPTABLE(406, "Not acceptable"),
        NOT_AJAX(409, "Not an AJAX action"),
        AJAX(409, "AJAX action cannot be opened"),
        ACTION_DISABLED(409, "Action disabled"),
        STILL_RUNNING(409, "Still running"),
        RUN_ENDED(409, "Run already ended"),
        NOTHING_TO_REPLAY(409, "Nothing to replay"),
        STALE_VERSION(412, "Conflict with a newer version"),
        REQUEST_TIMEOUT(408, "Request timeout"),
        TOO_LARGE(413, "Content too large"),
        UNSUPPORTED_MEDIA_TYPE(415, "Unsupported media type"),
        IDEMPOTENCY_KEY_REUSED(422, "Idempotency key reused"),
        RECEIVER_BUSY(429, "Receiver busy"),
        /** The title is the one that its registered type prescribes. */
        QUOTA_EXCEEDED(429, "Request cannot be satisfied as assigned quota has been exceeded"),
        OTHER(0, "Request refused"),
        INTERNAL(500, "Internal server error"),
        NOT_DELIVERED(502, "Not all deliveries succeeded"),
        UNAVAILABLE(503, "Service unavailable"),
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

        /** Returns true if the caller lacks a right or has exceeded a quota. The audit records these refusals. */
        boolean refusal() {
            return this == FORBIDDEN || this == HIDDEN || this == QUOTA_EXCEEDED;
        }

        /** Returns the problem type (RFC 9457): the registered type if there is one, else a type of our own. */
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
