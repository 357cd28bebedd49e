package studio.actions.run;

import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;

import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import studio.actions.action.Action;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;

/** One press of the button, with all that its deliveries are sent with. */
@Entity
public class Run extends PanacheEntityBase {

    /** Spelled as on the wire. */
    @Schema(name = "RunState")
    public enum State {
        queued,
        running,
        succeeded,
        partial,
        failed,
        cancelled
    }

    @Id
    public UUID id;
    public UUID actionId;
    public String actionName;
    @Enumerated(EnumType.STRING)
    public State state;
    public UUID callerId;
    public String callerName;
    public String callerEmail;
    @Enumerated(EnumType.STRING)
    public Role callerRole;
    @Enumerated(EnumType.STRING)
    public Action.Method method;
    @JdbcTypeCode(SqlTypes.JSON)
    public Map<String, String> headers;
    public int timeoutMs;
    public String signingSecret;
    public Instant createdAt;
    public Instant finishedAt;
    /** Until when the run belongs to the process that sends it; null once it has ended. */
    public Instant leaseUntil;
    public int unfinished;

    static Run of(Action action, Caller caller, Instant now, Duration lease) {
        Run run = new Run();
        run.id = UUID.randomUUID();
        run.actionId = action.id;
        run.actionName = action.name;
        run.state = State.running;
        run.callerId = caller.id();
        run.callerName = caller.name();
        run.callerEmail = caller.email();
        run.callerRole = caller.role();
        run.method = action.method;
        run.headers = action.headers;
        run.timeoutMs = action.timeoutMs;
        run.signingSecret = action.signingSecret;
        run.createdAt = now;
        run.leaseUntil = now.plus(lease);
        return run;
    }

    boolean visibleTo(Caller caller) {
        return caller.is(Role.admin) || caller.is(Role.manager) || callerId.equals(caller.id());
    }

    /** Counts finished deliveries off; the last one ends the run. One row lock makes "the last" true for all replicas. */
    static void finishDeliveries(UUID id, int count, Instant now) {
        Number left = (Number) getEntityManager()
                .createNativeQuery("UPDATE run SET unfinished = unfinished - :count WHERE id = :id RETURNING unfinished")
                .setParameter("count", count).setParameter("id", id).getSingleResult();
        finish(id, left.intValue(), now);
    }

    /** Counts anew what has not ended: whoever wrote the count may have died of something that no transaction undid. */
    static void recount(UUID id, Instant now) {
        Number left = (Number) getEntityManager().createNativeQuery("""
                UPDATE run SET unfinished = (SELECT count(*) FROM delivery
                                              WHERE run_id = :id AND state IN ('pending', 'in_flight'))
                 WHERE id = :id RETURNING unfinished""").setParameter("id", id).getSingleResult();
        finish(id, left.intValue(), now);
    }

    private static void finish(UUID id, int left, Instant now) {
        if (left == 0) {
            getEntityManager().createNativeQuery("""
                    UPDATE run SET finished_at = :now, lease_until = NULL, state =
                        (SELECT CASE count(*) FILTER (WHERE state = 'delivered')
                                WHEN count(*) THEN 'succeeded' WHEN 0 THEN 'failed' ELSE 'partial' END
                           FROM delivery WHERE run_id = :id)
                     WHERE id = :id""").setParameter("now", now).setParameter("id", id).executeUpdate();
        }
    }

    /** Keeps the runs that this process sends. */
    static void renew(Collection<UUID> ids, Instant until) {
        update("leaseUntil = ?1 where id in ?2 and finishedAt is null", until, ids);
    }

    /** Takes over runs whose process shows no sign of life; no other replica gets the same ones. */
    @SuppressWarnings("unchecked")
    static List<Run> takeOver(Collection<UUID> own, Instant now, Instant until, int limit) {
        List<UUID> ids = getEntityManager().createNativeQuery("""
                SELECT id FROM run WHERE finished_at IS NULL AND lease_until < :now AND NOT (id = ANY(:own))
                 ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED""", UUID.class)
                .setParameter("now", now).setParameter("own", own.toArray(UUID[]::new)).setParameter("limit", limit)
                .getResultList();
        if (ids.isEmpty()) {
            return List.of();
        }
        renew(ids, until);
        return list("id in ?1", ids);
    }
}
