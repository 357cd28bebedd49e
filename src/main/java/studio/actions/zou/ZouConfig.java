package studio.actions.zou;

import java.time.Duration;

import org.hibernate.validator.constraints.time.DurationMax;
import org.hibernate.validator.constraints.time.DurationMin;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Settings of Kitsu's API server. Its URL is {@link studio.actions.identity.IdentityConfig.Zou#url()}. */
@ConfigMapping(prefix = "custom-actions")
public interface ZouConfig {

    Zou zou();

    interface Zou {
        /** Limit of one answer. A request without an answer in half of this time is sent once more. */
        @WithDefault("2s")
        @DurationMin(millis = 100)
        @DurationMax(minutes = 1)
        Duration timeout();

        /**
         * Limit of a change in Zou, and of the user context, which Zou takes seconds to build in a large studio. Kitsu itself
         * waits for 60 s.
         */
        @WithDefault("50s")
        @DurationMin(seconds = 1)
        @DurationMax(minutes = 10)
        Duration contextTimeout();

        /** How long an answer about a token is cached; a logged-out token may work for this time. */
        @WithDefault("15s")
        @DurationMin(seconds = 0)
        @DurationMax(minutes = 5)
        Duration identityCache();
    }
}
