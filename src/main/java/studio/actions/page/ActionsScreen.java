package studio.actions.page;

import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Executor;

import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.qute.CheckedTemplate;
import io.quarkus.qute.TemplateData;
import io.quarkus.qute.TemplateInstance;
import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.action.Action;
import studio.actions.action.ActionHistory;
import studio.actions.action.ActionResource;
import studio.actions.action.Actions;
import studio.actions.html.Page;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;
import studio.actions.kitsu.RefusedForms;
import studio.actions.problem.ProblemException;
import studio.actions.problem.StrictJson;
import studio.actions.run.RunResource;
import studio.actions.run.RunStore;
import studio.actions.statistics.Statistics;
import studio.actions.statistics.StatisticsStore;

/** The screen with the list of actions. Admins see all actions and change them; other people see what they may press. */
@Path(Page.APP)
@Produces(Page.MEDIA_TYPE)
@Authenticated
public class ActionsScreen {

    private static final String PATH = Page.APP + "/actions";

    /** The most actions that the list shows. */
    private static final int MOST = 200;

    private static final int MOST_DELETED = 50;

    /** The number of days of the statistics, today included. */
    private static final int DAYS = 7;

    /** Which actions the list shows. */
    public enum Show {
        all,
        on,
        off,
        deleted
    }

    /** What the last click did to an action. */
    public enum Deed {
        stopped,
        started,
        deleted,
        restored
    }

    /**
     * An action as admins see it.
     *
     * @param recent its sums over the last days; null if it was not pressed
     * @param pending the number of its pending deliveries
     * @param productions the names of the productions that it is limited to; ids where the name is unknown
     */
    @TemplateData
    public record Row(Action action, Statistics.Recent recent, long pending, List<String> productions) {

        public String success() {
            return recent == null || recent.successRate() == null ? ""
                    : String.format(Locale.ROOT, "%.1f %%", 100 * recent.successRate()).replace(".0 ", " ");
        }

        /** Returns what a stop cancels, in words. */
        public String willCancel() {
            return pending == 0 ? "No delivery is pending."
                    : pending + (pending == 1 ? " pending delivery is" : " pending deliveries are") + " cancelled.";
        }

        /** Returns the share of failed deliveries in words of the style sheet: how much the reader should worry. */
        public String health() {
            return recent == null || recent.successRate() == null || recent.successRate() >= 0.99 ? "well"
                    : recent.successRate() >= 0.9 ? "poor" : "ill";
        }
    }

    /** What the last click did; shown once above the list. The deed is null if there was no click. */
    @TemplateData
    public record Done(Deed deed, String name, long count, String why) {

        public String cancelled() {
            return count == 0 ? "No delivery was pending."
                    : count + (count == 1 ? " delivery was" : " deliveries were") + " cancelled.";
        }
    }

    /** The filter of the list, as the query of its address has it. */
    @TemplateData
    public record Filter(String q, Show show) {

        public String showing(Show other) {
            return PATH + Form.query("show", other, "q", q.isBlank() ? null : q);
        }

        public boolean narrow() {
            return !q.isBlank() || show != Show.all;
        }

        private boolean fits(Action action) {
            return (show != Show.on || action.enabled) && (show != Show.off || !action.enabled)
                    && (holds(action.name) || holds(action.description) || holds(action.url));
        }

        private boolean holds(String text) {
            return text != null && text.toLowerCase(Locale.ROOT).contains(q.strip().toLowerCase(Locale.ROOT));
        }
    }

    /** @param more the number of actions that match but are not shown */
    @CheckedTemplate(basePath = "page", defaultName = CheckedTemplate.HYPHENATED_ELEMENT_NAME)
    record ActionList(Layout layout, Filter filter, List<Row> rows, long more, List<Actions.Deleted> deleted,
            List<RefusedForms.View> refused, Done done, Show[] shows)
            implements
                TemplateInstance {
    }

    @CheckedTemplate(basePath = "page", defaultName = CheckedTemplate.HYPHENATED_ELEMENT_NAME)
    record OwnActions(Layout layout, List<Action> actions) implements TemplateInstance {
    }

    private final Screens screens;
    private final Actions actions;
    private final ActionResource resource;
    private final ActionHistory history;
    private final RunResource runs;
    private final RefusedForms forms;
    private final StatisticsStore statistics;
    private final SecurityIdentity identity;
    private final Executor workers = Infrastructure.getDefaultWorkerPool();

    ActionsScreen(Screens screens, Actions actions, ActionResource resource, ActionHistory history, RunResource runs,
            RefusedForms forms, StatisticsStore statistics, SecurityIdentity identity) {
        this.screens = screens;
        this.actions = actions;
        this.resource = resource;
        this.history = history;
        this.runs = runs;
        this.forms = forms;
        this.statistics = statistics;
        this.identity = identity;
    }

    /**
     * Shows the list.
     *
     * @param deed what the last click did, to the action {@code id}
     * @param count how many deliveries it cancelled
     * @param why why it was refused
     */
    @GET
    @Path("/actions")
    @Blocking
    public Uni<TemplateInstance> list(@QueryParam("q") @DefaultValue("") String q,
            @QueryParam("show") @DefaultValue("all") Show show, @QueryParam("done") Deed deed, @QueryParam("id") String id,
            @QueryParam("count") @DefaultValue("0") long count, @QueryParam("why") String why) {
        Caller caller = Caller.of(identity);
        Layout layout = screens.layout("Actions", "actions");
        List<Action> all = actions.visibleTo(caller);
        if (!caller.is(Role.admin)) {
            return Uni.createFrom().item(new OwnActions(layout, all));
        }
        Filter filter = new Filter(q, show);
        List<Actions.Deleted> deleted = actions.lastDeleted(MOST_DELETED);
        List<RefusedForms.View> refused = forms.list().data().stream()
                .map(form -> exists(form.actionId(), all) ? form : asNew(form)).toList();
        List<Action> fit = show == Show.deleted ? List.of() : all.stream().filter(filter::fits).toList();
        List<Action> shown = fit.subList(0, Math.min(MOST, fit.size()));
        Done done = new Done(screens.fromThisSite() ? deed : null, name(StrictJson.id(id), all, deleted), count, why);
        Uni<Map<UUID, String>> productions = shown.stream().allMatch(action -> action.projectIds.isEmpty())
                ? Uni.createFrom().item(Map.of())
                : screens.productions();
        return productions.emitOn(workers).map(names -> {
            Map<UUID, Statistics.Recent> recent = statistics.recent(DAYS);
            Map<UUID, Long> pending = QuarkusTransaction.requiringNew().call(RunStore::pendingByAction);
            List<Row> rows = shown.stream().map(action -> new Row(action, recent.get(action.id),
                    pending.getOrDefault(action.id, 0L),
                    action.projectIds.stream().map(production -> names.getOrDefault(production, production.toString())).sorted()
                            .toList()))
                    .toList();
            return new ActionList(layout, filter, rows, fit.size() - shown.size(), deleted, refused, done, Show.values());
        });
    }

    private static boolean exists(UUID id, List<Action> all) {
        return all.stream().anyMatch(action -> action.id.equals(id));
    }

    /** Returns the form of a deleted action as the form of a new action, so that the editor can open it. */
    private static RefusedForms.View asNew(RefusedForms.View form) {
        return new RefusedForms.View(form.id(), form.at(), null, form.fields(), form.code(), form.message(), form.errors());
    }

    private static String name(UUID id, List<Action> all, List<Actions.Deleted> deleted) {
        return all.stream().filter(action -> action.id.equals(id)).map(action -> action.name).findFirst()
                .or(() -> deleted.stream().filter(one -> one.id().equals(id)).map(Actions.Deleted::name).findFirst())
                .orElse("The action");
    }

    /** Disables an action and cancels its pending deliveries. Cancels them even if disabling is refused. */
    @POST
    @Path("/actions/{id}/stop")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @RolesAllowed("admin")
    public Response stop(@PathParam("id") UUID id, String body) {
        String why = refusal(() -> resource.patch(id, JsonNodeFactory.instance.objectNode().put("enabled", false)));
        long cancelled = runs.cancelAll(id).data().stream().mapToLong(run -> run.counts().cancelled()).sum();
        return to(Deed.stopped, id, cancelled, why);
    }

    @POST
    @Path("/actions/{id}/start")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @RolesAllowed("admin")
    public Response start(@PathParam("id") UUID id, String body) {
        return to(Deed.started, id, null,
                refusal(() -> resource.patch(id, JsonNodeFactory.instance.objectNode().put("enabled", true))));
    }

    @POST
    @Path("/actions/{id}/delete")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @RolesAllowed("admin")
    public Response delete(@PathParam("id") UUID id, String body) {
        return to(Deed.deleted, id, null, refusal(() -> resource.delete(id)));
    }

    @POST
    @Path("/actions/{id}/restore")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @RolesAllowed("admin")
    public Response restore(@PathParam("id") UUID id, String body) {
        return to(Deed.restored, id, null, refusal(() -> history.restore(id, null)));
    }

    /** Makes a change. Returns why it was refused; null if it was made. */
    private static String refusal(Runnable change) {
        try {
            change.run();
            return null;
        } catch (ProblemException refused) {
            return refused.getMessage();
        }
    }

    private static Response to(Deed deed, UUID id, Long count, String why) {
        return Response.seeOther(URI.create(PATH + Form.query("done", deed, "id", id, "count", count, "why", why))).build();
    }
}
