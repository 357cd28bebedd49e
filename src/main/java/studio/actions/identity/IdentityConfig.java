package studio.actions.identity;

import java.net.URI;
import java.util.Optional;

import io.smallrye.config.ConfigMapping;

/** Settings of authentication, and the public URL. */
@ConfigMapping(prefix = "custom-actions")
public interface IdentityConfig {

    Local local();

    Zou zou();

    /**
     * The URL at which browsers reach us. Its pages may send requests with Kitsu's cookie, besides pages of the request's own
     * host.
     */
    Optional<URI> publicUrl();

    interface Local {
        /**
         * The admin's token if there is no Kitsu; never accepted if {@code zou.url} is set. Unset = a random token at each
         * start.
         */
        Optional<String> token();
    }

    interface Zou {
        /** URL of Kitsu's API server; unset = there is no Kitsu. */
        Optional<URI> url();
    }
}
