package studio.actions.action;

import java.util.UUID;

import studio.actions.draft.EntityType;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;

/**
 * The rules for an action, a person and a target, checked one by one. A press checks the same rules, but stops at the first
 * broken rule.
 *
 * @param listed whether the list of actions that the person's Kitsu loads has the action
 * @param role whether one of the person's roles, global or in any production, allows the action
 * @param roleHere whether the person's role in the target's production allows the action
 */
public record PressCheck(boolean listed, boolean enabled, boolean role, boolean roleHere, boolean production,
        boolean entityType) {

    /** What the person finds in Kitsu. */
    public enum Result {
        shown,
        /** Kitsu shows the action, because it has one list for all productions, but a press is refused. */
        refused,
        hidden
    }

    /**
     * Checks the rules.
     *
     * @param role the person's role in the production; null if the person is not in its team
     * @param production null if the target has no known production
     */
    public static PressCheck of(Action action, Caller person, Role role, UUID production, EntityType type) {
        return new PressCheck(action.visibleTo(person), action.enabled, action.allowsOneOf(person.roles()),
                role != null && action.allows(role), action.runsIn(production), action.entityType.covers(type.name()));
    }

    public Result result() {
        return !listed || !entityType ? Result.hidden : enabled && roleHere && production ? Result.shown : Result.refused;
    }
}
