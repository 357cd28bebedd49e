package studio.actions.identity;

import java.net.URI;
import java.util.Optional;

import io.smallrye.config.ConfigMapping;

/** Settings of authentication, and the public URL. */
@ConfigMapping(prefix = "custom-actions")
public interface IdentityConfig {

    Local local();

    Zou zou();

    /** The URL at which browsers reach us: our own site, and the host of trigger links. Unset = the host of each request. */
    Optional<URI> publicUrl();

    interface Local {
        /** The admin's token without Kitsu; ignored, never accepted, once {@code zou.url} is set. Unset = a random token. */
        Optional<String> token();
    }

    interface Zou {
        /** Kitsu's API server; unset = without Kitsu. */
        Optional<URI> url();
    }
}
