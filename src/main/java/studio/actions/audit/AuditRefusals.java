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
 * Writes down who was refused something for who they are, or for how often they ask; before they are told. Nobody can remove
 * an entry for a year, so whoever is refused without end gets some entries a minute, and the next one says how many more there
 * were.
 */
class AuditRefusals {

    private static final Logger LOG = Logger.getLogger(AuditRefusals.class);

    static final int ENTRIES_A_MINUTE = 60;

    private static final long MINUTE = Duration.ofMinutes(1).toNanos();

    private static final int LONGEST_PATH = 300;

    /**
     * A minute of one caller's.
     *
     * @param refused how often so far
     * @param untold how often in the minute before that nobody wrote down
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
    private final Map<UUID, Minute> minutes = new ConcurrentHashMap<>();
    private final Executor workers = Infrastructure.getDefaultWorkerPool();

    AuditRefusals(CurrentIdentityAssociation identities) {
        this.identities = identities;
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
            // Who could not be told apart has been refused by Kitsu already.
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
                        "Caller %s (%s) was refused more than %d times within a minute; the audit has no more of this minute's",
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
                    .run(() -> (id == null ? entry : entry.aboutPath(id, path.contains("/runs/"))).persist());
        } catch (RuntimeException e) {
            LOG.warnf("That %s (%s) was refused %s %s (%s) stands here only, since the database did not take it: %s", caller,
                    requester.caller().role(), method, path, problem.code(), e.getMessage());
        }
    }
}
