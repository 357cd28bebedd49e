package studio.actions.http;

import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

import jakarta.inject.Singleton;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.container.ResourceInfo;
import jakarta.ws.rs.core.UriInfo;

import org.jboss.resteasy.reactive.server.ServerRequestFilter;

import studio.actions.problem.Nearest;
import studio.actions.problem.ProblemException;

/** A filter for our own API that refuses unknown query parameters and booleans without a value. Quarkus ignores both. */
@Singleton
public class UnknownParameters {

    /** The path prefix of our own API. Our replacements of Zou's paths ignore unknown parameters, as Zou does. */
    private static final String OURS = "/api/custom-actions";

    private static final Set<Class<?>> BOOLEANS = Set.of(boolean.class, Boolean.class);

    private final Map<Method, Map<String, Class<?>>> known = new ConcurrentHashMap<>();

    @ServerRequestFilter(nonBlocking = true, priority = Priorities.AUTHORIZATION + 1)
    public void refuse(UriInfo uri, ResourceInfo resource) {
        if (uri.getQueryParameters().isEmpty() || !uri.getPath().startsWith(OURS)) {
            return;
        }
        Method method = resource.getResourceMethod();
        if (readsAny(method)) {
            return;
        }
        Map<String, Class<?>> parameters = known.computeIfAbsent(method, UnknownParameters::parameters);
        uri.getQueryParameters().forEach((name, values) -> {
            if (!parameters.containsKey(name)) {
                throw unknown(name, parameters.keySet());
            }
            if (BOOLEANS.contains(parameters.get(name)) && values.contains("")) {
                // Quarkus would replace an empty value by the parameter's default.
                throw ProblemException.parameter(name, "invalid_value", "'" + name + "' must be true or false.");
            }
        });
    }

    private static ProblemException unknown(String name, Set<String> known) {
        return ProblemException.parameter(name, "unknown_parameter", "Unknown query parameter '" + name + "'. "
                + Nearest.of(name, known).map(nearest -> "Did you mean '" + nearest + "'? ").orElse("")
                + (known.isEmpty() ? "This path takes no query parameters."
                        : "Known parameters: " + String.join(", ", known) + "."));
    }

    /** Returns true for the practice receiver (Echo), whose methods read any query themselves. */
    private static boolean readsAny(Method method) {
        return Arrays.asList(method.getParameterTypes()).contains(UriInfo.class) && parameters(method).isEmpty();
    }

    private static Map<String, Class<?>> parameters(Method method) {
        Map<String, Class<?>> parameters = new TreeMap<>();
        for (Parameter parameter : method.getParameters()) {
            QueryParam query = parameter.getAnnotation(QueryParam.class);
            if (query != null) {
                parameters.put(query.value(), parameter.getType());
            }
        }
        return parameters;
    }
}
