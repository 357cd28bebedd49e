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

    /** Returns the caller with roles from the cache, if any. */
    Caller of(Caller caller) {
        CompletableFuture<Set<Role>> roles = known.getIfPresent(caller.id());
        return roles == null ? caller : caller.withProjectRoles(roles.join());
    }

    /**
     * Reads the caller's roles from a user context and caches them.
     *
     * @param projectRoles the context's roles by production; not an object if Zou is too old to have such roles
     * @return the caller with these roles
     */
    public Caller read(Caller caller, JsonNode projectRoles) {
        Set<Role> roles = EnumSet.noneOf(Role.class);
        projectRoles.forEach(role -> {
            try {
                roles.add(Role.valueOf(role.asText()));
            } catch (IllegalArgumentException e) {
                // An unknown role makes no action visible.
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
