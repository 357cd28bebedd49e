package studio.actions.zou;

import java.io.IOException;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertificateException;
import java.util.Optional;
import java.util.regex.Pattern;

import javax.net.ssl.SSLException;

import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.Response;

import org.jboss.logging.Logger;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.smallrye.mutiny.TimeoutException;
import studio.actions.log.Causes;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/** Converter of failed requests to Zou: into {@link Denied} if Zou refused the request, else into a problem for the caller. */
final class ZouFailures {

    private static final Logger LOG = Logger.getLogger(ZouFailures.class);

    private static final int LONGEST_REASON = 300;
    private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}\\p{Zl}\\p{Zp}]");

    private final ObjectMapper json;

    ZouFailures(ObjectMapper json) {
        this.json = json;
    }

    /**
     * Returns true for an error status that Zou sent; false for a problem of this service, which is a
     * {@link WebApplicationException}, too.
     */
    static boolean isAnswer(Throwable failure) {
        return failure instanceof WebApplicationException && !(failure instanceof ProblemException);
    }

    static boolean isNoAnswer(Throwable failure) {
        return !(failure instanceof Denied) && !(failure instanceof WebApplicationException);
    }

    static int status(Throwable answer) {
        return response(answer).getStatus();
    }

    static Response response(Throwable answer) {
        return ((WebApplicationException) answer).getResponse();
    }

    RuntimeException refused(Throwable failure) {
        Response response = response(failure);
        return switch (response.getStatus()) {
            case 401, 422 -> unknown(failure);
            case 403, 404 -> new Denied(response.getStatus(), said(response).orElse("You may not do this."));
            default -> away("it answered " + response.getStatus());
        };
    }

    RuntimeException refusedChange(Throwable failure) {
        Response response = response(failure);
        return switch (response.getStatus()) {
            case 401, 422, 502, 503, 504 -> refused(failure);
            default -> new Denied(response.getStatus(), said(response).orElse("It answered " + response.getStatus() + "."));
        };
    }

    /**
     * Returns the problem for an invalid token. Repeats Zou's message word for word, because Zou's Python client refreshes the
     * token on "Signature has expired" and on no other text.
     */
    ProblemException unknown(Throwable failure) {
        Response response = response(failure);
        String sentence = said(response).orElse("Kitsu does not know this token, or it has expired: sign in again.");
        return response.getStatus() == 422 ? new ProblemException(Code.MALFORMED_TOKEN, sentence) : unknownToken(sentence);
    }

    static ProblemException unknownToken(String sentence) {
        return new ProblemException(Code.UNAUTHENTICATED, sentence)
                .with("WWW-Authenticate", "Bearer realm=\"kitsu-actions\", error=\"invalid_token\"");
    }

    /**
     * Returns the message in Zou's error answer, without control characters and cut to 300 characters; empty if there is none.
     */
    private Optional<String> said(Response response) {
        try {
            JsonNode body = json.readTree(text(response));
            String message = UNPRINTABLE.matcher(body.path(body.has("message") ? "message" : "msg").asText(""))
                    .replaceAll(" ").strip();
            return Optional.of(message.substring(0, Math.min(LONGEST_REASON, message.length())))
                    .filter(sentence -> !sentence.isEmpty());
        } catch (IOException e) {
            LOG.debugf("Zou's refusal is not JSON (%s); answering with a sentence of our own.", e.getMessage());
            return Optional.empty();
        }
    }

    private static String text(Response response) {
        return response.hasEntity() ? response.readEntity(String.class) : "";
    }

    /** Returns why Zou gave no answer, as a clause such as "it cannot be reached". */
    static String reason(Throwable failure) {
        LOG.debugf(failure, "Zou gave no answer");
        return Causes.of(failure).map(ZouFailures::ofTls).flatMap(Optional::stream).findFirst()
                .orElse(failure instanceof TimeoutException ? "it did not answer in time" : "it cannot be reached");
    }

    private static Optional<String> ofTls(Throwable cause) {
        if (cause instanceof CertificateException || cause instanceof CertPathBuilderException) {
            return Optional.of("its certificate cannot be verified (" + cause.getMessage() + "). If the studio's own authority "
                    + "issued it, set CUSTOM_ACTIONS_TRUST to the authority's PEM file");
        }
        if (cause instanceof SSLException && cause.getCause() == null) {
            return Optional.of("it cannot be reached over TLS (" + cause.getMessage() + ")");
        }
        return Optional.empty();
    }

    static ProblemException away(String why) {
        return new ProblemException(Code.UNAVAILABLE, "Kitsu's API server did not answer as it should: " + why
                + ". Nothing was done; try again in a moment.").with("Retry-After", "5");
    }
}
