package studio.actions.identity;

import java.security.Principal;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;

import io.quarkus.security.identity.SecurityIdentity;

/**
 * The person or bot who asks.
 *
 * @param role the global one
 * @param projectRoles in productions where Kitsu gives this person another role, as far as it is known
 */
public record Caller(UUID id, String name, String email, Role role, boolean bot, List<UUID> departments,
        Set<Role> projectRoles) implements Principal {

    /** The caller behind an authenticated request. */
    public static Caller of(SecurityIdentity identity) {
        return (Caller) identity.getPrincipal();
    }

    /** Returns the global role and those in productions; they decide which actions this person sees. */
    public Set<Role> roles() {
        Set<Role> all = EnumSet.of(role);
        all.addAll(projectRoles);
        return all;
    }

    public Caller withProjectRoles(Set<Role> known) {
        return new Caller(id, name, email, role, bot, departments, known);
    }

    public boolean is(Role wanted) {
        return role == wanted;
    }

    @Override
    public String getName() {
        return name;
    }
}
