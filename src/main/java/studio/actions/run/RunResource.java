package studio.actions.run;

import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;

import org.jboss.resteasy.reactive.RestResponse;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
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
public class RunResource {

    private final Runner runner;
    private final RunEvents events;
    private final LargeAnswers answers;
    private final RunConfig.Run config;
    private final SecurityIdentity identity;

    RunResource(Runner runner, RunEvents events, LargeAnswers answers, RunConfig config, SecurityIdentity identity) {
        this.runner = runner;
        this.events = events;
        this.answers = answers;
        this.config = config.run();
        this.identity = identity;
    }

    @GET
    public RunJson.Page list(@QueryParam("action_id") UUID actionId,
            @QueryParam("state") Run.State state,
            @QueryParam("caller") UUID callerId,
            @QueryParam("since") Instant since,
            @QueryParam("cursor") String cursor,
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
        String next = runs.size() > limit ? new Cursor(page.get(limit - 1).createdAt, page.get(limit - 1).id).text() : null;
        return new RunJson.Page(page.stream().map(run -> RunJson.View.of(run, counts.get(run.id))).toList(), next);
    }

    @GET
    @Path("/{id}")
    public RestResponse<Buffer> get(@PathParam("id") UUID id,
            @QueryParam("state") Delivery.State state,
            @QueryParam("cursor") String cursor,
            @QueryParam("limit") @DefaultValue("100") @Min(1) @Max(500) int limit) {
        Caller caller = Caller.of(identity);
        int after = cursor == null ? RunJson.FIRST : position(cursor);
        return answers.answer(() -> QuarkusTransaction.requiringNew().call(
                () -> RunJson.View.of(Run.visible(id, caller), DeliveryPage.read(id, after, state, limit))));
    }

    private static int position(String cursor) {
        if (!cursor.matches("[0-9]{1,9}")) {
            throw Cursor.unknown();
        }
        return Integer.parseInt(cursor);
    }

    @POST
    @Path("/{id}/cancel")
    public RunJson.View cancel(@PathParam("id") UUID id) {
        Asker asker = Asker.of(identity);
        own(id, asker.caller());
        return cancelled(id, asker, true);
    }

    @POST
    @Path("/cancel")
    @RolesAllowed("admin")
    public RunJson.Page cancelAll(
            @QueryParam("action_id") UUID actionId) {
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
    public Uni<RestResponse<RunJson.View>> replay(@PathParam("id") UUID id,
            @QueryParam("only") @DefaultValue("failed") RunJson.Only only,
            @HeaderParam("Prefer") List<String> prefer,
            @Context HttpHeaders headers) {
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
                Press.patience(prefer, config.patience()))
                .map(view -> PressResource.answer(view, Press.applied(prefer, config.patience())));
    }

    private Run own(UUID id, Caller caller) {
        Run run = Run.visible(id, caller);
        if (!run.belongsTo(caller)) {
            throw new ProblemException(Code.FORBIDDEN,
                    "To do this to another person's run, you need the role admin. Your role is " + caller.role() + ".");
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
                    : RunJson.View.of(run, RunJson.Counts.of(Delivery.counts(id)));
        });
        events.changed(id, view.finishedAt() != null);
        return view;
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
