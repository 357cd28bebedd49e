package studio.actions.identity;

import java.net.URI;
import java.util.Optional;

import io.smallrye.config.ConfigMapping;

/** Who may ask, and where from. */
@ConfigMapping(prefix = "custom-actions")
public interface IdentityConfig {

    Local local();

    Zou zou();

    /** Where browsers reach us: our own site, and the host of trigger links. Unset = the host of each request. */
    Optional<URI> publicUrl();

    interface Local {
        /** The admin's token without Kitsu; ignored, never accepted, once {@code zou.url} is set. Unset = a random one. */
        Optional<String> token();
    }

    interface Zou {
        /** Kitsu's API server; unset = without Kitsu. */
        Optional<URI> url();
    }
}
