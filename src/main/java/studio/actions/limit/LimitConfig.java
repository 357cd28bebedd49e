package studio.actions.limit;

import java.util.Map;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Settings for the rate limits. */
@ConfigMapping(prefix = "custom-actions.limits")
public interface LimitConfig {

    /** The keys of {@link #perCallerByRole()}: Zou's roles, and {@code bot}, which for a bot takes precedence over its role. */
    enum Standing {
        admin,
        manager,
        supervisor,
        user,
        client,
        vendor,
        bot
    }

    /** How many runs a minute each caller may start. */
    @WithDefault("30")
    @Min(1)
    @Max(60_000)
    int perCaller();

    /** How many runs a minute each caller of a role, or each bot, may start, in place of {@link #perCaller()}. */
    Map<Standing, @Min(1) @Max(60_000) Integer> perCallerByRole();

    /** How many deliveries a second may go to one host. */
    @WithDefault("50")
    @Min(1)
    @Max(10_000)
    int perHost();
}
