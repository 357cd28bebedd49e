package studio.actions.press;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;

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
import studio.actions.draft.Method;
import studio.actions.egress.FailureKind;
import studio.actions.identity.Caller;
import studio.actions.identity.Requester;
import studio.actions.identity.Role;
import studio.actions.plan.PlannedDelivery;
import studio.actions.plan.PressPlanner;
import studio.actions.plan.SampleTargets;
import studio.actions.plan.Selection;
import studio.actions.problem.ProblemException;
import studio.actions.run.RunConfig;
import studio.actions.run.Target;
import studio.actions.template.Variable;
import studio.actions.webhook.WebhookRequests;

/** Endpoints that preview presses: they return what a press would send, and send nothing. */
@Path("/api/custom-actions")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Authenticated
public class PreviewResource {

    /** The most bytes of JSON in a preview. */
    private static final long LONGEST_PREVIEW = 4 * 1024 * 1024;

    private final PressPlanner planner;
    private final SampleTargets samples;
    private final Actions actions;
    private final ActionRules rules;
    private final WebhookRequests requests;
    private final RunConfig config;
    private final ObjectMapper json;
    private final SecurityIdentity identity;

    PreviewResource(PressPlanner planner, SampleTargets samples, Actions actions, ActionRules rules, WebhookRequests requests,
            RunConfig config, ObjectMapper json, SecurityIdentity identity) {
        this.planner = planner;
        this.samples = samples;
        this.actions = actions;
        this.rules = rules;
        this.requests = requests;
        this.config = config;
        this.json = json;
        this.identity = identity;
    }

    @POST
    @Path("/{id}/preview")
    @Blocking
    public Uni<PressJson.Preview> preview(@PathParam("id") UUID id, PressJson.Press press) {
        Requester requester = Requester.of(identity);
        return preview(requester, actions.forTargets(id, requester.caller()), PressJson.selection(press, config.maxSelection()))
                .map(this::bounded);
    }

    @POST
    @Path("/preview")
    @RolesAllowed("admin")
    @Blocking
    public Uni<PressJson.Preview> previewDraft(PressJson.DraftPress press) {
        if (press == null || press.action() == null) {
            throw ProblemException.invalid("/action", "required", "'action' is required here: the draft to try out. An action "
                    + "that is saved is previewed at /api/custom-actions/{id}/preview.");
        }
        Requester requester = Requester.of(identity);
        Draft draft = rules.settle(press.action(), "/action", requester.caller());
        Action action = Action.of(draft, requester.caller(), Instant.EPOCH);
        action.id = null;
        return preview(requester, action, Selection.of(press.selection(), press.targets(), config.maxSelection()))
                .map(this::bounded);
    }

    /**
     * Finds a target for {@link #previewDraft}.
     *
     * @param action the action's id; null for a new action
     * @param link the address of a page of Kitsu, or the id of a task; may be blank
     * @return null if there is no target
     */
    @RolesAllowed("admin")
    public PressJson.Sample sample(UUID action, Draft draft, String link) {
        return samples.find(Requester.of(identity).caller(), action, rules.fill(draft), link)
                .map(found -> new PressJson.Sample(found.target(), found.from())).orElse(null);
    }

    /** Returns the values that the variables of a URL have for a target, by the variable's name; empty texts for no value. */
    public static Map<String, String> values(Target target, Caller caller) {
        Map<String, String> values = new HashMap<>();
        for (Variable variable : Variable.values()) {
            Object value = switch (variable) {
                case user_id -> caller.id();
                case user_email -> caller.email();
                case user_name -> caller.name();
                case selection -> target.taskId();
                default -> target.value(variable);
            };
            values.put(variable.name(), value == null ? "" : value.toString());
        }
        return values;
    }

    private Uni<PressJson.Preview> preview(Requester requester, Action action, Selection selection) {
        return planner.plan(requester, action, selection).map(planned -> {
            planner.logRefusals(planned, "previewing action \"" + action.name + "\"", requester.caller());
            Map<String, String> headers = !requester.caller().is(Role.admin) ? null
                    : action.isAjax ? requests.preview(action) : Map.of();
            return new PressJson.Preview(planned.stream().map(one -> would(action, headers, one)).toList());
        });
    }

    private static PressJson.Preview.Would would(Action action, Map<String, String> headers, PlannedDelivery planned) {
        return new PressJson.Preview.Would(planned.target(), action.isAjax ? action.method : Method.GET, planned.url(),
                planned.refused() && headers != null ? Map.of() : headers, planned.refused() ? null : planned.body(),
                planned.refused() ? new PressJson.Preview.Trouble(planned.refusal(), planned.why()) : null);
    }

    /**
     * Cuts a preview at {@link #LONGEST_PREVIEW}. A note replaces the first delivery that does not fit, and says how many
     * deliveries are missing.
     */
    private PressJson.Preview bounded(PressJson.Preview whole) {
        long bytes = 0;
        for (int i = 0; i < whole.deliveries().size(); i++) {
            PressJson.Preview.Would would = whole.deliveries().get(i);
            bytes += bytes(would);
            if (bytes > LONGEST_PREVIEW) {
                List<PressJson.Preview.Would> shown = new ArrayList<>(whole.deliveries().subList(0, i));
                shown.add(new PressJson.Preview.Would(would.target(), would.method(), null, Map.of(), null,
                        new PressJson.Preview.Trouble(FailureKind.too_large,
                                "The preview ends here, at 4 MB, and does not show "
                                        + (whole.deliveries().size() - i) + " deliveries. Select fewer to see them.")));
                return new PressJson.Preview(shown);
            }
        }
        return whole;
    }

    private int bytes(PressJson.Preview.Would would) {
        try {
            return json.writeValueAsBytes(would).length;
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a preview is always JSON", e);
        }
    }
}
