package studio.actions.audit;

import java.time.Duration;

import org.hibernate.validator.constraints.time.DurationMin;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Settings of the audit. */
@ConfigMapping(prefix = "custom-actions")
public interface AuditConfig {

    Retention retention();

    interface Retention {
        /** The age at which audit entries are removed. */
        @WithDefault("365d")
        @DurationMin(days = 1)
        Duration audit();
    }
}
