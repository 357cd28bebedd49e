package studio.actions.identity;

import io.quarkus.security.identity.SecurityIdentity;

/**
 * A caller with what they came with.
 *
 * @param credential null without Kitsu
 */
public record Asker(Caller caller, Credential credential) {

    /** Whoever is behind an authenticated request. */
    public static Asker of(SecurityIdentity identity) {
        return new Asker(Caller.of(identity), identity.getCredential(Credential.class));
    }
}
