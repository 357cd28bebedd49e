package studio.actions.egress;

import java.nio.file.Path;
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

/** Settings of requests to receivers: the allowed addresses, and the limits of time and size. */
@ConfigMapping(prefix = "custom-actions")
public interface EgressConfig {

    Egress egress();

    /** A PEM file with the studio's own certificate authorities, for receivers and for Kitsu's API server. */
    Optional<Path> trust();

    interface Egress {
        /** Addresses, CIDR ranges and host names that are allowed besides public addresses, each with an optional port. */
        Optional<List<String>> allow();

        /** Time limit for the TCP connection, and again for the TLS handshake. */
        @WithDefault("3s")
        @DurationMin(millis = 100)
        @DurationMax(seconds = 30)
        Duration connectTimeout();

        /** Time limit for resolving a host name. */
        @WithDefault("2s")
        @DurationMin(millis = 100)
        @DurationMax(seconds = 30)
        Duration dnsTimeout();

        /** Time limit for a whole request, up to the answer's last byte; the default of an action's {@code timeout_ms}. */
        @WithDefault("10s")
        @DurationMin(millis = 100)
        @DurationMax(seconds = 30)
        Duration timeout();

        /** The largest body sent to a receiver. */
        @WithDefault("256K")
        MemorySize maxRequest();

        /** The size of a receiver's answer at which reading stops. */
        @WithDefault("64K")
        MemorySize maxResponse();

        /** How much of a receiver's answer is stored with the delivery. */
        @WithDefault("8K")
        MemorySize keptResponse();

        /**
         * The most concurrent requests to one host, per replica. Protects small tools, which crash under load instead of
         * refusing requests.
         */
        @WithDefault("16")
        @Min(1)
        @Max(1000)
        int inFlightPerHost();
    }
}
