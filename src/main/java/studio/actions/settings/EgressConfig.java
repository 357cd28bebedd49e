package studio.actions.settings;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

import org.hibernate.validator.constraints.time.DurationMax;
import org.hibernate.validator.constraints.time.DurationMin;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Settings of requests to receivers: allowed addresses, and limits of time and size. */
@ConfigMapping(prefix = "custom-actions.egress")
public interface EgressConfig {

    /** Receivers that are open in addition to those at public addresses. */
    Optional<List<String>> allow();

    /** Time limit for the TCP connection, and again for the TLS handshake. */
    @WithDefault("3s")
    @DurationMin(millis = 100)
    @DurationMax(seconds = 30)
    Duration connectTimeout();

    /** Time limit for resolving the name. */
    @WithDefault("2s")
    @DurationMin(millis = 100)
    @DurationMax(seconds = 30)
    Duration dnsTimeout();

    /** Time limit for the whole request, up to the last byte of the answer; the default of an action's {@code timeout_ms}. */
    @WithDefault("10s")
    @DurationMin(millis = 100)
    @DurationMax(seconds = 30)
    Duration timeout();

    /**
     * The largest {@code timeout_ms} of an action. A lower value also limits existing actions. When the service stops, it cuts
     * off requests that take longer than {@code run.shutdown}.
     */
    @WithDefault("60s")
    @DurationMin(seconds = 1)
    @DurationMax(minutes = 5)
    Duration maxTimeout();

    /** The largest body that is sent. */
    @WithDefault("256K")
    @SizeBounds(min = "1K", max = "16M")
    MemorySize maxRequest();

    /** The size at which reading an answer stops; a longer answer is {@code truncated}. */
    @WithDefault("64K")
    @SizeBounds(min = "1K", max = "16M")
    MemorySize maxResponse();

    /** The size of the part of an answer that is stored with the delivery. */
    @WithDefault("8K")
    @SizeBounds(min = "0", max = "1M")
    MemorySize keptResponse();

    /** Limit for one host, in each replica. Protects small tools, which crash before they refuse. */
    @WithDefault("16")
    @Min(1)
    @Max(1000)
    @Unit("requests at once")
    int inFlightPerHost();
}
