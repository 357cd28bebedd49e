package studio.actions.secret;

import java.util.Map;
import java.util.Optional;

import io.smallrye.config.ConfigMapping;

/** Settings of secrets: the service's own signing secrets, and the secrets that actions name. */
@ConfigMapping(prefix = "custom-actions")
public interface SecretConfig {

    Signing signing();

    /** The values that replace {@code ${secret:name}}, by name. */
    Map<String, String> secrets();

    interface Signing {
        /** The service's own secret for signing deliveries, {@code whsec_…}. */
        Optional<String> secret();

        /** The previous signing secret; deliveries are also signed with this secret while receivers change over. */
        Optional<String> previousSecret();
    }
}
