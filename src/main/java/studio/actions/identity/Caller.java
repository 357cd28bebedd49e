package studio.actions.identity;

import java.security.Principal;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;

import io.quarkus.security.identity.SecurityIdentity;

/**
 * The person or bot who sent a request.
 *
 * @param role the global role in Kitsu
 * @param projectRoles the roles that Kitsu gives this person in single productions instead of the global one; empty if this
 *        service has not learnt them
 * @param times how this person reads times on the page
 */
public record Caller(UUID id, String name, String email, Role role, boolean bot, List<UUID> departments,
        Set<Role> projectRoles, TimeFormat times) implements Principal {

    /** Returns the caller of an authenticated request. */
    public static Caller of(SecurityIdentity identity) {
        return (Caller) identity.getPrincipal();
    }

    /** Returns the global role and the roles in productions; they decide which actions this person sees. */
    public Set<Role> roles() {
        Set<Role> all = EnumSet.of(role);
        all.addAll(projectRoles);
        return all;
    }

    public Caller withProjectRoles(Set<Role> known) {
        return new Caller(id, name, email, role, bot, departments, known, times);
    }

    public boolean is(Role wanted) {
        return role == wanted;
    }

    @Override
    public String getName() {
        return name;
    }
}
