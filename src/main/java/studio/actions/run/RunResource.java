package studio.actions.run;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import jakarta.annotation.security.RolesAllowed;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;

import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.ExampleObject;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;

import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Uni;
import studio.actions.action.Action;
import studio.actions.action.ActionJson;
import studio.actions.action.ActionRules;
import studio.actions.action.Actions;
import studio.actions.identity.Asker;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.problem.StrictJson;

/** Previewing, pressing, and reading what came of it. */
@Path("/api/custom-actions")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Authenticated
@Tag(name = "Runs")
@APIResponse(responseCode = "400", ref = "Problem")
@APIResponse(responseCode = "401", ref = "Problem")
@APIResponse(responseCode = "403", ref = "Problem")
@APIResponse(responseCode = "default", ref = "Problem")
public class RunResource {

    /** RFC 7240. */
    private static final Pattern WAIT = Pattern.compile("(?:^|[,;\\s])wait\\s*=\\s*\"?(\\d{1,9})", Pattern.CASE_INSENSITIVE);
    private static final Pattern ASYNC = Pattern.compile("(?:^|[,;\\s])respond-async(?:$|[,;\\s])", Pattern.CASE_INSENSITIVE);
    private static final Duration MOMENT = Duration.ofMillis(1);

    static final String TARGETS = """
            {"targets": [{"entity_id": "63f8a332-e209-4f8c-b384-747d5eda4b57", "entity_type": "shot",
              "production_id": "42368e00-09e1-4c4e-9a16-0d9891200536", "task_id": "a496f819-a923-4da2-b05d-cf472ab3b2f3"}]}""";

    static final String EXAMPLE_ID = "7a1d0f5e-55b3-4ed9-8d0c-0d6d5c1b2a33";

    static final String DRAFT = """
            {"action": {"name": "Sync to ShotGrid", "url": "https://api.studio.com/sync?entity={entity_id}", "is_ajax": true},
             "targets": [{"entity_id": "63f8a332-e209-4f8c-b384-747d5eda4b57", "entity_type": "shot"}]}""";

    private final Runner runner;
    private final Actions actions;
    private final ActionRules rules;
    private final RunConfig.Run config;
    private final SecurityIdentity identity;

    RunResource(Runner runner, Actions actions, ActionRules rules, RunConfig config, SecurityIdentity identity) {
        this.runner = runner;
        this.actions = actions;
        this.rules = rules;
        this.config = config.run();
        this.identity = identity;
    }

    @POST
    @Path("/{id}/preview")
    @Operation(operationId = "previewAction", summary = "Show what a press would send",
            description = "Fills the template for each target and shows each request, or why there would be none. Sends nothing.")
    @APIResponse(responseCode = "200", description = "What would be sent.")
    @Blocking
    public Uni<RunJson.Preview> preview(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id,
            @RequestBody(required = true,
                    content = @Content(examples = @ExampleObject(name = "one shot", value = TARGETS))) RunJson.Press press) {
        Asker asker = Asker.of(identity);
        return runner.preview(asker, actions.get(id, asker.caller()), selection(press));
    }

    @POST
    @Path("/preview")
    @RolesAllowed("admin")
    @Operation(operationId = "previewDraft", summary = "Show what an action that is not saved yet would send",
            description = "The draft is judged as it would be when saved. Nothing is saved, nothing is sent.")
    @APIResponse(responseCode = "200", description = "What would be sent.")
    @Blocking
    public Uni<RunJson.Preview> previewDraft(
            @RequestBody(required = true,
                    content = @Content(examples = @ExampleObject(name = "a draft", value = DRAFT))) RunJson.DraftPress press) {
        if (press == null || press.action() == null) {
            throw ProblemException.invalid("/action", "required", "'action' is required here: the draft to try out. An action "
                    + "that is saved is previewed at /api/custom-actions/{id}/preview.");
        }
        Asker asker = Asker.of(identity);
        ActionJson.Draft draft = rules.settle(press.action(), "/action", asker.caller());
        Action action = Action.of(draft, asker.caller(), Instant.EPOCH);
        action.id = null;
        return runner.preview(asker, action, Selection.of(press.selection(), press.targets(), config.maxSelection()));
    }

    @POST
    @Path("/{id}/run")
    @Blocking
    @Operation(operationId = "runAction", summary = "Press the button",
            description = "Sends one request per task, per entity or per production, as the template asks, and answers when all "
                    + "have ended. A receiver's failure is data in this answer, not an error of it.")
    @APIResponse(responseCode = "200", description = "The run has ended; its state and deliveries say how.")
    @APIResponse(responseCode = "202", description = "The run goes on; Location is where to look.",
            content = @Content(schema = @Schema(implementation = RunJson.View.class)))
    public Uni<RestResponse<RunJson.View>> run(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id,
            @HeaderParam("Prefer") @Parameter(description = "respond-async, or wait=<seconds> (RFC 7240).",
                    schema = @Schema(implementation = String.class), example = "wait=5") List<String> prefer,
            @RequestBody(required = true,
                    content = @Content(examples = @ExampleObject(name = "one shot", value = TARGETS))) RunJson.Press press) {
        Asker asker = Asker.of(identity);
        Action action = actions.pressable(id, asker.caller(), true);
        return runner.press(asker, action, selection(press), patience(String.join(",", prefer)))
                .map(view -> view.finishedAt() != null ? RestResponse.ok(view)
                        : RestResponse.ResponseBuilder.<RunJson.View> create(RestResponse.Status.ACCEPTED)
                                .location(URI.create("/api/custom-actions/runs/" + view.id())).entity(view).build());
    }

    @GET
    @Path("/runs")
    @Operation(operationId = "listRuns", summary = "List runs, newest first",
            description = "Your own; an admin or manager sees everybody's.")
    @APIResponse(responseCode = "200", description = "One page.")
    public RunJson.Page list(@QueryParam("action_id") @Parameter(description = "Of this action.") UUID actionId,
            @QueryParam("state") @Parameter(description = "In this state.") Run.State state,
            @QueryParam("caller") @Parameter(description = "Pressed by this person.") UUID callerId,
            @QueryParam("since") @Parameter(description = "Made at this time or later.",
                    example = "2026-11-23T00:00:00Z") Instant since,
            @QueryParam("cursor") @Parameter(description = "'next' of the page before.") String cursor,
            @QueryParam("limit") @DefaultValue("50") @Min(1) @Max(500) int limit) {
        Caller caller = Caller.of(identity);
        Map<String, Object> values = new HashMap<>();
        StringBuilder where = new StringBuilder("1 = 1");
        and(where, values, "actionId = :actionId", "actionId", actionId);
        and(where, values, "state = :state", "state", state);
        and(where, values, "callerId = :callerId", "callerId", callerId);
        and(where, values, "createdAt >= :since", "since", since);
        boolean all = caller.is(Role.admin) || caller.is(Role.manager);
        and(where, values, "callerId = :own", "own", all ? null : caller.id());
        if (cursor != null) {
            Cursor after = Cursor.parse(cursor);
            and(where, values, "(createdAt < :at or (createdAt = :at and id < :after))", "at", after.at());
            values.put("after", after.id());
        }
        List<Run> runs = Run.<Run> find(where + " order by createdAt desc, id desc", values).page(0, limit + 1).list();
        List<Run> page = runs.subList(0, Math.min(limit, runs.size()));
        Map<UUID, RunJson.Counts> counts = counts(page.stream().map(run -> run.id).toList());
        String next = runs.size() > limit ? Cursor.of(page.get(limit - 1)).text() : null;
        return new RunJson.Page(page.stream().map(run -> RunJson.View.of(run, counts.get(run.id), null)).toList(), next);
    }

    @GET
    @Path("/runs/{id}")
    @Operation(operationId = "getRun", summary = "Read a run and its deliveries",
            description = "Every delivery with its state, what the receiver answered, or why it did not arrive.")
    @APIResponse(responseCode = "200", description = "The run.")
    public RunJson.View get(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id) {
        Run run = Run.<Run> findByIdOptional(id).filter(found -> found.visibleTo(Caller.of(identity)))
                .orElseThrow(
                        () -> new ProblemException(Code.NOT_FOUND, "There is no run " + id + ", or it is not yours to see."));
        return RunJson.View.of(run, Delivery.ofRun(id));
    }

    private static Map<UUID, RunJson.Counts> counts(List<UUID> ids) {
        Map<UUID, Map<Delivery.State, Long>> states = new HashMap<>();
        ids.forEach(id -> states.put(id, new HashMap<>()));
        Run.getEntityManager().createQuery("select d.runId, d.state, count(d) from Delivery d where d.runId in :ids "
                + "group by d.runId, d.state", Object[].class).setParameter("ids", ids).getResultList()
                .forEach(row -> states.get(row[0]).put((Delivery.State) row[1], (Long) row[2]));
        Map<UUID, RunJson.Counts> counts = new HashMap<>();
        states.forEach((id, byState) -> counts.put(id, RunJson.Counts.of(byState)));
        return counts;
    }

    private Selection selection(RunJson.Press press) {
        if (press == null) {
            throw ProblemException.invalid("", "required", "The body is required: {\"targets\": […]} or {\"selection\": […]}.");
        }
        return Selection.of(press.selection(), press.targets(), config.maxSelection());
    }

    private Duration patience(String prefer) {
        Matcher wait = WAIT.matcher(prefer);
        Duration asked = wait.find() ? Duration.ofSeconds(Long.parseLong(wait.group(1)))
                : ASYNC.matcher(prefer).find() ? MOMENT : config.patience();
        Duration patience = asked.compareTo(config.patience()) < 0 ? asked : config.patience();
        return patience.isZero() ? MOMENT : patience;
    }

    private static void and(StringBuilder where, Map<String, Object> values, String condition, String name, Object value) {
        if (value != null) {
            where.append(" and ").append(condition);
            values.put(name, value);
        }
    }

    /** Where a page ended: runs are ordered by time and id, so that pages do not shift when new ones come. */
    private record Cursor(Instant at, UUID id) {

        static Cursor of(Run run) {
            return new Cursor(run.createdAt, run.id);
        }

        static Cursor parse(String text) {
            try {
                String[] parts = new String(Base64.getUrlDecoder().decode(text), StandardCharsets.US_ASCII).split(" ");
                return new Cursor(StrictJson.instant(parts[0]), Objects.requireNonNull(StrictJson.id(parts[1])));
            } catch (IllegalArgumentException | DateTimeParseException | ArrayIndexOutOfBoundsException
                    | NullPointerException e) {
                throw ProblemException.parameter("cursor", "unknown_cursor", "'cursor' must be the 'next' of a page before.");
            }
        }

        String text() {
            return Base64.getUrlEncoder().withoutPadding().encodeToString((at + " " + id).getBytes(StandardCharsets.US_ASCII));
        }
    }
}
