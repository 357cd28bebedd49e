package studio.actions.page;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

import jakarta.annotation.security.PermitAll;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;

import io.quarkus.qute.CheckedTemplate;
import io.quarkus.qute.TemplateInstance;
import io.vertx.core.http.Cookie;
import io.vertx.ext.web.RoutingContext;
import studio.actions.html.Page;
import studio.actions.identity.CrossSite;
import studio.actions.identity.LocalIdentity;
import studio.actions.identity.LocalSessions;
import studio.actions.identity.Requester;

/** The sign-in with the local token, for a service without Kitsu, and the sign-out. */
@Path(Page.APP)
@Produces(Page.MEDIA_TYPE)
@PermitAll
public class SignIn {

    private static final int TRIES_A_MINUTE = 5;

    @CheckedTemplate(basePath = "page", defaultName = CheckedTemplate.HYPHENATED_ELEMENT_NAME)
    record SignInPage(Layout layout, String next, String trouble) implements TemplateInstance {
    }

    private final Screens screens;
    private final LocalIdentity local;
    private final LocalSessions sessions;
    private final CrossSite crossSite;
    private final RoutingContext request;
    private final Cache<String, AtomicInteger> failures = Caffeine.newBuilder().maximumSize(10_000)
            .expireAfterWrite(Duration.ofMinutes(1)).build();

    SignIn(Screens screens, LocalIdentity local, LocalSessions sessions, CrossSite crossSite, RoutingContext request) {
        this.screens = screens;
        this.local = local;
        this.sessions = sessions;
        this.crossSite = crossSite;
        this.request = request;
    }

    /** @param next the path to go to after the sign-in */
    @GET
    @Path("/sign-in")
    public Response form(@QueryParam("next") String next) {
        Layout layout = screens.layout("Sign in", "sign-in");
        return layout.viewer() == null || layout.kitsu() ? Response.ok(new SignInPage(layout, own(next), null)).build()
                : Response.seeOther(URI.create(own(next))).build();
    }

    @POST
    @Path("/sign-in")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    public Response signIn(String body) {
        crossSite.refusal(request.request()).ifPresent(foreign -> {
            throw foreign;
        });
        Form form = Form.parse(body);
        String next = own(form.text("next"));
        AtomicInteger failed = failures.get(Requester.address(request), unseen -> new AtomicInteger());
        if (failed.get() >= TRIES_A_MINUTE) {
            return refused(429, next, "Too many wrong tokens. Wait a minute, then try again.");
        }
        Optional<Cookie> session = local.signIn(form.text("token"), request.request().isSSL()
                || "https".equals(request.request().scheme()));
        if (session.isEmpty()) {
            failed.incrementAndGet();
            return refused(401, next, "This is not the token. Without CUSTOM_ACTIONS_LOCAL_TOKEN every start makes a new one; "
                    + "the log has it.");
        }
        return to(next, session.get());
    }

    @POST
    @Path("/sign-out")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    public Response signOut(String body) {
        crossSite.refusal(request.request()).ifPresent(foreign -> {
            throw foreign;
        });
        return to(Page.APP + "/sign-in", sessions.end(request.request()));
    }

    private Response refused(int status, String next, String trouble) {
        return Response.status(status).entity(new SignInPage(screens.layout("Sign in", "sign-in"), next, trouble)).build();
    }

    private static Response to(String path, Cookie cookie) {
        return Response.seeOther(URI.create(path)).header("Set-Cookie", cookie.encode()).build();
    }

    /** Returns the path if it leads to the page, else the path of the first screen. */
    private static String own(String path) {
        return path != null && path.matches(Page.APP + "/[\\w/.?&=%+-]*") ? path : Page.APP + "/runs";
    }
}
