package studio.actions.identity;

import java.net.URI;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import jakarta.inject.Singleton;

import io.vertx.core.http.HttpServerRequest;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.settings.ServiceConfig;

/**
 * The protection of requests that are authenticated by a cookie. Needed because a browser adds the cookie even to a request
 * from
 * another site's page. No browser adds a bearer token by itself.
 */
@Singleton
public class CrossSite {

    /**
     * A web origin (RFC 6454, section 6.2). Not parsed by {@link URI}, because a studio's host name may have an underscore,
     * which {@link URI} does not accept.
     */
    private static final Pattern ORIGIN = Pattern.compile(
            "(?<scheme>https?)://(?<host>[^/:?#@\\[\\]\\s]+|\\[[0-9a-f:.]+])(?::(?<port>\\d{1,5}))?/?",
            Pattern.CASE_INSENSITIVE);
    private static final Set<String> SAFE = Set.of("GET", "HEAD", "OPTIONS");

    private final Optional<URI> publicUrl;

    CrossSite(ServiceConfig config) {
        this.publicUrl = config.publicUrl();
    }

    /**
     * Returns the problem {@code cross_site} for a request that may come from another site's page; empty if the request is
     * accepted. GET, HEAD and OPTIONS, which change nothing, are always accepted.
     */
    public Optional<ProblemException> refusal(HttpServerRequest request) {
        if (SAFE.contains(request.method().name())) {
            return Optional.empty();
        }
        String site = request.getHeader("Sec-Fetch-Site");
        String origin = request.getHeader("Origin");
        if (site != null ? site.equals("same-origin") : origin != null && own(origin, request)) {
            return Optional.empty();
        }
        if (site == null && origin == null) {
            return refused("A request with a cookie needs the header 'Origin'. In a script, send "
                    + "'Authorization: Bearer <token>' instead of the cookie.");
        }
        return refused("This request comes from another site" + (origin == null ? "" : " (" + printable(origin) + ")")
                + ", with a cookie. If that is your own site, let the proxy pass the Host header on, or set "
                + "CUSTOM_ACTIONS_PUBLIC_URL.");
    }

    private boolean own(String origin, HttpServerRequest request) {
        Matcher theirs = ORIGIN.matcher(origin);
        if (!theirs.matches() || request.authority() == null) {
            return false;
        }
        // Also accepts the request's own host: Kitsu may have several host names, and a page of another site cannot set 'Host'.
        // The scheme is copied from the origin, because the request's scheme is unknown behind a proxy that terminates TLS.
        String asked = theirs.group("scheme") + "://" + request.authority();
        return Stream.concat(publicUrl.map(URI::toString).stream(), Stream.of(asked))
                .anyMatch(ours -> one(theirs).equals(one(ORIGIN.matcher(ours))));
    }

    /** Returns an origin in lower case and with its port, for comparison; "none" if the text is no origin. */
    private static String one(Matcher origin) {
        if (!origin.matches()) {
            return "none";
        }
        String scheme = origin.group("scheme").toLowerCase(Locale.ROOT);
        String port = origin.group("port") != null ? origin.group("port") : scheme.equals("https") ? "443" : "80";
        return scheme + "://" + origin.group("host").toLowerCase(Locale.ROOT) + ":" + port;
    }

    private static Optional<ProblemException> refused(String why) {
        return Optional.of(new ProblemException(Code.CROSS_SITE, why));
    }

    private static String printable(String text) {
        return text.replaceAll("[^\\x20-\\x7e]", "?").substring(0, Math.min(200, text.length()));
    }
}
