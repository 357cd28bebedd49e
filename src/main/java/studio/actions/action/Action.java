package studio.actions.action;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;

import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import studio.actions.draft.Draft;
import studio.actions.draft.EntityType;
import studio.actions.draft.Method;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;
import studio.actions.template.Template;
import studio.actions.template.TriggerLink;

/** A button that an admin defines: its URL template, who may press it, and how its deliveries are sent. */
@Entity
public class Action extends PanacheEntityBase {

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

    /** Creates an action from a draft, but does not store it. The draft must have been checked and must have its defaults. */
    public static Action of(Draft draft, Caller caller, Instant now) {
        Action action = new Action();
        action.id = UUID.randomUUID();
        action.createdAt = now.truncatedTo(ChronoUnit.MICROS);
        action.createdBy = caller.id();
        action.take(draft);
        action.touch(caller, action.createdAt);
        return action;
    }

    /**
     * Copies the draft's fields into the action, raises the version number and returns true. If no field differs, changes
     * nothing and returns false.
     */
    public boolean change(Draft draft, Caller caller, Instant now) {
        if (draft.equals(draft())) {
            return false;
        }
        take(draft);
        touch(caller, now.truncatedTo(ChronoUnit.MICROS));
        return true;
    }

    /** Returns the draft that would create an action with these fields. */
    public Draft draft() {
        return new Draft(name, url, entityType, isAjax, description, enabled, method, headers, timeoutMs, maxAttempts,
                ratePerMinute, signingSecret, roles, projectIds);
    }

    /** Returns the URL that Kitsu shows in place of the action's own URL. It leads to this service. */
    public String triggerLink() {
        return new TriggerLink(id, version).with(isAjax ? "run" : "open", url);
    }

    /**
     * Returns true if the caller may see the action. Admins see all actions; other callers see enabled actions that allow one
     * of their roles.
     */
    public boolean visibleTo(Caller caller) {
        return caller.is(Role.admin) || enabled && allowsOneOf(caller.roles());
    }

    /** Returns true if one of the roles allows the action. */
    public boolean allowsOneOf(Collection<Role> some) {
        return some.stream().anyMatch(this::allows);
    }

    /**
     * Returns true if the action may run on targets in the production. An action without productions runs in all productions.
     *
     * @param production null if the production is not known
     */
    public boolean runsIn(UUID production) {
        return projectIds.isEmpty() || production != null && projectIds.contains(production);
    }

    /** Returns true if the browser can open the action without a selection, because its URL is the same for all selections. */
    public boolean opensWithoutSelection() {
        try {
            return !isAjax && projectIds.isEmpty() && Template.parse(url).variables().isEmpty();
        } catch (Template.Refused unreadable) {
            return false;
        }
    }

    /**
     * Returns true if a caller with this role in the target's production may press the action. An action without roles is for
     * all roles except client and vendor.
     */
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
