package studio.actions.run;

import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Executor;

import jakarta.annotation.security.RolesAllowed;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.MediaType;

import org.hibernate.validator.constraints.CodePointLength;
import org.jboss.resteasy.reactive.RestResponse;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.core.buffer.Buffer;
import io.vertx.ext.web.RoutingContext;
import studio.actions.audit.AuditEntry;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.http.LargeAnswers;
import studio.actions.identity.Requester;
import studio.actions.problem.Cursor;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/** Endpoints that list, read and cancel runs. */
@Path("/api/custom-actions/runs")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Authenticated
public class RunResource {

    private final Executor workers = Infrastructure.getDefaultWorkerPool();
    private final RunAccess access;
    private final RunEvents events;
    private final LargeAnswers answers;
    private final SecurityIdentity identity;

    RunResource(RunAccess access, RunEvents events, LargeAnswers answers,
            SecurityIdentity identity) {
        this.access = access;
        this.events = events;
        this.answers = answers;
        this.identity = identity;
    }

    @GET
    @Blocking
    public Uni<RunJson.Page> list(@QueryParam("action_id") UUID actionId,
            @QueryParam("state") Run.State state,
            @QueryParam("caller") UUID callerId,
            @QueryParam("production_id") UUID productionId,
            @QueryParam("q") @CodePointLength(max = 200, message = "may have at most 200 characters") String q,
            @QueryParam("since") Instant since,
            @QueryParam("cursor") String cursor,
            @QueryParam("limit") @DefaultValue("50") @Min(1) @Max(500) int limit) {
        RunStore.Filter filter = new RunStore.Filter(actionId, state == null ? null : Set.of(state), callerId, productionId, q,
                since,
                cursor == null ? null : Cursor.parse(cursor));
        return access.of(Requester.of(identity)).emitOn(workers)
                .map(seen -> QuarkusTransaction.requiringNew().call(() -> list(filter, seen, limit)));
    }

    private static RunJson.Page list(RunStore.Filter filter, RunAccess.Access access, int limit) {
        RunStore.Page page = RunStore.list(filter, access, limit);
        var counts = DeliveryStore.counts(page.ids());
        return new RunJson.Page(page.runs().stream().map(run -> RunJson.View.of(run, RunJson.Counts.of(counts.get(run.id))))
                .toList(), page.next());
    }

    @GET
    @Path("/{id}")
    @Blocking
    public Uni<RestResponse<Buffer>> get(@PathParam("id") UUID id,
            @QueryParam("state") Delivery.State state,
            @QueryParam("cursor") String cursor,
            @QueryParam("limit") @DefaultValue("100") @Min(1) @Max(500) int limit,
            @Context RoutingContext request) {
        int after = cursor == null ? RunJson.FIRST : position(cursor);
        return access.of(Requester.of(identity)).emitOn(workers)
                .map(seen -> answers.answer(request, () -> QuarkusTransaction.requiringNew()
                        .call(() -> RunJson.View.of(seen.find(id), DeliveryStore.read(id, after, state, limit), seen))));
    }

    private static int position(String cursor) {
        if (!cursor.matches("[0-9]{1,9}")) {
            throw Cursor.unknown();
        }
        return Integer.parseInt(cursor);
    }

    @POST
    @Path("/{id}/cancel")
    @Blocking
    public Uni<RunJson.View> cancel(@PathParam("id") UUID id) {
        Requester requester = Requester.of(identity);
        return access.soon(requester).emitOn(workers).map(seen -> {
            seen.findOwn(id, requester.caller());
            return cancelled(id, requester, seen);
        });
    }

    @POST
    @Path("/cancel")
    @RolesAllowed("admin")
    public RunJson.Page cancelAll(
            @QueryParam("action_id") UUID actionId) {
        if (actionId == null) {
            throw ProblemException.parameter("action_id", "required",
                    "'action_id' is required: the action whose runs to cancel.");
        }
        Requester requester = Requester.of(identity);
        List<Run> runs = QuarkusTransaction.requiringNew().call(
                () -> RunStore.unfinished(actionId));
        return new RunJson.Page(runs.stream().map(run -> cancelled(run.id, requester, null)).toList(), null);
    }

    /**
     * Cancels a run.
     *
     * @param access what the caller may see of the run; null if the call cancels all runs of an action: then a run that has
     *        ended already is no error
     */
    private RunJson.View cancelled(UUID id, Requester requester, RunAccess.Access access) {
        boolean strictly = access != null;
        RunJson.View view = QuarkusTransaction.requiringNew().call(() -> {
            Run run = RunStore.locked(List.of(id)).get(0);
            if (run.finishedAt != null && run.state != Run.State.cancelled && strictly) {
                throw new ProblemException(Code.RUN_ENDED,
                        "The run has ended (" + run.state + "); there is nothing to cancel.");
            }
            if (run.finishedAt == null && run.cancelledAt == null) {
                int cancelled = RunStore.cancel(run, "Cancelled by " + requester.caller().name() + ".");
                AuditEntry.of(Verb.cancelled, requester, AuditEntry.DONE).about(run.actionId, run.actionName).ofRun(id)
                        .with("deliveries", cancelled).persist();
                events.publish(List.of(run));
            }
            return strictly ? RunJson.View.of(run, access)
                    : RunJson.View.of(run, RunJson.Counts.of(DeliveryStore.counts(id)));
        });
        events.changed(id, view.finishedAt() != null);
        return view;
    }
}
