package studio.actions.run;

import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Executor;

import jakarta.inject.Singleton;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.action.Action;
import studio.actions.action.Template;
import studio.actions.action.Variable;
import studio.actions.egress.FailureKind;
import studio.actions.identity.Credential;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;
import studio.actions.run.Selection.Refusal;
import studio.actions.zou.Production;
import studio.actions.zou.Production.Facts;
import studio.actions.zou.Production.Hidden;
import studio.actions.zou.Production.Question;
import studio.actions.zou.Zou;

/**
 * What Kitsu knows of a selection, asked as the caller: nobody runs an action on what they may not see, and no name comes from
 * whoever asks. Without Kitsu a selection stays as it was given. Answers on a thread that may wait.
 */
@Singleton
class Lookup {

    private static final Set<Variable> COSTLY = EnumSet.of(Variable.sequence_name, Variable.episode_name,
            Variable.asset_type_name, Variable.production_name);

    private final Zou zou;
    private final Production production;
    private final Executor workers = Infrastructure.getDefaultWorkerPool();

    Lookup(Zou zou, Production production) {
        this.zou = zou;
        this.production = production;
    }

    /**
     * The selection with what Kitsu says of each target.
     *
     * @return fails with {@link ProblemException}: {@code invalid_body} for names in a target, {@code unavailable} if Kitsu
     *         does
     *         not answer for one of them, {@code unauthenticated} if the credential has ended
     */
    Uni<Selection> look(Credential credential, Action action, Selection given) {
        if (!zou.there()) {
            return Uni.createFrom().item(given);
        }
        refuseNames(given);
        List<Question> questions = given.targets().stream().map(Lookup::question).toList();
        return production.look(credential, questions, needsNames(action)).emitOn(workers).map(found -> {
            Set<Target> targets = new LinkedHashSet<>();
            Map<Target, Refusal> refused = new HashMap<>();
            for (Target target : given.targets()) {
                if (found.get(question(target)) instanceof Facts facts) {
                    Refusal contradiction = contradiction(target, facts);
                    Target seen = contradiction == null ? seen(facts) : target;
                    targets.add(seen);
                    if (contradiction != null) {
                        refused.put(seen, contradiction);
                    }
                } else {
                    targets.add(target);
                    refused.put(target,
                            new Refusal(FailureKind.not_visible, ((Hidden) found.get(question(target))).why()));
                }
            }
            return new Selection(List.copyOf(targets), refused, given.origin(), true);
        });
    }

    /**
     * Those of the targets that Kitsu does not show to the caller, and why; none without Kitsu.
     *
     * @return fails as {@link #look}
     */
    Uni<Map<Target, Refusal>> hidden(Credential credential, Collection<Target> targets) {
        if (!zou.there()) {
            return Uni.createFrom().item(Map.of());
        }
        List<Question> questions = targets.stream().map(Lookup::question).distinct().toList();
        return production.look(credential, questions, false).emitOn(workers).map(found -> {
            Map<Target, Refusal> hidden = new HashMap<>();
            targets.forEach(target -> {
                if (found.get(question(target)) instanceof Hidden unseen) {
                    hidden.put(target, new Refusal(FailureKind.not_visible, unseen.why()));
                }
            });
            return hidden;
        });
    }

    private static void refuseNames(Selection given) {
        List<Fault> faults = new ArrayList<>();
        for (int i = 0; i < given.targets().size(); i++) {
            if (given.targets().get(i).named()) {
                faults.add(new Fault("/targets/" + i, "names_from_kitsu",
                        "Take the names out: beside Kitsu they come from Kitsu. Give ids only."));
            }
        }
        if (!faults.isEmpty()) {
            throw ProblemException.invalid(faults);
        }
    }

    private static boolean needsNames(Action action) {
        try {
            return Template.parse(action.url).variables().stream().anyMatch(COSTLY::contains);
        } catch (Template.Refused unreadable) {
            return false;
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
