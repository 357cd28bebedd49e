package studio.actions.http;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import studio.actions.settings.SizeBounds;
import studio.actions.settings.Unit;

/** Limits for the bodies of requests. */
@ConfigMapping(prefix = "custom-actions.bodies")
public interface BodyConfig {

    /** Most bodies that may be arriving, or waiting to be parsed, at once; the next body is refused with 503. */
    @WithDefault("1000")
    @Min(1)
    @Max(100_000)
    @Unit("bodies at once")
    int maxCount();

    /** Most bytes that these bodies may hold together. A body that is the only one is always accepted. */
    @WithDefault("32M")
    @SizeBounds(min = "1M", max = "4G")
    MemorySize maxMemory();
}
