package studio.actions.settings;

import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;

import io.smallrye.config.ConfigMapping;

/** Settings of the service as a whole. */
@ConfigMapping(prefix = "custom-actions")
public interface ServiceConfig {

    /**
     * Scheme and host where browsers reach Kitsu and the service; unset = the host of each request. Requests with Kitsu's
     * cookie may come from this site, and from the host that the request itself is sent to.
     */
    Optional<URI> publicUrl();

    /**
     * The studio's own certificate authorities, for receivers and for Kitsu's API server. They are trusted in addition to
     * Java's own. The file is read at start.
     */
    Optional<Path> trust();

    /** Folder of the embedded PostgreSQL; unset = {@code ~/.kitsu-actions}. Unused if a JDBC URL is set. */
    Optional<Path> dataDir();
}
