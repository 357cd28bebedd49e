package studio.actions.run;

import java.time.Duration;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

import org.hibernate.validator.constraints.time.DurationMax;
import org.hibernate.validator.constraints.time.DurationMin;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import io.smallrye.config.WithName;

/** Settings for the sending and the retention of runs. */
@ConfigMapping(prefix = "custom-actions")
public interface RunConfig {

    Run run();

    Retention retention();

    interface Run {
        /** The most targets of one run. */
        @WithDefault("1000")
        @Min(1)
        @Max(10_000)
        int maxSelection();

        /** The most deliveries of one run that are in flight at once. */
        @WithDefault("32")
        @Min(1)
        @Max(1000)
        int parallelism();

        /** How long a press waits for its run to end before it is answered with 202. */
        @WithName("wait")
        @WithDefault("30s")
        @DurationMin(seconds = 0)
        @DurationMax(minutes = 5)
        Duration patience();

        /**
         * How long a replica without a heartbeat keeps its claimed deliveries. The interval of heartbeats is at most a third
         * of this.
         */
        @WithDefault("30s")
        @DurationMin(seconds = 3)
        @DurationMax(minutes = 10)
        Duration lease();

        /** How long deliveries in flight may take to end when the service stops. */
        @WithDefault("20s")
        @DurationMin(seconds = 0)
        @DurationMax(minutes = 5)
        Duration shutdown();
    }

    interface Retention {
        /** How long a run is kept after its end. */
        @WithDefault("30d")
        @DurationMin(days = 1)
        Duration runs();
    }
}
