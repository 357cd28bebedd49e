package studio.actions.http;

import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
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

/**
 * A filter that replaces a problem in a response by an HTML page if a browser's tab will show it. A browser that is not signed
 * in
 * to the page is sent to the sign-in.
 */
@Singleton
public class ProblemPages {

    /** The lowest priority, which runs last: other response filters still need the {@link Problem} object. */
    private static final int LAST = 0;

    @ServerResponseFilter(priority = LAST)
    public void show(ContainerRequestContext request, ContainerResponseContext response) {
        String path = Problems.path(CurrentRequestManager.get());
        if (!(response.getEntity() instanceof Problem problem) || !ProblemPage.isWanted(path, accept(request))) {
            return;
        }
        boolean app = path.startsWith(Page.APP);
        if (app && response.getStatus() == 401 && request.getMethod().equals("GET")) {
            URI asked = request.getUriInfo().getRequestUri();
            String next = asked.getRawPath() + (asked.getRawQuery() == null ? "" : "?" + asked.getRawQuery());
            response.setStatus(303);
            response.setEntity(null);
            response.getHeaders().remove(HttpHeaders.WWW_AUTHENTICATE);
            response.getHeaders().putSingle(HttpHeaders.LOCATION,
                    Page.APP + "/sign-in?next=" + URLEncoder.encode(next, StandardCharsets.UTF_8));
            return;
        }
        String page = ProblemPage.of(problem, response.getHeaderString(HttpHeaders.RETRY_AFTER)).render();
        response.setEntity(page, null, MediaType.TEXT_HTML_TYPE.withCharset("utf-8"));
        (app ? Page.framedHeaders() : Page.headers(null))
                .forEach((name, value) -> response.getHeaders().putSingle(name, value));
    }

    private static Stream<String> accept(ContainerRequestContext request) {
        return request.getHeaders().getOrDefault(HttpHeaders.ACCEPT, List.of()).stream();
    }
}
