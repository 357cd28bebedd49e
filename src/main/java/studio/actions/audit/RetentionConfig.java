package studio.actions.audit;

import java.time.Duration;

import org.hibernate.validator.constraints.time.DurationMax;
import org.hibernate.validator.constraints.time.DurationMin;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Settings of retention: how long runs and the audit are kept. */
@ConfigMapping(prefix = "custom-actions.retention")
public interface RetentionConfig {

    /** How long runs are kept after they ended. */
    @WithDefault("30d")
    @DurationMin(days = 1)
    @DurationMax(days = 36_500)
    Duration runs();

    /** How long entries of the audit are kept. */
    @WithDefault("365d")
    @DurationMin(days = 1)
    @DurationMax(days = 36_500)
    Duration audit();
}
