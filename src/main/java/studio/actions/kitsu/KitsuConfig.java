package studio.actions.kitsu;

import java.net.URI;
import java.util.Optional;

import io.smallrye.config.ConfigMapping;

/** The face towards Kitsu's front-end. */
@ConfigMapping(prefix = "custom-actions")
public interface KitsuConfig {

    /** Where browsers reach us, for trigger links; unset = the host of each request. */
    Optional<URI> publicUrl();
}
