package studio.actions.limit;

import jakarta.enterprise.inject.Instance;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerRequestFilter;
import jakarta.ws.rs.container.ContainerResponseContext;
import jakarta.ws.rs.container.ContainerResponseFilter;
import jakarta.ws.rs.ext.Provider;

import io.quarkus.security.identity.SecurityIdentity;
import studio.actions.identity.Caller;

/**
 * Adds the rate limit headers to the answer of a press. Reads the caller's bucket before the request body is parsed, so that
 * even the answer to an invalid body has these headers.
 */
@Limited
@Provider
class QuotaHeaders implements ContainerRequestFilter, ContainerResponseFilter {

    private final Quota quota;
    /** Resolved at the first request, since Quarkus creates filters before {@code RateLimits} can read its configuration. */
    private final Instance<RateLimits> limits;
    private final SecurityIdentity identity;

    QuotaHeaders(Quota quota, Instance<RateLimits> limits, SecurityIdentity identity) {
        this.quota = quota;
        this.limits = limits;
        this.identity = identity;
    }

    @Override
    public void filter(ContainerRequestContext request) {
        if (!identity.isAnonymous()) {
            quota.show(limits.get().look(limits.get().caller(Caller.of(identity))));
        }
    }

    @Override
    public void filter(ContainerRequestContext request, ContainerResponseContext response) {
        if (quota.known()) {
            response.getHeaders().putSingle("RateLimit-Policy", quota.policies());
            response.getHeaders().putSingle("RateLimit", quota.left());
        }
    }
}
