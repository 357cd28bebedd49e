package studio.actions.start;

import java.net.URI;
import java.util.Optional;

import io.smallrye.config.ConfigMapping;

/** Settings of traces. */
@ConfigMapping(prefix = "custom-actions.tracing")
public interface TracingConfig {

    /** Where traces go; unset = no traces. */
    Optional<URI> endpoint();
}
