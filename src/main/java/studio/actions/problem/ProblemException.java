package studio.actions.problem;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

import jakarta.ws.rs.WebApplicationException;

import studio.actions.problem.Problem.Code;
import studio.actions.problem.Problem.Fault;

/**
 * A caller's mistake, thrown where it is found and turned into an answer by {@link Problems}. It is one of JAX-RS' own, since
 * whatever else a parameter's converter throws becomes a 404 there.
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

    /** Something that went wrong in several places. */
    public static ProblemException of(Code code, String detail, List<Fault> errors) {
        return new ProblemException(code, detail, errors, Map.of(), List.of(), false);
    }

    /** Wrong fields of a body, all of them at once. */
    public static ProblemException invalid(List<Fault> errors) {
        String detail = errors.get(0).message() + (errors.size() == 1 ? "" : " (and " + (errors.size() - 1) + " more)");
        return new ProblemException(Code.INVALID_BODY, detail, errors, Map.of(), List.of(), false);
    }

    /** One wrong field of a body. */
    public static ProblemException invalid(String pointer, String code, String message) {
        return invalid(List.of(new Fault(pointer, code, message)));
    }

    /** A wrong query parameter or header. */
    public static ProblemException parameter(String name, String code, String message) {
        return new ProblemException(Code.INVALID_PARAMETER, message, List.of(new Fault(name, code, message)), Map.of(),
                List.of(), false);
    }

    /** A 503 that the operator need not hear of: the service stops, or clients send too much at once. */
    public static ProblemException unavailable(String detail) {
        return new ProblemException(Code.UNAVAILABLE, detail, List.of(), Map.of("Retry-After", "5"), List.of(), true);
    }

    /**
     * A limit that is reached.
     *
     * @param policies the names in {@code RateLimit-Policy} of those that are
     * @param seconds until none of them is any more
     */
    public static ProblemException exceeded(List<String> policies, long seconds, String detail) {
        return new ProblemException(Code.QUOTA_EXCEEDED, detail, List.of(), Map.of("Retry-After", Long.toString(seconds)),
                policies, false);
    }

    /** The same with one more header on the answer. */
    public ProblemException with(String header, String value) {
        Map<String, String> all = new HashMap<>(headers);
        all.put(header, value);
        return new ProblemException(code, getMessage(), errors, all, violated, foreseen);
    }

    /** An answer, not a fault of ours: where it was thrown does not matter to anybody. */
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

    /** Whether it is no error for the operator, at any status. */
    boolean isForeseen() {
        return foreseen;
    }

    public List<String> violated() {
        return violated;
    }
}
