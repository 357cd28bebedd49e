package studio.actions.identity;

import java.security.Principal;
import java.util.List;
import java.util.UUID;

import io.quarkus.security.identity.SecurityIdentity;

/** The person or bot who asks. */
public record Caller(UUID id, String name, String email, Role role, boolean bot, List<UUID> departments) implements Principal {

    /** The caller behind an authenticated request. */
    public static Caller of(SecurityIdentity identity) {
        return (Caller) identity.getPrincipal();
    }

    public boolean is(Role wanted) {
        return role == wanted;
    }

    @Override
    public String getName() {
        return name;
    }
}
