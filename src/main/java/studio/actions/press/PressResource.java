package studio.actions.press;

import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;

import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;

import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Uni;
import studio.actions.identity.Requester;
import studio.actions.limit.Limited;
import studio.actions.run.RunConfig;
import studio.actions.run.RunJson;

/** The endpoint for presses by API clients. */
@Path("/api/custom-actions")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Authenticated
public class PressResource {

    private final PressService presses;
    private final RunConfig config;
    private final SecurityIdentity identity;

    PressResource(PressService presses, RunConfig config, SecurityIdentity identity) {
        this.presses = presses;
        this.config = config;
        this.identity = identity;
    }

    @POST
    @Path("/{id}/run")
    @Limited
    @Blocking
    public Uni<RestResponse<RunJson.View>> run(@PathParam("id") UUID id,
            @HeaderParam("Prefer") List<String> prefer,
            @Context HttpHeaders headers,
            PressJson.Press press) {
        Requester requester = Requester.of(identity);
        return presses
                .press(requester, id, PressJson.selection(press, config.maxSelection()), IdempotencyKey.fromHeader(headers),
                        PreferHeader.patience(prefer, config.patience()))
                .map(view -> answer(view, PreferHeader.applied(prefer, config.patience())));
    }

    /** Returns status 200 if the run has ended, else 202 with the run's URL in {@code Location}. */
    public static RestResponse<RunJson.View> answer(RunJson.View view) {
        return answer(view, Optional.empty());
    }

    /**
     * Returns the answer of {@link #answer(RunJson.View)}, with {@code Preference-Applied} if a preference was applied.
     *
     * @param applied the caller's preference that was applied (RFC 7240, section 3)
     */
    static RestResponse<RunJson.View> answer(RunJson.View view, Optional<String> applied) {
        ResponseBuilder<RunJson.View> answer = view.finishedAt() != null ? ResponseBuilder.ok(view)
                : ResponseBuilder.<RunJson.View> create(RestResponse.Status.ACCEPTED)
                        .location(URI.create("/api/custom-actions/runs/" + view.id())).entity(view);
        applied.ifPresent(preference -> answer.header("Preference-Applied", preference));
        return answer.build();
    }
}
