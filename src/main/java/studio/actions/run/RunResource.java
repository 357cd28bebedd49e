package studio.actions.run;

import java.text.Normalizer;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Executor;

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
import studio.actions.identity.Caller;
import studio.actions.identity.Requester;
import studio.actions.problem.Cursor;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/** Endpoints that list, read, cancel and replay runs. */
@Path("/api/custom-actions/runs")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Authenticated
public class RunResource {

    private static final String NAMED = "id in (select d.runId from Delivery d where lower(left(d.entityName, 200)) like lower(:named) "
            + "escape '!')";

    private final Executor workers = Infrastructure.getDefaultWorkerPool();
    private final PressService presses;
    private final RunAccess access;
    private final RunEvents events;
    private final LargeAnswers answers;
    private final RunConfig.Run config;
    private final SecurityIdentity identity;

    RunResource(PressService presses, RunAccess access, RunEvents events, LargeAnswers answers, RunConfig config,
            SecurityIdentity identity) {
        this.presses = presses;
        this.access = access;
        this.events = events;
        this.answers = answers;
        this.config = config.run();
        this.identity = identity;
    }

    @GET
    @Blocking
    public Uni<RunJson.Page> list(@QueryParam("action_id") UUID actionId,
            @QueryParam("state") Run.State state,
            @QueryParam("caller") UUID callerId,
            @QueryParam("q") @CodePointLength(max = 200, message = "may have 200 characters") String q,
            @QueryParam("since") Instant since,
            @QueryParam("cursor") String cursor,
            @QueryParam("limit") @DefaultValue("50") @Min(1) @Max(500) int limit) {
        Map<String, Object> values = new HashMap<>();
        StringBuilder where = new StringBuilder("1 = 1");
        and(where, values, "actionId = :actionId", "actionId", actionId);
        and(where, values, "state = :state", "state", state);
        and(where, values, "callerId = :callerId", "callerId", callerId);
        and(where, values, "createdAt >= :since", "since", since);
        and(where, values, NAMED, "named", q == null || q.isBlank() ? null : pattern(q));
        if (cursor != null) {
            Cursor after = Cursor.parse(cursor);
            and(where, values, "(createdAt < :at or (createdAt = :at and id < :after))", "at", after.at());
            values.put("after", after.id());
        }
        return access.of(Requester.of(identity)).emitOn(workers)
                .map(seen -> QuarkusTransaction.requiringNew().call(() -> list(where, values, seen, limit)));
    }

    private static RunJson.Page list(StringBuilder where, Map<String, Object> values, RunAccess.Access access, int limit) {
        if (!access.all()) {
            and(where, values, "(callerId = :own or array_includes(:inside, productionIds))", "own", access.caller());
            values.put("inside", access.productions().toArray(UUID[]::new));
        }
        List<Run> runs = Run.<Run> find(where + " order by createdAt desc, id desc", values).page(0, limit + 1).list();
        List<Run> page = runs.subList(0, Math.min(limit, runs.size()));
        Map<UUID, RunJson.Counts> counts = counts(page.stream().map(run -> run.id).toList());
        String next = runs.size() > limit ? new Cursor(page.get(limit - 1).createdAt, page.get(limit - 1).id).text() : null;
        return new RunJson.Page(page.stream().map(run -> RunJson.View.of(run, counts.get(run.id))).toList(), next);
    }

    /** Returns an SQL LIKE pattern for texts with this beginning. The query ignores case. */
    private static String pattern(String beginning) {
        return Normalizer.normalize(beginning.strip().replace('\0', '\ufffd'), Normalizer.Form.NFC).replaceAll("[!%_]", "!$0")
                + "%";
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
                        .call(() -> RunJson.View.of(Run.visible(id, seen), DeliveryPage.read(id, after, state, limit), seen))));
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
            own(id, requester.caller(), seen);
            return cancelled(id, requester, seen);
        });
    }

    @POST
    @Path("/cancel")
    @RolesAllowed("admin")
    public RunJson.Page cancelAll(
            @QueryParam("action_id") UUID actionId) {
        if (actionId == null) {
            throw ProblemException.parameter("action_id", "required", "Give in 'action_id' the action whose runs to cancel.");
        }
        Requester requester = Requester.of(identity);
        List<Run> runs = QuarkusTransaction.requiringNew().call(
                () -> Run.list("actionId = ?1 and finishedAt is null order by createdAt desc, id desc", actionId));
        return new RunJson.Page(runs.stream().map(run -> cancelled(run.id, requester, null)).toList(), null);
    }

    @POST
    @Path("/{id}/replay")
    @Limited
    @Blocking
    public Uni<RestResponse<RunJson.View>> replay(@PathParam("id") UUID id,
            @QueryParam("only") @DefaultValue("failed") RunJson.Only only,
            @HeaderParam("Prefer") List<String> prefer,
            @Context HttpHeaders headers) {
        Requester requester = Requester.of(identity);
        String key = IdempotencyKey.fromHeader(headers);
        Duration patience = PreferHeader.patience(prefer, config.patience());
        Optional<String> applied = PreferHeader.applied(prefer, config.patience());
        return access.soon(requester).emitOn(workers)
                .chain(seen -> replay(requester, own(id, requester.caller(), seen), only, key, patience))
                .map(view -> PressResource.answer(view, applied));
    }

    private Uni<RunJson.View> replay(Requester requester, Run run, RunJson.Only only, String key, Duration patience) {
        if (run.finishedAt == null) {
            throw new ProblemException(Code.STILL_RUNNING, "The run has not ended; cancel it first, or wait for its end.");
        }
        List<Delivery> again = QuarkusTransaction.requiringNew().call(() -> Delivery.ofRun(run.id)).stream()
                .filter(delivery -> delivery.url != null
                        && (only == RunJson.Only.all || delivery.state != Delivery.State.delivered))
                .toList();
        if (again.isEmpty()) {
            throw new ProblemException(Code.NOTHING_TO_REPLAY, run.state == Run.State.refused
                    ? "This press was refused, so it has nothing to send again. Press again."
                    : only == RunJson.Only.all
                            ? "None of its deliveries had a request to send."
                            : "Every delivery with a request was delivered. Use 'only=all' to send them again.");
        }
        return presses.replay(requester, run, again, IdempotencyKey.ofReplay(run.id, only == RunJson.Only.all, key), patience);
    }

    private static Run own(UUID id, Caller caller, RunAccess.Access access) {
        Run run = QuarkusTransaction.requiringNew().call(() -> Run.visible(id, access));
        if (!run.belongsTo(caller)) {
            throw new ProblemException(Code.FORBIDDEN,
                    "To do this to another person's run, you need the role admin. Your role is " + caller.role() + ".");
        }
        return run;
    }

    /**
     * Cancels a run.
     *
     * @param access what the caller may see of the run; null if many runs are cancelled, where an ended run is no error
     */
    private RunJson.View cancelled(UUID id, Requester requester, RunAccess.Access access) {
        boolean strictly = access != null;
        RunJson.View view = QuarkusTransaction.requiringNew().call(() -> {
            Run run = Run.locked(List.of(id)).get(0);
            if (run.finishedAt != null && run.state != Run.State.cancelled && strictly) {
                throw new ProblemException(Code.RUN_ENDED,
                        "The run has ended (" + run.state + "); there is nothing to cancel.");
            }
            if (run.finishedAt == null && run.cancelledAt == null) {
                int cancelled = run.cancel("Cancelled by " + requester.caller().name() + ".");
                AuditEntry.of(Verb.cancelled, requester, AuditEntry.DONE).about(run.actionId, run.actionName).ofRun(id)
                        .with("deliveries", cancelled).persist();
                events.publish(List.of(run));
            }
            return strictly ? RunJson.View.of(run, access)
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
