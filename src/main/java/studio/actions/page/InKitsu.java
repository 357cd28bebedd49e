package studio.actions.page;

import java.net.URI;

import jakarta.annotation.security.PermitAll;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Response;

import io.vertx.core.http.Cookie;
import io.vertx.core.http.CookieSameSite;
import studio.actions.html.Page;
import studio.actions.problem.StrictJson;

/** The first paths that a browser asks for: {@code /} of a service without Kitsu, and the frame that Kitsu opens. */
@Path(Page.APP)
@PermitAll
public class InKitsu {

    private static final String RUNS = Page.APP + "/runs";

    @GET
    public Response first() {
        return Response.seeOther(URI.create(RUNS)).build();
    }

    /**
     * Answers Kitsu's frame with a redirect to the runs. The parameters are the ones that Kitsu 1.0.56 sends to every plugin.
     *
     * @param productionId the production that is open in Kitsu; ignored if it is no id
     * @param darkTheme {@code true} in Kitsu's dark theme; else missing
     */
    @GET
    @Path("/in-kitsu")
    public Response frame(@QueryParam("production_id") String productionId, @QueryParam("episode_id") String episodeId,
            @QueryParam("dark_theme") String darkTheme, @QueryParam("locale") String locale) {
        String theme = "true".equals(darkTheme) ? "dark" : "light";
        boolean inProduction = productionId != null && StrictJson.id(productionId) != null;
        Cookie cookie = Cookie.cookie(Screens.THEME, theme).setPath(Page.APP).setHttpOnly(true)
                .setSameSite(CookieSameSite.LAX);
        return Response.seeOther(URI.create(RUNS + (inProduction ? "?production_id=" + StrictJson.id(productionId) : "")))
                .header("Set-Cookie", cookie.encode()).build();
    }
}
