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
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.net.HostAndPort;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import studio.actions.log.LogContext;
import studio.actions.problem.Problem.Code;

/** What is answered before a request reaches any of our methods, in the same shape as all other problems. */
@Singleton
class Doorstep {

    private static final int FIRST = 1000;

    private static final String NAMELESS = "Name the host that is asked, in 'Host'.";

    private static final String CSP = "Content-Security-Policy";

    /** What a path is about. */
    private static final Pattern SUBJECT = Pattern.compile(
            "/api/(?:data/)?custom-actions/(?<runs>runs/)?(?<id>\\p{XDigit}{8}(?:-\\p{XDigit}{4}){3}-\\p{XDigit}{12})(?:/.*)?");

    /** A path with an id. */
    private static final int SHORTEST = "/api/custom-actions/".length() + 36;

    /** What browsers are told of each answer that does not say it itself. */
    private static final List<Header> HEADERS = List.of(
            new Header("X-Content-Type-Options", "nosniff"),
            new Header("X-Frame-Options", "DENY"),
            new Header("Cross-Origin-Resource-Policy", "same-origin"),
            // Browsers' own default. Anything stricter, and a form that is posted on (307) arrives with 'Origin: null'.
            new Header("Referrer-Policy", "strict-origin-when-cross-origin"),
            // For whoever asked; lists may be kept, and are asked for anew with their ETag.
            new Header("Cache-Control", "private, no-cache"),
            // Answers are no pages.
            new Header(CSP, "default-src 'none'; frame-ancestors 'none'"));

    /** In the form that Vert.x need not encode for each answer. */
    private record Header(CharSequence name, CharSequence value) {

        Header(String name, String value) {
            this(HttpHeaders.createOptimized(name), HttpHeaders.createOptimized(value));
        }
    }

    private static final String DOCS = "/api/custom-actions/docs";

    /** Swagger UI begins with scripts that stand in its page. */
    private static final String DOCS_CSP = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' "
            + "'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
            + "frame-ancestors 'none'";

    private final BodyConfig config;
    private final ObjectMapper json;

    Doorstep(BodyConfig config, ObjectMapper json) {
        this.config = config;
        this.json = json;
    }

    void hang(@Observes Filters filters) {
        filters.register(request -> {
            guard(request);
            if (nameless(request)) {
                answer(request, Code.BAD_REQUEST, NAMELESS);
            } else {
                mark(request.request().path());
                announced(request);
            }
        }, FIRST);
    }

    /** HTTP/1.1 without a host is refused before any filter. */
    void catchTheNameless(@Observes Router router) {
        router.route().order(Integer.MIN_VALUE).failureHandler(request -> {
            if (request.statusCode() == 400 && nameless(request)) {
                answer(request, Code.BAD_REQUEST, NAMELESS);
            } else {
                request.next();
            }
        });
    }

    /** At the last moment: two policies of one name would hold both. */
    private static void guard(RoutingContext request) {
        request.addHeadersEndHandler(sent -> {
            MultiMap headers = request.response().headers();
            if (request.request().path().startsWith(DOCS) && !headers.contains(CSP)) {
                headers.set(CSP, DOCS_CSP);
            }
            for (Header header : HEADERS) {
                if (!headers.contains(header.name)) {
                    headers.add(header.name, header.value);
                }
            }
        });
    }

    /** What is answered names our address, and so do cookies and origins; a request that names none cannot be answered. */
    private static boolean nameless(RoutingContext request) {
        HostAndPort named = request.request().authority();
        return named == null || named.host().isEmpty();
    }

    /** So that each line in the log says what it is about. */
    private static void mark(String path) {
        if (path.length() < SHORTEST) {
            return;
        }
        Matcher subject = SUBJECT.matcher(path);
        if (subject.matches()) {
            UUID id = UUID.fromString(subject.group("id"));
            if (subject.group("runs") == null) {
                LogContext.action(id);
            } else {
                LogContext.run(id);
            }
        }
    }

    /** Whoever asks before sending is told at once; so is whoever announces more than anybody would read and throw away. */
    private void announced(RoutingContext request) {
        boolean asks = "100-continue".equalsIgnoreCase(request.request().getHeader(HttpHeaders.EXPECT));
        long length = length(request);
        if (length > BodyLimit.DRAINED || asks && length > limit(request)) {
            request.addEndHandler(sent -> request.request().connection().close());
            answer(request, Code.TOO_LARGE, BodyLimit.tooLarge(limit(request)));
            return;
        }
        if (asks) {
            request.response().writeContinue();
            request.request().headers().remove(HttpHeaders.EXPECT);
        }
        request.next();
    }

    private int limit(RoutingContext request) {
        return BodyLimit.limit(config, request.request().getHeader(HttpHeaders.CONTENT_TYPE));
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
