package studio.actions.http;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;

import jakarta.inject.Singleton;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerResponseContext;
import jakarta.ws.rs.core.HttpHeaders;

import org.jboss.resteasy.reactive.server.ServerRequestFilter;
import org.jboss.resteasy.reactive.server.ServerResponseFilter;
import org.jboss.resteasy.reactive.server.core.CurrentRequestManager;
import org.jboss.resteasy.reactive.server.core.Deployment;
import org.jboss.resteasy.reactive.server.mapping.RuntimeResource;
import org.jboss.resteasy.reactive.server.util.RuntimeResourceVisitor;

/**
 * A filter for the HTTP methods that each path supports. RFC 9110 requires the header {@code Allow} in a 405, where Quarkus
 * REST omits it. In an answer to {@code OPTIONS}, Quarkus REST wrongly lists the methods of all paths with the same prefix.
 */
@Singleton
public class AllowedMethods {

    private static final String OPTIONS = "OPTIONS";

    private static final Pattern SLASHES = Pattern.compile("/{2,}");

    private static final Pattern VARIABLE = Pattern.compile("\\{[^}]*}");

    /** The methods of each path without variables. Null until the first request: Quarkus creates filters before resources. */
    private volatile Map<String, Set<String>> literal;

    /**
     * Answers 405 to an unsupported method of a path without variables. Otherwise {@code PUT /export} would be answered by
     * {@code PUT /{id}}, which refuses "export" as a malformed id.
     */
    @ServerRequestFilter(preMatching = true, nonBlocking = true)
    public void refuse(ContainerRequestContext request) {
        if (literal == null) {
            literal = literal();
        }
        Set<String> verbs = literal.get(trimmed(Problems.path(CurrentRequestManager.get())));
        if (verbs != null && !verbs.contains(request.getMethod())) {
            throw new WebApplicationException(405);
        }
    }

    private static Map<String, Set<String>> literal() {
        Map<String, Set<String>> literal = new HashMap<>();
        visit(CurrentRequestManager.get().getDeployment(), (template, verb) -> {
            if (!template.contains("{")) {
                literal.computeIfAbsent(template, path -> new TreeSet<>()).add(verb);
            }
        });
        literal.values().forEach(AllowedMethods::complete);
        return literal;
    }

    /** Returns the methods of the requested path. For {@code /export} omits those of {@code /{id}}, which also matches. */
    private static Set<String> here() {
        String path = trimmed(Problems.path(CurrentRequestManager.get()));
        // Several path templates may match the requested path; the first in this map is the right one. A literal segment sorts
        // before a variable, which is replaced by ~.
        TreeMap<String, Set<String>> byForm = new TreeMap<>();
        visit(CurrentRequestManager.get().getDeployment(), (template, verb) -> {
            if (Pattern.matches(VARIABLE.matcher(template).replaceAll("[^/]+"), path)) {
                byForm.computeIfAbsent(VARIABLE.matcher(template).replaceAll("~"), form -> new TreeSet<>()).add(verb);
            }
        });
        return complete(byForm.isEmpty() ? new TreeSet<>() : byForm.firstEntry().getValue());
    }

    /** Returns the path templates of all resource methods, with variables in braces. */
    static Set<String> templates(Deployment deployment) {
        Set<String> templates = new TreeSet<>();
        visit(deployment, (template, verb) -> templates.add(template));
        return templates;
    }

    private static void visit(Deployment deployment, BiConsumer<String, String> visitor) {
        RuntimeResourceVisitor.visitRuntimeResources("", deployment.getClassMappers(),
                new RuntimeResourceVisitor() {
                    @Override
                    public void visitRuntimeResource(String verb, String template, RuntimeResource resource) {
                        visitor.accept(trimmed(template), verb);
                    }
                });
    }

    private static Set<String> complete(Set<String> verbs) {
        if (verbs.contains("GET")) {
            verbs.add("HEAD");
        }
        verbs.add(OPTIONS);
        return verbs;
    }

    @ServerResponseFilter
    public void completeAllow(ContainerRequestContext request, ContainerResponseContext response) {
        if (response.getStatus() == 405
                || request.getMethod().equals(OPTIONS) && response.getHeaders().containsKey(HttpHeaders.ALLOW)) {
            response.getHeaders().put(HttpHeaders.ALLOW, List.of(String.join(", ", here())));
        }
    }

    private static String trimmed(String path) {
        String one = path.contains("//") ? SLASHES.matcher(path).replaceAll("/") : path;
        return one.endsWith("/") ? one.substring(0, one.length() - 1) : one;
    }
}
