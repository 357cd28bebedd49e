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
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.impl.HttpServerRequestInternal;
import io.vertx.ext.web.RoutingContext;
import studio.actions.identity.Caller;
import studio.actions.identity.KnownCallers;
import studio.actions.identity.Role;

/**
 * Lists that everybody asks for. A known caller who asks what another with the same roles has asked is answered from memory,
 * on the event loop. What is not there goes on to its method, and so does all that is to be refused. A write
 * drops what is there together with the list that it was made from ({@link ActionCache}).
 */
@Singleton
public class CachedLists {

    /**
     * Before Quarkus prepares to authenticate, which costs more than the answer; behind what judges other sites (CORS). So
     * policies of Quarkus for paths ({@code quarkus.http.auth.permission}) are not asked; the service has none.
     */
    private static final int FILTER = SecurityHandlerPriorities.AUTHENTICATION + 50;

    private static final Set<String> PATHS = Set.of("/api/custom-actions", "/api/custom-actions/", "/api/data/custom-actions",
            "/api/data/custom-actions/");

    /** Where Quarkus keeps what metrics and traces call a request. */
    private static final String TEMPLATE = "UrlPathTemplate";

    /** Bytes that a text takes beside its characters. */
    private static final int VALUE = 64;

    /** All that an answer depends on, beside the actions. */
    record Question(Role role, Set<Role> roles, String path, String query, List<String> accept) {

        static Question of(RoutingContext request, Caller caller) {
            HttpServerRequest asked = request.request();
            return new Question(caller.role(), caller.roles(), asked.path(), asked.query(),
                    asked.headers().getAll(HttpHeaders.ACCEPT));
        }

        /** Bytes of what the caller may make as long as they like; many short values of {@code Accept} cost more than one. */
        int length() {
            return (query == null ? 0 : query.length())
                    + accept.stream().mapToInt(value -> value.length() + VALUE).sum();
        }
    }

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
     * Answers a list, and remembers it for all who ask the same. To be called by a method that has judged its parameters.
     *
     * @param write what is answered, from those that the caller may see
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
        ((HttpServerRequestInternal) request.request()).context().putLocal(TEMPLATE, request.request().path());
        found.get().answer(request.response(), known(request));
    }

    private static String known(RoutingContext request) {
        List<String> known = request.request().headers().getAll(HttpHeaders.IF_NONE_MATCH);
        return known.isEmpty() ? null : String.join(",", known);
    }
}
