package studio.actions.limit;

import java.util.Map;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import studio.actions.settings.Unit;

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

    /** Limit for each caller: a person or a bot. */
    @WithDefault("30")
    @Min(1)
    @Max(60_000)
    @Unit("runs a minute")
    int perCaller();

    /**
     * The same for callers with this role ({@code CUSTOM_ACTIONS_LIMITS_PER_CALLER_BY_ROLE_SUPERVISOR=60}), in place of
     * {@code limits.per-caller}; {@code bot} is for Kitsu's bots, whichever role they have.
     */
    @Unit("runs a minute")
    Map<Standing, @Min(1) @Max(60_000) Integer> perCallerByRole();

    /** Limit for one host and port. */
    @WithDefault("50")
    @Min(1)
    @Max(10_000)
    @Unit("deliveries a second")
    int perHost();
}
