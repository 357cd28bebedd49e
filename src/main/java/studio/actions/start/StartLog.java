package studio.actions.start;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

import jakarta.enterprise.event.Observes;
import jakarta.enterprise.event.ObservesAsync;
import jakarta.inject.Singleton;

import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.config.ConfigValue;
import org.jboss.logging.Logger;

import com.sun.management.UnixOperatingSystemMXBean;

import io.quarkus.runtime.ApplicationConfig;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.runtime.configuration.DurationConverter;
import io.quarkus.vertx.http.HttpServerStart;
import io.quarkus.vertx.http.HttpsServerStart;
import io.quarkus.vertx.http.runtime.VertxHttpConfig;
import io.vertx.core.http.HttpServerOptions;
import studio.actions.html.Page;
import studio.actions.identity.LocalIdentity;
import studio.actions.identity.ZouConfig;

/** The messages of a start to the operator: version, mode, settings, addresses and, if no Kitsu is configured, the token. */
@Singleton
class StartLog {

    private static final Logger LOG = Logger.getLogger("studio.actions");

    /** File descriptors needed besides the clients' connections: for the program, the database, receivers and probes. */
    private static final int OTHER_FILES = 500;

    /** Addresses that stand for all network interfaces. */
    private static final List<String> ANY = List.of("0.0.0.0", "::");

    /** The lowest ordinal of a source of settings that an operator can use; sources of defaults have lower ones. */
    private static final int OPERATOR_ORDINAL = 100;

    void tell(@Observes StartupEvent start, ApplicationConfig application, ZouConfig zou, TracingConfig tracing,
            VertxHttpConfig http, Config config) {
        LOG.infof("Kitsu Actions %s, %s", application.version().orElse("unknown"),
                zou.url().map(url -> "beside the Kitsu at " + url).orElse("without Kitsu: look-ups are skipped, "
                        + "and one local token is the admin"));
        tracing.endpoint().ifPresent(collector -> LOG.infof("Traces go to %s", collector));
        Map<String, String> settings = Settings.effective(config);
        LOG.infof("Settings: %s", settings.entrySet().stream().map(entry -> entry.getKey() + "=" + entry.getValue())
                .collect(Collectors.joining(" ")));
        warnOfLongTimeouts(config).ifPresent(LOG::warn);
        http.limits().maxConnections().ifPresent(connections -> tooFewFiles(connections).ifPresent(LOG::warn));
    }

    /** Returns a warning if clients' connections could use up all file descriptors, so that the database would get none. */
    static Optional<String> tooFewFiles(int connections) {
        return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean system
                && system.getMaxFileDescriptorCount() < (long) connections + OTHER_FILES
                        ? Optional.of(
                                ("This process may open %d files, too few for the %d connections that clients may have. Raise the "
                                        + "limit (ulimit -n), or lower QUARKUS_HTTP_LIMITS_MAX_CONNECTIONS.")
                                        .formatted(system.getMaxFileDescriptorCount(), connections))
                        : Optional.empty();
    }

    /**
     * Returns a warning if a delivery's longest time-out exceeds the time that a shutdown waits. The defaults exceed it as
     * well, so warns only if the operator has set one of the two.
     */
    static Optional<String> warnOfLongTimeouts(Config config) {
        ConfigValue longest = config.getConfigValue(Settings.PREFIX + "egress.max-timeout");
        Duration shutdown = config.getValue(Settings.PREFIX + "run.shutdown", Duration.class);
        boolean set = longest.getSourceOrdinal() >= OPERATOR_ORDINAL
                || config.getConfigValue(Settings.PREFIX + "run.shutdown").getSourceOrdinal() >= OPERATOR_ORDINAL;
        return set
                && DurationConverter.parseDuration(longest.getValue()).compareTo(shutdown) > 0
                        ? Optional.of(
                                "A delivery may take %s (egress.max-timeout), but a shutdown waits for %s (run.shutdown). It "
                                        .formatted(longest.getValue(),
                                                config.getConfigValue(Settings.PREFIX + "run.shutdown").getValue())
                                        + "cuts off longer deliveries, which are retried or lost, depending on 'max_attempts'. "
                                        + "Raise CUSTOM_ACTIONS_RUN_SHUTDOWN, and your process manager's time for a stop.")
                        : Optional.empty();
    }

    /**
     * Logs the addresses once the service listens. If no Kitsu is configured and a local token was generated, also prints the
     * token to the standard output, not to the log, so that the line can be pasted into a shell.
     */
    void tellWhere(@ObservesAsync HttpServerStart listening, LocalIdentity local) {
        tell("http://", listening.options(), local);
    }

    /** Logs the HTTPS addresses, unless the service also listens on plain HTTP and has logged those addresses. */
    void tellWhere(@ObservesAsync HttpsServerStart listening, VertxHttpConfig config, LocalIdentity local) {
        if (config.insecureRequests().filter(VertxHttpConfig.InsecureRequests.DISABLED::equals).isPresent()) {
            tell("https://", listening.options(), local);
        }
    }

    private static void tell(String scheme, HttpServerOptions options, LocalIdentity local) {
        String host = ANY.contains(options.getHost()) ? "127.0.0.1" : options.getHost();
        String site = scheme + (host.contains(":") ? "[" + host + "]" : host) + ":" + options.getPort();
        LOG.infof("Page: %s%s", site, Page.APP);
        LOG.infof("API: %s/api/custom-actions", site);
        LOG.infof("Documentation: %s/api/custom-actions/docs", site);
        local.madeToken().ifPresent(token -> System.out.println("export TOKEN=" + token));
    }
}
