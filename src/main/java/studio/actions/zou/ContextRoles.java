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
 * Remembers which roles a person has in productions, as Kitsu's user context said last when it passed through here. They widen
 * the list of actions; each press asks for the role in the target's production ({@link ProjectRoles}).
 */
@Singleton
public class ContextRoles {

    private final CaffeineCache known;

    ContextRoles(@CacheName("context-roles") Cache known) {
        this.known = known.as(CaffeineCache.class);
    }

    /** Returns the caller with the roles that are remembered. */
    Caller of(Caller caller) {
        CompletableFuture<Set<Role>> roles = known.getIfPresent(caller.id());
        return roles == null ? caller : caller.withProjectRoles(roles.join());
    }

    /**
     * Takes the roles out of a user context.
     *
     * @param projectRoles roles by production; not an object where Zou is too old to know any
     * @return the caller with them
     */
    public Caller read(Caller caller, JsonNode projectRoles) {
        Set<Role> roles = EnumSet.noneOf(Role.class);
        projectRoles.forEach(role -> {
            try {
                roles.add(Role.valueOf(role.asText()));
            } catch (IllegalArgumentException e) {
                // A role that is not known here shows nothing.
            }
        });
        // Admin is a global role alone, in Zou as well.
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
