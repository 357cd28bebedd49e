package studio.actions.plan;

import java.net.URI;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import studio.actions.action.Action;
import studio.actions.address.AddressPolicy;
import studio.actions.draft.Method;
import studio.actions.egress.Egress;
import studio.actions.egress.FailureKind;
import studio.actions.identity.Caller;
import studio.actions.run.Target;
import studio.actions.template.Template;
import studio.actions.template.Variable;

/**
 * The deliveries of one press: one for each task, entity or production, depending on the variables in the action's URL. Has no
 * side effects, so a preview shows exactly what a run sends.
 */
final class DeliveryPlan {

    /** The most bytes of a URL that the browser opens. For URLs that the service calls, see {@link Egress#LONGEST_URL}. */
    private static final int LONGEST_OPENED = 64 * 1024;
    /** The most bytes of all URLs together that one press makes the browser open. */
    private static final int LONGEST_PAGE = 4 * 1024 * 1024;

    private final Action action;
    private final Caller caller;
    private final Selection selection;
    private final AddressPolicy policy;
    private final long maxRequest;
    private final Template template;
    private final String now;
    private Optional<AddressPolicy.Refusal> guard;
    private long opened;

    private DeliveryPlan(Action action, Caller caller, Selection selection, Instant now, AddressPolicy policy,
            long maxRequest) {
        this.action = action;
        this.caller = caller;
        this.selection = selection;
        this.now = now.toString();
        this.policy = policy;
        this.maxRequest = maxRequest;
        this.template = Template.parse(action.url);
    }

    /**
     * Plans the deliveries in the order of the selection. Targets that share a delivery form a group. A refused target gets a
     * refused delivery of its own; the other targets of its group share the delivery.
     */
    static List<PlannedDelivery> of(Action action, Caller caller, Selection selection, Instant now, AddressPolicy policy,
            long maxRequest) {
        DeliveryPlan plan;
        try {
            plan = new DeliveryPlan(action, caller, selection, now, policy, maxRequest);
        } catch (Template.Refused e) {
            // Another version of the service allowed and saved this URL, but this version's rules refuse it.
            return selection.targets().stream()
                    .map(target -> refuse(target, FailureKind.forbidden_address, e.getMessage())).toList();
        }
        if (selection.targets().isEmpty()) {
            return List.of(plan.plan(List.of(Target.NONE)));
        }
        Map<Object, List<Target>> groups = new LinkedHashMap<>();
        Map<Object, PlannedDelivery> refused = new HashMap<>();
        for (Target target : selection.targets()) {
            PlannedDelivery refusal = plan.refuse(target);
            Object key = refusal == null ? plan.group(target) : target;
            groups.computeIfAbsent(key, unseen -> new ArrayList<>()).add(target);
            if (refusal != null) {
                refused.put(key, refusal);
            }
        }
        List<PlannedDelivery> planned = new ArrayList<>();
        groups.forEach((key, group) -> planned.add(refused.containsKey(key) ? refused.get(key) : plan.plan(group)));
        return planned;
    }

    /**
     * Returns the key of a target's group; targets with the same key share a delivery. A target without the task or entity id
     * that the template needs forms a group alone, so that the refused delivery names this target.
     */
    private Object group(Target target) {
        Object id = switch (template.scope()) {
            case TASK -> target.taskId();
            case ENTITY -> target.entityId();
            case PRODUCTION -> Objects.requireNonNullElse(target.productionId(), "none");
        };
        return id == null ? target : id;
    }

    /** Returns a refused delivery if the look-up refused the target or the action is for other targets; else null. */
    private PlannedDelivery refuse(Target target) {
        Selection.Refusal refusal = selection.refused().get(target);
        if (refusal != null) {
            return refuse(target, List.of(), refusal.kind(), refusal.why());
        }
        String kind = target.entityType() == null ? null : target.entityType().name();
        if (!action.entityType.covers(kind)) {
            return refuse(target, FailureKind.wrong_entity_type, "This action is for entities of type " + action.entityType
                    + "; the target " + (kind == null ? "does not say its entity_type." : "is of type " + kind + "."));
        }
        return elsewhere(action, target).map(found -> refuse(target, found.kind(), found.why())).orElse(null);
    }

    /** Returns a refusal if the action is limited to productions and the target's production is not among them; else empty. */
    static Optional<Selection.Refusal> elsewhere(Action action, Target target) {
        return action.runsIn(target.productionId()) ? Optional.empty()
                : Optional.of(new Selection.Refusal(FailureKind.not_visible,
                        "This action does not run in the target's production."));
    }

    private PlannedDelivery plan(List<Target> group) {
        Target target = subject(group);
        List<UUID> tasks = group.stream().map(Target::taskId).filter(Objects::nonNull).distinct().toList();
        Template.Filled filled = template.fill(variable -> value(variable, target, tasks),
                action.isAjax ? Egress.LONGEST_URL : LONGEST_OPENED);
        if (filled instanceof Template.Missing missing) {
            return refuse(target, tasks, FailureKind.missing_variable,
                    "The URL needs {" + missing.variable()
                            + "}, which is not known for this target: "
                            + (selection.fromKitsu() ? "write {?" : "add it to the target, or write {?") + missing.variable()
                            + "} to leave it out.");
        }
        if (filled instanceof Template.Unsafe unsafe) {
            return refuse(target, tasks, FailureKind.forbidden_address,
                    "The value of {" + unsafe.variable() + "} would change the path of the URL.");
        }
        if (filled instanceof Template.TooLong) {
            return refuse(target, tasks, FailureKind.too_large, "The filled URL would be over " + (action.isAjax
                    ? Egress.LONGEST_URL / 1024 + " KB, more than the service sends."
                    : LONGEST_OPENED / 1024 + " KB, more than a browser opens.")
                    + " Select fewer, or take the longest variable out of the URL.");
        }
        return send(target, tasks, ((Template.Url) filled).text(), body(target, tasks));
    }

    private PlannedDelivery send(Target target, List<UUID> tasks, String url, ObjectNode body) {
        if (action.isAjax) {
            // One check is enough: the policy judges only scheme and authority, which are the same in all URLs of a template.
            guard = guard == null ? policy.vet(URI.create(url)) : guard;
            if (guard.isPresent()) {
                return new PlannedDelivery(target, tasks, null, null, FailureKind.forbidden_address, guard.get().sentence(),
                        guard.get());
            }
        }
        if (!action.isAjax && (opened += url.length()) > LONGEST_PAGE) {
            return refuse(target, tasks, FailureKind.too_large, "All URLs together would be over " + LONGEST_PAGE / 1024 / 1024
                    + " MB, more than one page holds. Select fewer.");
        }
        boolean withBody = action.isAjax && action.method != Method.GET;
        if (withBody && longest(body) > maxRequest && body.toString().length() > maxRequest) {
            return refuse(target, tasks, FailureKind.too_large,
                    "The body would be over " + maxRequest + " bytes (CUSTOM_ACTIONS_EGRESS_MAX_REQUEST). Select fewer.");
        }
        return new PlannedDelivery(target, tasks, url, withBody ? body : null, null, null, null);
    }

    /**
     * Returns an upper bound of the body's length as JSON: escaping can turn one character of a text into six. The bound is
     * cheaper than the exact length.
     */
    private static int longest(JsonNode body) {
        int length = body.isTextual() ? 2 + 6 * body.textValue().length() : 5;
        for (Map.Entry<String, JsonNode> field : body.properties()) {
            length += field.getKey().length() + 4 + longest(field.getValue());
        }
        if (body.isArray()) {
            for (JsonNode item : body) {
                length += 1 + longest(item);
            }
        }
        return length;
    }

    private static PlannedDelivery refuse(Target target, FailureKind kind, String why) {
        return refuse(target, target.taskId() == null ? List.of() : List.of(target.taskId()), kind, why);
    }

    private static PlannedDelivery refuse(Target target, List<UUID> tasks, FailureKind kind, String why) {
        return new PlannedDelivery(target, tasks, null, null, kind, why, null);
    }

    /**
     * Returns the only target of a group. For several targets, returns a target with only the values that all of them share.
     */
    private static Target subject(List<Target> group) {
        Target first = group.get(0);
        return group.size() == 1 ? first
                : new Target(common(group, Target::entityId), common(group, Target::entityType),
                        common(group, Target::productionId), common(group, Target::taskId), common(group, Target::entityName),
                        common(group, Target::sequenceName), common(group, Target::episodeName),
                        common(group, Target::assetTypeName), common(group, Target::taskTypeName),
                        common(group, Target::productionName));
    }

    private static <T> T common(List<Target> group, Function<Target, T> part) {
        T first = part.apply(group.get(0));
        return group.stream().map(part).allMatch(other -> Objects.equals(first, other)) ? first : null;
    }

    private Object value(Variable variable, Target target, List<UUID> tasks) {
        return switch (variable) {
            case user_id -> caller.id().toString();
            case user_email -> caller.email();
            case user_name -> caller.name();
            case selection -> tasks.stream().map(UUID::toString).toList();
            default -> target.value(variable);
        };
    }

    /**
     * Returns the request body as JSON. Some values appear under several names: as Kitsu itself names them in background
     * requests, as it names them in HTML forms, and as we name them. Every key is always present.
     * {@link PlannedDelivery#delivery} fills in {@code run_id} and {@code delivery_id}.
     */
    private ObjectNode body(Target target, List<UUID> tasks) {
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        ArrayNode ids = JsonNodeFactory.instance.arrayNode();
        tasks.forEach(task -> ids.add(task.toString()));
        String production = (String) target.value(Variable.production_id);
        String kind = (String) target.value(Variable.entity_type);
        Selection.Origin origin = selection.origin();
        body.put("entitytype", kind == null ? origin.entityType() : kind);
        body.put("originurl", origin.path());
        body.put("originserver", origin.server());
        body.set("selection", ids);
        body.put("productionid", production);
        body.put("userid", caller.id().toString());
        body.put("useremail", caller.email());
        body.put("personid", caller.id().toString());
        body.put("personemail", caller.email());
        body.put("projectid", production);
        body.put("currentpath", origin.path());
        body.put("currentserver", origin.server());
        body.put("action_id", action.id == null ? null : action.id.toString());
        body.put("action_name", action.name);
        body.putNull("run_id");
        body.putNull("delivery_id");
        body.put("entity_id", (String) target.value(Variable.entity_id));
        body.put("entity_type", kind);
        body.put("entity_name", target.entityName());
        body.put("sequence_name", target.sequenceName());
        body.put("episode_name", target.episodeName());
        body.put("task_type_name", target.taskTypeName());
        body.put("production_id", production);
        body.put("production_name", target.productionName());
        body.put("user_name", caller.name());
        body.set("task_ids", ids.deepCopy());
        body.put("timestamp", now);
        return body;
    }
}
