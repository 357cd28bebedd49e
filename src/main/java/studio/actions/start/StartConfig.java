package studio.actions.start;

import java.nio.file.Path;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** What the process itself needs. */
@ConfigMapping(prefix = "custom-actions")
public interface StartConfig {

    /** The folder of the embedded PostgreSQL; unused when a JDBC URL is given. */
    @WithDefault(EmbeddedDatabase.DEFAULT_FOLDER)
    Path dataDir();
}
