package studio.actions.statistics;

import java.util.UUID;

import jakarta.annotation.security.RolesAllowed;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;

import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import studio.actions.action.Actions;
import studio.actions.identity.Caller;

/** The endpoints for the statistics of one action or of all actions. */
@Path("/api/custom-actions")
@Produces(MediaType.APPLICATION_JSON)
@Authenticated
public class StatisticsResource {

    private final StatisticsStore statistics;
    private final Actions actions;
    private final SecurityIdentity identity;

    StatisticsResource(StatisticsStore statistics, Actions actions, SecurityIdentity identity) {
        this.statistics = statistics;
        this.actions = actions;
        this.identity = identity;
    }

    @GET
    @Path("/{id}/stats")
    public Statistics ofAction(@PathParam("id") UUID id,
            @QueryParam("days") @DefaultValue("30") @Min(1) @Max(StatisticsStore.DAYS) int days) {
        return statistics.read(actions.get(id, Caller.of(identity)).id, days);
    }

    @GET
    @Path("/stats")
    @RolesAllowed({ "admin", "manager" })
    public Statistics ofAll(@QueryParam("days") @DefaultValue("30") @Min(1) @Max(StatisticsStore.DAYS) int days) {
        return statistics.read(null, days);
    }
}
