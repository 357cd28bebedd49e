package studio.actions.draft;

import java.util.Set;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Settings of actions that the browser opens. */
@ConfigMapping(prefix = "custom-actions.launch")
public interface LaunchConfig {

    /** URL schemes that an action may open in the browser. */
    @WithDefault("http,https,maya,nuke,houdini,hiero,blender,rv,rvlink,krita,photoshop,resolve,vscode,ayon-launcher,kitsu")
    Set<String> schemes();
}
