package studio.actions.problem;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

import jakarta.ws.rs.core.UriInfo;

import org.jboss.resteasy.reactive.server.core.CurrentRequestManager;
import org.jboss.resteasy.reactive.server.mapping.RuntimeResource;
import org.jboss.resteasy.reactive.server.util.RuntimeResourceVisitor;

/** Which verbs a path knows: RFC 9110 wants them in the {@code Allow} of a 405, where Quarkus REST leaves it out. */
final class Verbs {

    private Verbs() {
    }

    static String at(UriInfo uri, String refused) {
        String path = trimmed(uri.getRequestUri().getRawPath());
        Set<String> verbs = new TreeSet<>(List.of("OPTIONS"));
        RuntimeResourceVisitor.visitRuntimeResources("", CurrentRequestManager.get().getDeployment().getClassMappers(),
                new RuntimeResourceVisitor() {
                    @Override
                    public void visitRuntimeResource(String verb, String template, RuntimeResource resource) {
                        if (Pattern.matches(trimmed(template).replaceAll("\\{[^}]*}", "[^/]+"), path)) {
                            verbs.add(verb);
                        }
                    }
                });
        if (verbs.contains("GET")) {
            verbs.add("HEAD");
        }
        // A literal path hides a variable one: /echo is not an {id}.
        verbs.remove(refused);
        return String.join(", ", verbs);
    }

    private static String trimmed(String path) {
        return path.replaceAll("/+", "/").replaceAll("/$", "");
    }
}
