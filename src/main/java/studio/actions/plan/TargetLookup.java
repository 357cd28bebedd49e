package studio.actions.plan;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Executor;

import jakarta.inject.Singleton;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.action.Action;
import studio.actions.action.Actions;
import studio.actions.egress.FailureKind;
import studio.actions.identity.Caller;
import studio.actions.identity.Requester;
import studio.actions.plan.Selection.Refusal;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;
import studio.actions.run.Target;
import studio.actions.zou.LookupResult;
import studio.actions.zou.LookupResult.Facts;
import studio.actions.zou.LookupResult.Hidden;
import studio.actions.zou.Zou;
import studio.actions.zou.ZouLookups;
import studio.actions.zou.ZouLookups.Question;

/**
 * Looks up selected targets in Kitsu with the caller's credential, so that nobody runs an action on a target that they may not
 * see. Names of targets come from Kitsu, never from the caller. If the service is configured without Kitsu, a selection stays
 * as the caller gave it. Results arrive on a worker thread, on which blocking is allowed.
 */
@Singleton
public class TargetLookup {

    private final Zou zou;
    private final ZouLookups lookups;
    private final Executor workers = Infrastructure.getDefaultWorkerPool();

    TargetLookup(Zou zou, ZouLookups lookups) {
        this.zou = zou;
        this.lookups = lookups;
    }

    /**
     * Returns the selection with the facts that Kitsu gives about each target, such as names.
     *
     * @return the selection; fails with {@link ProblemException}: {@code invalid_body} if the caller gives names of targets,
     *         {@code not_found} if none of the caller's roles allows the action, {@code unavailable} if Kitsu leaves a request
     *         unanswered, {@code unauthenticated} if the credential is no longer valid
     */
    Uni<Selection> look(Requester requester, Action action, Selection given) {
        if (!zou.there()) {
            return Uni.createFrom().item(given);
        }
        refuseNames(given);
        List<Question> questions = given.targets().stream().map(TargetLookup::question).toList();
        return lookups.look(requester.credential(), requester.caller(), questions).emitOn(workers).map(found -> {
            refuseUnseen(action, requester.caller(), found.values());
            Set<Target> targets = new LinkedHashSet<>();
            Map<Target, Refusal> refused = new HashMap<>();
            for (Target target : given.targets()) {
                if (found.get(question(target)) instanceof Facts facts) {
                    Refusal contradiction = contradiction(target, facts);
                    Target seen = contradiction == null ? seen(facts) : target.withProduction(facts.productionId());
                    targets.add(seen);
                    Optional.ofNullable(contradiction).or(() -> notAllowed(action, facts))
                            .ifPresent(refusal -> refused.put(seen, refusal));
                } else {
                    // Managers of a run's production see the run. The caller could name any production, so the production is
                    // dropped.
                    Target unseen = target.entityId() == null && target.taskId() == null ? target : target.withProduction(null);
                    targets.add(unseen);
                    refused.put(unseen,
                            new Refusal(FailureKind.not_visible, ((Hidden) found.get(question(target))).why()));
                }
            }
            return new Selection(List.copyOf(targets), refused, given.origin(), true);
        });
    }

    /**
     * Returns a refusal for each target that Kitsu does not show to the caller, or on which the caller's role does not allow
     * the action. If the service is configured without Kitsu, returns no refusals.
     *
     * @return the refusals by target; fails like {@link #look}
     */
    Uni<Map<Target, Refusal>> refused(Requester requester, Action action, Collection<Target> targets) {
        if (!zou.there()) {
            return Uni.createFrom().item(Map.of());
        }
        List<Question> questions = targets.stream().map(TargetLookup::question).distinct().toList();
        return lookups.look(requester.credential(), requester.caller(), questions).emitOn(workers).map(found -> {
            refuseUnseen(action, requester.caller(), found.values());
            Map<Target, Refusal> refused = new HashMap<>();
            targets.forEach(target -> {
                LookupResult one = found.get(question(target));
                (one instanceof Hidden unseen ? Optional.of(new Refusal(FailureKind.not_visible, unseen.why()))
                        : notAllowed(action, (Facts) one)).ifPresent(refusal -> refused.put(target, refusal));
            });
            return refused;
        });
    }

    /** Throws {@code not_found} if no role of the caller, global or in the production of a target, allows the action. */
    private static void refuseUnseen(Action action, Caller caller, Collection<LookupResult> found) {
        if (!action.visibleTo(caller)
                && found.stream().noneMatch(one -> one instanceof Facts facts && action.allows(facts.role()))) {
            throw Actions.hidden(action.id);
        }
    }

    /**
     * Returns a refusal if the caller's role in the target's production does not allow the action; else empty. The caller's
     * global role does not count.
     */
    private static Optional<Refusal> notAllowed(Action action, Facts facts) {
        return action.allows(facts.role()) ? Optional.empty()
                : Optional.of(new Refusal(FailureKind.not_allowed,
                        "Your role in this production, " + facts.role() + ", may not run this action."));
    }

    private static void refuseNames(Selection given) {
        List<Fault> faults = new ArrayList<>();
        for (int i = 0; i < given.targets().size(); i++) {
            if (given.targets().get(i).named()) {
                faults.add(new Fault("/targets/" + i, "names_from_kitsu",
                        "Remove the names and give ids only: beside Kitsu, names come from Kitsu."));
            }
        }
        if (!faults.isEmpty()) {
            throw ProblemException.invalid(faults);
        }
    }

    private static Question question(Target target) {
        return target.taskId() != null ? new Question(target.taskId(), null, null)
                : target.entityId() != null ? new Question(null, target.entityId(), null)
                        : new Question(null, null, target.productionId());
    }

    private static Target seen(Facts facts) {
        return new Target(facts.entityId(), facts.kind() == null ? null : Target.Kind.valueOf(facts.kind()),
                facts.productionId(), facts.taskId(), facts.entityName(), facts.sequenceName(), facts.episodeName(),
                facts.assetTypeName(), facts.taskTypeName(), facts.productionName());
    }

    private static Refusal contradiction(Target given, Facts facts) {
        if (other(given.entityId(), facts.entityId())) {
            return new Refusal(FailureKind.not_visible, "The target's entity_id is not the entity of its task in Kitsu.");
        }
        if (other(given.productionId(), facts.productionId())) {
            return new Refusal(FailureKind.not_visible, "The target's production_id is not its production in Kitsu.");
        }
        if (given.entityType() != null && !given.entityType().name().equals(facts.kind())) {
            return new Refusal(FailureKind.wrong_entity_type,
                    "The target says entity_type " + given.entityType() + "; in Kitsu it is "
                            + (facts.kind() == null ? "a production." : "of type " + facts.kind() + "."));
        }
        return null;
    }

    private static boolean other(UUID given, UUID known) {
        return given != null && !given.equals(known);
    }
}
