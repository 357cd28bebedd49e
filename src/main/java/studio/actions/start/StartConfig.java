package studio.actions.start;

import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;

import io.smallrye.config.ConfigMapping;

/** Settings of the process itself. */
@ConfigMapping(prefix = "custom-actions")
public interface StartConfig {

    /** The folder of the embedded PostgreSQL, unused when a JDBC URL is given; unset = {@code ~/.kitsu-actions}. */
    Optional<Path> dataDir();

    Tracing tracing();

    interface Tracing {
        /** The URL at which an OpenTelemetry collector takes OTLP over gRPC; unset = no traces. */
        Optional<URI> endpoint();
    }
}
