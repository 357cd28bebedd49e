package studio.actions.kitsu;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

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
 * Zou's. All other bytes stay as Zou sent them.
 */
@Path("/api/data/user/context")
@Produces(MediaType.APPLICATION_JSON)
@Authenticated
public class UserContextResource {

    private static final String ACTIONS = "custom_actions";
    private static final String PROJECT_ROLES = "project_roles";

    private final Zou zou;
    private final ContextRoles roles;
    private final Actions actions;
    private final ObjectMapper json;
    private final SecurityIdentity identity;

    UserContextResource(Zou zou, ContextRoles roles, Actions actions, ObjectMapper json,
            SecurityIdentity identity) {
        this.zou = zou;
        this.roles = roles;
        this.actions = actions;
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

    private Buffer visible(Caller caller) {
        List<KitsuAction.View> views = actions.visibleTo(caller).stream().map(action -> KitsuAction.View.of(action))
                .toList();
        try {
            return Buffer.buffer(json.writeValueAsBytes(views));
        } catch (IOException e) {
            throw new IllegalStateException("an action is always JSON", e);
        }
    }

    private Buffer replace(Buffer context, Caller caller) {
        return replace(context, projectRoles -> visible(roles.read(caller, projectRoles)), json);
    }

    /**
     * Returns the context with its actions replaced. Parses the whole context to its end, so that a truncated context is
     * refused.
     *
     * @param ours makes the JSON of this service's actions from the caller's roles by production, as the context gives them; a
     *        missing node if the context has no such roles
     */
    static Buffer replace(Buffer context, Function<JsonNode, Buffer> ours, ObjectMapper json) {
        byte[] bytes = context.getBytes();
        JsonNode projectRoles = MissingNode.getInstance();
        List<int[]> theirs = new ArrayList<>();
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
                if (!name.equals(ACTIONS) && !name.equals(PROJECT_ROLES)) {
                    continue;
                }
                parser.finishToken();
                int to = (int) parser.currentLocation().getByteOffset();
                if (name.equals(ACTIONS)) {
                    theirs.add(new int[] { from, to });
                } else {
                    projectRoles = json.readTree(bytes, from, to - from);
                }
            }
            if (parser.currentToken() != JsonToken.END_OBJECT || parser.nextToken() != null) {
                throw notWhole();
            }
        } catch (IOException e) {
            throw notWhole();
        }
        Buffer actions = ours.apply(projectRoles);
        Buffer replaced = Buffer.buffer(context.length() + actions.length());
        int copied = 0;
        for (int[] value : theirs) {
            replaced.appendBuffer(context, copied, value[0] - copied).appendBuffer(actions);
            copied = value[1];
        }
        return replaced.appendBuffer(context, copied, context.length() - copied);
    }

    private static ProblemException notWhole() {
        return new ProblemException(Code.UNAVAILABLE,
                "Kitsu's API server (CUSTOM_ACTIONS_ZOU_URL) sent an incomplete or unreadable user context.")
                .with("Retry-After", "5");
    }
}
