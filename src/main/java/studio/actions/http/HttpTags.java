package studio.actions.http;

import java.util.HashSet;
import java.util.Set;

import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;

import io.micrometer.core.instrument.config.MeterFilter;
import io.quarkus.resteasy.reactive.server.runtime.ResteasyReactiveRecorder;

/**
 * The methods and paths that HTTP metrics may name. Clients can invent any number of others, and each would be a time series
 * that is never dropped. All others are counted as {@code OTHER}.
 */
@Singleton
class HttpTags {

    private static final String OTHER = "OTHER";

    private static final String[] METHODS = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };

    /** The tags that Quarkus writes instead of a path. */
    private static final Set<String> WORDS = Set.of("root", "NOT_FOUND", "REDIRECTION", "UNKNOWN", "/cors-preflight");

    /** Filled at the first request, because the filters are created before the resources. */
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
