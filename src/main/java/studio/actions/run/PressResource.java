package studio.actions.run;

import java.net.URI;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

import jakarta.annotation.security.RolesAllowed;
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

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Uni;
import studio.actions.action.Action;
import studio.actions.action.Actions;
import studio.actions.draft.ActionRules;
import studio.actions.draft.Draft;
import studio.actions.egress.FailureKind;
import studio.actions.identity.Requester;
import studio.actions.problem.ProblemException;

/** Endpoints that preview and press actions. */
@Path("/api/custom-actions")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Authenticated
public class PressResource {

    /** Bytes of JSON that a preview may have. */
    private static final long LONGEST_PREVIEW = 4 * 1024 * 1024;

    private final PressService presses;
    private final Actions actions;
    private final ActionRules rules;
    private final RunConfig.Run config;
    private final ObjectMapper json;
    private final SecurityIdentity identity;

    PressResource(PressService presses, Actions actions, ActionRules rules, RunConfig config, ObjectMapper json,
            SecurityIdentity identity) {
        this.presses = presses;
        this.actions = actions;
        this.rules = rules;
        this.config = config.run();
        this.json = json;
        this.identity = identity;
    }

    @POST
    @Path("/{id}/preview")
    @Blocking
    public Uni<RunJson.Preview> preview(@PathParam("id") UUID id, RunJson.Press press) {
        Requester requester = Requester.of(identity);
        return presses.preview(requester, actions.forTargets(id, requester.caller()), selection(press)).map(this::bounded);
    }

    @POST
    @Path("/preview")
    @RolesAllowed("admin")
    @Blocking
    public Uni<RunJson.Preview> previewDraft(RunJson.DraftPress press) {
        if (press == null || press.action() == null) {
            throw ProblemException.invalid("/action", "required", "'action' is required here: the draft to try out. An action "
                    + "that is saved is previewed at /api/custom-actions/{id}/preview.");
        }
        Requester requester = Requester.of(identity);
        Draft draft = rules.settle(press.action(), "/action", requester.caller());
        Action action = Action.of(draft, requester.caller(), Instant.EPOCH);
        action.id = null;
        return presses.preview(requester, action, Selection.of(press.selection(), press.targets(), config.maxSelection()))
                .map(this::bounded);
    }

    /**
     * Cuts a preview at {@link #LONGEST_PREVIEW}. The first delivery that does not fit is replaced by a note of how many are
     * missing.
     */
    private RunJson.Preview bounded(RunJson.Preview whole) {
        long bytes = 0;
        for (int i = 0; i < whole.deliveries().size(); i++) {
            RunJson.Preview.Would would = whole.deliveries().get(i);
            bytes += bytes(would);
            if (bytes > LONGEST_PREVIEW) {
                List<RunJson.Preview.Would> shown = new ArrayList<>(whole.deliveries().subList(0, i));
                shown.add(new RunJson.Preview.Would(would.target(), would.method(), null, Map.of(), null,
                        new RunJson.Preview.Trouble(FailureKind.too_large, "The preview ends here, at 4 MB, and does not show "
                                + (whole.deliveries().size() - i) + " deliveries. Select fewer to see them.")));
                return new RunJson.Preview(shown);
            }
        }
        return whole;
    }

    private int bytes(RunJson.Preview.Would would) {
        try {
            return json.writeValueAsBytes(would).length;
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a preview is always JSON", e);
        }
    }

    @POST
    @Path("/{id}/run")
    @Limited
    @Blocking
    public Uni<RestResponse<RunJson.View>> run(@PathParam("id") UUID id,
            @HeaderParam("Prefer") List<String> prefer,
            @Context HttpHeaders headers,
            RunJson.Press press) {
        Requester requester = Requester.of(identity);
        return presses.press(requester, id, selection(press), IdempotencyKey.fromHeader(headers),
                PreferHeader.patience(prefer, config.patience()))
                .map(view -> answer(view, PreferHeader.applied(prefer, config.patience())));
    }

    /** Returns 200 if the run has ended, else 202 with the run's {@code Location}. */
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

    private Selection selection(RunJson.Press press) {
        if (press == null) {
            throw ProblemException.invalid("", "required", "The body is required: {\"targets\": […]} or {\"selection\": […]}.");
        }
        return Selection.of(press.selection(), press.targets(), config.maxSelection());
    }
}
