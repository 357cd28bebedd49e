package studio.actions.identity;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;

import org.hibernate.validator.constraints.time.DurationMax;
import org.hibernate.validator.constraints.time.DurationMin;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Settings of Kitsu's API server. */
@ConfigMapping(prefix = "custom-actions.zou")
public interface ZouConfig {

    /** Kitsu's API server; unset = without Kitsu. */
    Optional<URI> url();

    /** Time limit for one request. A request without an answer in half of this time is sent once more. */
    @WithDefault("2s")
    @DurationMin(millis = 100)
    @DurationMax(minutes = 1)
    Duration timeout();

    /**
     * Time limit for a change, and for the user context, which Kitsu's API server takes seconds to build in a large studio.
     * Kitsu itself waits for 60 s.
     */
    @WithDefault("50s")
    @DurationMin(seconds = 1)
    @DurationMax(minutes = 10)
    Duration contextTimeout();

    /** How long the service relies on an answer about a token; a logged-out token may work for this time. */
    @WithDefault("15s")
    @DurationMin(seconds = 0)
    @DurationMax(minutes = 5)
    Duration identityCache();
}
