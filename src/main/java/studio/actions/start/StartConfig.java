package studio.actions.start;

import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;

import io.smallrye.config.ConfigMapping;

/** Settings of the process, not of one feature. */
@ConfigMapping(prefix = "custom-actions")
public interface StartConfig {

    /** The folder of the embedded PostgreSQL, unused if a JDBC URL is configured; unset = {@code ~/.kitsu-actions}. */
    Optional<Path> dataDir();

    Tracing tracing();

    interface Tracing {
        /** The URL at which an OpenTelemetry collector takes OTLP over gRPC; unset = no traces. */
        Optional<URI> endpoint();
    }
}
