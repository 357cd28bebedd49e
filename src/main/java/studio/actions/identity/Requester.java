package studio.actions.identity;

import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.core.net.SocketAddress;
import io.vertx.ext.web.RoutingContext;

/**
 * A caller with the credential and the address of the request.
 *
 * @param credential the caller's credential; null without Kitsu
 * @param from the address that the request came from; null if it has none
 */
public record Requester(Caller caller, Credential credential, String from) {

    /** The attribute of a {@link SecurityIdentity} with the address that its request came from. */
    public static final String FROM = "from";

    /** Returns the requester of an authenticated request. */
    public static Requester of(SecurityIdentity identity) {
        String from = identity.getAttribute(FROM);
        return new Requester(Caller.of(identity), identity.getCredential(Credential.class), from.isEmpty() ? null : from);
    }

    /** Returns the client's address, as a trusted proxy names it or as connected to us; an empty text if there is none. */
    public static String address(RoutingContext request) {
        SocketAddress remote = request.request().remoteAddress();
        return remote == null || remote.hostAddress() == null ? "" : remote.hostAddress();
    }
}
