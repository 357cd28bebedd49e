package studio.actions.zou;

import java.util.UUID;

import studio.actions.identity.Role;

/** Zou's answer about one target of a press. */
public sealed interface LookupResult {

    /**
     * The facts about a target; a component is null if its value is not known or does not apply.
     *
     * @param kind the kind of entity: {@code asset, shot, sequence, episode, edit, scene} or {@code concept}
     * @param role the caller's role in the target's production
     */
    record Facts(UUID taskId, UUID entityId, String kind, UUID productionId, String entityName, String sequenceName,
            String episodeName, String assetTypeName, String taskTypeName, String productionName, Role role)
            implements
                LookupResult {
    }

    /**
     * A target that a press may not use: it does not exist, the caller may not see it, or a limit of the look-up is reached.
     * {@code why} is a sentence for the caller.
     */
    record Hidden(String why) implements LookupResult {
    }
}
