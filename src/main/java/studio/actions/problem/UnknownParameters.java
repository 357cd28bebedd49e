package studio.actions.problem;

import java.lang.annotation.Annotation;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import jakarta.inject.Singleton;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.container.ResourceInfo;
import jakarta.ws.rs.core.UriInfo;

import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/** Refuses a query parameter that a method of our own API does not know: a typo would otherwise pass for a filter. */
@Singleton
public class UnknownParameters {

    /** Zou ignores what it does not know, and so do its paths here. */
    private static final String OURS = "/api/custom-actions";

    private final Map<Method, Set<String>> known = new ConcurrentHashMap<>();

    @ServerRequestFilter(nonBlocking = true, priority = Priorities.AUTHORIZATION + 1)
    public void refuse(UriInfo uri, ResourceInfo resource) {
        if (uri.getQueryParameters().isEmpty() || !uri.getPath().startsWith(OURS)) {
            return;
        }
        Method method = resource.getResourceMethod();
        if (readsAny(method)) {
            return;
        }
        Set<String> names = known.computeIfAbsent(method, UnknownParameters::names);
        uri.getQueryParameters().keySet().stream().filter(name -> !names.contains(name)).findFirst().ifPresent(name -> {
            throw ProblemException.parameter(name, "unknown_parameter", "The query parameter '" + name + "' is not known here. "
                    + Nearest.of(name, names).map(nearest -> "Did you mean '" + nearest + "'? ").orElse("")
                    + (names.isEmpty() ? "There is none." : "Known are: " + String.join(", ", names) + "."));
        });
    }

    /** The practice receiver takes whatever it is sent. */
    private static boolean readsAny(Method method) {
        return Arrays.asList(method.getParameterTypes()).contains(UriInfo.class) && names(method).isEmpty();
    }

    private static Set<String> names(Method method) {
        return Stream.of(method.getParameterAnnotations()).flatMap(Stream::of).filter(QueryParam.class::isInstance)
                .map((Annotation parameter) -> ((QueryParam) parameter).value()).collect(Collectors.toCollection(TreeSet::new));
    }
}
