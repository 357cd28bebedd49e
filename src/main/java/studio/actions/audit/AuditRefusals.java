package studio.actions.audit;

import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerResponseContext;

import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerResponseFilter;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.identity.CurrentIdentityAssociation;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.identity.Requester;
import studio.actions.problem.Problem;
import studio.actions.problem.StrictJson;

/**
 * Response filter that saves an audit entry before a caller gets a refusal for missing rights or for an exceeded quota. Entries
 * cannot be removed for a year by default, so each caller causes at most {@link #ENTRIES_A_MINUTE} entries a minute. The first
 * entry of the caller's next minute says how many refusals were left out.
 */
class AuditRefusals {

    private static final Logger LOG = Logger.getLogger(AuditRefusals.class);

    static final int ENTRIES_A_MINUTE = 60;

    private static final long MINUTE = Duration.ofMinutes(1).toNanos();

    private static final int LONGEST_PATH = 300;

    /**
     * The refusals of one caller within a minute from {@code since}.
     *
     * @param refused the number of refusals so far
     * @param untold the number of refusals in the caller's previous minute that have no entry
     */
    private record Minute(long since, int refused, int untold) {

        static Minute after(Minute before, long now) {
            if (before == null || now - before.since >= MINUTE) {
                return new Minute(now, 1, before == null ? 0 : Math.max(0, before.refused - ENTRIES_A_MINUTE));
            }
            return new Minute(before.since, before.refused + 1, before.untold);
        }
    }

    private final CurrentIdentityAssociation identities;
    private final AuditStore store;
    private final Map<UUID, Minute> minutes = new ConcurrentHashMap<>();
    private final Executor workers = Infrastructure.getDefaultWorkerPool();

    AuditRefusals(CurrentIdentityAssociation identities, AuditStore store) {
        this.identities = identities;
        this.store = store;
    }

    @ServerResponseFilter
    Uni<Void> note(ContainerRequestContext request, ContainerResponseContext response) {
        if (!(response.getEntity() instanceof Problem problem) || !problem.refusal()) {
            return null;
        }
        String path = request.getUriInfo().getRequestUri().getRawPath();
        String method = request.getMethod();
        UUID id = StrictJson.id(request.getUriInfo().getPathParameters().getFirst("id"));
        return identities.getDeferredIdentity().onFailure().recoverWithNull().emitOn(workers).invoke(identity -> {
            // A caller without an identity failed authentication, and cannot be named.
            if (identity != null && !identity.isAnonymous()) {
                note(Requester.of(identity), problem, method, path, id);
            }
        }).replaceWithVoid();
    }

    private void note(Requester requester, Problem problem, String method, String path, UUID id) {
        UUID caller = requester.caller().id();
        Minute minute = minutes.compute(caller, (same, before) -> Minute.after(before, System.nanoTime()));
        if (minute.refused > ENTRIES_A_MINUTE) {
            if (minute.refused == ENTRIES_A_MINUTE + 1) {
                LOG.warnf(
                        "Caller %s (%s) was refused more than %d times in a minute; the audit omits the rest of this minute.",
                        caller, requester.caller().role(), ENTRIES_A_MINUTE);
            }
            return;
        }
        AuditEntry entry = AuditEntry.of(AuditEntry.Verb.refused, requester, problem.code()).with("method", method)
                .with("path", path.substring(0, Math.min(LONGEST_PATH, path.length()))).with("why", problem.detail());
        if (minute.refused == 1 && minute.untold > 0) {
            entry.with("untold", minute.untold);
        }
        try {
            QuarkusTransaction.requiringNew()
                    .run(() -> {
                        if (id != null) {
                            store.aboutPath(entry, id, path.contains("/runs/"));
                        }
                        entry.persist();
                    });
        } catch (RuntimeException e) {
            LOG.warnf("Caller %s (%s) was refused %s %s (%s); cannot save this in the audit (%s), only in this line.", caller,
                    requester.caller().role(), method, path, problem.code(), e.getMessage());
        }
    }
}
