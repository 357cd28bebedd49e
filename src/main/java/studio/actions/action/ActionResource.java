package studio.actions.action;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

import jakarta.annotation.security.RolesAllowed;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PATCH;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Request;

import org.hibernate.validator.constraints.CodePointLength;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.core.buffer.Buffer;
import studio.actions.action.ActionJson.View;
import studio.actions.draft.Draft;
import studio.actions.draft.EntityType;
import studio.actions.identity.Caller;
import studio.actions.identity.Requester;
import studio.actions.problem.Cursor;
import studio.actions.problem.ProblemException;
import studio.actions.problem.StrictJson;

/** REST resource that lists, reads, creates, changes and deletes actions. */
@Path("/api/custom-actions")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Authenticated
public class ActionResource {

    static final String PATCH = """
            {"description": "Publishes to the client's ShotGrid.", "timeout_ms": 20000}""";
    static final String MERGE_PATCH = "application/merge-patch+json";

    private final Actions actions;
    private final ActionWriter writer;
    private final ActionStore store;
    private final CachedLists lists;
    private final ObjectMapper json;
    private final SecurityIdentity identity;

    @Context
    Request request;
    @Context
    HttpHeaders headers;

    ActionResource(Actions actions, ActionWriter writer, ActionStore store, CachedLists lists, ObjectMapper json,
            SecurityIdentity identity) {
        this.actions = actions;
        this.writer = writer;
        this.store = store;
        this.lists = lists;
        this.json = json;
        this.identity = identity;
    }

    @GET
    public RestResponse<Buffer> list(
            @QueryParam("entity_type") EntityType entityType,
            @QueryParam("q") @CodePointLength(max = 200, message = "may have at most 200 characters") String q,
            @QueryParam("enabled") Boolean enabled,
            @QueryParam("cursor") String cursor,
            @QueryParam("limit") @Min(1) @Max(1000) Integer limit) {
        String part = q == null ? null : Normalizer.normalize(q, Normalizer.Form.NFC);
        Predicate<Action> asked = action -> (entityType == null || entityType == EntityType.all
                || action.entityType == EntityType.all || action.entityType == entityType)
                && (enabled == null || action.enabled == enabled)
                && (part == null || contains(action.name, part) || contains(action.description, part));
        PageEnd end = cursor == null ? null : PageEnd.parse(cursor);
        Caller caller = Caller.of(identity);
        return lists.answer(caller, visible -> {
            List<Action> found = visible.stream().filter(end == null ? asked : asked.and(after(end))).toList();
            List<Action> page = limit == null ? found : found.subList(0, Math.min(limit, found.size()));
            String next = page.size() < found.size() ? PageEnd.of(page.get(page.size() - 1)).text() : null;
            return CachedList.of(new ActionJson.Page(page.stream().map(action -> View.of(action, caller)).toList(), next),
                    json);
        });
    }

    private Predicate<Action> after(PageEnd end) {
        Set<UUID> ids = store.after(end.name, end.id);
        return action -> ids.contains(action.id);
    }

    /**
     * A cursor: the name and id of the last action of a page. It contains the name, because that action may have been deleted
     * when the next page is read.
     */
    private record PageEnd(String name, UUID id) {

        static PageEnd of(Action action) {
            return new PageEnd(action.name, action.id);
        }

        /** @throws ProblemException {@code invalid_parameter} if the text is not a cursor */
        static PageEnd parse(String cursor) {
            try {
                String[] parts = new String(Base64.getUrlDecoder().decode(cursor), StandardCharsets.UTF_8).split(" ", 2);
                UUID id = StrictJson.id(parts[0]);
                if (id != null && parts.length == 2 && parts[1].chars().noneMatch(Character::isISOControl)) {
                    return new PageEnd(parts[1], id);
                }
            } catch (IllegalArgumentException e) {
                // Not Base64, so the cursor is refused below.
            }
            throw Cursor.unknown();
        }

        String text() {
            return Base64.getUrlEncoder().withoutPadding().encodeToString((id + " " + name).getBytes(StandardCharsets.UTF_8));
        }
    }

    @POST
    @RolesAllowed("admin")
    public RestResponse<View> create(
            Draft draft) {
        Action action = writer.create(draft, Requester.of(identity));
        return ResponseBuilder.create(RestResponse.Status.CREATED, View.of(action, Caller.of(identity)))
                .location(URI.create("/api/custom-actions/" + action.id)).tag(Etag.of(action)).build();
    }

    @GET
    @Path("/{id}")
    public RestResponse<View> get(@PathParam("id") UUID id) {
        Caller caller = Caller.of(identity);
        Action action = actions.get(id, caller);
        if (Etag.known(Etag.of(action), headers)) {
            return ResponseBuilder.<View> notModified(Etag.of(action).getValue()).tag(Etag.of(action)).build();
        }
        return ResponseBuilder.ok(View.of(action, caller)).tag(Etag.of(action)).build();
    }

    @PUT
    @Path("/{id}")
    @RolesAllowed("admin")
    public RestResponse<View> replace(@PathParam("id") UUID id,
            Draft draft) {
        return change(id, before -> draft);
    }

    @PATCH
    @Path("/{id}")
    @RolesAllowed("admin")
    @Consumes({ MERGE_PATCH, MediaType.APPLICATION_JSON })
    public RestResponse<View> patch(@PathParam("id") UUID id,
            JsonNode patch) {
        if (patch == null || !patch.isObject()) {
            throw ProblemException.invalid("", "not_an_object", "A merge patch is a JSON object with the fields to change.");
        }
        return change(id, before -> {
            try {
                ObjectNode merged = (ObjectNode) merge(json.valueToTree(before), patch);
                // The merge has removed the fields that are null in the patch. They are put back as null, so that unknown
                // fields are refused.
                patch.fieldNames().forEachRemaining(field -> merged.putIfAbsent(field, NullNode.instance));
                return json.treeToValue(merged, Draft.class);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    @DELETE
    @Produces(MediaType.WILDCARD)
    @Path("/{id}")
    @RolesAllowed("admin")
    public void delete(@PathParam("id") UUID id) {
        writer.delete(id, this::fresh, Requester.of(identity));
    }

    private RestResponse<View> change(UUID id, UnaryOperator<Draft> how) {
        Action action = writer.change(id, how, this::fresh, Requester.of(identity));
        return ResponseBuilder.ok(View.of(action, Caller.of(identity))).tag(Etag.of(action)).build();
    }

    private boolean fresh(Action action) {
        return request.evaluatePreconditions(Etag.of(action)) == null;
    }

    /** Applies a JSON merge patch (RFC 7396, section 2). */
    private static JsonNode merge(JsonNode target, JsonNode patch) {
        if (!patch.isObject()) {
            return patch;
        }
        ObjectNode merged = target instanceof ObjectNode object ? object : ((ObjectNode) patch).objectNode();
        patch.properties().forEach(field -> {
            if (field.getValue().isNull()) {
                merged.remove(field.getKey());
            } else {
                merged.set(field.getKey(), merge(merged.path(field.getKey()), field.getValue()));
            }
        });
        return merged;
    }

    private static boolean contains(String text, String part) {
        return text != null && text.toLowerCase(Locale.ROOT).contains(part.toLowerCase(Locale.ROOT));
    }
}
