package studio.actions.http;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Limits for the bodies of requests to this service. */
@ConfigMapping(prefix = "custom-actions")
public interface BodyConfig {

    Bodies bodies();

    Csv csv();

    interface Bodies {
        /** Most bodies that may be arriving, or waiting to be parsed, at once; a request with one more gets 503. */
        @WithDefault("1000")
        @Min(1)
        @Max(100_000)
        int maxCount();

        /** Most bytes that these bodies may have together. A body that arrives alone is always accepted. */
        @WithDefault("32M")
        MemorySize maxMemory();
    }

    interface Csv {
        /** The largest table that an import of actions accepts. */
        @WithDefault("5M")
        MemorySize maxSize();
    }
}
