package studio.actions.action;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.core.CurrentRequestManager;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.vertx.http.runtime.filters.Filters;
import io.quarkus.vertx.http.runtime.security.SecurityHandlerPriorities;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.impl.HttpServerRequestInternal;
import io.vertx.ext.web.RoutingContext;
import studio.actions.action.CachedList.Question;
import studio.actions.identity.Caller;
import studio.actions.identity.KnownCallers;

/**
 * Answers requests for lists of actions from memory, on the event loop, if a caller with the same roles has sent an equal
 * request before. All other requests, including invalid ones, go on to their resource method. A write drops the kept responses
 * together with the list that they were made from ({@link ActionCache}).
 */
@Singleton
public class CachedLists {

    /**
     * The priority of the filter. It runs after the CORS check, and before Quarkus' authentication, which costs more than the
     * response. Therefore Quarkus' permissions for paths ({@code quarkus.http.auth.permission}) do not protect a kept response;
     * the service configures none.
     */
    private static final int FILTER = SecurityHandlerPriorities.AUTHENTICATION + 50;

    private static final Set<String> PATHS = Set.of("/api/custom-actions", "/api/custom-actions/", "/api/data/custom-actions",
            "/api/data/custom-actions/");

    /** The key under which Quarkus stores the path that metrics and traces show for a request. */
    private static final String PATH_KEY = "UrlPathTemplate";

    private final ActionCache list;
    private final KnownCallers callers;
    private final Counter hits;
    private final Counter misses;

    CachedLists(ActionCache list, KnownCallers callers, MeterRegistry meters) {
        this.list = list;
        this.callers = callers;
        this.hits = lookups(meters, "hit");
        this.misses = lookups(meters, "miss");
    }

    private static Counter lookups(MeterRegistry meters, String result) {
        return Counter.builder("custom_actions.list.lookups").tag("result", result)
                .description("Lists of actions that were asked for: answered as before (hit), or written anew (miss).")
                .register(meters);
    }

    /**
     * Returns a kept response, or makes one and keeps it for equal requests of callers with the same roles. To be called by a
     * resource method after it has checked its parameters.
     *
     * @param write makes the response from the actions that the caller may see
     */
    public RestResponse<Buffer> answer(Caller caller, Function<List<Action>, CachedList> write) {
        RoutingContext request = CurrentRequestManager.get().unwrap(RoutingContext.class);
        Question asked = Question.of(request, caller);
        Optional<CachedList> kept = list.answered(asked);
        (kept.isPresent() ? hits : misses).increment();
        return kept.orElseGet(() -> list.answer(asked,
                all -> write.apply(all.stream().filter(action -> action.visibleTo(caller)).toList()))).answer(known(request));
    }

    void hang(@Observes Filters filters) {
        filters.register(request -> {
            if (request.request().method() == HttpMethod.GET && PATHS.contains(request.request().path())) {
                again(request);
            } else {
                request.next();
            }
        }, FILTER);
    }

    private void again(RoutingContext request) {
        Optional<CachedList> found = callers.answer(request.request(),
                caller -> list.answered(Question.of(request, caller)));
        if (found.isEmpty()) {
            request.next();
            return;
        }
        hits.increment();
        ((HttpServerRequestInternal) request.request()).context().putLocal(PATH_KEY, request.request().path());
        found.get().answer(request.response(), known(request));
    }

    private static String known(RoutingContext request) {
        List<String> known = request.request().headers().getAll(HttpHeaders.IF_NONE_MATCH);
        return known.isEmpty() ? null : String.join(",", known);
    }
}
