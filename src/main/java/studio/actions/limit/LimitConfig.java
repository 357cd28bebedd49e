package studio.actions.limit;

import java.util.Map;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Settings for the rate limits. */
@ConfigMapping(prefix = "custom-actions.limits")
public interface LimitConfig {

    /** Zou's roles, and {@code bot}, which takes precedence over the role of a bot. */
    enum Standing {
        admin,
        manager,
        supervisor,
        user,
        client,
        vendor,
        bot
    }

    /** Runs a minute for each caller. */
    @WithDefault("30")
    @Min(1)
    @Max(60_000)
    int perCaller();

    /** Runs a minute for each caller of a role, or for each bot, in place of {@link #perCaller()}. */
    Map<Standing, @Min(1) @Max(60_000) Integer> perCallerByRole();

    /** Deliveries a second to one host. */
    @WithDefault("50")
    @Min(1)
    @Max(10_000)
    int perHost();
}
