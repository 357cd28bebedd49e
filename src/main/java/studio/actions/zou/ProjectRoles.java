package studio.actions.zou;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

import jakarta.inject.Singleton;

import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.cache.Cache;
import io.quarkus.cache.CacheName;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import studio.actions.identity.Caller;
import studio.actions.identity.Credential;
import studio.actions.identity.Role;

/**
 * People's roles in single productions, which may differ from their global roles. Only the role admin is always global. Asks
 * Zou with the caller's credential and caches the answer for {@code zou.identity-cache}.
 */
@Singleton
public class ProjectRoles {

    private record Key(UUID caller, UUID production) {
    }

    private static final int AT_ONCE = 8;

    private final Zou zou;
    private final Cache known;
    private final Cache insiders;

    ProjectRoles(Zou zou, @CacheName("project-roles") Cache known, @CacheName("inside") Cache insiders) {
        this.zou = zou;
        this.known = known;
        this.insiders = insiders;
    }

    /**
     * Returns the caller's role in a production.
     *
     * @return the role; fails as {@link Zou#ask} does, and with {@link Denied} if the caller is not in the production's team or
     *         has a role there that this service does not know
     */
    Uni<Role> of(Credential credential, Caller caller, UUID production) {
        if (caller.is(Role.admin)) {
            return Uni.createFrom().item(Role.admin);
        }
        return known.getAsync(new Key(caller.id(), production),
                unknown -> zou.team(credential, production).map(team -> in(team, caller.id())))
                .map(own -> own.orElse(caller.role()));
    }

    /**
     * Returns the productions that are not archived and in which the caller is neither vendor nor client. Caches their ids for
     * a minute.
     *
     * @return the ids of the productions; fails as {@link Zou#ask} does
     */
    public Uni<Set<UUID>> inside(Credential credential, Caller caller) {
        return insiders.getAsync(caller.id(), unknown -> zou.projects(credential)
                .chain(ids -> in(credential, caller, ids)).map(roles -> {
                    roles.values().removeIf(role -> role == Role.vendor || role == Role.client);
                    return roles.keySet();
                }));
    }

    /**
     * Returns a person's roles in productions by the id of the production. Omits productions in whose team the person is not or
     * has a role that this service does not know, and productions whose team Zou does not show to the caller.
     *
     * @param credential the caller's credential; the caller may be another person
     * @return the roles; fails as {@link Zou#ask} does
     */
    Uni<Map<UUID, Role>> in(Credential credential, Caller person, Collection<UUID> productions) {
        return Multi.createFrom().iterable(productions)
                .onItem().transformToUni(production -> of(credential, person, production)
                        .map(role -> Map.of(production, role)).onFailure(Denied.class).recoverWithItem(Map.of()))
                .merge(AT_ONCE).collect().in(HashMap::new, Map::putAll);
    }

    /** Returns a member's role in a production's team; empty if the global role applies. Refuses a person outside the team. */
    private static Optional<Role> in(JsonNode team, UUID caller) {
        for (JsonNode member : team) {
            ZouObject person = new ZouObject(member);
            if (caller.equals(person.id())) {
                String own = person.text("project_role");
                // Zou ignores the role admin in a single production, and so do we.
                return own == null || own.equals(Role.admin.name()) ? Optional.empty() : Optional.of(role(own));
            }
        }
        throw new Denied(403, "You are not in the team of this production.");
    }

    private static Role role(String name) {
        try {
            return Role.valueOf(name);
        } catch (IllegalArgumentException e) {
            throw new Denied(403, "This service does not know your role in this production.");
        }
    }
}
