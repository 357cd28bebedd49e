package studio.actions.audit;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;

import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;

import org.hibernate.annotations.Immutable;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import studio.actions.identity.Requester;
import studio.actions.identity.Role;

/**
 * An entry of the audit: who did what to which action or run, from which address, with which result. An entry about a change is
 * written in the transaction of the change, so that neither exists without the other. PostgreSQL refuses to change an entry, or
 * to remove it before its retention period is over (triggers in {@code V1__schema.sql}).
 */
@Entity
@Immutable
public class AuditEntry extends PanacheEntityBase {

    /** Operations, named as in JSON. */
    public enum Verb {
        created,
        changed,
        deleted,
        restored,
        imported,
        exported,
        ran,
        opened,
        replayed,
        cancelled,
        refused,
        /** Kitsu's own copy of an action was deleted; this service keeps the action. */
        cleared,
        /** The copy was restored in Kitsu. */
        uncleared
    }

    /** The {@code result} of an operation that succeeded. */
    public static final String DONE = "done";

    @Id
    public UUID id;
    /** Set by the database's clock. */
    @Column(insertable = false, updatable = false)
    public Instant at;
    @Enumerated(EnumType.STRING)
    public Verb verb;
    /** The action's id; null if the entry is about no action or several. */
    public UUID subject;
    public String subjectName;
    public UUID runId;
    public UUID callerId;
    public String callerName;
    public String callerEmail;
    @Enumerated(EnumType.STRING)
    public Role callerRole;
    /** The client's IP address. */
    public String fromAddress;
    public String result;
    @JdbcTypeCode(SqlTypes.JSON)
    public Map<String, Object> detail = new LinkedHashMap<>();

    /** Returns a new entry, which is not saved yet. */
    public static AuditEntry of(Verb verb, Requester requester, String result) {
        AuditEntry entry = new AuditEntry();
        entry.id = UUID.randomUUID();
        entry.verb = verb;
        entry.callerId = requester.caller().id();
        entry.callerName = requester.caller().name();
        entry.callerEmail = requester.caller().email();
        entry.callerRole = requester.caller().role();
        entry.fromAddress = requester.from();
        entry.result = result;
        return entry;
    }

    /** Returns true if the entry is about the start of a run. */
    boolean begins() {
        return verb == Verb.ran || verb == Verb.replayed;
    }

    public AuditEntry about(UUID action, String name) {
        subject = action;
        subjectName = name;
        return this;
    }

    public AuditEntry ofRun(UUID run) {
        runId = run;
        return this;
    }

    /** Adds a detail. Its value is anything that JSON can express, such as a text, a number or a list. */
    public AuditEntry with(String key, Object value) {
        detail.put(key, value);
        return this;
    }
}
