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
        INVALID_JSON(400, "The body is not the JSON that is expected"),
        INVALID_CSV(400, "The body is not the CSV that is expected"),
        INVALID_BODY(400, "The body breaks a rule"),
        INVALID_PARAMETER(400, "A parameter breaks a rule"),
        MALFORMED_ID(400, "The id is malformed"),
        BAD_REQUEST(400, "The request cannot be read"),
        NOT_FOR_SELECTION(400, "The action is not for this selection"),
        UNAUTHENTICATED(401, "Who is asking is not known"),
        MALFORMED_TOKEN(422, "The token is malformed"),
        FORBIDDEN(403, "The caller may not do this"),
        CROSS_SITE(403, "The request does not come from our own site"),
        NOT_VISIBLE(403, "Kitsu does not show this to the caller"),
        NOT_ALLOWED(403, "The caller's role in this production does not allow it"),
        NOT_FOUND(404, "There is nothing here"),
        /** The resource exists, but the caller may not know that. In an answer, this code reads {@link #NOT_FOUND}. */
        HIDDEN(404, "There is nothing here"),
        METHOD_NOT_ALLOWED(405, "This path does not know this verb"),
        NOT_ACCEPTABLE(406, "The answer cannot be given in this media type"),
        NOT_AJAX(409, "The action is opened by the browser"),
        AJAX(409, "The action is sent by the service"),
        ACTION_DISABLED(409, "The action is disabled"),
        STILL_RUNNING(409, "The run has not ended"),
        RUN_ENDED(409, "The run has ended"),
        NOTHING_TO_REPLAY(409, "There is nothing to send again"),
        STALE_VERSION(412, "Somebody changed it in the meantime"),
        REQUEST_TIMEOUT(408, "The body came too slowly"),
        TOO_LARGE(413, "The body is too large"),
        UNSUPPORTED_MEDIA_TYPE(415, "The body's media type is not understood"),
        IDEMPOTENCY_KEY_REUSED(422, "The key was used for something else"),
        RECEIVER_BUSY(429, "The receiver wants fewer requests"),
        QUOTA_EXCEEDED(429, "Request cannot be satisfied as assigned quota has been exceeded"),
        OTHER(0, "The request was refused"),
        INTERNAL(500, "Something broke on our side"),
        NOT_DELIVERED(502, "The run did not deliver everything"),
        UNAVAILABLE(503, "Not available at the moment"),
        RECEIVER_TIMEOUT(504, "The receiver did not answer in time");

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
