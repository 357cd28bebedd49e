package studio.actions.plan;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;

import studio.actions.egress.FailureKind;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;
import studio.actions.run.Target;

/**
 * The selected targets, without duplicates, in the given order; empty only if the action needs no target.
 *
 * @param refused the targets that get no request, with the reason: Kitsu does not show the target to the caller, the caller
 *        gives an id or type that differs from Kitsu's, or the caller's role does not allow the action
 * @param fromKitsu whether names and types of the targets come from Kitsu; otherwise they come from the caller
 */
public record Selection(List<Target> targets, Map<Target, Refusal> refused, Origin origin, boolean fromKitsu) {

    private static final int LONGEST_NAME = 2000;

    private static final List<Function<Target, String>> NAMES = List.of(Target::entityName, Target::sequenceName,
            Target::episodeName, Target::assetTypeName, Target::taskTypeName, Target::productionName);

    /** The reason why nothing is sent for a target. */
    public record Refusal(FailureKind kind, String why) {
    }

    /**
     * The page of Kitsu on which the button was pressed, as the browser reports it; a value is null if the browser does not
     * give it.
     *
     * @param entityType the page's entity type, which may differ from the target's
     */
    public record Origin(String entityType, String path, String server) {

        static final Origin NOWHERE = new Origin(null, null, null);
    }

    /**
     * Returns the selection in a request body, which gives either task ids or targets.
     *
     * @throws ProblemException {@code invalid_body} if the body gives neither or both, an empty list, more than {@code limit}
     *         targets, or an invalid target
     */
    public static Selection of(List<UUID> tasks, List<Target> targets, int limit) {
        return of(tasks, targets, Origin.NOWHERE, limit);
    }

    /** Returns the selection of a press in Kitsu, which always selects tasks; otherwise like {@link #of}. */
    public static Selection ofTasks(List<UUID> tasks, Origin origin, int limit) {
        return of(tasks == null ? List.of() : tasks, null, origin, limit);
    }

    /** Returns an empty selection, for an action whose URL is the same for every selection. */
    public static Selection none(Origin origin) {
        return new Selection(List.of(), Map.of(), origin, false);
    }

    private static Selection of(List<UUID> tasks, List<Target> targets, Origin origin, int limit) {
        if ((tasks == null) == (targets == null)) {
            throw ProblemException.invalid("/targets", "selection_or_targets",
                    "Give exactly one of 'selection' (task ids) and 'targets' (entities).");
        }
        String pointer = tasks != null ? "/selection" : "/targets";
        int count = tasks != null ? tasks.size() : targets.size();
        if (count == 0) {
            throw ProblemException.invalid(pointer, "empty_selection", "Select at least one task or entity.");
        }
        if (count > limit) {
            throw ProblemException.invalid(pointer, "too_many", "A run has at most " + limit + " targets; these are " + count
                    + ". Press in parts, or raise CUSTOM_ACTIONS_RUN_MAX_SELECTION.");
        }
        List<Target> selected = tasks != null ? tasks.stream().map(Target::task).toList() : targets;
        List<Fault> faults = new ArrayList<>();
        for (int i = 0; i < selected.size(); i++) {
            check(selected.get(i), pointer + "/" + i, faults);
        }
        if (!faults.isEmpty()) {
            throw ProblemException.invalid(faults);
        }
        return new Selection(List.copyOf(new LinkedHashSet<>(selected)), Map.of(), origin, false);
    }

    private static void check(Target target, String pointer, List<Fault> faults) {
        if (target.entityId() == null && target.taskId() == null && target.productionId() == null) {
            faults.add(new Fault(pointer, "empty_target", "A target needs at least one of entity_id, task_id, production_id."));
        }
        if (target.named() && NAMES.stream().map(name -> name.apply(target))
                .anyMatch(name -> name != null && name.codePointCount(0, name.length()) > LONGEST_NAME)) {
            faults.add(new Fault(pointer, "too_long", "A name may have at most 2,000 characters."));
        }
    }
}
