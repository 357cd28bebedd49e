package studio.actions.run;

import java.time.Duration;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

import org.hibernate.validator.constraints.time.DurationMax;
import org.hibernate.validator.constraints.time.DurationMin;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import io.smallrye.config.WithName;
import studio.actions.settings.Unit;

/** Settings for the sending of runs. */
@ConfigMapping(prefix = "custom-actions.run")
public interface RunConfig {

    /** The most targets of one run. */
    @WithDefault("1000")
    @Min(1)
    @Max(10_000)
    @Unit("targets")
    int maxSelection();

    /** The most deliveries of one run at once, in each replica; {@code egress.in-flight-per-host} applies as well. */
    @WithDefault("32")
    @Min(1)
    @Max(1000)
    @Unit("deliveries at once")
    int parallelism();

    /** How long a press waits for its run to end; then the answer is 202 and the run goes on. */
    @WithName("wait")
    @WithDefault("30s")
    @DurationMin(seconds = 0)
    @DurationMax(minutes = 5)
    Duration patience();

    /**
     * How long a replica without a heartbeat keeps its deliveries in flight; then other replicas take them over. Heartbeats
     * come at least every third of this time.
     */
    @WithDefault("30s")
    @DurationMin(seconds = 3)
    @DurationMax(minutes = 10)
    Duration lease();

    /** How long requests in flight may take to end when the service stops; the other deliveries are handed back. */
    @WithDefault("20s")
    @DurationMin(seconds = 0)
    @DurationMax(minutes = 5)
    Duration shutdown();
}
