package studio.actions.zou;

import java.util.UUID;

import studio.actions.identity.Role;

/** Zou's answer about one target of a press. */
public sealed interface LookupResult {

    /**
     * The facts about a target; each is null if it is not known or does not apply.
     *
     * @param kind {@code asset, shot, sequence, episode, edit, scene} or {@code concept}
     * @param role the caller's role in the target's production
     */
    record Facts(UUID taskId, UUID entityId, String kind, UUID productionId, String entityName, String sequenceName,
            String episodeName, String assetTypeName, String taskTypeName, String productionName, Role role)
            implements
                LookupResult {
    }

    /** A target that does not exist, or that the caller may not see; {@code why} is a sentence for the caller. */
    record Hidden(String why) implements LookupResult {
    }
}
