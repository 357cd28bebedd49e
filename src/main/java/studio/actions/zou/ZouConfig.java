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
        /** Time limit for one answer of Zou. A request without an answer in half of this time is sent once more. */
        @WithDefault("2s")
        @DurationMin(millis = 100)
        @DurationMax(minutes = 1)
        Duration timeout();

        /**
         * Time limit for a change in Zou, and for the user context that Kitsu loads at login: in a large studio, Zou takes
         * seconds to build it. Kitsu itself waits for 60 s.
         */
        @WithDefault("50s")
        @DurationMin(seconds = 1)
        @DurationMax(minutes = 10)
        Duration contextTimeout();

        /** How long Zou's answer about a token is cached; after a log-out the token may work for this time. */
        @WithDefault("15s")
        @DurationMin(seconds = 0)
        @DurationMax(minutes = 5)
        Duration identityCache();
    }
}
