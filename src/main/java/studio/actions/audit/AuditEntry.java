package studio.actions.audit;

import java.time.Instant;
import java.util.UUID;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;

/** Who did what, to what, from where, with which result. Written once, never changed. */
@Entity
public class AuditEntry extends PanacheEntityBase {

    /** Spelled as on the wire. */
    public enum Verb {
        opened
    }

    @Id
    public UUID id;
    public Instant at;
    @Enumerated(EnumType.STRING)
    public Verb verb;
    /** The action. */
    public UUID subject;
    public String subjectName;
    public UUID callerId;
    public String callerName;
    public String callerEmail;
    @Enumerated(EnumType.STRING)
    public Role callerRole;
    /** The address that the request came from. */
    public String fromAddress;
    public String result;

    /** An action was opened: so many URLs were handed to the browser, so many targets were refused. */
    public static AuditEntry opened(UUID action, String actionName, Caller caller, String from, int urls, int refused,
            Instant now) {
        AuditEntry entry = new AuditEntry();
        entry.id = UUID.randomUUID();
        entry.at = now;
        entry.verb = Verb.opened;
        entry.subject = action;
        entry.subjectName = actionName;
        entry.callerId = caller.id();
        entry.callerName = caller.name();
        entry.callerEmail = caller.email();
        entry.callerRole = caller.role();
        entry.fromAddress = from;
        entry.result = "urls=" + urls + " refused=" + refused;
        return entry;
    }
}
