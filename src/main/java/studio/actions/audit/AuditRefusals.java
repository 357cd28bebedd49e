package studio.actions.audit;

import java.util.UUID;
import java.util.concurrent.Executor;

import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerResponseContext;

import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerResponseFilter;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.identity.CurrentIdentityAssociation;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.identity.Asker;
import studio.actions.problem.Problem;
import studio.actions.problem.StrictJson;

/** Writes down who was refused something for who they are, or for how often they ask; before they are told. */
class AuditRefusals {

    private static final Logger LOG = Logger.getLogger(AuditRefusals.class);

    private static final int LONGEST_PATH = 300;

    private final CurrentIdentityAssociation identities;
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
            if (identity != null && !identity.isAnonymous()) {
                write(identity, problem, method, path, id);
            }
        }).replaceWithVoid();
    }

    private static void write(SecurityIdentity identity, Problem problem, String method, String path, UUID id) {
        Asker asker = Asker.of(identity);
        try {
            QuarkusTransaction.requiringNew().run(() -> {
                AuditEntry entry = AuditEntry.of(AuditEntry.Verb.refused, asker, problem.code()).with("method", method)
                        .with("path", path.substring(0, Math.min(LONGEST_PATH, path.length()))).with("why", problem.detail());
                (id == null ? entry : entry.aboutPath(id, path.contains("/runs/"))).persist();
            });
        } catch (RuntimeException e) {
            LOG.warnf("That %s (%s) was refused %s %s (%s) stands here only, since the database did not take it: %s",
                    asker.caller().id(), asker.caller().role(), method, path, problem.code(), e.getMessage());
        }
    }
}
