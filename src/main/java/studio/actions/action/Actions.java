package studio.actions.action;

import java.time.Clock;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

import jakarta.inject.Singleton;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.action.ActionJson.Draft;
import studio.actions.identity.Caller;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/** The studio's actions: who sees which, and the one place where they are written. */
@Singleton
public class Actions {

    private final ActionList list;
    private final ActionRules rules;
    private final Clock clock;

    Actions(ActionList list, ActionRules rules, Clock clock) {
        this.list = list;
        this.rules = rules;
        this.clock = clock;
    }

    /** Those the caller may see, by name. */
    public List<Action> visibleTo(Caller caller) {
        return list.all().stream().filter(action -> action.visibleTo(caller)).toList();
    }

    /** @throws ProblemException {@code not_found} where there is none, or none for this caller */
    public Action get(UUID id, Caller caller) {
        return Action.<Action> findByIdOptional(id).filter(action -> action.visibleTo(caller)).orElseThrow(() -> unknown(id));
    }

    /**
     * An action that this caller may press.
     *
     * @param ajax whether it is to be sent by the service or opened by the browser
     * @throws ProblemException {@code not_found, action_disabled}, {@code not_ajax} or {@code ajax} for the other kind
     */
    public Action pressable(UUID id, Caller caller, boolean ajax) {
        Action action = get(id, caller);
        if (!action.enabled) {
            throw new ProblemException(Code.ACTION_DISABLED, "This action is disabled. Set 'enabled' to true to run it.");
        }
        if (ajax && !action.isAjax) {
            throw new ProblemException(Code.NOT_AJAX, "This action is opened by the browser, so there is nothing to send from "
                    + "here. Its preview shows the URL.");
        }
        if (!ajax && action.isAjax) {
            throw new ProblemException(Code.AJAX, "This action is sent by the service, so there is nothing to open. If it was "
                    + "changed a moment ago, reload Kitsu.");
        }
        return action;
    }

    /** @throws ProblemException {@code invalid_body} with every wrong field */
    public Action create(Draft draft, Caller caller) {
        Action action = Action.of(rules.settle(draft, "", caller), caller, clock.instant());
        return written(() -> {
            action.persist();
            return action;
        });
    }

    /**
     * Makes actions that are at home elsewhere, under the ids they have there; those that are here already stay as they are.
     *
     * @param drafts settled
     * @return the ids of those that were made
     */
    public Set<UUID> adopt(Map<UUID, Draft> drafts, Caller caller) {
        return written(() -> {
            // Two that adopt the same at once: the second finds what the first has made.
            Action.getEntityManager().createNativeQuery("LOCK TABLE action IN SHARE ROW EXCLUSIVE MODE").executeUpdate();
            Set<UUID> made = new LinkedHashSet<>(drafts.keySet());
            made.removeAll(known(drafts.keySet()));
            made.forEach(id -> {
                Action action = Action.of(drafts.get(id), caller, clock.instant());
                action.id = id;
                action.persist();
            });
            return made;
        });
    }

    /** Those of the ids that are here. */
    public Set<UUID> known(Collection<UUID> ids) {
        return ids.isEmpty() ? Set.of()
                : Action.<Action> list("id in ?1", ids).stream().map(action -> action.id).collect(Collectors.toSet());
    }

    /**
     * Changes an action. A change to what is there already is none: it is not judged again, by rules that may be new since.
     *
     * @param how what the draft becomes
     * @param expected what the action must still be; looked at under the lock
     * @throws ProblemException {@code not_found}, or {@code invalid_body} with every wrong field
     */
    public Action change(UUID id, UnaryOperator<Draft> how, Predicate<Action> expected, Caller caller) {
        return written(() -> {
            Action action = locked(id, expected);
            Draft before = action.draft();
            Draft wanted = how.apply(before);
            if (wanted == null || !before.equals(rules.fill(wanted))) {
                action.change(rules.settle(wanted, "", caller), caller, clock.instant());
            }
            return action;
        });
    }

    /** @throws ProblemException {@code not_found} */
    public void delete(UUID id, Predicate<Action> expected) {
        written(() -> {
            locked(id, expected).delete();
            return id;
        });
    }

    private <T> T written(Callable<T> write) {
        try {
            return QuarkusTransaction.requiringNew().call(write);
        } finally {
            // Also where it failed: a commit whose answer got lost has happened.
            list.drop();
        }
    }

    private static Action locked(UUID id, Predicate<Action> expected) {
        Optional<Action> found = Action.locked(id);
        Action action = found.orElseThrow(() -> unknown(id));
        if (!expected.test(action)) {
            throw new ProblemException(Code.STALE_VERSION, "The action is at version " + action.version
                    + " by now. Read it again, and send your change with its new ETag in If-Match.");
        }
        return action;
    }

    private static ProblemException unknown(UUID id) {
        return new ProblemException(Code.NOT_FOUND, "There is no action " + id + ".");
    }
}
