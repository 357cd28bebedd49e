package studio.actions.settings;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Settings of CSV imports. */
@ConfigMapping(prefix = "custom-actions.csv")
public interface CsvConfig {

    /** The largest file that an import reads. */
    @WithDefault("5M")
    @SizeBounds(min = "1K", max = "64M")
    MemorySize maxSize();

    /** The most rows of an import below its header. */
    @WithDefault("10000")
    @Min(1)
    @Max(100_000)
    @Unit("rows")
    int maxRows();
}
