package studio.actions.zou;

import java.time.Duration;

import org.hibernate.validator.constraints.time.DurationMax;
import org.hibernate.validator.constraints.time.DurationMin;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Kitsu's API server. Its URL is {@link studio.actions.identity.IdentityConfig.Zou#url()}. */
@ConfigMapping(prefix = "custom-actions")
public interface ZouConfig {

    Zou zou();

    interface Zou {
        /** For one answer: what is not answered in half of it is asked once more. */
        @WithDefault("2s")
        @DurationMin(millis = 100)
        @DurationMax(minutes = 1)
        Duration timeout();

        /** For the user context, which Zou builds for seconds in a large studio. Kitsu itself waits for 60 s. */
        @WithDefault("50s")
        @DurationMin(seconds = 1)
        @DurationMax(minutes = 10)
        Duration contextTimeout();

        /** How long an answer about a token is believed: the time that a logged-out token goes on working. */
        @WithDefault("15s")
        @DurationMin(seconds = 0)
        @DurationMax(minutes = 5)
        Duration identityCache();
    }
}
