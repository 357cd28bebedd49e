package studio.actions.kitsu;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;

import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;

import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.core.buffer.Buffer;
import studio.actions.action.Actions;
import studio.actions.identity.Caller;
import studio.actions.identity.Requester;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.zou.ContextRoles;
import studio.actions.zou.Zou;

/**
 * The user context, which Kitsu's web page loads at every login: Zou's answer, but with this service's actions instead of
 * Zou's, and with the page among the plugins. All other bytes stay as Zou sent them.
 */
@Path("/api/data/user/context")
@Produces(MediaType.APPLICATION_JSON)
@Authenticated
public class UserContextResource {

    private static final String ACTIONS = "custom_actions";
    private static final String PROJECT_ROLES = "project_roles";
    private static final String PLUGINS = "plugins";

    /**
     * What this service puts into a user context.
     *
     * @param actions the JSON array of the actions
     * @param plugins changes the JSON array of the plugins
     */
    record Ours(Buffer actions, UnaryOperator<Buffer> plugins) {
    }

    /** A member of the context whose value is replaced, and the value's position. */
    private record Member(String name, int from, int to) {
    }

    private final Zou zou;
    private final ContextRoles roles;
    private final Actions actions;
    private final PluginEntry page;
    private final ObjectMapper json;
    private final SecurityIdentity identity;

    UserContextResource(Zou zou, ContextRoles roles, Actions actions, PluginEntry page, ObjectMapper json,
            SecurityIdentity identity) {
        this.zou = zou;
        this.roles = roles;
        this.actions = actions;
        this.page = page;
        this.json = json;
        this.identity = identity;
    }

    @GET
    public Uni<Response> context() {
        if (!zou.there()) {
            throw new ProblemException(Code.NOT_FOUND, "Without Kitsu there is no user context.");
        }
        Requester requester = Requester.of(identity);
        return zou.userContext(requester.credential()).emitOn(Infrastructure.getDefaultWorkerPool())
                .map(answer -> answer.status() != 200
                        ? Response.status(answer.status()).type(answer.contentType()).entity(answer.body()).build()
                        : Response.ok(replace(answer.body(), requester.caller()), answer.contentType()).build());
    }

    private Ours visible(Caller caller) {
        List<KitsuAction.View> views = actions.visibleTo(caller).stream().map(action -> KitsuAction.View.of(action))
                .toList();
        try {
            return new Ours(Buffer.buffer(json.writeValueAsBytes(views)),
                    page.isFor(caller, !views.isEmpty()) ? page::addTo : UnaryOperator.identity());
        } catch (IOException e) {
            throw new IllegalStateException("an action is always JSON", e);
        }
    }

    private Buffer replace(Buffer context, Caller caller) {
        return replace(context, projectRoles -> visible(roles.read(caller, projectRoles)), json);
    }

    /**
     * Returns the context with its actions replaced and the page among its plugins. Parses the whole context to its end, so
     * that a truncated context is
     * refused.
     *
     * @param ours makes this service's part from the caller's roles by production, as the context gives them; a missing node if
     *        the context has no such roles
     */
    static Buffer replace(Buffer context, Function<JsonNode, Ours> ours, ObjectMapper json) {
        byte[] bytes = context.getBytes();
        JsonNode projectRoles = MissingNode.getInstance();
        List<Member> theirs = new ArrayList<>();
        try (JsonParser parser = new JsonFactory().createParser(bytes)) {
            // A negative offset means that the JSON is not UTF-8. Its parts then have unknown positions.
            if (parser.nextToken() != JsonToken.START_OBJECT || parser.currentTokenLocation().getByteOffset() < 0) {
                throw notWhole();
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                int from = (int) parser.currentTokenLocation().getByteOffset();
                parser.skipChildren();
                if (!List.of(ACTIONS, PROJECT_ROLES, PLUGINS).contains(name)) {
                    continue;
                }
                parser.finishToken();
                int to = (int) parser.currentLocation().getByteOffset();
                if (name.equals(PROJECT_ROLES)) {
                    projectRoles = json.readTree(bytes, from, to - from);
                } else {
                    theirs.add(new Member(name, from, to));
                }
            }
            if (parser.currentToken() != JsonToken.END_OBJECT || parser.nextToken() != null) {
                throw notWhole();
            }
        } catch (IOException e) {
            throw notWhole();
        }
        Ours part = ours.apply(projectRoles);
        Buffer replaced = Buffer.buffer(context.length() + part.actions().length());
        int copied = 0;
        for (Member member : theirs) {
            replaced.appendBuffer(context, copied, member.from() - copied).appendBuffer(member.name().equals(ACTIONS)
                    ? part.actions()
                    : part.plugins().apply(context.slice(member.from(), member.to())));
            copied = member.to();
        }
        return replaced.appendBuffer(context, copied, context.length() - copied);
    }

    private static ProblemException notWhole() {
        return new ProblemException(Code.UNAVAILABLE,
                "Kitsu's API server (CUSTOM_ACTIONS_ZOU_URL) sent an incomplete or unreadable user context.")
                .with("Retry-After", "5");
    }
}
