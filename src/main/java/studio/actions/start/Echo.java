package studio.actions.start;

import java.io.IOException;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.util.Map;
import java.util.TreeMap;

import jakarta.annotation.security.PermitAll;
import jakarta.enterprise.inject.Instance;
import jakarta.inject.Singleton;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.NameBinding;
import jakarta.ws.rs.NotFoundException;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.UriInfo;

import org.jboss.resteasy.reactive.server.ServerRequestFilter;

import com.fasterxml.jackson.databind.ObjectMapper;

import studio.actions.identity.ZouConfig;

/** A receiver for trying out actions: answers with the request that it got. It exists only if no Kitsu is configured. */
@Path("/api/custom-actions/echo")
@Produces(MediaType.APPLICATION_JSON)
@PermitAll
@Echo.WithoutKitsu
public class Echo {

    /** Marks resources that exist only if no Kitsu is configured. */
    @NameBinding
    @Retention(RetentionPolicy.RUNTIME)
    @interface WithoutKitsu {
    }

    /** A filter that answers 404 if Kitsu is configured, before the body is read. */
    @Singleton
    static class Practice {

        private final Instance<ZouConfig> config;

        Practice(Instance<ZouConfig> config) {
            this.config = config;
        }

        @ServerRequestFilter(nonBlocking = true, priority = Priorities.AUTHORIZATION)
        @WithoutKitsu
        public void refuse(ContainerRequestContext request) {
            if (config.get().url().isPresent()) {
                throw new NotFoundException();
            }
        }
    }

    /** Longest body that is echoed whole, in characters. The answer then usually fits into the 64 KB that the service reads. */
    private static final int SHOWN = 32 * 1024;

    private final ObjectMapper json;

    Echo(ObjectMapper json) {
        this.json = json;
    }

    /** The answer: the received request. Its body is JSON if it can be parsed as JSON, else text. */
    public record Heard(String method, String url, Map<String, String> headers, Object body) {
    }

    @GET
    public Heard get(@Context HttpHeaders headers, @Context UriInfo uri) {
        return heard("GET", headers, uri, null);
    }

    @POST
    @Consumes(MediaType.WILDCARD)
    public Heard post(@Context HttpHeaders headers, @Context UriInfo uri, String body) {
        return heard("POST", headers, uri, body);
    }

    private Heard heard(String method, HttpHeaders headers, UriInfo uri, String body) {
        Map<String, String> shown = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        headers.getRequestHeaders().forEach((name, values) -> shown.put(name, String.join(", ", values)));
        return new Heard(method, uri.getRequestUri().toString(), shown, body(body));
    }

    private Object body(String body) {
        if (body == null || body.isEmpty()) {
            return null;
        }
        if (body.length() > SHOWN) {
            return body.substring(0, SHOWN) + "…";
        }
        try {
            return json.readTree(body);
        } catch (IOException e) {
            return body;
        }
    }
}
