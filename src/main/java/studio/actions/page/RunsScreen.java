package studio.actions.page;

import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.stream.Collectors;

import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;

import io.quarkus.qute.CheckedTemplate;
import io.quarkus.qute.TemplateData;
import io.quarkus.qute.TemplateInstance;
import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.action.Action;
import studio.actions.action.Actions;
import studio.actions.html.Page;
import studio.actions.identity.Requester;
import studio.actions.limit.Limited;
import studio.actions.press.PressJson;
import studio.actions.press.ReplayResource;
import studio.actions.problem.Cursor;
import studio.actions.problem.ProblemException;
import studio.actions.problem.StrictJson;
import studio.actions.run.Run;
import studio.actions.run.RunAccess;
import studio.actions.run.RunList;
import studio.actions.run.RunResource;
import studio.actions.run.RunStore;

/** The screen with the list of runs. */
@Path(Page.APP + "/runs")
@Produces(Page.MEDIA_TYPE)
@Authenticated
public class RunsScreen {

    private static final int ON_A_PAGE = 50;

    /** The most runs that one click cancels or sends again. */
    private static final int MOST_AT_ONCE = 100;

    /** Which runs the list shows, by their state. */
    public enum Show {
        all(null),
        failed(Set.of(Run.State.failed, Run.State.partial, Run.State.refused)),
        unfinished(Set.of(Run.State.queued, Run.State.running)),
        succeeded(Set.of(Run.State.succeeded)),
        cancelled(Set.of(Run.State.cancelled));

        private final Set<Run.State> states;

        Show(Set<Run.State> states) {
            this.states = states;
        }
    }

    /** Which runs the list shows, by the time of their press. */
    public enum Period {
        any(null),
        day(Duration.ofDays(1)),
        week(Duration.ofDays(7));

        private final Duration length;

        Period(Duration length) {
            this.length = length;
        }
    }

    /**
     * The filter of the list, as the query of its address has it; null stands for any value.
     *
     * @param q the first characters of the name of a shot, asset or other entity
     */
    @TemplateData
    public record Filter(String q, Show show, Period period, boolean mine, UUID actionId, UUID productionId) {

        RunStore.Filter of(UUID caller, Instant now, Cursor after) {
            return new RunStore.Filter(actionId, show.states, mine ? caller : null, productionId, q,
                    period.length == null ? null : now.minus(period.length), after);
        }

        /** Returns the address of the list with this filter, but in another state. */
        public String showing(Show other) {
            return new Filter(q, other, period, mine, actionId, productionId).path();
        }

        public String withoutProduction() {
            return new Filter(q, show, period, mine, actionId, null).path();
        }

        public String path() {
            return Page.APP + "/runs"
                    + Form.query("q", q == null || q.isBlank() ? null : q, "show", show == Show.all ? null : show,
                            "period", period == Period.any ? null : period, "mine", mine ? true : null, "action_id", actionId,
                            "production_id", productionId);
        }

        public boolean narrow() {
            return !path().equals(Page.APP + "/runs");
        }
    }

    /** What the last click did; shown once above the list. */
    @TemplateData
    public record Done(Integer cancelled, Integer sent, Integer refused, String why) {

        public boolean any() {
            return cancelled != null || sent != null || refused != null;
        }
    }

    @CheckedTemplate(basePath = "page", defaultName = CheckedTemplate.HYPHENATED_ELEMENT_NAME)
    record Runs(Layout layout, Filter filter, List<Action> actions, List<RunList.Entry> runs, String production, String next,
            Done done, Show[] shows)
            implements
                TemplateInstance {
    }

    private final Screens screens;
    private final Actions actions;
    private final RunAccess access;
    private final RunResource resource;
    private final ReplayResource replays;
    private final Clock clock;
    private final SecurityIdentity identity;
    private final Executor workers = Infrastructure.getDefaultWorkerPool();

    RunsScreen(Screens screens, Actions actions, RunAccess access, RunResource resource, ReplayResource replays, Clock clock,
            SecurityIdentity identity) {
        this.screens = screens;
        this.actions = actions;
        this.access = access;
        this.resource = resource;
        this.replays = replays;
        this.clock = clock;
        this.identity = identity;
    }

    @GET
    @Blocking
    public Uni<TemplateInstance> list(@QueryParam("q") String q, @QueryParam("show") @DefaultValue("all") Show show,
            @QueryParam("period") @DefaultValue("any") Period period, @QueryParam("mine") @DefaultValue("false") boolean mine,
            @QueryParam("action_id") String actionId, @QueryParam("production_id") String productionId,
            @QueryParam("cursor") String cursor, @QueryParam("cancelled") Integer cancelled,
            @QueryParam("sent") Integer sent, @QueryParam("refused") Integer refused, @QueryParam("why") String why) {
        Requester requester = Requester.of(identity);
        Layout layout = screens.layout("Runs", "runs");
        Filter filter = new Filter(q, show, period, mine, StrictJson.id(actionId), StrictJson.id(productionId));
        RunStore.Filter stored = filter.of(requester.caller().id(), clock.instant(),
                cursor == null ? null : Cursor.parse(cursor));
        Done done = screens.fromThisSite() ? new Done(cancelled, sent, refused, why) : new Done(null, null, null, null);
        return access.of(requester).emitOn(workers).map(seen -> {
            RunList page = RunList.read(stored, seen, ON_A_PAGE);
            return new Runs(layout, filter, actions.visibleTo(requester.caller()), page.entries(), production(filter, page),
                    page.next() == null ? null : filter.path() + (filter.narrow() ? "&" : "?") + "cursor=" + page.next(),
                    done, Show.values());
        });
    }

    /** Returns the name of the production that the list is limited to; null if it is not limited, or the name is unknown. */
    private static String production(Filter filter, RunList page) {
        return filter.productionId() == null ? null
                : page.entries().stream().map(entry -> entry.sample().first())
                        .filter(first -> first != null && filter.productionId().equals(first.productionId)
                                && first.productionName != null)
                        .map(first -> first.productionName).findFirst().orElse("the production that is open in Kitsu");
    }

    /**
     * Cancels one run or the ticked runs, or sends their failed deliveries again. Goes on after a run for which this is
     * refused.
     */
    @POST
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @Blocking
    @Limited
    public Uni<Response> several(String body, @Context HttpHeaders headers) {
        Form form = Form.parse(body);
        boolean cancel = form.text("cancel") != null || "cancel".equals(form.text("do"));
        List<String> runs = form.text("cancel") != null ? form.all("cancel") : form.all("run");
        Function<UUID, Uni<?>> change = cancel ? resource::cancel
                : run -> replays.replay(run, PressJson.Only.failed, List.of("respond-async"), headers);
        List<String> refusals = new ArrayList<>();
        return Multi.createFrom().iterable(runs.stream().map(StrictJson::id).filter(Objects::nonNull)
                .limit(MOST_AT_ONCE).toList())
                .onItem().transformToUniAndConcatenate(run -> Uni.createFrom().deferred(() -> change.apply(run))
                        .map(changed -> 1).onFailure(ProblemException.class).recoverWithItem(refusal -> {
                            refusals.add(refusal.getMessage());
                            return 0;
                        }))
                .collect().with(Collectors.summingInt(Integer::intValue))
                .map(changed -> Response.seeOther(URI.create(back(form.text("back"), Form.query(cancel ? "cancelled" : "sent",
                        changed, "refused", refusals.isEmpty() ? null : refusals.size(), "why",
                        refusals.isEmpty() ? null : refusals.get(0))))).build());
    }

    /** Returns the address of the list with what was done; {@code path} is the list before the click. */
    private static String back(String path, String done) {
        String list = path != null && path.matches(Page.APP + "/runs(\\?[\\w.&=%+-]*)?") ? path : Page.APP + "/runs";
        return list + (list.contains("?") ? done.replace('?', '&') : done);
    }
}
