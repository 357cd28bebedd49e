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
        /** It is malformed or not UTF-8, or it is another kind of value than the one that is expected. */
        INVALID_JSON(400, "The body is not the JSON that is expected"),
        /** {@code detail} says where it breaks. */
        INVALID_CSV(400, "The body is not the CSV that is expected"),
        /** {@code errors} names each wrong field. */
        INVALID_BODY(400, "The body breaks a rule"),
        /** {@code errors} names the parameter. */
        INVALID_PARAMETER(400, "A parameter breaks a rule"),
        /** An id is a UUID. */
        MALFORMED_ID(400, "The id is malformed"),
        /** It has no host, its path is malformed, or its body breaks off. */
        BAD_REQUEST(400, "The request cannot be read"),
        /** The targets have another entity type, or no value for a variable of the URL. */
        NOT_FOR_SELECTION(400, "The action is not for this selection"),
        /** Sign in to Kitsu, or send {@code Authorization: Bearer} with a valid token. */
        UNAUTHENTICATED(401, "Who is asking is not known"),
        /** Only below {@code /api/data/}, as in Zou; elsewhere the code is {@code unauthenticated}. */
        MALFORMED_TOKEN(422, "The token is malformed"),
        /** {@code detail} names the roles that may, or gives Kitsu's reason. */
        FORBIDDEN(403, "The caller may not do this"),
        /** A page of another site sent it. If that is Kitsu's own site, set {@code public-url}. */
        CROSS_SITE(403, "The request does not come from our own site"),
        NOT_VISIBLE(403, "Kitsu does not show this to the caller"),
        NOT_ALLOWED(403, "The caller's role in this production does not allow it"),
        /** Or the caller may not see what is there. */
        NOT_FOUND(404, "There is nothing here"),
        /** The resource exists, but not for this caller. On the wire, this code is {@link #NOT_FOUND}. */
        HIDDEN(404, "There is nothing here"),
        /** {@code Allow} lists the methods that it has. */
        METHOD_NOT_ALLOWED(405, "This path does not know this verb"),
        /** {@code detail} lists the media types. */
        NOT_ACCEPTABLE(406, "The answer cannot be given in this media type"),
        /** The service has nothing to send. */
        NOT_AJAX(409, "The action is opened by the browser"),
        /** The browser has nothing to open. If the action was changed a moment ago, reload Kitsu. */
        AJAX(409, "The action is sent by the service"),
        /** An admin can enable it. */
        ACTION_DISABLED(409, "The action is disabled"),
        /** Wait for its end, or cancel it. Or another {@code clear} or {@code undo} of Kitsu's actions is running. */
        STILL_RUNNING(409, "The run has not ended"),
        /** There is nothing to cancel. */
        RUN_ENDED(409, "The run has ended"),
        /** Every delivery was delivered, or none had a request. */
        NOTHING_TO_REPLAY(409, "There is nothing to send again"),
        /** Read the action again, and send the change with its new version in {@code If-Match}. */
        STALE_VERSION(412, "Somebody changed it in the meantime"),
        REQUEST_TIMEOUT(408, "The body came too slowly"),
        /** {@code detail} has the limit. */
        TOO_LARGE(413, "The body is too large"),
        /** {@code detail} lists the media types. A body must not be compressed. */
        UNSUPPORTED_MEDIA_TYPE(415, "The body's media type is not understood"),
        /** Use a new key for each press. */
        IDEMPOTENCY_KEY_REUSED(422, "The key was used for something else"),
        /** Only if Kitsu presses; {@code Retry-After} says when to press again. */
        RECEIVER_BUSY(429, "The receiver wants fewer requests"),
        /** {@code Retry-After} says when to ask again. */
        QUOTA_EXCEEDED(429, "Request cannot be satisfied as assigned quota has been exceeded"),
        /** The status says why. */
        OTHER(0, "The request was refused"),
        /** A fault of this service: the log says more under the problem's {@code id}. */
        INTERNAL(500, "Something broke on our side"),
        /** Only if Kitsu presses: the service's own API answers 200 and reports the failure in the run. */
        NOT_DELIVERED(502, "The run did not deliver everything"),
        /**
         * Kitsu or the database does not answer, or too many requests are arriving at once; {@code Retry-After} says when to ask
         * again.
         */
        UNAVAILABLE(503, "Not available at the moment"),
        /** Only if Kitsu presses, like {@code not_delivered}. */
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
