package studio.actions.problem;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** How large a body may be, where that is not the same for all. */
@ConfigMapping(prefix = "custom-actions")
public interface BodyConfig {

    Csv csv();

    interface Csv {
        /** The largest file that import reads. */
        @WithDefault("5M")
        MemorySize maxSize();
    }
}
