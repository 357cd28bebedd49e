package studio.actions.run;

import java.util.UUID;

import com.fasterxml.jackson.annotation.JsonAlias;
import com.fasterxml.jackson.annotation.JsonInclude;

import studio.actions.template.Variable;

/**
 * A selected task, entity or production, or what several have in common. Names come from Kitsu if Kitsu is configured, else
 * from the caller.
 */
public record Target(
        UUID entityId,
        Kind entityType,
        @JsonAlias("project_id") UUID productionId,
        UUID taskId,
        @JsonInclude(JsonInclude.Include.NON_NULL) String entityName,
        @JsonInclude(JsonInclude.Include.NON_NULL) String sequenceName,
        @JsonInclude(JsonInclude.Include.NON_NULL) String episodeName,
        @JsonInclude(JsonInclude.Include.NON_NULL) String assetTypeName,
        @JsonInclude(JsonInclude.Include.NON_NULL) String taskTypeName,
        @JsonInclude(JsonInclude.Include.NON_NULL) String productionName) {

    /**
     * The types of entities; the API uses these names unchanged. An admin cannot limit an action to {@code scene} or
     * {@code concept}.
     */
    public enum Kind {
        asset,
        shot,
        sequence,
        edit,
        episode,
        scene,
        concept
    }

    /** The target of an empty selection. */
    public static final Target NONE = new Target(null, null, null, null, null, null, null, null, null, null);

    /**
     * Returns a target with made-up names and ids, on which an action can be tried without Kitsu.
     *
     * @param production the id of its production; null to make one up
     */
    public static Target madeUp(Kind kind, UUID production) {
        boolean asset = kind == Kind.asset;
        boolean shot = kind == Kind.shot;
        String name = switch (kind) {
            case asset -> "Llama";
            case sequence -> "SQ01";
            case episode -> "E01";
            case edit -> "Edit 1";
            default -> "SH010";
        };
        return new Target(UUID.fromString("5eed0000-0000-4000-8000-000000000001"), kind,
                production == null ? UUID.fromString("5eed0000-0000-4000-8000-000000000002") : production,
                UUID.fromString("5eed0000-0000-4000-8000-000000000003"), name,
                shot || kind == Kind.sequence ? "SQ01" : null, "E01", asset ? "Characters" : null,
                asset ? "Modeling" : "Lighting", "Caminandes");
    }

    /** Returns this target with its ids only, as a caller may name it beside Kitsu. */
    public Target withoutNames() {
        return taskId != null ? task(taskId)
                : new Target(entityId, entityType, productionId, null, null, null, null, null, null, null);
    }

    /** Returns the target in words, like {@code SQ01 / SH010}; its id if the names are unknown. */
    public String words() {
        String parent = sequenceName != null ? sequenceName : assetTypeName;
        if (entityName != null) {
            return parent == null || parent.equals(entityName) ? entityName : parent + " / " + entityName;
        }
        UUID id = entityId != null ? entityId : taskId != null ? taskId : productionId;
        return productionName != null ? productionName : id == null ? "No target" : id.toString();
    }

    public static Target task(UUID taskId) {
        return NONE.withTask(taskId);
    }

    public Target withTask(UUID id) {
        return new Target(entityId, entityType, productionId, id, entityName, sequenceName, episodeName, assetTypeName,
                taskTypeName, productionName);
    }

    public Target withEntity(UUID id, Kind type) {
        return new Target(id, type, productionId, taskId, entityName, sequenceName, episodeName, assetTypeName, taskTypeName,
                productionName);
    }

    /** @param id null if unknown */
    public Target withProduction(UUID id) {
        return new Target(entityId, entityType, id, taskId, entityName, sequenceName, episodeName, assetTypeName,
                taskTypeName, productionName);
    }

    /** Returns true if at least one name is set. */
    public boolean named() {
        return entityName != null || sequenceName != null || episodeName != null || assetTypeName != null
                || taskTypeName != null || productionName != null;
    }

    /**
     * Returns the value of a URL variable for this target; null if the value is unknown, or if the variable does not depend on
     * the target.
     */
    public Object value(Variable variable) {
        return switch (variable) {
            case task_id -> text(taskId);
            case task_type_name -> taskTypeName;
            case entity_id -> text(entityId);
            case entity_type -> text(entityType);
            case entity_name -> entityName;
            case sequence_name -> sequenceName;
            case episode_name -> episodeName;
            case asset_type_name -> assetTypeName;
            case production_id, project_id -> text(productionId);
            case production_name -> productionName;
            case user_id, user_email, user_name, selection -> null;
        };
    }

    private static String text(Object value) {
        return value == null ? null : value.toString();
    }
}
