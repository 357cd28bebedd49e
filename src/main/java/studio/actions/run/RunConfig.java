package studio.actions.run;

import java.time.Duration;
import java.util.Map;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

import org.hibernate.validator.constraints.time.DurationMax;
import org.hibernate.validator.constraints.time.DurationMin;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import io.smallrye.config.WithName;

/** How runs go out, how many, and how long they are kept. */
@ConfigMapping(prefix = "custom-actions")
public interface RunConfig {

    Run run();

    Limits limits();

    Retention retention();

    interface Run {
        /** Targets of one run. */
        @WithDefault("1000")
        @Min(1)
        @Max(10_000)
        int maxSelection();

        /** Deliveries of one run that are under way at once. */
        @WithDefault("32")
        @Min(1)
        @Max(1000)
        int parallelism();

        /** How long a caller waits for a run to end before the answer is 202. */
        @WithName("wait")
        @WithDefault("30s")
        @DurationMin(seconds = 0)
        @DurationMax(minutes = 5)
        Duration patience();

        /** How long a run stays with its process without a sign of life; renewed at a third of it. */
        @WithDefault("30s")
        @DurationMin(seconds = 3)
        @DurationMax(minutes = 10)
        Duration lease();

        /** How long what is under way may take to end when the service stops. */
        @WithDefault("20s")
        @DurationMin(seconds = 0)
        @DurationMax(minutes = 5)
        Duration shutdown();
    }

    interface Limits {

        /** Zou's roles, and before them its bots, whatever their role. */
        enum Standing {
            admin,
            manager,
            supervisor,
            user,
            client,
            vendor,
            bot
        }

        /** Runs a minute. */
        @WithDefault("30")
        @Min(1)
        @Max(60_000)
        int perCaller();

        /** Runs a minute of those in other standing, in place of {@link #perCaller()}. */
        Map<Standing, @Min(1) @Max(60_000) Integer> perCallerByRole();

        /** Deliveries a second to one host. */
        @WithDefault("50")
        @Min(1)
        @Max(10_000)
        int perHost();
    }

    interface Retention {
        /** Runs that ended longer ago are removed. */
        @WithDefault("30d")
        @DurationMin(days = 1)
        Duration runs();
    }
}
