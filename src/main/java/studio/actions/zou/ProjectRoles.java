package studio.actions.zou;

import java.util.UUID;

import jakarta.inject.Singleton;

import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.cache.Cache;
import io.quarkus.cache.CacheName;
import io.smallrye.mutiny.Uni;
import studio.actions.identity.Caller;
import studio.actions.identity.Credential;
import studio.actions.identity.Role;

/**
 * Roles in productions: a person's role there may be another than the global one. Only admin is global alone. Asked of Zou as
 * the caller, and remembered as long as identities are.
 */
@Singleton
public class ProjectRoles {

    private record Key(UUID caller, UUID production) {
    }

    private final Zou zou;
    private final Cache known;

    ProjectRoles(Zou zou, @CacheName("project-roles") Cache known) {
        this.zou = zou;
        this.known = known;
    }

    /**
     * Returns the caller's role in a production.
     *
     * @return fails with {@link Zou.Denied} for who is not in its team, and as {@link Zou#ask} does
     */
    Uni<Role> of(Credential credential, Caller caller, UUID production) {
        if (caller.is(Role.admin)) {
            return Uni.createFrom().item(Role.admin);
        }
        return known.getAsync(new Key(caller.id(), production),
                unknown -> zou.team(credential, production).map(team -> in(team, caller)));
    }

    private static Role in(JsonNode team, Caller caller) {
        for (JsonNode member : team) {
            ZouObject person = new ZouObject(member);
            if (caller.id().equals(person.id())) {
                String own = person.text("project_role");
                // Zou takes an admin's role in a production for a mistake, and so do we.
                return own == null || own.equals(Role.admin.name()) ? caller.role() : ZouIdentity.role(own);
            }
        }
        throw new Zou.Denied(403, "You are not in the team of this production.");
    }
}
