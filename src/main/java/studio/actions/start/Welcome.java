package studio.actions.start;

import java.net.URI;

import jakarta.annotation.security.PermitAll;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.core.Response;

import studio.actions.html.Page;

/** Redirects {@code /} to the page, and Quarkus' default path of Swagger UI to the documentation of the API. */
@Path("/")
@PermitAll
public class Welcome {

    private static final URI DOCS = URI.create("/api/custom-actions/docs/");

    @GET
    public Response root() {
        return Response.seeOther(URI.create(Page.APP)).build();
    }

    @GET
    @Path("/q/swagger-ui")
    public Response swaggerUi() {
        return Response.seeOther(DOCS).build();
    }
}
