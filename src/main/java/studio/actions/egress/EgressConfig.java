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

/** Settings of requests to receivers: allowed addresses, and limits of time and size. */
@ConfigMapping(prefix = "custom-actions")
public interface EgressConfig {

    Egress egress();

    /** A PEM file with the studio's own certificate authorities, for receivers and for Kitsu's API server. */
    Optional<Path> trust();

    interface Egress {
        /** Addresses, CIDRs and names that are allowed besides public addresses, each with an optional port. */
        Optional<List<String>> allow();

        /** Limit of the TCP connection, and again of the TLS handshake. */
        @WithDefault("3s")
        @DurationMin(millis = 100)
        @DurationMax(seconds = 30)
        Duration connectTimeout();

        /** Limit of resolving the name. */
        @WithDefault("2s")
        @DurationMin(millis = 100)
        @DurationMax(seconds = 30)
        Duration dnsTimeout();

        /** Limit of the whole request, up to the last byte of the answer; the default of an action's {@code timeout_ms}. */
        @WithDefault("10s")
        @DurationMin(millis = 100)
        @DurationMax(seconds = 30)
        Duration timeout();

        /** The largest body that is sent. */
        @WithDefault("256K")
        MemorySize maxRequest();

        /** The size of an answer at which reading stops. */
        @WithDefault("64K")
        MemorySize maxResponse();

        /** The size of the part of an answer that is stored with the delivery. */
        @WithDefault("8K")
        MemorySize keptResponse();

        /** Concurrent requests to one host, per replica. Protects small tools, which crash before they refuse. */
        @WithDefault("16")
        @Min(1)
        @Max(1000)
        int inFlightPerHost();
    }
}
