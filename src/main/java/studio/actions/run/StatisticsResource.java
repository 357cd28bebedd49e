package studio.actions.run;

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

import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import studio.actions.action.Actions;
import studio.actions.identity.Caller;

/** How a button does. */
@Path("/api/custom-actions")
@Produces(MediaType.APPLICATION_JSON)
@Authenticated
@Tag(name = "Runs")
public class StatisticsResource {

    private final RunStatistics statistics;
    private final Actions actions;
    private final SecurityIdentity identity;

    StatisticsResource(RunStatistics statistics, Actions actions, SecurityIdentity identity) {
        this.statistics = statistics;
        this.actions = actions;
        this.identity = identity;
    }

    @GET
    @Path("/{id}/stats")
    @Operation(operationId = "getActionStatistics", summary = "How an action does",
            description = "Presses, what became of its deliveries, how long receivers took, and why it failed.")
    @APIResponse(responseCode = "200", description = "Everybody's presses of the last days.")
    public RunJson.Statistics ofAction(@PathParam("id") @Parameter(example = PressResource.EXAMPLE_ID) UUID id,
            @QueryParam("days") @DefaultValue("30") @Min(1) @Max(RunStatistics.DAYS) @Parameter(
                    description = "How many, today (UTC) included.", example = "7") int days) {
        return statistics.read(actions.get(id, Caller.of(identity)).id, days);
    }

    @GET
    @Path("/stats")
    @RolesAllowed({ "admin", "manager" })
    @Operation(operationId = "getStatistics", summary = "How all actions do",
            description = "As for one; those that were deleted included.")
    @APIResponse(responseCode = "200", description = "Everybody's presses of the last days.")
    public RunJson.Statistics ofAll(@QueryParam("days") @DefaultValue("30") @Min(1) @Max(RunStatistics.DAYS) @Parameter(
            description = "How many, today (UTC) included.", example = "7") int days) {
        return statistics.read(null, days);
    }
}
