package studio.actions.http;

import java.nio.file.InvalidPathException;
import java.util.List;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.netty.channel.Channel;
import io.netty.util.AttributeKey;
import io.quarkus.vertx.http.ManagementInterface;
import io.quarkus.vertx.http.runtime.filters.Filters;
import io.smallrye.common.net.Inet;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.impl.HttpServerRequestInternal;
import io.vertx.core.net.impl.ConnectionBase;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import studio.actions.html.Page;
import studio.actions.log.LogContext;
import studio.actions.problem.Problem;
import studio.actions.problem.Problem.Code;

/** A filter that refuses ambiguous and unreadable HTTP requests with a problem, before any resource method gets them. */
@Singleton
class RequestGuard {

    private static final int FIRST = 1000;

    private static final String NAMELESS = "Name the requested host in the header 'Host'.";

    private static final String GARBLED = "The request cannot be read.";

    /** A path with the id of an action or of a run. */
    private static final Pattern SUBJECT = Pattern.compile(
            "/api/(?:data/)?custom-actions/(?<runs>runs/)?(?<id>\\p{XDigit}{8}(?:-\\p{XDigit}{4}){3}-\\p{XDigit}{12})(?:/.*)?");

    /** Length of the shortest path that matches {@link #SUBJECT}. */
    private static final int SHORTEST = "/api/custom-actions/".length() + 36;

    /** Marks a connection that had an ambiguous request: the service answers that request and closes the connection. */
    private static final AttributeKey<Boolean> LAST = AttributeKey.valueOf(RequestGuard.class, "last");

    private final BodyCollector bodies;
    private final ObjectMapper json;

    RequestGuard(BodyCollector bodies, ObjectMapper json) {
        this.bodies = bodies;
        this.json = json;
    }

    void hang(@Observes Filters filters) {
        filters.register(request -> {
            SecurityHeaders.addTo(request);
            String ambiguous = ambiguous(request.request());
            if (ambiguous != null || isPastLast(request)) {
                hangUp(request, ambiguous);
                return;
            }
            if (BodyCollector.announced(request.request())) {
                request.addEndHandler(answered -> {
                    if (answered.succeeded()) {
                        bodies.drain(request);
                    }
                });
            }
            if (nameless(request)) {
                answer(request, Code.BAD_REQUEST, NAMELESS);
            } else if (garbled(request.request().path())) {
                answer(request, Code.BAD_REQUEST, GARBLED);
            } else {
                mark(request.request().path());
                admit(request);
            }
        }, FIRST);
    }

    /** Answers 400 to a request that Vert.x cannot read. Quarkus would log it as an error of the service. */
    void catchUnreadable(@Observes Router router) {
        router.route().order(Integer.MIN_VALUE).failureHandler(request -> {
            if (request.statusCode() == 400 || request.failure() instanceof InvalidPathException) {
                answer(request, Code.BAD_REQUEST, nameless(request) ? NAMELESS : GARBLED);
            } else {
                request.next();
            }
        });
    }

    /** Answers 400 to unreadable requests on the management port. */
    void guardManagement(@Observes ManagementInterface management) {
        management.router().route().order(Integer.MIN_VALUE).handler(request -> {
            if (garbled(request.request().path())) {
                request.response().setStatusCode(400).end();
            } else {
                request.next();
            }
        }).failureHandler(request -> {
            if (request.statusCode() == 400) {
                request.response().setStatusCode(400).end();
            } else {
                request.next();
            }
        });
    }

    /**
     * Returns why a proxy could read the request differently from this service (RFC 9112, 3.2 and 6.3); null if it is
     * unambiguous. After an ambiguous request the connection must be closed, since the next bytes may be its body or another
     * request.
     */
    private static String ambiguous(HttpServerRequest request) {
        List<String> codings = request.headers().getAll(HttpHeaders.TRANSFER_ENCODING);
        return !codings.isEmpty() && !(codings.size() == 1 && codings.get(0).strip().equalsIgnoreCase("chunked"))
                ? "'Transfer-Encoding' can only be 'chunked': send that, or 'Content-Length'."
                : request.headers().getAll(HttpHeaders.HOST).size() > 1 ? "Name one host in 'Host'." : null;
    }

    private static boolean isPastLast(RoutingContext request) {
        return ((ConnectionBase) request.request().connection()).channel().hasAttr(LAST);
    }

    /** Answers a connection's first ambiguous request, then closes the connection; after that, closes it without an answer. */
    private void hangUp(RoutingContext request, String why) {
        Channel channel = ((ConnectionBase) request.request().connection()).channel();
        if (channel.attr(LAST).setIfAbsent(true) == null) {
            request.addEndHandler(sent -> request.request().connection().close());
            answer(request, Code.BAD_REQUEST, why);
        } else {
            channel.close();
        }
    }

    /**
     * Returns true if the request names no valid host. The request cannot be answered without one, because links in answers
     * and checks of cookies and origins need the host.
     */
    private static boolean nameless(RoutingContext request) {
        if (!((HttpServerRequestInternal) request.request()).isValidAuthority()) {
            return true;
        }
        String host = request.request().authority().host();
        return host.isEmpty() || host.startsWith("[") && Inet.parseInet6Address(host.replaceAll("[\\[\\]]", "")) == null;
    }

    /** Returns true if a % in a path is not followed by two hex digits. Vert.x would log that as an error of the service. */
    private static boolean garbled(String path) {
        for (int at = path.indexOf('%'); at >= 0; at = path.indexOf('%', at + 1)) {
            if (at + 2 >= path.length() || Character.digit(path.charAt(at + 1), 16) < 0
                    || Character.digit(path.charAt(at + 2), 16) < 0) {
                return true;
            }
        }
        return false;
    }

    /** Adds the id of the action or run in the path to all log lines of the request. */
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

    /** Refuses a request whose body is announced as larger than {@link BodyCollector#DRAINED}; passes all others on. */
    private void admit(RoutingContext request) {
        if (BodyCollector.length(request.request()) > BodyCollector.DRAINED) {
            request.addEndHandler(sent -> request.request().connection().close());
            answer(request, Code.TOO_LARGE, bodies.tooLarge(request.request()).getMessage());
        } else {
            request.next();
        }
    }

    private void answer(RoutingContext request, Code code, String detail) {
        Problem problem = Problem.of(code, code.status, detail, request.request().path(), List.of(), List.of());
        if (ProblemPage.isWanted(request.request().path(), request.request().headers().getAll(HttpHeaders.ACCEPT).stream())) {
            Page.headers(null).forEach(request.response()::putHeader);
            request.response().setStatusCode(code.status).putHeader(HttpHeaders.CONTENT_TYPE, Page.MEDIA_TYPE)
                    .end(ProblemPage.of(problem, null).render());
            return;
        }
        try {
            request.response().setStatusCode(code.status).putHeader(HttpHeaders.CONTENT_TYPE, Problem.MEDIA_TYPE)
                    .end(json.writeValueAsString(problem));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a problem is always JSON", e);
        }
    }
}
