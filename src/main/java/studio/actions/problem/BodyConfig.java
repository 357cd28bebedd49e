package studio.actions.problem;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** How much the bodies of requests may take. */
@ConfigMapping(prefix = "custom-actions")
public interface BodyConfig {

    Bodies bodies();

    Csv csv();

    interface Bodies {
        /** Bodies that may be arriving at once, or waiting to be parsed; the next one is refused with 503. */
        @WithDefault("1000")
        @Min(1)
        @Max(100_000)
        int maxCount();

        /** Bytes that these bodies may hold together; a body may always be the only one. */
        @WithDefault("32M")
        MemorySize maxMemory();
    }

    interface Csv {
        /** The largest file that import reads. */
        @WithDefault("5M")
        MemorySize maxSize();
    }
}
