package studio.actions.plan;

import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

import jakarta.inject.Singleton;

import studio.actions.draft.Draft;
import studio.actions.draft.EntityType;
import studio.actions.identity.Caller;
import studio.actions.run.RunAccess;
import studio.actions.run.RunList;
import studio.actions.run.Target;
import studio.actions.zou.Zou;

/** Finds a target on which an action can be previewed. */
@Singleton
public class SampleTargets {

    /** The most runs of all actions among which a target is searched. */
    private static final int RUNS = 20;

    /** A target, and in words where it comes from. */
    public record Sample(Target target, String from) {
    }

    private final Zou zou;

    SampleTargets(Zou zou) {
        this.zou = zou;
    }

    /**
     * Finds a target: the one of the link, else the first of the action's last run, else, beside Kitsu, one of another
     * action's last runs that fits the draft, else, without Kitsu, one with made-up names.
     *
     * @param action the action's id; null for a new action
     * @param link the address of a page of Kitsu, or the id of a task; may be blank
     * @return empty if there is no such target
     */
    public Optional<Sample> find(Caller caller, UUID action, Draft draft, String link) {
        Optional<Target> pasted = KitsuLink.read(link);
        if (pasted.isPresent()) {
            return Optional.of(new Sample(zou.there() ? pasted.get() : named(pasted.get(), draft), "given by the link"));
        }
        RunAccess.Access seen = RunAccess.Access.own(caller);
        Optional<Sample> own = action == null ? Optional.empty()
                : first(RunList.lastTargets(action, seen, 1).stream(), "taken from this action's last run");
        if (own.isPresent()) {
            return own;
        }
        return zou.there()
                ? first(RunList.lastTargets(null, seen, RUNS).stream().filter(target -> fits(draft, target)),
                        "taken from a recent run")
                : Optional.of(new Sample(madeUp(draft), "made up"));
    }

    private Optional<Sample> first(Stream<Target> targets, String from) {
        return targets.findFirst().map(target -> new Sample(zou.there() ? target.withoutNames() : target, from));
    }

    private static boolean fits(Draft draft, Target target) {
        return draft.entityType().covers(target.entityType() == null ? null : target.entityType().name())
                && (draft.projectIds().isEmpty() || draft.projectIds().contains(target.productionId()))
                && (target.taskId() != null || target.entityId() != null);
    }

    private static Target madeUp(Draft draft) {
        List<UUID> productions = draft.projectIds();
        return Target.madeUp(draft.entityType() == EntityType.all ? Target.Kind.shot
                : Target.Kind.valueOf(draft.entityType().name()), productions.isEmpty() ? null : productions.get(0));
    }

    private static Target named(Target pasted, Draft draft) {
        Target target = madeUp(draft);
        target = pasted.taskId() == null ? target : target.withTask(pasted.taskId());
        target = pasted.entityId() == null ? target : target.withEntity(pasted.entityId(), pasted.entityType());
        return pasted.productionId() == null ? target : target.withProduction(pasted.productionId());
    }
}
