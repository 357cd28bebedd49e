package studio.actions.start;

import java.util.Map;
import java.util.stream.Collectors;

import jakarta.enterprise.event.Observes;
import jakarta.enterprise.event.ObservesAsync;
import jakarta.inject.Singleton;

import org.eclipse.microprofile.config.Config;
import org.jboss.logging.Logger;

import io.quarkus.runtime.ApplicationConfig;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.vertx.http.HttpServerStart;
import studio.actions.identity.IdentityConfig;
import studio.actions.identity.LocalIdentity;

/** What an operator sees of a start: the mode, the settings as they hold, and, without Kitsu, the token. */
@Singleton
class StartLog {

    private static final Logger LOG = Logger.getLogger("studio.actions");

    void tell(@Observes StartupEvent start, ApplicationConfig application, IdentityConfig identity, StartConfig own,
            Config config) {
        LOG.infof("Kitsu Actions %s, %s", application.version().orElse("unknown"),
                identity.zou().url().map(url -> "beside the Kitsu at " + url).orElse("without Kitsu: look-ups are skipped, "
                        + "and one local token is the admin"));
        own.tracing().endpoint().ifPresent(collector -> LOG.infof("Traces go to %s", collector));
        Map<String, String> settings = Settings.effective(config);
        LOG.infof("Settings: %s", settings.entrySet().stream().map(entry -> entry.getKey() + "=" + entry.getValue())
                .collect(Collectors.joining(" ")));
    }

    /** Only once it is of use. Printed, not logged: a line that can be pasted has nothing before it. */
    void tellToken(@ObservesAsync HttpServerStart listening, LocalIdentity local) {
        local.madeToken().ifPresent(token -> System.out.println("export TOKEN=" + token));
    }
}
