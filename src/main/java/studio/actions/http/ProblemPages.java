package studio.actions.http;

import java.util.List;
import java.util.stream.Stream;

import jakarta.inject.Singleton;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerResponseContext;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;

import org.jboss.resteasy.reactive.server.ServerResponseFilter;
import org.jboss.resteasy.reactive.server.core.CurrentRequestManager;

import studio.actions.html.Page;
import studio.actions.problem.Problem;

/** A filter that turns problems into HTML pages for the tabs of browsers. */
@Singleton
public class ProblemPages {

    /** Runs after all other filters of the response, because they read the problem. */
    private static final int LAST = 0;

    @ServerResponseFilter(priority = LAST)
    public void show(ContainerRequestContext request, ContainerResponseContext response) {
        if (response.getEntity() instanceof Problem problem
                && ProblemPage.isWanted(Problems.path(CurrentRequestManager.get()), accept(request))) {
            String page = ProblemPage.of(problem, response.getHeaderString(HttpHeaders.RETRY_AFTER)).render();
            response.setEntity(page, null, MediaType.TEXT_HTML_TYPE.withCharset("utf-8"));
            Page.headers(null).forEach((name, value) -> response.getHeaders().putSingle(name, value));
        }
    }

    private static Stream<String> accept(ContainerRequestContext request) {
        return request.getHeaders().getOrDefault(HttpHeaders.ACCEPT, List.of()).stream();
    }
}
