package studio.actions.kitsu;

import java.io.UncheckedIOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Supplier;

import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;

import org.jboss.logging.Logger;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import io.quarkus.security.identity.SecurityIdentity;
import studio.actions.draft.Draft;
import studio.actions.draft.EntityType;
import studio.actions.draft.KitsuFields;
import studio.actions.draft.TypedDraft;
import studio.actions.identity.Caller;
import studio.actions.problem.BrokenJson;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.template.Template;
import studio.actions.template.TriggerLink;

/**
 * The forms of an admin that this service refused to save, kept for seven days and shown to that admin only. Kitsu itself
 * reports only that saving failed, and discards the input.
 */
@Path("/api/custom-actions/refused-forms")
@Produces(MediaType.APPLICATION_JSON)
public class RefusedForms {

    private static final Logger LOG = Logger.getLogger(RefusedForms.class);

    private static final Duration KEPT = Duration.ofDays(7);

    /** The most forms that are kept for one admin. The oldest are deleted first. */
    private static final int MOST = 100;

    /** The longest field that is kept whole, in characters; a longer one is cut. Every valid field is shorter. */
    private static final int LONGEST = 5000;

    private final ObjectMapper json;
    private final Clock clock;
    private final SecurityIdentity identity;

    RefusedForms(ObjectMapper json, Clock clock, SecurityIdentity identity) {
        this.json = json;
        this.clock = clock;
        this.identity = identity;
    }

    /**
     * Refused forms, newest first.
     *
     * @param data at most 100 forms
     */
    public record Page(List<View> data) {
    }

    /**
     * A refused form.
     *
     * @param actionId the action's id; null if the form was for a new action
     * @param fields the input, with credentials masked
     * @param errors the wrong fields, as in the problem sent to the client; null if no field was wrong
     */
    public record View(UUID id, Instant at, UUID actionId, JsonNode fields, String code, String message, JsonNode errors) {
    }

    @GET
    @RolesAllowed("admin")
    public Page list() {
        return QuarkusTransaction.requiringNew().call(() -> new Page(KitsuStore
                .forms(Caller.of(identity).id(), clock.instant().minus(KEPT), MOST).stream()
                .map(form -> new View(form.id, form.at,
                        form.actionId, form.fields, form.code, form.message, form.errors))
                .toList()));
    }

    /**
     * Returns an action's draft with the fields of a refused form of the caller.
     *
     * @param present the action as it is now, or the defaults of a new action
     * @throws ProblemException {@code not_found} if the form is no longer kept
     */
    @RolesAllowed("admin")
    public TypedDraft typed(UUID id, Draft present) {
        View form = list().data().stream().filter(one -> one.id().equals(id)).findFirst().orElseThrow(
                () -> new ProblemException(Code.NOT_FOUND, "This form is no longer kept; it was typed over a week ago."));
        JsonNode fields = form.fields();
        String type = fields.path("entity_type").asText(present.entityType().name());
        EntityType known = Arrays.stream(EntityType.values()).filter(one -> one.name().equals(type)).findFirst()
                .orElse(present.entityType());
        Draft sent = Draft.of(fields.path("name").asText(present.name()), fields.path("url").asText(present.url()), known,
                fields.path("is_ajax").asBoolean(present.isAjax()));
        Draft merged = present.name() == null ? sent : KitsuFields.merge(sent, present, present);
        TypedDraft typed = TypedDraft.of(present.withKitsuFields(merged.name(),
                merged.url() == null ? null : TriggerLink.unlink(merged.url()), known, merged.isAjax()));
        return known.name().equals(type) ? typed : typed.with("entity_type", type);
    }

    /**
     * Saves an action by {@code save}, and keeps the form if saving is refused.
     *
     * @param action the action's id; null for a new action
     * @param typed the body of the request
     * @return the result of {@code save}
     */
    <T> T keeping(Caller caller, UUID action, JsonNode typed, Supplier<T> save) {
        try {
            return save.get();
        } catch (ProblemException | UncheckedIOException failure) {
            ProblemException refused = failure instanceof ProblemException refusal ? refusal
                    : failure.getCause() instanceof JsonProcessingException broken ? BrokenJson.refusal(broken) : null;
            if (refused != null && refused.code().status < 500 && typed != null && typed.isObject()) {
                keep(caller, action, (ObjectNode) typed.deepCopy(), refused);
            }
            throw failure;
        }
    }

    private void keep(Caller caller, UUID action, ObjectNode typed, ProblemException refused) {
        try {
            RefusedForm form = new RefusedForm();
            form.id = UUID.randomUUID();
            form.callerId = caller.id();
            form.actionId = action;
            form.at = clock.instant().truncatedTo(ChronoUnit.MICROS);
            form.fields = typed.retain(KitsuAction.FIELDS);
            form.fields.properties().forEach(field -> {
                if (field.getValue().isTextual()) {
                    typed.put(field.getKey(), kept(field.getValue().asText()));
                } else if (field.getValue().isContainerNode()) {
                    typed.putNull(field.getKey());
                }
            });
            form.code = refused.code().wire();
            form.message = refused.getMessage();
            form.errors = refused.errors().isEmpty() ? null : json.valueToTree(refused.errors());
            QuarkusTransaction.requiringNew().run(() -> write(form));
        } catch (RuntimeException e) {
            LOG.warnf("Cannot save a refused form (%s); its contents are lost.", e.getMessage());
        }
    }

    private static String kept(String text) {
        String masked = Template.masked(text.replace('\0', '\ufffd'));
        return masked.length() > LONGEST ? masked.substring(0, masked.offsetByCodePoints(0, LONGEST / 2)) : masked;
    }

    /**
     * Stores a refused form. Replaces the caller's earlier forms for the same action with the same input, and deletes the
     * caller's oldest forms above the limit.
     */
    private static void write(RefusedForm form) {
        List<RefusedForm> kept = KitsuStore.forms(form.callerId, Instant.EPOCH, Integer.MAX_VALUE);
        List<UUID> gone = new ArrayList<>();
        for (int i = 0; i < kept.size(); i++) {
            RefusedForm other = kept.get(i);
            if (i >= MOST - 1 || other.fields.equals(form.fields) && Objects.equals(other.actionId, form.actionId)) {
                gone.add(other.id);
            }
        }
        KitsuStore.deleteForms(gone);
        form.persist();
    }

    @Scheduled(every = "1h", delayed = "20s", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    void sweep() {
        try {
            QuarkusTransaction.requiringNew().run(() -> KitsuStore.deleteForms(clock.instant().minus(KEPT)));
        } catch (RuntimeException e) {
            LOG.warnf("Cannot delete old refused forms (%s); retrying in an hour.", e.getMessage());
        }
    }
}
