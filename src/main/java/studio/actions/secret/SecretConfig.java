package studio.actions.secret;

import java.util.Map;

import io.quarkus.arc.Unremovable;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithParentName;

/**
 * Settings of the secrets that actions name.
 *
 * <p>
 * {@link Secrets} reads them elsewhere. Without this interface they would be refused as unknown.
 */
@ConfigMapping(prefix = "custom-actions.secrets")
@Unremovable
public interface SecretConfig {

    /**
     * The value of {@code ${secret:name}}: {@code CUSTOM_ACTIONS_SECRETS_RENDER_FARM} is {@code ${secret:render-farm}}. Write a
     * <code>${</code> inside a secret as <code>\${</code>. If the secret signs, {@code <name>-previous} is the signing secret
     * before it.
     */
    @WithParentName
    Map<String, String> values();
}
