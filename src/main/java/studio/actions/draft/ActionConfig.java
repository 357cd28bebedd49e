package studio.actions.draft;

import java.time.Duration;
import java.util.Set;

import org.hibernate.validator.constraints.time.DurationMax;
import org.hibernate.validator.constraints.time.DurationMin;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Settings of actions: allowed URL schemes and time-outs. */
@ConfigMapping(prefix = "custom-actions")
public interface ActionConfig {

    Launch launch();

    Egress egress();

    interface Launch {
        /** URL schemes that are allowed for actions that the browser opens. */
        @WithDefault("http,https,maya,nuke,houdini,hiero,blender,rv,rvlink,krita,photoshop,resolve,vscode,ayon-launcher,kitsu")
        Set<String> schemes();
    }

    interface Egress {
        /** The default of an action's {@code timeout_ms}. The bounds of this setting are in {@code EgressConfig}. */
        @WithDefault("10s")
        Duration timeout();

        /** The largest {@code timeout_ms} that an action may have. */
        @WithDefault("60s")
        @DurationMin(seconds = 1)
        @DurationMax(minutes = 5)
        Duration maxTimeout();
    }
}
