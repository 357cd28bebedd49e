package studio.actions.action;

import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;

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

/** One version of an action and who wrote it. Never changed, and kept after the action is deleted. */
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
    /** Name, email and role of the caller are null in versions that were written before there was a history. */
    public String callerName;
    public String callerEmail;
    @Enumerated(EnumType.STRING)
    public Role callerRole;
    /** The JSON of the draft with which an admin would get this version; for a deletion, of the deleted action. */
    @JdbcTypeCode(SqlTypes.JSON)
    public JsonNode draft;
    /** Creation time and creator of the action, not of this version. */
    public Instant createdAt;
    public UUID createdBy;

    static ActionVersion of(Verb verb, Action action, JsonNode draft, Caller caller) {
        ActionVersion version = new ActionVersion();
        version.id = UUID.randomUUID();
        version.actionId = action.id;
        version.version = action.version;
        version.at = action.updatedAt;
        version.verb = verb;
        version.callerId = caller.id();
        version.callerName = caller.name();
        version.callerEmail = caller.email();
        version.callerRole = caller.role();
        version.draft = draft;
        version.createdAt = action.createdAt;
        version.createdBy = action.createdBy;
        return version;
    }

    static Optional<ActionVersion> of(UUID action, int version) {
        return find("actionId = ?1 and version = ?2", action, version).firstResultOptional();
    }

    /** Returns the n-th version number of the n-th action, for all n. Leaves out versions that were not kept. */
    @SuppressWarnings("unchecked")
    static List<ActionVersion> of(List<UUID> actions, List<Integer> versions) {
        return actions.isEmpty() ? List.of()
                : getEntityManager().createNativeQuery("""
                        SELECT v.* FROM unnest(:actions, :versions) AS shown (action_id, version)
                          JOIN action_version v USING (action_id, version)""", ActionVersion.class)
                        .setParameter("actions", actions.toArray(UUID[]::new))
                        .setParameter("versions", versions.toArray(Integer[]::new)).getResultList();
    }

    static Optional<ActionVersion> last(UUID action) {
        return find("actionId = ?1 order by version desc", action).firstResultOptional();
    }

    /** Returns the last version number of each action. Leaves out actions without a version. */
    @SuppressWarnings("unchecked")
    static Map<UUID, Integer> last(Collection<UUID> actions) {
        List<Object[]> rows = getEntityManager().createNativeQuery("""
                SELECT action_id, max(version) FROM action_version WHERE action_id = ANY (:actions) GROUP BY action_id""",
                Object[].class).setParameter("actions", actions.toArray(UUID[]::new)).getResultList();
        return rows.stream().collect(Collectors.toMap(row -> (UUID) row[0], row -> (Integer) row[1]));
    }

    /** Returns the versions of an action below a version number, newest first. */
    static List<ActionVersion> before(UUID action, int version, int most) {
        return ActionVersion.<ActionVersion> find("actionId = ?1 and version < ?2 order by version desc", action, version)
                .page(0, most).list();
    }
}
