package studio.actions.run;

import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

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
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Request;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.sse.OutboundSseEvent;
import jakarta.ws.rs.sse.Sse;

import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.ParameterIn;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.ExampleObject;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.RestResponse;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.core.http.HttpServerResponse;
import studio.actions.audit.AuditEntry;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.identity.Asker;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;
import studio.actions.problem.Cursor;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/** Reading what came of a press, watching it, stopping it, and sending it again. */
@Path("/api/custom-actions/runs")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Authenticated
@Tag(name = "Runs")
public class RunResource {

    static final String EXAMPLE_ID = "7a1d0f5e-55b3-4ed9-8d0c-0d6d5c1b2a33";

    private static final Logger LOG = Logger.getLogger(RunResource.class);

    private static final String END = "end";

    private static final String EVENTS = """
            id: 1
            event: delivery
            data: {"id":"2f6cf8a4-5b1a-4c92-9a4b-3c1d8a7e6f50","target":{"entity_id":"63f8a332-e209-4f8c-b384-747d5eda4b57",\
            "entity_type":"shot","production_id":null,"task_id":null},"method":"POST",\
            "url":"https://api.studio.com/sync?entity=63f8a332-e209-4f8c-b384-747d5eda4b57","state":"delivered","status":200,\
            "attempts":1,"duration_ms":84,"failure":null,"response":"ok"}

            event: progress
            data: {"state":"succeeded","counts":{"total":1,"delivered":1,"failed":0,"refused":0,"lost":0,"cancelled":0}}

            id: end
            event: end
            data: {"id":"7a1d0f5e-55b3-4ed9-8d0c-0d6d5c1b2a33","type":"Run",\
            "action_id":"0d5b1c1e-4a57-4f43-9f5e-4c4b2b6f0f11","action_name":"Sync to ShotGrid","state":"succeeded",\
            "caller":{"id":"c0affcde-b8fc-4715-83e7-0ea24eb15e0c","name":"Ada","email":"supervisor@example.com",\
            "role":"supervisor"},"created_at":"2026-11-23T17:41:13Z","finished_at":"2026-11-23T17:41:14Z",\
            "counts":{"total":1,"delivered":1,"failed":0,"refused":0,"lost":0,"cancelled":0}}

            """;

    private final Runner runner;
    private final RunEvents events;
    private final ObjectMapper json;
    private final RunConfig.Run config;
    private final SecurityIdentity identity;

    RunResource(Runner runner, RunEvents events, ObjectMapper json, RunConfig config,
            SecurityIdentity identity) {
        this.runner = runner;
        this.events = events;
        this.json = json;
        this.config = config.run();
        this.identity = identity;
    }

    @GET
    @Operation(operationId = "listRuns", summary = "List runs, newest first",
            description = "Your own; an admin or manager sees everybody's.")
    @APIResponse(responseCode = "200", description = "One page.")
    public RunJson.Page list(@QueryParam("action_id") @Parameter(description = "Of this action.") UUID actionId,
            @QueryParam("state") @Parameter(description = "In this state.") Run.State state,
            @QueryParam("caller") @Parameter(description = "Pressed by this person.") UUID callerId,
            @QueryParam("since") @Parameter(description = "Made at this time or later.",
                    example = "2026-11-23T00:00:00Z") Instant since,
            @QueryParam("cursor") @Parameter(schema = @Schema(type = SchemaType.STRING, pattern = "^[A-Za-z0-9_-]*$"),
                    description = "'next' of the page before.") String cursor,
            @QueryParam("limit") @DefaultValue("50") @Min(1) @Max(500) @Parameter(description = "Runs on a page.") int limit) {
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
        String next = runs.size() > limit ? new Cursor(page.get(limit - 1).createdAt, page.get(limit - 1).id).text() : null;
        return new RunJson.Page(page.stream().map(run -> RunJson.View.of(run, counts.get(run.id), null)).toList(), next);
    }

    @GET
    @Path("/{id}")
    @Operation(operationId = "getRun", summary = "Read a run and its deliveries",
            description = "Every delivery with its state, what the receiver answered, or why it did not arrive.")
    @APIResponse(responseCode = "200", description = "The run.")
    public RunJson.View get(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id) {
        return RunJson.View.of(visible(id));
    }

    @GET
    @Path("/{id}/events")
    @Produces(MediaType.SERVER_SENT_EVENTS)
    @Blocking
    @Operation(operationId = "watchRun", summary = "Watch a run",
            description = "Server-sent events: `delivery` with a delivery (Delivery) for each outcome, those so far first; "
                    + "`progress` with the counts (RunProgress); `end` with the run (Run, without its deliveries). A client that comes back with Last-Event-ID goes on where it was, at any "
                    + "replica; one that has seen the end is told 204.")
    @APIResponse(responseCode = "200", description = "The events.",
            content = @Content(mediaType = MediaType.SERVER_SENT_EVENTS, schema = @Schema(implementation = String.class),
                    examples = @ExampleObject(name = "one delivery", value = EVENTS)))
    @APIResponse(responseCode = "204", description = "There is nothing more to come.")
    public Multi<OutboundSseEvent> watch(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id,
            @HeaderParam("Last-Event-ID") @Parameter(
                    description = "The id of the last event that was seen.",
                    schema = @Schema(type = SchemaType.STRING, pattern = "^([0-9]{1,9}|end)$", examples = "3")) String last,
            @Context Sse sse, @Context HttpServerResponse response,
            @Context Request request) {
        visible(id);
        if (END.equals(last)) {
            throw new WebApplicationException(Response.noContent().build());
        }
        int behind = behind(last);
        if (request.getMethod().equals("HEAD")) {
            throw new WebApplicationException(Response.ok().type(MediaType.SERVER_SENT_EVENTS).build());
        }
        // nginx would keep the events until there are many.
        response.putHeader("X-Accel-Buffering", "no").putHeader(HttpHeaders.CACHE_CONTROL, "no-store");
        return events.follow(id, behind, RunEvents.POLL, events::stopping)
                .onFailure().invoke(failure -> LOG.errorf(failure, "Nobody can watch run %s any more", id))
                .onItem().transformToMultiAndConcatenate(look -> Multi.createFrom().iterable(told(look, sse)));
    }

    @POST
    @Path("/{id}/cancel")
    @Operation(operationId = "cancelRun", summary = "Cancel a run",
            description = "What has not begun does not begin; what is under way ends as it ends. For whoever pressed it, and for "
                    + "admins.")
    @APIResponse(responseCode = "200", description = "The run as it is now.")
    @APIResponse(responseCode = "409", ref = "Conflict")
    public RunJson.View cancel(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id) {
        Asker asker = Asker.of(identity);
        own(id, asker.caller());
        return cancelled(id, asker, true);
    }

    @POST
    @Path("/cancel")
    @RolesAllowed("admin")
    @Operation(operationId = "cancelRunsOfAction", summary = "Cancel all runs of an action",
            description = "Each as 'Cancel a run' does. For an action that was disabled and whose runs are not to go on.")
    @APIResponse(responseCode = "200", description = "The runs that were cancelled, without their deliveries.")
    public RunJson.Page cancelAll(
            @QueryParam("action_id") @Parameter(description = "Of this action.", required = true,
                    example = EXAMPLE_ID) UUID actionId) {
        if (actionId == null) {
            throw ProblemException.parameter("action_id", "required", "'action_id' says whose runs are to be cancelled.");
        }
        Asker asker = Asker.of(identity);
        List<Run> runs = QuarkusTransaction.requiringNew().call(
                () -> Run.list("actionId = ?1 and finishedAt is null order by createdAt desc, id desc", actionId));
        return new RunJson.Page(runs.stream().map(run -> cancelled(run.id, asker, false)).toList(), null);
    }

    @POST
    @Path("/{id}/replay")
    @Limited
    @Blocking
    @Operation(operationId = "replayRun", summary = "Send a run's deliveries again",
            description = "A new run of the same requests as they were, each with the webhook-id that the receiver knows from "
                    + "the first time. For whoever pressed it, as long as they may run the action, and for admins.")
    @APIResponse(responseCode = "200", description = "The new run has ended.")
    @APIResponse(responseCode = "202", description = "The new run goes on; Location is where to look.",
            content = @Content(schema = @Schema(implementation = RunJson.View.class)))
    @APIResponse(responseCode = "409", ref = "Conflict")
    @APIResponse(responseCode = "429", ref = "TooManyRequests")
    public Uni<RestResponse<RunJson.View>> replay(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id,
            @QueryParam("only") @DefaultValue("failed") @Parameter(
                    description = "Those that were not delivered, or all.") RunJson.Only only,
            @HeaderParam("Prefer") @Parameter(description = "respond-async, or wait=<seconds> (RFC 7240).",
                    schema = @Schema(type = SchemaType.STRING, pattern = "^[\\x20-\\x7e]*$"),
                    example = "wait=5") List<String> prefer,
            @Parameter(name = "Idempotency-Key", in = ParameterIn.HEADER, description = PressResource.KEY,
                    schema = @Schema(type = SchemaType.STRING, minLength = 1, maxLength = 255,
                            pattern = "^[\\x20-\\x7e]+$")) @Context HttpHeaders headers) {
        Asker asker = Asker.of(identity);
        Run run = own(id, asker.caller());
        if (run.finishedAt == null) {
            throw new ProblemException(Code.STILL_RUNNING, "The run has not ended; cancel it first, or wait for its end.");
        }
        List<Delivery> again = Delivery.ofRun(id).stream().filter(delivery -> delivery.url != null
                && (only == RunJson.Only.all || delivery.state != Delivery.State.delivered)).toList();
        if (again.isEmpty()) {
            throw new ProblemException(Code.NOTHING_TO_REPLAY, only == RunJson.Only.all
                    ? "None of its deliveries had a request to send."
                    : "All that could be sent was delivered. 'only=all' sends it again all the same.");
        }
        return runner.replay(asker, run, again,
                Press.ofReplay(id, only == RunJson.Only.all, Press.idempotencyKey(headers)),
                Press.patience(prefer, config.patience())).map(PressResource::answer);
    }

    private Run visible(UUID id) {
        Optional<Run> found = Run.findByIdOptional(id);
        return found.filter(run -> run.visibleTo(Caller.of(identity)))
                .orElseThrow(
                        () -> new ProblemException(found.isPresent() ? Code.HIDDEN : Code.NOT_FOUND,
                                "There is no run " + id + ", or it is not yours to see."));
    }

    private Run own(UUID id, Caller caller) {
        Run run = visible(id);
        if (!run.belongsTo(caller)) {
            throw new ProblemException(Code.FORBIDDEN, "Only an admin may do this to a run of somebody else's.");
        }
        return run;
    }

    /** @param strictly whether it is an error that there is nothing to cancel */
    private RunJson.View cancelled(UUID id, Asker asker, boolean strictly) {
        RunJson.View view = QuarkusTransaction.requiringNew().call(() -> {
            Run run = Run.locked(List.of(id)).get(0);
            if (run.finishedAt != null && run.state != Run.State.cancelled && strictly) {
                throw new ProblemException(Code.RUN_ENDED,
                        "The run has ended (" + run.state + "); there is nothing to cancel.");
            }
            if (run.finishedAt == null && run.cancelledAt == null) {
                int cancelled = run.cancel("Cancelled by " + asker.caller().name() + ".");
                AuditEntry.of(Verb.cancelled, asker, AuditEntry.DONE).about(run.actionId, run.actionName).ofRun(id)
                        .with("deliveries", cancelled).persist();
                events.tell(List.of(run));
            }
            return strictly ? RunJson.View.of(run)
                    : RunJson.View.of(run, RunJson.Counts.of(Delivery.counts(id)), null);
        });
        events.changed(id, view.finishedAt() != null);
        return view;
    }

    private static int behind(String last) {
        if (last != null && !last.matches("[0-9]{0,9}")) {
            throw ProblemException.parameter("Last-Event-ID", "invalid_value",
                    "'Last-Event-ID' must be the id of an event of this run; leave it out to see all.");
        }
        return last == null || last.isEmpty() ? 0 : Integer.parseInt(last);
    }

    /** A comment where nothing has happened, so that no proxy takes the silence for the end. */
    private List<OutboundSseEvent> told(RunEvents.Look look, Sse sse) {
        List<OutboundSseEvent> told = new ArrayList<>();
        Map<UUID, List<Attempt>> earlier = look.earlier();
        look.outcomes().forEach(delivery -> told.add(sse.newEventBuilder().id(delivery.event.toString()).name("delivery")
                .data(text(RunJson.DeliveryView.of(delivery, earlier.getOrDefault(delivery.id, List.of())))).build()));
        RunJson.Counts counts = RunJson.Counts.of(look.counts());
        if (!look.outcomes().isEmpty() && look.run() != null) {
            told.add(sse.newEventBuilder().name("progress").data(text(new RunJson.Progress(look.run().state, counts))).build());
        }
        if (look.last() && look.run() != null) {
            told.add(sse.newEventBuilder().id(END).name(END).data(text(RunJson.View.of(look.run(), counts, null))).build());
        }
        if (told.isEmpty()) {
            told.add(sse.newEventBuilder().comment("").build());
        }
        return told;
    }

    private String text(Object value) {
        try {
            return json.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
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

    private static void and(StringBuilder where, Map<String, Object> values, String condition, String name, Object value) {
        if (value != null) {
            where.append(" and ").append(condition);
            values.put(name, value);
        }
    }
}
