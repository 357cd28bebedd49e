package studio.actions.problem;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

import jakarta.ws.rs.WebApplicationException;

import studio.actions.problem.Problem.Code;
import studio.actions.problem.Problem.Fault;

/**
 * Thrown to refuse a request; the exception mappers answer with a {@link Problem}. Extends an exception of JAX-RS, because
 * JAX-RS answers 404 to any other exception that a parameter converter throws.
 */
public class ProblemException extends WebApplicationException {

    private static final long serialVersionUID = 1L;

    private final Code code;
    private final transient List<Fault> errors;
    private final transient Map<String, String> headers;
    private final transient List<String> violated;
    private final boolean foreseen;

    public ProblemException(Code code, String detail) {
        this(code, detail, List.of(), Map.of(), List.of(), false);
    }

    private ProblemException(Code code, String detail, List<Fault> errors, Map<String, String> headers,
            List<String> violated, boolean foreseen) {
        super(detail, code.status);
        this.code = code;
        this.errors = List.copyOf(errors);
        this.headers = Map.copyOf(headers);
        this.violated = List.copyOf(violated);
        this.foreseen = foreseen;
    }

    /** Returns a problem with several {@code errors}. */
    public static ProblemException of(Code code, String detail, List<Fault> errors) {
        return new ProblemException(code, detail, errors, Map.of(), List.of(), false);
    }

    /** Returns the problem {@code invalid_body} with all wrong fields of a body. */
    public static ProblemException invalid(List<Fault> errors) {
        String detail = errors.get(0).message() + (errors.size() == 1 ? "" : " (and " + (errors.size() - 1) + " more)");
        return new ProblemException(Code.INVALID_BODY, detail, errors, Map.of(), List.of(), false);
    }

    /** Returns the problem {@code invalid_body} with one wrong field of a body. */
    public static ProblemException invalid(String pointer, String code, String message) {
        return invalid(List.of(new Fault(pointer, code, message)));
    }

    /** Returns the problem {@code invalid_parameter} for a query parameter or an HTTP header. */
    public static ProblemException parameter(String name, String code, String message) {
        return new ProblemException(Code.INVALID_PARAMETER, message, List.of(new Fault(name, code, message)), Map.of(),
                List.of(), false);
    }

    /** Returns a 503 for a state that passes without the operator, such as a shutdown or an overload. Logged at DEBUG only. */
    public static ProblemException unavailable(String detail) {
        return new ProblemException(Code.UNAVAILABLE, detail, List.of(), Map.of("Retry-After", "5"), List.of(), true);
    }

    /**
     * Returns a 429 for exceeded rate limits.
     *
     * @param policies the names that the exceeded limits have in the header {@code RateLimit-Policy}
     * @param seconds the value of {@code Retry-After}: the time until none of the limits is exceeded any more
     */
    public static ProblemException exceeded(List<String> policies, long seconds, String detail) {
        return new ProblemException(Code.QUOTA_EXCEEDED, detail, List.of(), Map.of("Retry-After", Long.toString(seconds)),
                policies, false);
    }

    /** Returns a copy with one more HTTP header for the answer. */
    public ProblemException with(String header, String value) {
        Map<String, String> all = new HashMap<>(headers);
        all.put(header, value);
        return new ProblemException(code, getMessage(), errors, all, violated, foreseen);
    }

    /** Omits the stack trace, because the exception is an answer and not a fault in our code. */
    @Override
    public synchronized Throwable fillInStackTrace() {
        return this;
    }

    public Code code() {
        return code;
    }

    public List<Fault> errors() {
        return errors;
    }

    public Map<String, String> headers() {
        return headers;
    }

    /** Returns true if the operator need not act, even if the status is 5xx. */
    public boolean isForeseen() {
        return foreseen;
    }

    public List<String> violated() {
        return violated;
    }
}
