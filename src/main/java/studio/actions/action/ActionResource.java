package studio.actions.action;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.List;
import java.util.Locale;
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
import jakarta.ws.rs.core.UriInfo;

import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.headers.Header;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.ExampleObject;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
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
import studio.actions.action.ActionJson.Draft;
import studio.actions.action.ActionJson.View;
import studio.actions.identity.Asker;
import studio.actions.identity.Caller;
import studio.actions.problem.ProblemException;

/** What the studio's buttons are. */
@Path("/api/custom-actions")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Authenticated
@Tag(name = "Actions")
public class ActionResource {

    static final String EXAMPLE_ID = "0d5b1c1e-4a57-4f43-9f5e-4c4b2b6f0f11";

    static final String DRAFT = """
            {"name": "Sync to ShotGrid", "url": "https://api.studio.com/sync/shotgrid?entity={entity_id}&type={entity_type}",
             "entity_type": "all", "is_ajax": true}""";
    static final String PATCH = """
            {"description": "Publishes to the client's ShotGrid.", "timeout_ms": 20000}""";
    static final String MERGE_PATCH = "application/merge-patch+json";

    private final Actions actions;
    private final Listings listings;
    private final ObjectMapper json;
    private final SecurityIdentity identity;

    @Context
    Request request;
    @Context
    HttpHeaders headers;

    ActionResource(Actions actions, Listings listings, ObjectMapper json, SecurityIdentity identity) {
        this.actions = actions;
        this.listings = listings;
        this.json = json;
        this.identity = identity;
    }

    @GET
    @RolesAllowed({ "admin", "manager", "supervisor", "user", "client" })
    @Operation(operationId = "listActions", summary = "List the actions you may see, by name",
            description = "An array; with 'page', one page with the totals.")
    @APIResponse(responseCode = "200", description = "The actions.",
            headers = @Header(name = "Link", ref = "Link"),
            content = @Content(schema = @Schema(oneOf = { View[].class, ActionJson.Page.class }), examples = {
                    @ExampleObject(name = "all", value = "[" + ActionJson.ACTION + "]"),
                    @ExampleObject(name = "with 'page'", value = ActionJson.PAGE) }))
    @APIResponse(responseCode = "304", description = "The list is as If-None-Match knows it.")
    public RestResponse<Buffer> list(
            @QueryParam("entity_type") @Parameter(
                    description = "For this type: those for all types are among them.") EntityType entityType,
            @QueryParam("q") @CodePointLength(max = 200, message = "may have 200 characters") @Parameter(
                    schema = @Schema(type = SchemaType.STRING, maxLength = 200),
                    description = "In the name or description.", example = "sync") String q,
            @QueryParam("enabled") @Parameter(
                    description = "Those that are, or are not; the latter are seen by admins only.") Boolean enabled,
            @QueryParam("page") @Min(1) @Max(Integer.MAX_VALUE) @Parameter(
                    description = "From 1; without it, the answer is an array.") Integer page,
            @QueryParam("limit") @Min(1) @Max(1000) @Parameter(
                    description = "Actions on a page; without 'page', at the most (100 on a page).") Integer limit,
            @Context UriInfo uri) {
        Predicate<Action> asked = action -> (entityType == null || entityType == EntityType.all
                || action.entityType == EntityType.all || action.entityType == entityType)
                && (enabled == null || action.enabled == enabled)
                && (q == null || contains(action.name, q) || contains(action.description, q));
        return listings.answer(Caller.of(identity), visible -> {
            List<View> found = visible.stream().filter(asked).map(View::of).toList();
            if (page == null) {
                return Listing.of(limit == null ? found : found.subList(0, Math.min(limit, found.size())), json);
            }
            return paged(found, page, limit == null ? 100 : limit, uri);
        });
    }

    @POST
    @RolesAllowed("admin")
    @Operation(operationId = "createAction", summary = "Create an action",
            description = "Whatever is left out has its default.")
    @APIResponse(responseCode = "201", description = "Created; Location and ETag are its own.",
            headers = { @Header(name = "Location", ref = "Location"), @Header(name = "ETag", ref = "ETag") },
            content = @Content(schema = @Schema(implementation = View.class)))
    public RestResponse<View> create(
            @RequestBody(required = true,
                    content = @Content(examples = @ExampleObject(name = "fired by the service", value = DRAFT))) Draft draft) {
        Action action = actions.create(draft, Asker.of(identity));
        return ResponseBuilder.create(RestResponse.Status.CREATED, View.of(action))
                .location(URI.create("/api/custom-actions/" + action.id)).tag(Etag.of(action)).build();
    }

    @GET
    @Path("/{id}")
    @Operation(operationId = "getAction", summary = "Read an action", description = "The ETag is its version.")
    @APIResponse(responseCode = "200", description = "The action; its ETag is for If-Match and If-None-Match.")
    @APIResponse(responseCode = "304", description = "It is as If-None-Match knows it.")
    public RestResponse<View> get(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id) {
        Action action = actions.get(id, Caller.of(identity));
        if (Etag.known(Etag.of(action), headers)) {
            return ResponseBuilder.<View> notModified(Etag.of(action).getValue()).tag(Etag.of(action)).build();
        }
        return ResponseBuilder.ok(View.of(action)).tag(Etag.of(action)).build();
    }

    @PUT
    @Path("/{id}")
    @RolesAllowed("admin")
    @Operation(operationId = "replaceAction", summary = "Replace an action",
            description = "What is left out goes back to its default. If-Match refuses to overwrite somebody else's change.")
    @APIResponse(responseCode = "200", description = "The action as it is now.")
    @APIResponse(responseCode = "412", ref = "PreconditionFailed")
    public RestResponse<View> replace(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id,
            @RequestBody(required = true,
                    content = @Content(examples = @ExampleObject(name = "fired by the service", value = DRAFT))) Draft draft) {
        return change(id, before -> draft);
    }

    @PATCH
    @Path("/{id}")
    @RolesAllowed("admin")
    @Consumes({ MERGE_PATCH, MediaType.APPLICATION_JSON })
    @Operation(operationId = "patchAction", summary = "Change some fields of an action",
            description = "JSON Merge Patch (RFC 7396): null puts a field back to its default.")
    @APIResponse(responseCode = "200", description = "The action as it is now.")
    @APIResponse(responseCode = "412", ref = "PreconditionFailed")
    public RestResponse<View> patch(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id,
            @RequestBody(required = true, content = @Content(schema = @Schema(ref = "ActionPatch"),
                    examples = @ExampleObject(name = "two fields", value = PATCH))) JsonNode patch) {
        if (patch == null || !patch.isObject()) {
            throw ProblemException.invalid("", "not_an_object", "A merge patch is a JSON object with the fields to change.");
        }
        return change(id, before -> {
            try {
                ObjectNode merged = (ObjectNode) merge(json.valueToTree(before), patch);
                // What is unknown is refused, even where it is to go.
                patch.fieldNames().forEachRemaining(field -> merged.putIfAbsent(field, NullNode.instance));
                return json.treeToValue(merged, Draft.class);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    @DELETE
    @Path("/{id}")
    @RolesAllowed("admin")
    @Operation(operationId = "deleteAction", summary = "Delete an action",
            description = "Its runs and its history stay; 'Bring back a version' undoes it.")
    @APIResponse(responseCode = "204", description = "It is gone.")
    @APIResponse(responseCode = "412", ref = "PreconditionFailed")
    public void delete(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id) {
        actions.delete(id, this::fresh, Asker.of(identity));
    }

    private RestResponse<View> change(UUID id, UnaryOperator<Draft> how) {
        Action action = actions.change(id, how, this::fresh, Asker.of(identity));
        return ResponseBuilder.ok(View.of(action)).tag(Etag.of(action)).build();
    }

    private boolean fresh(Action action) {
        return request.evaluatePreconditions(Etag.of(action)) == null;
    }

    /** RFC 7396, section 2. */
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

    private Listing paged(List<View> found, int page, int limit, UriInfo uri) {
        int total = found.size();
        int pages = (total + limit - 1) / limit;
        int offset = (int) Math.min(total, (page - 1L) * limit);
        List<View> data = found.subList(offset, Math.min(total, offset + limit));
        StringBuilder links = new StringBuilder(link(uri, 1, "first")).append(", ")
                .append(link(uri, Math.max(1, pages), "last"));
        if (page > 1) {
            links.append(", ").append(link(uri, page - 1, "prev"));
        }
        if (page < pages) {
            links.append(", ").append(link(uri, page + 1, "next"));
        }
        return Listing.of(new ActionJson.Page(data, total, pages, limit, offset, page), links.toString(), json);
    }

    /** RFC 8288, relative to the host that the caller used. */
    private static String link(UriInfo uri, int page, String relation) {
        URI there = uri.getRequestUriBuilder().replaceQueryParam("page", page).build();
        return "<" + there.getRawPath() + "?" + there.getRawQuery() + ">; rel=\"" + relation + "\"";
    }

    private static boolean contains(String text, String part) {
        return text != null && text.toLowerCase(Locale.ROOT).contains(part.toLowerCase(Locale.ROOT));
    }
}
