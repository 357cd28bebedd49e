package studio.actions.zou;

import java.util.EnumSet;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

import jakarta.inject.Singleton;

import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.cache.Cache;
import io.quarkus.cache.CacheName;
import io.quarkus.cache.CaffeineCache;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;

/**
 * A cache of the roles that people have in single productions. They come from the user context, which Kitsu loads from Zou
 * through this service at login. They only decide which actions a person sees: a press asks Zou for the role in the target's
 * production ({@link ProjectRoles}).
 */
@Singleton
public class ContextRoles {

    private final CaffeineCache known;

    ContextRoles(@CacheName("context-roles") Cache known) {
        this.known = known.as(CaffeineCache.class);
    }

    /** Returns the caller with the cached roles in productions; the same caller if none are cached. */
    Caller of(Caller caller) {
        CompletableFuture<Set<Role>> roles = known.getIfPresent(caller.id());
        return roles == null ? caller : caller.withProjectRoles(roles.join());
    }

    /**
     * Reads the caller's roles from a user context and caches them.
     *
     * @param projectRoles the field of the user context that maps production ids to roles; not a JSON object if Zou is too old
     *        to have it
     * @return the caller with the roles that were read
     */
    public Caller read(Caller caller, JsonNode projectRoles) {
        Set<Role> roles = EnumSet.noneOf(Role.class);
        projectRoles.forEach(role -> {
            try {
                roles.add(Role.valueOf(role.asText()));
            } catch (IllegalArgumentException e) {
                // Ignores a role that this service does not know: no action is visible to it.
            }
        });
        // Zou, too, ignores the role admin in a single production.
        roles.remove(Role.admin);
        UUID person = caller.id();
        if (roles.isEmpty()) {
            known.invalidate(person).await().indefinitely();
        } else {
            known.put(person, CompletableFuture.completedFuture(Set.copyOf(roles)));
        }
        return caller.withProjectRoles(roles);
    }
}
