package studio.actions.secret;

import java.util.Optional;

import io.smallrye.config.ConfigMapping;

/** Settings of the service's own signing secret. */
@ConfigMapping(prefix = "custom-actions.signing")
public interface SigningConfig {

    /** The service's own signing secret, {@code whsec_…}: signs the requests of all actions without one of their own. */
    Optional<String> secret();

    /** The signing secret before; while it is set, requests carry two signatures. */
    Optional<String> previousSecret();
}
