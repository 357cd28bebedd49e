package studio.actions.kitsu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;

import jakarta.annotation.security.RolesAllowed;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
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

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import studio.actions.action.Action;
import studio.actions.action.ActionJson;
import studio.actions.action.Actions;
import studio.actions.action.Listing;
import studio.actions.action.Listings;
import studio.actions.action.Template;
import studio.actions.identity.Asker;
import studio.actions.identity.Caller;
import studio.actions.identity.IdentityConfig;
import studio.actions.problem.Problem;
import studio.actions.problem.ProblemException;
import studio.actions.run.Limited;
import studio.actions.run.PressResource;
import studio.actions.run.Run;
import studio.actions.run.RunConfig;
import studio.actions.run.RunJson;
import studio.actions.run.Runner;
import studio.actions.run.Verdict;

/**
 * Kitsu's own paths, in Zou's shape and with Zou's permissions: what Kitsu's admin page edits, and what its action panel posts
 * to.
 */
@Path("/api/data/custom-actions")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Authenticated
@Tag(name = "Kitsu")
public class CustomActionsResource {

    private static final int PAGE = 100;
    private static final String NAMES = "name|url|entity_type|is_ajax|id|created_at|updated_at|type";
    private static final List<String> FIELDS = List.of(NAMES.split("\\|"));
    private static final List<String> FORM = FIELDS.subList(0, 4);
    private static final Predicate<Action> ANY = action -> true;

    private static final String FIELD = "(" + NAMES + ")";
    private static final String FIELD_LIST = "^\\s*" + FIELD + "\\s*(,\\s*" + FIELD + "\\s*)*$";

    static final String EXAMPLE_ID = "0d5b1c1e-4a57-4f43-9f5e-4c4b2b6f0f11";
    static final String DRAFT = """
            {"name": "Sync to ShotGrid", "url": "https://api.studio.com/sync?entity={entity_id}", "entity_type": "all",
             "is_ajax": true}""";
    static final String PRESS = """
            {"entitytype": "shot", "originurl": "/productions/42368e00-09e1-4c4e-9a16-0d9891200536/shots",
             "originserver": "kitsu.studio.com", "selection": ["a496f819-a923-4da2-b05d-cf472ab3b2f3"],
             "productionid": "42368e00-09e1-4c4e-9a16-0d9891200536",
             "userid": "c0affcde-b8fc-4715-83e7-0ea24eb15e0c", "useremail": "supervisor@example.com"}""";

    private final Actions actions;
    private final Listings listings;
    private final Runner runner;
    private final RunConfig.Run config;
    private final Optional<URI> publicUrl;
    private final ObjectMapper json;
    private final SecurityIdentity identity;

    @Context
    UriInfo uri;
    @Context
    HttpHeaders headers;

    CustomActionsResource(Actions actions, Listings listings, Runner runner, RunConfig config, IdentityConfig identityConfig,
            ObjectMapper json,
            SecurityIdentity identity) {
        this.actions = actions;
        this.listings = listings;
        this.runner = runner;
        this.config = config.run();
        this.publicUrl = identityConfig.publicUrl();
        this.json = json;
        this.identity = identity;
    }

    @GET
    @RolesAllowed({ "admin", "manager", "supervisor", "user", "client" })
    @Operation(operationId = "listKitsuActions", summary = "List the actions as Kitsu reads them",
            description = "Those you may see, by name: an array; with 'page', one page with the totals.")
    @APIResponse(responseCode = "200", description = "The actions.", content = @Content(schema = @Schema(oneOf = {
            KitsuAction.View[].class, KitsuAction.Page.class }), examples = {
                    @ExampleObject(name = "all", value = "[" + KitsuAction.ACTION + "]"),
                    @ExampleObject(name = "with 'page'", value = KitsuAction.PAGE) }))
    @APIResponse(responseCode = "304", description = "The list is as If-None-Match knows it.")
    public RestResponse<Buffer> list(
            @QueryParam("name") @CodePointLength(max = 200, message = "may have 200 characters") @Parameter(
                    schema = @Schema(type = SchemaType.STRING, maxLength = 200),
                    description = "The whole name, regardless of case.", example = "Sync to ShotGrid") String name,
            @QueryParam("entity_type") @CodePointLength(max = 200, message = "may have 200 characters") @Parameter(
                    schema = @Schema(type = SchemaType.STRING, maxLength = 200),
                    description = "Exactly this one: those for all are not among them.",
                    example = "shot") String entityType,
            @QueryParam("is_ajax") @Parameter(description = "Sent by the service, or opened by the browser.",
                    schema = @Schema(type = SchemaType.BOOLEAN)) String isAjax,
            @QueryParam("page") @Min(1) @Max(Integer.MAX_VALUE) @Parameter(
                    description = "From 1; without it, the answer is an array.") Integer page,
            @QueryParam("limit") @Min(1) @Max(1000) @Parameter(
                    description = "Actions on a page; without 'page', at the most (100 on a page).") Integer limit,
            @QueryParam("fields") @Parameter(
                    schema = @Schema(type = SchemaType.STRING, pattern = FIELD_LIST, examples = "id,name"),
                    description = "Only these, with commas between them.",
                    example = "id,name") String fields) {
        List<String> wanted = fields == null ? FIELDS : wanted(fields);
        Boolean sent = isAjax == null ? null : bool(isAjax);
        String site = site();
        return listings.answer(Caller.of(identity), visible -> {
            List<Object> views = visible.stream()
                    .filter(action -> name == null || action.name.equalsIgnoreCase(name))
                    .filter(action -> entityType == null || action.entityType.name().equals(entityType))
                    .filter(action -> sent == null || action.isAjax == sent)
                    .map(action -> only(KitsuAction.View.of(action, site), wanted)).toList();
            if (page == null) {
                return Listing.of(limit == null ? views : views.subList(0, Math.min(limit, views.size())), json);
            }
            int size = limit == null ? PAGE : limit;
            int offset = (int) Math.min(Integer.MAX_VALUE, (page - 1L) * size);
            int from = Math.min(offset, views.size());
            return Listing.of(new KitsuAction.Page(views.subList(from, Math.min(views.size(), from + size)), views.size(),
                    (views.size() + size - 1) / size, size, offset, page), json);
        });
    }

    @POST
    @RolesAllowed("admin")
    @Operation(operationId = "createKitsuAction", summary = "Create an action from Kitsu's form",
            description = "Whatever Kitsu's form does not have has its default.")
    @APIResponse(responseCode = "201", description = "Created.",
            content = @Content(schema = @Schema(implementation = KitsuAction.View.class)))
    public RestResponse<KitsuAction.View> create(@RequestBody(required = true,
            content = @Content(examples = @ExampleObject(name = "fired by the service",
                    value = DRAFT))) KitsuAction.Draft draft) {
        Action action = actions.create(draft == null ? null : draft.create(), Asker.of(identity));
        return RestResponse.status(RestResponse.Status.CREATED, KitsuAction.View.of(action, site()));
    }

    @GET
    @Path("/{id}")
    @RolesAllowed("admin")
    @Operation(operationId = "getKitsuAction", summary = "Read an action as Kitsu reads it",
            description = "Its URL is the trigger link.")
    @APIResponse(responseCode = "200", description = "The action.")
    public KitsuAction.View get(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id) {
        return KitsuAction.View.of(actions.get(id, Caller.of(identity)), site());
    }

    @PUT
    @Path("/{id}")
    @RolesAllowed("admin")
    @Operation(operationId = "changeKitsuAction", summary = "Change an action from Kitsu's form",
            description = "What is left out stays as it is. A trigger link stands for the template behind its #.")
    @APIResponse(responseCode = "200", description = "The action as it is now.")
    public KitsuAction.View change(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id,
            @RequestBody(required = true, content = @Content(schema = @Schema(implementation = KitsuAction.Change.class),
                    examples = @ExampleObject(name = "another name", value = "{\"name\": \"Sync 2\"}"))) JsonNode change) {
        if (change == null || !change.isObject()) {
            throw ProblemException.invalid("", "not_an_object", "Send a JSON object with the fields to change.");
        }
        change.properties().forEach(field -> {
            // A default would change what nobody has asked for.
            if (field.getValue().isNull() && FORM.contains(field.getKey())) {
                throw ProblemException.invalid("/" + field.getKey(), "required",
                        "'" + field.getKey() + "' cannot be null; leave it out to keep what is there.");
            }
        });
        KitsuAction.Change draft = read(change);
        return KitsuAction.View.of(
                actions.change(id, before -> merge(before, change, draft), ANY, Asker.of(identity)), site());
    }

    @DELETE
    @Path("/{id}")
    @RolesAllowed("admin")
    @Operation(operationId = "deleteKitsuAction", summary = "Delete an action from Kitsu's list",
            description = "Its runs and its history stay; /api/custom-actions/{id}/restore undoes it.")
    @APIResponse(responseCode = "204", description = "It is gone.")
    public void delete(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id) {
        actions.delete(id, ANY, Asker.of(identity));
    }

    @POST
    @Path("/{id}/run")
    @Limited
    @Blocking
    @Operation(operationId = "runFromKitsu", summary = "Press the button in Kitsu: an action that the service sends",
            description = "What Kitsu's action panel posts for an AJAX action. Kitsu shows nothing of the answer; 'report' in the "
                    + "action writes comments instead.")
    @APIResponse(responseCode = "200", description = "All was delivered.")
    @APIResponse(responseCode = "202", description = "The run goes on; Location is where to look.",
            content = @Content(schema = @Schema(implementation = RunJson.View.class)))
    @APIResponse(responseCode = "502", ref = "BadGateway")
    @APIResponse(responseCode = "504", ref = "GatewayTimeout")
    @APIResponse(responseCode = "409", ref = "Conflict")
    @APIResponse(responseCode = "429", ref = "TooManyRequests")
    public Uni<RestResponse<RunJson.View>> run(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id,
            @RequestBody(required = true, content = @Content(examples = @ExampleObject(name = "one shot",
                    value = PRESS))) KitsuPress press) {
        if (press == null) {
            throw ProblemException.invalid("/selection", "empty_selection", "Select at least one task.");
        }
        return runner.press(Asker.of(identity), id, press.selection(config.maxSelection()), config.patience())
                .map(CustomActionsResource::answer);
    }

    @POST
    @Path("/{id}/open")
    @Limited
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @Produces({ MediaType.TEXT_HTML, MediaType.APPLICATION_JSON })
    @Blocking
    @Operation(operationId = "openFromKitsu", summary = "Press the button in Kitsu: an action that the browser opens",
            description = "What Kitsu's form posts into a new tab. One web address is a redirect; desktop programs, and several "
                    + "addresses, are a page with their links.")
    @APIResponse(responseCode = "200", description = "A page that launches the program, or lists the links.",
            content = @Content(mediaType = MediaType.TEXT_HTML, schema = @Schema(type = SchemaType.STRING),
                    examples = @ExampleObject(name = "a desktop program", value = LaunchPage.EXAMPLE)))
    @APIResponse(responseCode = "303", description = "The web page that was meant.",
            headers = @Header(name = "Location", ref = "Location"))
    @APIResponse(responseCode = "307", description = "The same, and the form is for it.",
            headers = @Header(name = "Location", ref = "Location"))
    @APIResponse(responseCode = "400",
            description = "A problem; or a page, where the action is not for any of what is selected, which says why.",
            content = {
                    @Content(mediaType = Problem.MEDIA_TYPE, schema = @Schema(implementation = Problem.class)),
                    @Content(mediaType = MediaType.TEXT_HTML, schema = @Schema(type = SchemaType.STRING),
                            examples = @ExampleObject(name = "nothing to open", value = LaunchPage.NOTHING)) })
    @APIResponse(responseCode = "403", description = "A problem; or a page, where Kitsu does not show you what is selected.",
            content = {
                    @Content(mediaType = Problem.MEDIA_TYPE, schema = @Schema(implementation = Problem.class)),
                    @Content(mediaType = MediaType.TEXT_HTML, schema = @Schema(type = SchemaType.STRING),
                            examples = @ExampleObject(name = "nothing to open", value = LaunchPage.NOTHING)) })
    @APIResponse(responseCode = "502", description = "A problem; or a page, where nothing may be opened, which says why.",
            content = {
                    @Content(mediaType = Problem.MEDIA_TYPE, schema = @Schema(implementation = Problem.class)),
                    @Content(mediaType = MediaType.TEXT_HTML, schema = @Schema(type = SchemaType.STRING),
                            examples = @ExampleObject(name = "nothing to open", value = LaunchPage.NOTHING)) })
    @APIResponse(responseCode = "409", ref = "Conflict")
    @APIResponse(responseCode = "429", ref = "TooManyRequests")
    public Uni<Response> open(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id,
            @RequestBody(required = true, content = @Content(schema = @Schema(implementation = KitsuPress.Form.class),
                    examples = @ExampleObject(name = "one shot",
                            value = "{\"selection\": \"a496f819-a923-4da2-b05d-cf472ab3b2f3\"}"))) String form) {
        Asker asker = Asker.of(identity);
        Action action = actions.pressable(id, asker.caller(), false);
        return runner.open(asker, action, KitsuPress.ofForm(form).selection(config.maxSelection()))
                .map(opening -> LaunchPage.answer(action, opening));
    }

    private static RestResponse<RunJson.View> answer(RunJson.View run) {
        if (run.finishedAt() != null && run.state() != Run.State.succeeded) {
            throw Verdict.of(run);
        }
        return PressResource.answer(run);
    }

    private String site() {
        return KitsuAction.site(publicUrl, uri.getBaseUri());
    }

    private KitsuAction.Change read(JsonNode change) {
        try {
            return json.treeToValue(change, KitsuAction.Change.class);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static ActionJson.Draft merge(ActionJson.Draft before, JsonNode change, KitsuAction.Change draft) {
        return new ActionJson.Draft(change.has("name") ? draft.name() : before.name(),
                change.has("url") ? url(draft.url(), before.url()) : before.url(),
                change.has("entity_type") ? draft.entityType() : before.entityType(),
                change.has("is_ajax") ? draft.isAjax() : before.isAjax(), before.description(), before.enabled(),
                before.method(), before.headers(), before.timeoutMs(), before.maxAttempts(), before.ratePerMinute(),
                before.signingSecret(), before.report(), before.roles(), before.projectIds());
    }

    /** The link as it was shown stands for what is there, not for what reading it anew would make of it. */
    private static String url(String sent, String before) {
        boolean shown = sent != null && sent.endsWith("#" + before)
                && Template.unlink(sent.substring(0, sent.length() - before.length())).isEmpty();
        return shown ? before : sent;
    }

    /** Python clients write {@code True}. */
    private static boolean bool(String isAjax) {
        if (!isAjax.equalsIgnoreCase("true") && !isAjax.equalsIgnoreCase("false")) {
            throw ProblemException.parameter("is_ajax", "invalid_value", "'is_ajax' must be true or false.");
        }
        return Boolean.parseBoolean(isAjax);
    }

    private static List<String> wanted(String fields) {
        List<String> wanted = Arrays.stream(fields.split(",", -1)).map(String::strip).toList();
        wanted.stream().filter(field -> !FIELDS.contains(field)).findFirst().ifPresent(unknown -> {
            throw ProblemException.parameter("fields", "unknown_field",
                    "'fields' may name: " + String.join(", ", FIELDS) + ".");
        });
        return wanted;
    }

    private Object only(KitsuAction.View view, List<String> wanted) {
        return wanted == FIELDS ? view : json.<ObjectNode> valueToTree(view).retain(Set.copyOf(wanted));
    }
}
