package studio.actions.kitsu;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Settings of the page. */
@ConfigMapping(prefix = "custom-actions.page")
public interface PageConfig {

    /** Whether Kitsu's menu shows the page. */
    @WithDefault("true")
    boolean enabled();
}
