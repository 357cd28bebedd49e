package studio.actions.http;

import java.util.HashSet;
import java.util.Set;

import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;

import io.micrometer.core.instrument.config.MeterFilter;
import io.quarkus.resteasy.reactive.server.runtime.ResteasyReactiveRecorder;

/**
 * Filters that limit the tags of HTTP metrics to known methods and paths; all others become {@code OTHER}. Clients can invent
 * any number of methods and paths, and each would become a time series that is never dropped.
 */
@Singleton
class HttpTags {

    private static final String OTHER = "OTHER";

    private static final String[] METHODS = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };

    /** The fixed words that Quarkus writes in the tag {@code uri} in place of a path. */
    private static final Set<String> WORDS = Set.of("root", "NOT_FOUND", "REDIRECTION", "UNKNOWN", "/cors-preflight");

    /** The allowed values of the tag {@code uri}. Null until first used: Quarkus creates meter filters before the resources. */
    private volatile Set<String> known;

    @Produces
    @Singleton
    MeterFilter methods() {
        return MeterFilter.replaceTagValues("method", madeUp -> OTHER, METHODS);
    }

    @Produces
    @Singleton
    MeterFilter paths() {
        return MeterFilter.replaceTagValues("uri", path -> known().contains(path) ? path : OTHER);
    }

    private Set<String> known() {
        if (known == null) {
            Set<String> paths = new HashSet<>(WORDS);
            paths.addAll(AllowedMethods.templates(ResteasyReactiveRecorder.getCurrentDeployment()));
            known = paths;
        }
        return known;
    }
}
