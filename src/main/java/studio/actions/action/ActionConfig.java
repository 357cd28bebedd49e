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

/** What an action may open, which secrets it may name, and how large a list of them may be. */
@ConfigMapping(prefix = "custom-actions")
public interface ActionConfig {

    Launch launch();

    Signing signing();

    /** What {@code ${secret:name}} stands for. */
    Map<String, String> secrets();

    Csv csv();

    Egress egress();

    interface Launch {
        /** Schemes that an action which the browser opens may have. */
        @WithDefault("http,https,maya,nuke,houdini,hiero,blender,rv,rvlink,krita,photoshop,resolve,vscode,ayon-launcher,kitsu")
        Set<String> schemes();
    }

    interface Signing {
        /** The service's own signing secret, {@code whsec_…}. */
        Optional<String> secret();

        /** The one before, while receivers change over. */
        Optional<String> previousSecret();
    }

    interface Csv {
        /** The most rows that import reads. */
        @WithDefault("10000")
        @Min(1)
        @Max(100_000)
        int maxRows();
    }

    interface Egress {
        /** The default of {@code timeout_ms}; its bounds stand with the rest of egress. */
        @WithDefault("10s")
        Duration timeout();

        /** The most that {@code timeout_ms} may be. */
        @WithDefault("60s")
        @DurationMin(seconds = 1)
        @DurationMax(minutes = 5)
        Duration maxTimeout();
    }
}
