package studio.actions.action;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

import org.hibernate.validator.constraints.time.DurationMax;
import org.hibernate.validator.constraints.time.DurationMin;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Settings of actions: allowed URL schemes, secrets, the size of CSV imports, and time-outs. */
@ConfigMapping(prefix = "custom-actions")
public interface ActionConfig {

    Launch launch();

    Signing signing();

    /** The values of {@code ${secret:name}}, by name. */
    Map<String, String> secrets();

    Csv csv();

    Egress egress();

    interface Launch {
        /** URL schemes that are allowed for actions that the browser opens. */
        @WithDefault("http,https,maya,nuke,houdini,hiero,blender,rv,rvlink,krita,photoshop,resolve,vscode,ayon-launcher,kitsu")
        Set<String> schemes();
    }

    interface Signing {
        /** The service's own signing secret, {@code whsec_…}. */
        Optional<String> secret();

        /** The previous signing secret; deliveries are also signed with this secret while receivers change over. */
        Optional<String> previousSecret();
    }

    interface Csv {
        /** The most rows below the header that an import may have. */
        @WithDefault("10000")
        @Min(1)
        @Max(100_000)
        int maxRows();
    }

    interface Egress {
        /** The default of {@code timeout_ms}. The bounds of this default are in {@code EgressConfig}. */
        @WithDefault("10s")
        Duration timeout();

        /** The largest {@code timeout_ms} that an action may have. */
        @WithDefault("60s")
        @DurationMin(seconds = 1)
        @DurationMax(minutes = 5)
        Duration maxTimeout();
    }
}
