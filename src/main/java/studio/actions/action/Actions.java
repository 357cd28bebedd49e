package studio.actions.action;

import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

import jakarta.inject.Singleton;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.draft.Draft;
import studio.actions.draft.DraftJson;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.template.TriggerLink;

/** Finds actions for callers. Refuses actions that the caller may not see or that cannot be pressed. */
@Singleton
public class Actions {

    /** The most actions that are kept in memory after a press, for the next press. */
    private static final int REMEMBERED = 100;

    private final ActionCache list;
    private final ActionStore store;
    private final DraftJson drafts;
    private final Cache<UUID, Action> pressed = Caffeine.newBuilder().maximumSize(REMEMBERED).build();

    Actions(ActionCache list, ActionStore store, DraftJson drafts) {
        this.list = list;
        this.store = store;
        this.drafts = drafts;
    }

    /** Returns the actions that the caller may see, ordered by name. */
    public List<Action> visibleTo(Caller caller) {
        return list.all().stream().filter(action -> action.visibleTo(caller)).toList();
    }

    /**
     * Returns the actions whose names the caller may know, ordered by name: all actions for admins, managers and supervisors,
     * visible actions for others.
     */
    public List<Action> namedFor(Caller caller) {
        return caller.is(Role.admin) || caller.is(Role.manager) || caller.is(Role.supervisor) ? list.all() : visibleTo(caller);
    }

    /**
     * Returns an action that the caller may see.
     *
     * @throws ProblemException {@code not_found} if there is none, or the caller may not see it
     */
    public Action get(UUID id, Caller caller) {
        Optional<Action> found = Action.findByIdOptional(id);
        return found.filter(action -> action.visibleTo(caller))
                .orElseThrow(() -> found.isEmpty() ? unknown(id) : hidden(id));
    }

    /**
     * Returns the problem for an existing action that the caller may not see. The caller cannot tell it from the problem for a
     * missing action.
     */
    public static ProblemException hidden(UUID id) {
        return new ProblemException(Code.HIDDEN, missing(id));
    }

    /**
     * Returns an action to press or preview. Does not check the caller's role, because a role depends on the production of a
     * target, and the targets have not been looked up yet.
     *
     * @throws ProblemException {@code not_found} if there is none, or if it is disabled and the caller is not an admin
     */
    public Action forTargets(UUID id, Caller caller) {
        Action action = Action.<Action> findByIdOptional(id).orElseThrow(() -> unknown(id));
        if (!action.enabled && !caller.is(Role.admin)) {
            throw hidden(id);
        }
        return action;
    }

    /**
     * Returns an action to press. Checks the same as {@link #forTargets}, and that the action is enabled and of the right kind.
     *
     * @param ajax true if the service must send the action's deliveries, false if the browser must open its URL
     * @throws ProblemException {@code not_found}, {@code action_disabled}, {@code not_ajax} if the browser opens the action, or
     *         {@code ajax} if the service sends it
     */
    public Action pressable(UUID id, Caller caller, boolean ajax) {
        Action action = forTargets(id, caller);
        if (!action.enabled) {
            throw new ProblemException(Code.ACTION_DISABLED, "This action is disabled. Set 'enabled' to true to run it.");
        }
        if (ajax != action.isAjax && !action.visibleTo(caller)) {
            throw hidden(id);
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

    /**
     * Returns an action that the service sends. Returns it from memory, as it was when {@link #pressableNow} last read it, if
     * it is kept there. The press must compare the version number with the stored number, and call {@link #pressableNow} if
     * they differ.
     */
    public Action pressableAsBefore(UUID id, Caller caller) {
        Action before = pressed.getIfPresent(id);
        if (before != null && before.enabled) {
            return before;
        }
        return pressableNow(id, caller);
    }

    /**
     * Reads an action that the service sends, and keeps it in memory. Reads it in a new transaction, because the present
     * request may have read an older version.
     */
    public Action pressableNow(UUID id, Caller caller) {
        pressed.invalidate(id);
        Action action = QuarkusTransaction.requiringNew().call(() -> pressable(id, caller, true));
        pressed.put(id, action);
        return action;
    }

    /**
     * Returns the versions of actions that the given trigger links name. Leaves out links without a version number, and
     * versions that were not saved.
     */
    public Map<TriggerLink, Draft> asOf(Collection<TriggerLink> links) {
        Map<TriggerLink, Draft> shown = new HashMap<>();
        List<TriggerLink> asked = links.stream().filter(link -> link.version() != null).toList();
        store.versions(asked.stream().map(TriggerLink::action).toList(), asked.stream().map(TriggerLink::version).toList())
                .forEach(was -> shown.put(new TriggerLink(was.actionId, was.version), drafts.read(was.draft)));
        return shown;
    }

    /** Returns the given ids that belong to actions of this service. */
    public Set<UUID> known(Collection<UUID> ids) {
        return store.known(ids);
    }

    /** Returns the given ids that belong to present or deleted actions of this service. */
    public Set<UUID> everKnown(Collection<UUID> ids) {
        Set<UUID> known = new HashSet<>(known(ids));
        known.addAll(store.lastVersions(ids).keySet());
        return known;
    }

    /** Returns a deleted action as it was when it was deleted; empty if there never was an action with this id. */
    public Optional<Action> deleted(UUID id, Caller caller) {
        return store.lastVersion(id).map(last -> {
            Action action = Action.of(drafts.read(last.draft), caller, last.at);
            action.id = id;
            action.version = last.version;
            return action;
        });
    }

    /** A deleted action, with who deleted it; the name is null if unknown. */
    public record Deleted(UUID id, String name, String url, Instant at, String by) {
    }

    /** Returns the actions that were deleted last and are not restored, at most {@code most}. For admins only. */
    public List<Deleted> lastDeleted(int most) {
        return QuarkusTransaction.requiringNew().call(() -> store.deleted(most)).stream().map(last -> {
            Draft draft = drafts.read(last.draft);
            return new Deleted(last.actionId, draft.name(), draft.url(), last.at, last.callerName);
        }).toList();
    }

    /** Returns the problem for an action that does not exist. */
    static ProblemException unknown(UUID id) {
        return new ProblemException(Code.NOT_FOUND, missing(id));
    }

    private static String missing(UUID id) {
        return "There is no action " + id + ".";
    }
}
