package studio.actions.kitsu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.stream.Collectors;

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
import studio.actions.action.ActionWriter;
import studio.actions.action.Actions;
import studio.actions.action.CachedList;
import studio.actions.action.CachedLists;
import studio.actions.draft.Draft;
import studio.actions.draft.KitsuFields;
import studio.actions.identity.Caller;
import studio.actions.identity.Requester;
import studio.actions.limit.Limited;
import studio.actions.plan.Selection;
import studio.actions.press.OpenService;
import studio.actions.press.PressResource;
import studio.actions.press.PressService;
import studio.actions.problem.ProblemException;
import studio.actions.run.Run;
import studio.actions.run.RunConfig;
import studio.actions.run.RunJson;
import studio.actions.run.RunProblem;
import studio.actions.template.TriggerLink;

/**
 * The custom-actions API of Zou, with Zou's paths, JSON and permissions. Kitsu's admin page edits actions here, and Kitsu's
 * action panel posts presses here.
 */
@Path("/api/data/custom-actions")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Authenticated
public class CustomActionsResource {

    private static final int PAGE = 100;

    /**
     * The longest value of a filter, in characters. The whole request line with the URL may have 4,096, so none can be longer.
     */
    private static final int LONGEST_LIST = 4000;
    private static final String TOO_LONG = "may have at most 4,000 characters";
    private static final Predicate<Action> ANY = action -> true;

    private final Actions actions;
    private final ActionWriter writer;
    private final CachedLists lists;
    private final PressService presses;
    private final OpenService opens;
    private final RunConfig config;
    private final ObjectMapper json;
    private final KitsuFilters filters;
    private final RefusedForms forms;
    private final SecurityIdentity identity;

    @Context
    HttpHeaders headers;

    CustomActionsResource(Actions actions, ActionWriter writer, CachedLists lists, PressService presses, OpenService opens,
            RunConfig config, RefusedForms forms, ObjectMapper json, SecurityIdentity identity) {
        this.actions = actions;
        this.writer = writer;
        this.lists = lists;
        this.presses = presses;
        this.opens = opens;
        this.config = config;
        this.json = json;
        this.forms = forms;
        this.filters = new KitsuFilters(json);
        this.identity = identity;
    }

    @GET
    @RolesAllowed({ "admin", "manager", "supervisor", "user", "client" })
    public RestResponse<Buffer> list(
            @QueryParam("name") @CodePointLength(max = 200, message = "may have at most 200 characters") String name,
            @QueryParam("url") @CodePointLength(max = LONGEST_LIST, message = TOO_LONG) String url,
            @QueryParam("entity_type") @CodePointLength(
                    max = 200, message = "may have at most 200 characters") String entityType,
            @QueryParam("is_ajax") @CodePointLength(max = 200, message = "may have at most 200 characters") String isAjax,
            @QueryParam("id") @CodePointLength(max = LONGEST_LIST, message = TOO_LONG) String id,
            @QueryParam("created_at") @CodePointLength(max = 200, message = "may have at most 200 characters") String createdAt,
            @QueryParam("updated_at") @CodePointLength(max = 200, message = "may have at most 200 characters") String updatedAt,
            @QueryParam("page") @Min(1) @Max(Integer.MAX_VALUE) Integer page,
            @QueryParam("limit") @Min(1) @Max(1000) Integer limit,
            @QueryParam("fields") @CodePointLength(max = 1000, message = "may have at most 1,000 characters") String fields,
            @Context UriInfo uri) {
        Set<String> wanted = fields == null || fields.isBlank() ? null : wanted(fields);
        // An empty filter must match no action, but reaches a parameter of this method as null. So the filters read the raw
        // query; their parameters only check lengths.
        Predicate<Action> fits = filters.of(uri.getQueryParameters());
        return lists.answer(Caller.of(identity), visible -> {
            List<Object> views = visible.stream().filter(fits).map(action -> only(KitsuAction.View.of(action), wanted))
                    .toList();
            if (page == null) {
                return CachedList.of(limit == null ? views : views.subList(0, Math.min(limit, views.size())), json);
            }
            int size = limit == null ? PAGE : limit;
            int offset = (int) Math.min(Integer.MAX_VALUE, (page - 1L) * size);
            int from = Math.min(offset, views.size());
            return CachedList.of(new KitsuAction.Page(views.subList(from, Math.min(views.size(), from + size)), views.size(),
                    (views.size() + size - 1) / size, size, offset, page), json);
        });
    }

    @POST
    @RolesAllowed("admin")
    public RestResponse<KitsuAction.View> create(JsonNode draft) {
        Requester requester = Requester.of(identity);
        Action action = forms.keeping(requester.caller(), null, draft, () -> writer.create(
                draft == null || draft.isNull() || draft.isMissingNode() ? null : read(draft, KitsuAction.Draft.class).create(),
                requester));
        return RestResponse.status(RestResponse.Status.CREATED, KitsuAction.View.of(action));
    }

    @GET
    @Path("/{id}")
    @RolesAllowed("admin")
    public KitsuAction.View get(@PathParam("id") UUID id) {
        return KitsuAction.View.of(actions.get(id, Caller.of(identity)));
    }

    @PUT
    @Path("/{id}")
    @RolesAllowed("admin")
    public KitsuAction.View change(@PathParam("id") UUID id,
            JsonNode change) {
        Requester requester = Requester.of(identity);
        return forms.keeping(requester.caller(), id, change, () -> changed(id, change, requester));
    }

    private KitsuAction.View changed(UUID id, JsonNode change, Requester requester) {
        if (change == null || !change.isObject()) {
            throw ProblemException.invalid("", "not_an_object", "Send a JSON object with the fields to change.");
        }
        change.properties().forEach(field -> {
            // A null is refused. If it set the field's default instead, it would make a change that the client did not ask for.
            if (field.getValue().isNull() && KitsuAction.FIELDS.contains(field.getKey())) {
                throw ProblemException.invalid("/" + field.getKey(), "required",
                        "'" + field.getKey() + "' cannot be null; leave it out to keep its value.");
            }
        });
        KitsuAction.Change draft = read(change, KitsuAction.Change.class);
        return KitsuAction.View.of(
                writer.change(id, before -> merge(id, before, change, draft), ANY, requester));
    }

    @DELETE
    @Produces(MediaType.WILDCARD)
    @Path("/{id}")
    @RolesAllowed("admin")
    public void delete(@PathParam("id") UUID id) {
        writer.delete(id, ANY, Requester.of(identity));
    }

    @POST
    @Path("/{id}/run")
    @Limited
    @Blocking
    public Uni<RestResponse<RunJson.View>> run(@PathParam("id") UUID id,
            @QueryParam("v") @CodePointLength(max = 200, message = "may have at most 200 characters") String shown,
            KitsuPress press) {
        return presses.pressInKitsu(Requester.of(identity), id, () -> selection(press), config.patience())
                .map(CustomActionsResource::answer);
    }

    private Selection selection(KitsuPress press) {
        if (press == null) {
            throw ProblemException.invalid("/selection", "empty_selection", "Select at least one task.");
        }
        return press.selection(config.maxSelection());
    }

    @POST
    @Path("/{id}/open")
    @Limited
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @Produces({ MediaType.TEXT_HTML, MediaType.APPLICATION_JSON })
    @Blocking
    public Uni<Response> open(@PathParam("id") UUID id,
            @QueryParam("v") @CodePointLength(max = 200, message = "may have at most 200 characters") String shown,
            String form) {
        Requester requester = Requester.of(identity);
        Action action = actions.pressable(id, requester.caller(), false);
        KitsuPress press = KitsuPress.ofForm(form);
        Selection selection = press.selection().isEmpty() && action.opensWithoutSelection() ? press.nothing()
                : press.selection(config.maxSelection());
        return opens.open(requester, action, selection)
                .map(opening -> LaunchPage.answer(action, opening));
    }

    private static RestResponse<RunJson.View> answer(RunJson.View run) {
        if (run.finishedAt() != null && run.state() != Run.State.succeeded) {
            throw RunProblem.of(run);
        }
        return PressResource.answer(run);
    }

    private <T> T read(JsonNode body, Class<T> type) {
        try {
            return json.treeToValue(body, type);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Draft merge(UUID id, Draft before, JsonNode change, KitsuAction.Change draft) {
        Draft shown = TriggerLink.read(draft.url()).filter(link -> link.action().equals(id))
                .map(link -> actions.asOf(List.of(link)).get(link)).orElse(before);
        return KitsuFields.merge(before.withKitsuFields(
                change.has("name") ? draft.name() : KitsuFields.name(shown.name(), shown.enabled()),
                change.has("url") ? draft.url() : shown.url(),
                change.has("entity_type") ? draft.entityType() : shown.entityType(),
                change.has("is_ajax") ? draft.isAjax() : shown.isAjax()), shown, before);
    }

    /**
     * Returns the names of the JSON fields to show: as in Zou, {@code id} and {@code type} always. Unknown names have no
     * effect.
     */
    private static Set<String> wanted(String fields) {
        Set<String> wanted = Arrays.stream(fields.split(",")).map(String::strip).collect(Collectors.toSet());
        wanted.addAll(List.of("id", "type"));
        return wanted;
    }

    private Object only(KitsuAction.View view, Set<String> wanted) {
        return wanted == null ? view : json.<ObjectNode> valueToTree(view).retain(wanted);
    }
}
