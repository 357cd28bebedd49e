package studio.actions.identity;

import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.core.net.SocketAddress;
import io.vertx.ext.web.RoutingContext;

/**
 * The caller of a request, with the credential and the client's address.
 *
 * @param credential the caller's credential; null if {@code zou.url} is not set
 * @param from the client's IP address; null if it is not known
 */
public record Requester(Caller caller, Credential credential, String from) {

    /** The name of the attribute of a {@link SecurityIdentity} that holds the client's IP address. */
    public static final String FROM = "from";

    /** Returns the requester of an authenticated request. */
    public static Requester of(SecurityIdentity identity) {
        String from = identity.getAttribute(FROM);
        return new Requester(Caller.of(identity), identity.getCredential(Credential.class), from.isEmpty() ? null : from);
    }

    /**
     * Returns the client's IP address: the one that a trusted proxy reports, else the address of the connection; an empty text
     * if neither is known.
     */
    public static String address(RoutingContext request) {
        SocketAddress remote = request.request().remoteAddress();
        return remote == null || remote.hostAddress() == null ? "" : remote.hostAddress();
    }
}
