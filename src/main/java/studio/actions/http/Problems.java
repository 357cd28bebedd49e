package studio.actions.http;

import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import jakarta.annotation.security.RolesAllowed;
import jakarta.validation.ConstraintViolationException;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.Response;

import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;
import org.jboss.resteasy.reactive.server.core.CurrentRequestManager;
import org.jboss.resteasy.reactive.server.core.ResteasyReactiveRequestContext;
import org.jboss.resteasy.reactive.server.mapping.RuntimeResource;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;

import io.quarkus.security.AuthenticationFailedException;
import io.quarkus.security.ForbiddenException;
import io.quarkus.security.UnauthorizedException;
import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.ext.web.RoutingContext;
import studio.actions.database.DatabaseFailure;
import studio.actions.database.DatabaseHealth;
import studio.actions.problem.BrokenJson;
import studio.actions.problem.Problem;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;

/**
 * Exception mappers that answer with a {@link Problem} and log it once with its id. A 4xx is logged at DEBUG, a failed delivery
 * at INFO. Any other 5xx is logged at ERROR, or at DEBUG if the operator need not act ({@link ProblemException#isForeseen}) or
 * {@link DatabaseHealth} logs its cause.
 */
public class Problems {

    private static final Logger LOG = Logger.getLogger(Problems.class);

    private static final String REALM = "Bearer realm=\"kitsu-actions\"";

    private final DatabaseHealth database;
    private final SecurityIdentity caller;

    Problems(DatabaseHealth database, SecurityIdentity caller) {
        this.database = database;
        this.caller = caller;
    }

    @ServerExceptionMapper
    public Response refused(ProblemException refusal) {
        return answer(refusal.code(), refusal.code().status, refusal.getMessage(), refusal.errors(), refusal.headers(),
                refusal);
    }

    @ServerExceptionMapper
    public Response broken(JsonProcessingException broken) {
        ProblemException refusal = BrokenJson.refusal(broken);
        return answer(refusal.code(), refusal.code().status, refusal.getMessage(), refusal.errors(), Map.of(), broken);
    }

    @ServerExceptionMapper
    public Response mismatched(MismatchedInputException mismatch) {
        return broken(mismatch);
    }

    @ServerExceptionMapper
    public Response wrapped(UncheckedIOException wrapped) {
        return wrapped.getCause() instanceof JsonProcessingException broken ? broken(broken) : unforeseen(wrapped);
    }

    @ServerExceptionMapper
    public Response violated(ConstraintViolationException violation) {
        List<Fault> faults = violation.getConstraintViolations().stream().map(found -> {
            String path = found.getPropertyPath().toString();
            String name = path.substring(path.lastIndexOf('.') + 1);
            return new Fault(name, "out_of_range", "'" + name + "' " + found.getMessage() + ".");
        }).toList();
        return answer(Code.INVALID_PARAMETER, 400,
                faults.stream().map(Fault::message).collect(Collectors.joining(" ")), faults, Map.of(), violation);
    }

    @ServerExceptionMapper
    public Response unknownCaller(UnauthorizedException unknown) {
        return answer(Code.UNAUTHENTICATED, 401,
                "Sign in to Kitsu, or send 'Authorization: Bearer <token>'. Without Kitsu, the service prints the "
                        + "token when it starts.",
                List.of(), Map.of(HttpHeaders.WWW_AUTHENTICATE, REALM), unknown);
    }

    @ServerExceptionMapper
    public Response wrongToken(AuthenticationFailedException wrong) {
        return answer(Code.UNAUTHENTICATED, 401, wrong.getMessage() == null ? "The token is not valid." : wrong.getMessage(),
                List.of(), Map.of(HttpHeaders.WWW_AUTHENTICATE, REALM + ", error=\"invalid_token\""), wrong);
    }

    @ServerExceptionMapper
    public Response forbidden(ForbiddenException forbidden) {
        String own = caller.getRoles().stream().findFirst().map(role -> " Your role is " + role + ".").orElse("");
        RolesAllowed allowed = allowed();
        return answer(Code.FORBIDDEN, 403, (allowed == null ? "Your role may not do this."
                : "This needs the role " + String.join(" or ", allowed.value()) + ".") + own, List.of(), Map.of(), forbidden);
    }

    /** Returns the roles that may call the requested resource method; null if no method was found. */
    private static RolesAllowed allowed() {
        RuntimeResource resource = CurrentRequestManager.get().getTarget();
        if (resource == null) {
            return null;
        }
        Method method = resource.getLazyMethod().getMethod();
        RolesAllowed own = method.getAnnotation(RolesAllowed.class);
        return own != null ? own : method.getDeclaringClass().getAnnotation(RolesAllowed.class);
    }

    @ServerExceptionMapper
    public Response standard(WebApplicationException thrown) {
        if (thrown.getCause() instanceof JsonProcessingException broken) {
            return broken(broken);
        }
        int status = thrown.getResponse().getStatus();
        if (status < 400) {
            // Not an error: a resource method that returns a stream can send a response without a body only by throwing it.
            return thrown.getResponse();
        }
        return switch (status) {
            case 404 -> answer(Code.NOT_FOUND, 404, "There is nothing at this path. The API is described at "
                    + "/api/custom-actions/docs.", List.of(), Map.of(), thrown);
            case 405 -> answer(Code.METHOD_NOT_ALLOWED, 405,
                    "This path does not support the method; 'Allow' lists those it supports.", List.of(), Map.of(), thrown);
            case 406 -> answer(Code.NOT_ACCEPTABLE, 406,
                    "'Accept' must include application/json, or text/csv for an export; or leave 'Accept' out.",
                    List.of(), Map.of(), thrown);
            case 413 -> answer(Code.TOO_LARGE, 413, "The body is too large.", List.of(), Map.of(), thrown);
            case 415 -> answer(Code.UNSUPPORTED_MEDIA_TYPE, 415,
                    "Send JSON with 'Content-Type: application/json'; an import takes text/csv, and …/open "
                            + "Kitsu's form, application/x-www-form-urlencoded.",
                    List.of(),
                    Map.of(), thrown);
            case 400 -> answer(Code.BAD_REQUEST, 400, "The request cannot be read.", List.of(), Map.of(), thrown);
            default -> status >= 500 ? unforeseen(thrown)
                    : answer(Code.OTHER, status, "The request was refused.", List.of(), Map.of(), thrown);
        };
    }

    @ServerExceptionMapper
    public Response unforeseen(Throwable thrown) {
        return DatabaseFailure.of(thrown)
                .map(failure -> answer(Code.UNAVAILABLE, 503, failure.sentence()
                        + " Before you repeat a change, check whether it was made.",
                        List.of(), Map.of(HttpHeaders.RETRY_AFTER, "5"), thrown))
                .orElseGet(() -> answer(Code.INTERNAL, 500,
                        "The service failed. Its log has the cause, under this problem's id.", List.of(), Map.of(),
                        thrown));
    }

    private Response answer(Code code, int status, String detail, List<Fault> errors, Map<String, String> headers,
            Throwable cause) {
        Problem problem = Problem.of(code, status, detail, path(CurrentRequestManager.get()), errors,
                cause instanceof ProblemException refusal ? refusal.violated() : List.of());
        if (cause instanceof ProblemException refusal && refusal.isForeseen()) {
            LOG.debugf("Problem %s: %d %s: %s", problem.id(), status, problem.code(), problem.detail());
        } else if (code == Code.NOT_DELIVERED || code == Code.RECEIVER_TIMEOUT) {
            LOG.infof("Problem %s: %s", problem.id(), problem.detail());
        } else if (status >= 500 && cause instanceof ProblemException) {
            LOG.errorf("Problem %s: %s", problem.id(), problem.detail());
        } else if (code == Code.UNAVAILABLE && database.failed(cause)) {
            LOG.debugf("Problem %s: %s (%s)", problem.id(), problem.detail(), cause.getMessage());
        } else if (code == Code.UNAVAILABLE) {
            LOG.errorf("Problem %s: %s (%s)", problem.id(), problem.detail(), cause.getMessage());
        } else if (status >= 500) {
            LOG.errorf(cause, "Problem %s: %s", problem.id(), problem.detail());
        } else {
            LOG.debugf("Problem %s: %d %s: %s", problem.id(), status, problem.code(), problem.detail());
        }
        Response.ResponseBuilder response = Response.status(status).type(Problem.MEDIA_TYPE).entity(problem);
        headers.forEach(response::header);
        return response.build();
    }

    /** Returns the requested path, still encoded. Works without a valid Host header, unlike {@code UriInfo}. */
    static String path(ResteasyReactiveRequestContext request) {
        return request.unwrap(RoutingContext.class).request().path();
    }
}
