package studio.actions.identity;

import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.core.net.SocketAddress;
import io.vertx.ext.web.RoutingContext;

/**
 * A caller with what they came with.
 *
 * @param credential null without Kitsu
 * @param from the address that the request came from; null where it has none
 */
public record Requester(Caller caller, Credential credential, String from) {

    /** The attribute of an identity that says where its request came from. */
    public static final String FROM = "from";

    /** Whoever is behind an authenticated request. */
    public static Requester of(SecurityIdentity identity) {
        String from = identity.getAttribute(FROM);
        return new Requester(Caller.of(identity), identity.getCredential(Credential.class), from.isEmpty() ? null : from);
    }

    /** That of whoever speaks to us; where proxies are trusted, what they say. Empty where there is none. */
    public static String address(RoutingContext request) {
        SocketAddress remote = request.request().remoteAddress();
        return remote == null || remote.hostAddress() == null ? "" : remote.hostAddress();
    }
}
