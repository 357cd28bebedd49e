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

/** A filter that replaces a problem in a response by an HTML page if a browser's tab will show it. */
@Singleton
public class ProblemPages {

    /** The lowest priority, which runs last: other response filters still need the {@link Problem} object. */
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
