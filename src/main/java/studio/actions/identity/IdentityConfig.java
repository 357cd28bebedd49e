package studio.actions.identity;

import java.net.URI;
import java.util.Optional;

import io.smallrye.config.ConfigMapping;

/** Who may ask when there is no Kitsu. */
@ConfigMapping(prefix = "custom-actions")
public interface IdentityConfig {

    Local local();

    Zou zou();

    interface Local {
        /** The admin's token without Kitsu; ignored, never accepted, once {@code zou.url} is set. Unset = a random one. */
        Optional<String> token();
    }

    interface Zou {
        /** Kitsu's API server; unset = without Kitsu. */
        Optional<URI> url();
    }
}
