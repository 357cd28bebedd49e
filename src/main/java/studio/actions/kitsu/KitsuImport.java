package studio.actions.kitsu;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;

import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.action.Actions;
import studio.actions.draft.ActionRules;
import studio.actions.draft.Draft;
import studio.actions.draft.EntityType;
import studio.actions.identity.Caller;
import studio.actions.identity.Requester;
import studio.actions.kitsu.KitsuCopies.Theirs;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.problem.StrictJson;
import studio.actions.transfer.ActionAdoption;
import studio.actions.transfer.ImportReport;
import studio.actions.transfer.ImportReport.Change;
import studio.actions.transfer.ImportReport.Kind;
import studio.actions.transfer.ImportReport.Wrong;
import studio.actions.zou.Zou;

/**
 * Resource that takes over a studio's existing actions from Kitsu into this service. The actions keep their ids, so a repeated
 * request changes nothing.
 */
@Path("/api/custom-actions/take-over")
@Produces(MediaType.APPLICATION_JSON)
public class KitsuImport {

    /** The operation to perform; constants are spelled as in the query. */
    public enum Mode {
        check,
        apply,
        /** Deletes in Kitsu the actions that this service has taken over. */
        clear,
        /** Restores in Kitsu the actions that {@link #clear} deleted. */
        undo
    }

    private final Zou zou;
    private final Actions actions;
    private final ActionAdoption takeOver;
    private final ActionRules rules;
    private final KitsuCopies copies;
    private final ObjectMapper json;
    private final SecurityIdentity identity;

    KitsuImport(Zou zou, Actions actions, ActionAdoption takeOver, ActionRules rules, KitsuCopies copies, ObjectMapper json,
            SecurityIdentity identity) {
        this.zou = zou;
        this.actions = actions;
        this.takeOver = takeOver;
        this.rules = rules;
        this.copies = copies;
        this.json = json;
        this.identity = identity;
    }

    @POST
    @RolesAllowed("admin")
    public Uni<RestResponse<ImportReport>> takeOver(@QueryParam("mode") Mode mode,
            @QueryParam("skip_invalid") Boolean skipInvalid) {
        if (mode == null) {
            throw ProblemException.parameter("mode", "required", "'mode' must be check, apply, clear or undo.");
        }
        if (!zou.there()) {
            throw new ProblemException(Code.NOT_FOUND, "There is no Kitsu to take over from. Set CUSTOM_ACTIONS_ZOU_URL.");
        }
        Requester requester = Requester.of(identity);
        boolean skip = Boolean.TRUE.equals(skipInvalid);
        Uni<ImportReport> done = switch (mode) {
            case check, apply -> theirs(requester).map(theirs -> takeOver(theirs, requester, mode, skip));
            case clear -> copies.alone(turn -> theirs(requester).chain(theirs -> copies.clear(theirs, requester, turn)));
            case undo -> copies.alone(turn -> theirs(requester).chain(theirs -> copies.undo(theirs, requester, turn)));
        };
        return done
                .map(report -> ResponseBuilder.<ImportReport> create(mode == Mode.check || report.errors().isEmpty()
                        || mode == Mode.apply && skip ? 200 : 422).entity(report).build());
    }

    private Uni<List<Theirs>> theirs(Requester requester) {
        return zou.customActions(requester.credential()).emitOn(Infrastructure.getDefaultWorkerPool()).map(KitsuImport::read);
    }

    /** Returns Kitsu's actions, the oldest first. */
    private static List<Theirs> read(JsonNode answer) {
        List<JsonNode> byAge = new ArrayList<>();
        answer.forEach(byAge::add);
        byAge.sort(Comparator.comparing(one -> one.path("created_at").asText()));
        List<Theirs> theirs = new ArrayList<>();
        byAge.forEach(one -> {
            UUID id = StrictJson.id(one.path("id").asText(null));
            if (id == null) {
                throw new ProblemException(Code.UNAVAILABLE, "Kitsu's API server answered with something other than a custom "
                        + "action. Is CUSTOM_ACTIONS_ZOU_URL right?").with("Retry-After", "5");
            }
            theirs.add(new Theirs(theirs.size() + 1, id, ((ObjectNode) one).deepCopy().retain(KitsuAction.FIELDS)));
        });
        return theirs;
    }

    private ImportReport takeOver(List<Theirs> theirs, Requester requester, Mode mode, boolean skipInvalid) {
        List<Wrong> errors = new ArrayList<>();
        Map<UUID, Draft> drafts = new LinkedHashMap<>();
        Map<UUID, Integer> lines = new HashMap<>();
        Map<UUID, UUID> ids = copies.ids(theirs.stream().map(Theirs::kitsuId).collect(Collectors.toSet()));
        for (Theirs one : theirs) {
            UUID id = ids.getOrDefault(one.kitsuId(), one.kitsuId());
            lines.put(id, one.line());
            drafts.put(id, draft(one.fields(), id, one.line(), errors));
        }
        Set<UUID> here = actions.known(drafts.keySet());
        lines.keySet().removeAll(here);
        drafts.keySet().removeAll(here);
        errors.removeIf(error -> !lines.containsValue(error.line()));
        for (Map.Entry<UUID, Draft> draft : drafts.entrySet()) {
            settle(draft, lines.get(draft.getKey()), requester.caller(), errors);
        }
        refuseTakenNames(right(drafts, errors), lines, errors);
        Map<UUID, Draft> right = right(drafts, errors);
        Set<UUID> made = right.keySet();
        if (mode == Mode.apply) {
            made = errors.isEmpty() || skipInvalid ? takeOver.adopt(right, requester) : Set.of();
        }
        List<Change> changes = made.stream()
                .map(id -> new Change(lines.get(id), Kind.created, drafts.get(id).name(), id, KitsuAction.FIELDS,
                        null,
                        taken(drafts.get(id))))
                .toList();
        int wrong = (int) errors.stream().map(Wrong::id).distinct().count();
        int unchanged = mode == Mode.apply && (errors.isEmpty() || skipInvalid) ? theirs.size() - changes.size() - wrong
                : here.size();
        return new ImportReport(changes.size(), 0, unchanged, changes, errors);
    }

    private static Map<UUID, Draft> right(Map<UUID, Draft> drafts, List<Wrong> errors) {
        Map<UUID, Draft> right = new LinkedHashMap<>(drafts);
        errors.forEach(error -> right.remove(error.id()));
        return right;
    }

    /** @param drafts the actions to take over, the oldest first; of equal names, only the oldest is valid */
    private void refuseTakenNames(Map<UUID, Draft> drafts, Map<UUID, Integer> lines, List<Wrong> errors) {
        takeOver.namesTaken(drafts).forEach((id, fault) -> errors.add(new Wrong(lines.get(id), "name", fault.message(),
                drafts.get(id).name(), id)));
    }

    private Map<String, Object> taken(Draft draft) {
        JsonNode all = json.valueToTree(draft);
        Map<String, Object> taken = new LinkedHashMap<>();
        KitsuAction.FIELDS.forEach(field -> taken.put(field, all.get(field)));
        return taken;
    }

    private void settle(Map.Entry<UUID, Draft> draft, int line, Caller caller, List<Wrong> errors) {
        try {
            draft.setValue(rules.settle(draft.getValue(), "", caller));
        } catch (ProblemException wrong) {
            wrong.errors().forEach(fault -> errors.add(new Wrong(line, fault.pointer().substring(1), fault.message(),
                    draft.getValue().name(), draft.getKey())));
        }
    }

    private static Draft draft(JsonNode one, UUID id, int line, List<Wrong> errors) {
        String type = one.path("entity_type").asText("all");
        EntityType entityType = null;
        try {
            entityType = EntityType.valueOf(type);
        } catch (IllegalArgumentException e) {
            errors.add(new Wrong(line, "entity_type", "\"" + type + "\" is not an entity type. It must be one of "
                    + List.of(EntityType.values()) + ".", one.path("name").asText(null), id));
        }
        return Draft.of(one.path("name").asText(null), one.path("url").asText(null), entityType,
                one.path("is_ajax").asBoolean());
    }
}
