package studio.actions.action;

import java.time.Instant;
import java.util.UUID;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;

import org.hibernate.annotations.Immutable;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;

/**
 * One version of an action, with the caller who wrote it. A version is never changed, and is kept after the action is deleted.
 */
@Entity
@Immutable
public class ActionVersion extends PanacheEntityBase {

    @Id
    public UUID id;
    public UUID actionId;
    public int version;
    public Instant at;
    @Enumerated(EnumType.STRING)
    public Verb verb;
    public UUID callerId;
    /**
     * The caller's name, email and role are null if {@link ActionWriter} saved the version later, for an action without
     * history.
     */
    public String callerName;
    public String callerEmail;
    @Enumerated(EnumType.STRING)
    public Role callerRole;
    /**
     * The fields that the action has in this version, as a draft. If the version is a deletion, the fields of the deleted
     * action.
     */
    @JdbcTypeCode(SqlTypes.JSON)
    public JsonNode draft;
    /** Creation time and creator of the action, not of this version. */
    public Instant createdAt;
    public UUID createdBy;

    /** Creates a version with the action's present fields, written by the caller who changed the action last. */
    static ActionVersion of(Verb verb, Action action, JsonNode draft) {
        ActionVersion version = new ActionVersion();
        version.id = UUID.randomUUID();
        version.actionId = action.id;
        version.version = action.version;
        version.at = action.updatedAt;
        version.verb = verb;
        version.callerId = action.updatedBy;
        version.draft = draft;
        version.createdAt = action.createdAt;
        version.createdBy = action.createdBy;
        return version;
    }

    /** Sets the caller who wrote this version. */
    ActionVersion by(Caller caller) {
        callerId = caller.id();
        callerName = caller.name();
        callerEmail = caller.email();
        callerRole = caller.role();
        return this;
    }
}
