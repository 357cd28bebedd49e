package studio.actions.press;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Executor;

import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
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
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.identity.Requester;
import studio.actions.limit.Limited;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.run.Delivery;
import studio.actions.run.DeliveryStore;
import studio.actions.run.Run;
import studio.actions.run.RunAccess;
import studio.actions.run.RunConfig;
import studio.actions.run.RunJson;

/** The endpoint that sends deliveries of an ended run again. */
@Path("/api/custom-actions/runs")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Authenticated
public class ReplayResource {

    private final Executor workers = Infrastructure.getDefaultWorkerPool();
    private final PressService presses;
    private final RunAccess access;
    private final RunConfig config;
    private final SecurityIdentity identity;

    ReplayResource(PressService presses, RunAccess access, RunConfig config, SecurityIdentity identity) {
        this.presses = presses;
        this.access = access;
        this.config = config;
        this.identity = identity;
    }

    @POST
    @Path("/{id}/replay")
    @Limited
    @Blocking
    public Uni<RestResponse<RunJson.View>> replay(@PathParam("id") UUID id,
            @QueryParam("only") @DefaultValue("failed") PressJson.Only only,
            @HeaderParam("Prefer") List<String> prefer,
            @Context HttpHeaders headers) {
        Requester requester = Requester.of(identity);
        String key = IdempotencyKey.fromHeader(headers);
        Duration patience = PreferHeader.patience(prefer, config.patience());
        Optional<String> applied = PreferHeader.applied(prefer, config.patience());
        return access.soon(requester).emitOn(workers)
                .chain(seen -> replay(requester, seen.findOwn(id, requester.caller()), only, key, patience))
                .map(view -> PressResource.answer(view, applied));
    }

    private Uni<RunJson.View> replay(Requester requester, Run run, PressJson.Only only, String key, Duration patience) {
        if (run.finishedAt == null) {
            throw new ProblemException(Code.STILL_RUNNING, "The run has not ended; cancel it first, or wait for its end.");
        }
        List<Delivery> again = QuarkusTransaction.requiringNew().call(() -> DeliveryStore.ofRun(run.id)).stream()
                .filter(delivery -> delivery.url != null
                        && (only == PressJson.Only.all || delivery.state != Delivery.State.delivered))
                .toList();
        if (again.isEmpty()) {
            throw new ProblemException(Code.NOTHING_TO_REPLAY, run.state == Run.State.refused
                    ? "This press was refused, so it has nothing to send again. Press again."
                    : only == PressJson.Only.all
                            ? "None of the run's deliveries has a request to send."
                            : "Every delivery with a request was delivered. Use 'only=all' to send them again.");
        }
        return presses.replay(requester, run, again, IdempotencyKey.ofReplay(run.id, only == PressJson.Only.all, key),
                patience);
    }
}
