package studio.actions.action;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;
import jakarta.persistence.LockModeType;

import org.hibernate.StatelessSession;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import studio.actions.action.ActionJson.Draft;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;

/** What an admin defines: a button, its address and how it is sent. */
@Entity
public class Action extends PanacheEntityBase {

    /** What the service itself sends; the browser opens with its own. */
    public enum Method {
        POST,
        GET,
        PUT,
        PATCH,
        DELETE
    }

    @Id
    public UUID id;
    public String name;
    public String url;
    @Enumerated(EnumType.STRING)
    public EntityType entityType;
    public boolean isAjax;
    public String description;
    public boolean enabled;
    @Enumerated(EnumType.STRING)
    public Method method;
    @JdbcTypeCode(SqlTypes.JSON)
    public Map<String, String> headers;
    public int timeoutMs;
    public int maxAttempts;
    public int ratePerMinute;
    public String signingSecret;
    @Enumerated(EnumType.STRING)
    @JdbcTypeCode(SqlTypes.ARRAY)
    public List<Role> roles;
    @JdbcTypeCode(SqlTypes.ARRAY)
    public List<UUID> projectIds;
    public int version;
    public Instant createdAt;
    public Instant updatedAt;
    public UUID createdBy;
    public UUID updatedBy;

    /** An action that is not stored yet. The draft has been checked and settled. */
    public static Action of(Draft draft, Caller caller, Instant now) {
        Action action = new Action();
        action.id = UUID.randomUUID();
        action.createdAt = now.truncatedTo(ChronoUnit.MICROS);
        action.createdBy = caller.id();
        action.take(draft);
        action.touch(caller, action.createdAt);
        return action;
    }

    /** All by name. A session remembers what it read, and all would be much to remember: these have none. */
    static List<Action> sorted(StatelessSession rows) {
        return rows.createSelectionQuery("from Action order by lower(name), name, id", Action.class)
                .setReadOnly(true).getResultList();
    }

    /** Returns the ids of the actions behind this place in the order of {@link #sorted}, which is the database's. */
    static Set<UUID> after(StatelessSession rows, String name, UUID id) {
        return Set.copyOf(rows.createSelectionQuery("""
                select id from Action where lower(name) > lower(:name) or lower(name) = lower(:name)
                and (name > :name or name = :name and id > :id)""", UUID.class)
                .setParameter("name", name).setParameter("id", id).getResultList());
    }

    /** The action, locked until the transaction ends, so that two writers do not overwrite each other unseen. */
    public static Optional<Action> locked(UUID id) {
        return findByIdOptional(id, LockModeType.PESSIMISTIC_WRITE);
    }

    /** Takes a draft over; a draft that says what is there already changes neither version nor times. */
    public boolean change(Draft draft, Caller caller, Instant now) {
        if (draft.equals(draft())) {
            return false;
        }
        take(draft);
        touch(caller, now.truncatedTo(ChronoUnit.MICROS));
        return true;
    }

    /** What an admin could have written to get this action. */
    public Draft draft() {
        return new Draft(name, url, entityType, isAjax, description, enabled, method, headers, timeoutMs, maxAttempts,
                ratePerMinute, signingSecret, roles, projectIds);
    }

    /** Roles see what names them; without any named, all but client and vendor. Disabled actions are for admins. */
    public boolean visibleTo(Caller caller) {
        return caller.is(Role.admin) || enabled && caller.roles().stream().anyMatch(this::allows);
    }

    /** Returns true if the browser opens the same address for every selection. */
    public boolean opensWithoutSelection() {
        try {
            return !isAjax && projectIds.isEmpty() && Template.parse(url).variables().isEmpty();
        } catch (Template.Refused unreadable) {
            return false;
        }
    }

    /** Whether somebody with this role, in the target's production, may press it. */
    public boolean allows(Role role) {
        return role == Role.admin || (roles.isEmpty() ? role != Role.client && role != Role.vendor : roles.contains(role));
    }

    private void take(Draft draft) {
        name = draft.name();
        url = draft.url();
        entityType = draft.entityType();
        isAjax = draft.isAjax();
        description = draft.description();
        enabled = draft.enabled();
        method = draft.method();
        headers = draft.headers();
        timeoutMs = draft.timeoutMs();
        maxAttempts = draft.maxAttempts();
        ratePerMinute = draft.ratePerMinute();
        signingSecret = draft.signingSecret();
        roles = draft.roles();
        projectIds = draft.projectIds();
    }

    private void touch(Caller caller, Instant now) {
        version++;
        updatedAt = now;
        updatedBy = caller.id();
    }
}
