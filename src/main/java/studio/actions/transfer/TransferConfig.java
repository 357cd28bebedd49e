package studio.actions.transfer;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Settings of CSV imports. */
@ConfigMapping(prefix = "custom-actions")
public interface TransferConfig {

    Csv csv();

    interface Csv {
        /** The most rows of an import, not counting the column titles. */
        @WithDefault("10000")
        @Min(1)
        @Max(100_000)
        int maxRows();
    }
}
