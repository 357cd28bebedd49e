package studio.actions.problem;

import java.util.List;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.core.http.HttpHeaders;
import io.vertx.ext.web.RoutingContext;
import studio.actions.log.LogContext;
import studio.actions.problem.Problem.Code;

/** What is answered before a request reaches any of our methods, in the same shape as all other problems. */
@Singleton
class Doorstep {

    private static final int FIRST = 1000;

    /** What a path is about. */
    private static final Pattern SUBJECT = Pattern.compile(
            "/api/(?:data/)?custom-actions/(?<runs>runs/)?(?<id>\\p{XDigit}{8}(?:-\\p{XDigit}{4}){3}-\\p{XDigit}{12})(?:/.*)?");

    private final BodyConfig config;
    private final ObjectMapper json;

    Doorstep(BodyConfig config, ObjectMapper json) {
        this.config = config;
        this.json = json;
    }

    void hang(@Observes Filters filters) {
        filters.register(Doorstep::mark, FIRST + 1);
        filters.register(this::announced, FIRST);
    }

    /** So that each line in the log says what it is about. */
    private static void mark(RoutingContext request) {
        Matcher subject = SUBJECT.matcher(request.request().path());
        if (subject.matches()) {
            UUID id = UUID.fromString(subject.group("id"));
            if (subject.group("runs") == null) {
                LogContext.action(id);
            } else {
                LogContext.run(id);
            }
        }
        request.next();
    }

    /** Whoever asks before sending is told at once; so is whoever announces more than anybody would read and throw away. */
    private void announced(RoutingContext request) {
        boolean asks = "100-continue".equalsIgnoreCase(request.request().getHeader(HttpHeaders.EXPECT));
        long length = length(request);
        int limit = BodyLimit.limit(config, request.request().getHeader(HttpHeaders.CONTENT_TYPE));
        if (length > BodyLimit.DRAINED || asks && length > limit) {
            request.addEndHandler(sent -> request.request().connection().close());
            answer(request, Code.TOO_LARGE, BodyLimit.tooLarge(limit));
            return;
        }
        if (asks) {
            request.response().writeContinue();
            request.request().headers().remove(HttpHeaders.EXPECT);
        }
        request.next();
    }

    private static long length(RoutingContext request) {
        try {
            String length = request.request().getHeader(HttpHeaders.CONTENT_LENGTH);
            return length == null ? 0 : Long.parseLong(length);
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    private void answer(RoutingContext request, Code code, String detail) {
        Problem problem = Problem.of(code, code.status, detail, request.request().path(), List.of(), List.of());
        try {
            request.response().setStatusCode(code.status).putHeader(HttpHeaders.CONTENT_TYPE, Problem.MEDIA_TYPE)
                    .end(json.writeValueAsString(problem));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a problem is always JSON", e);
        }
    }
}
