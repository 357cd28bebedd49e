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

/** What may leave, how long it may take and how much of the answer is read. */
@ConfigMapping(prefix = "custom-actions")
public interface EgressConfig {

    Egress egress();

    /** A PEM file with the studio's own certificate authorities, for receivers and for Kitsu's API server. */
    Optional<Path> trust();

    interface Egress {
        /** Addresses, CIDRs and names beside the public ones, each with an optional port. */
        Optional<List<String>> allow();

        /** For the TCP connection. */
        @WithDefault("3s")
        @DurationMin(millis = 100)
        @DurationMax(seconds = 30)
        Duration connectTimeout();

        /** For the name. */
        @WithDefault("2s")
        @DurationMin(millis = 100)
        @DurationMax(seconds = 30)
        Duration dnsTimeout();

        /** Over everything, the last byte of the answer included; the default of an action's {@code timeout_ms}. */
        @WithDefault("10s")
        @DurationMin(millis = 100)
        @DurationMax(seconds = 30)
        Duration timeout();

        /** The largest body that is sent. */
        @WithDefault("256K")
        MemorySize maxRequest();

        /** Where reading an answer stops. */
        @WithDefault("64K")
        MemorySize maxResponse();

        /** How much of an answer is kept with the delivery. */
        @WithDefault("8K")
        MemorySize keptResponse();

        /** Requests at once to one host, per replica: small tools fall over before they refuse. */
        @WithDefault("16")
        @Min(1)
        @Max(1000)
        int inFlightPerHost();
    }
}
