package studio.actions.run;

import java.net.URI;
import java.time.Instant;
import java.util.List;
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

import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.ParameterIn;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
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
import studio.actions.problem.ProblemException;

/** Trying out and pressing. */
@Path("/api/custom-actions")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Authenticated
@Tag(name = "Runs")
public class PressResource {

    static final String KEY = "A key of your own for this press, kept for 24 hours: with it, a request that is sent again is the "
            + "same run.";

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

    PressResource(Runner runner, Actions actions, ActionRules rules, RunConfig config, SecurityIdentity identity) {
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
    @RequestBody(required = true, content = @Content(examples = @ExampleObject(name = "one shot", value = TARGETS)))
    @Blocking
    public Uni<RunJson.Preview> preview(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id, RunJson.Press press) {
        Asker asker = Asker.of(identity);
        return runner.preview(asker, actions.get(id, asker.caller()), selection(press));
    }

    @POST
    @Path("/preview")
    @RolesAllowed("admin")
    @Operation(operationId = "previewDraft", summary = "Show what an action that is not saved yet would send",
            description = "The draft is judged as it would be when saved. Nothing is saved, nothing is sent.")
    @APIResponse(responseCode = "200", description = "What would be sent.")
    @RequestBody(required = true, content = @Content(examples = @ExampleObject(name = "a draft", value = DRAFT)))
    @Blocking
    public Uni<RunJson.Preview> previewDraft(RunJson.DraftPress press) {
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
    @Limited
    @Blocking
    @Operation(operationId = "runAction", summary = "Press the button",
            description = "Sends one request per task, per entity or per production, as the template asks, and answers when all "
                    + "have ended. A receiver's failure is data in this answer, not an error of it. The same press by the same "
                    + "person within three seconds is the same run.")
    @APIResponse(responseCode = "200", description = "The run has ended; its state and deliveries say how.")
    @APIResponse(responseCode = "202", description = "The run goes on; Location is where to look.",
            content = @Content(schema = @Schema(implementation = RunJson.View.class)))
    @APIResponse(responseCode = "409", ref = "Conflict")
    @APIResponse(responseCode = "429", ref = "TooManyRequests")
    @RequestBody(required = true, content = @Content(examples = @ExampleObject(name = "one shot", value = TARGETS)))
    public Uni<RestResponse<RunJson.View>> run(@PathParam("id") @Parameter(example = EXAMPLE_ID) UUID id,
            @HeaderParam("Prefer") @Parameter(description = "respond-async, or wait=<seconds> (RFC 7240).",
                    schema = @Schema(type = SchemaType.STRING, pattern = "^[\\x20-\\x7e]*$"),
                    example = "wait=5") List<String> prefer,
            @Parameter(name = "Idempotency-Key", in = ParameterIn.HEADER, description = KEY,
                    schema = @Schema(type = SchemaType.STRING, minLength = 1, maxLength = 255,
                            pattern = "^[\\x20-\\x7e]+$")) @Context HttpHeaders headers,
            RunJson.Press press) {
        Asker asker = Asker.of(identity);
        return runner.press(asker, id, selection(press), Press.idempotencyKey(headers),
                Press.patience(prefer, config.patience())).map(PressResource::answer);
    }

    /** 200 once it has ended, else 202. */
    public static RestResponse<RunJson.View> answer(RunJson.View view) {
        return view.finishedAt() != null ? RestResponse.ok(view)
                : RestResponse.ResponseBuilder.<RunJson.View> create(RestResponse.Status.ACCEPTED)
                        .location(URI.create("/api/custom-actions/runs/" + view.id())).entity(view).build();
    }

    private Selection selection(RunJson.Press press) {
        if (press == null) {
            throw ProblemException.invalid("", "required", "The body is required: {\"targets\": […]} or {\"selection\": […]}.");
        }
        return Selection.of(press.selection(), press.targets(), config.maxSelection());
    }
}
