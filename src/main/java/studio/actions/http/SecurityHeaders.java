package studio.actions.http;

import java.util.List;

import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpHeaders;
import io.vertx.ext.web.RoutingContext;

/** Headers that protect browsers, on every response. */
final class SecurityHeaders {

    private static final String CSP = "Content-Security-Policy";

    /** Added to each response that does not set them itself. */
    private static final List<Header> HEADERS = List.of(
            new Header("X-Content-Type-Options", "nosniff"),
            new Header("X-Frame-Options", "DENY"),
            new Header("Cross-Origin-Resource-Policy", "same-origin"),
            // The default of browsers. With a stricter one, a form that is redirected (307) arrives with 'Origin: null'.
            new Header("Referrer-Policy", "strict-origin-when-cross-origin"),
            // For the caller only. Lists may be stored and are revalidated with their ETag.
            new Header("Cache-Control", "private, no-cache"),
            // Responses of the API are not pages.
            new Header(CSP, "default-src 'none'; frame-ancestors 'none'"));

    /** A header that is encoded once, not for each response. */
    private record Header(CharSequence name, CharSequence value) {

        Header(String name, String value) {
            this(HttpHeaders.createOptimized(name), HttpHeaders.createOptimized(value));
        }
    }

    private static final String DOCS = "/api/custom-actions/docs";

    /** Swagger UI has inline scripts. */
    private static final String DOCS_CSP = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' "
            + "'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
            + "frame-ancestors 'none'";

    private SecurityHeaders() {
    }

    /**
     * Adds the headers when the response is written, so that a header from the resource is not repeated. Browsers would obey
     * both of two headers with one name.
     */
    static void addTo(RoutingContext request) {
        request.addHeadersEndHandler(sent -> {
            MultiMap headers = request.response().headers();
            if (request.request().path().startsWith(DOCS) && !headers.contains(CSP)) {
                headers.set(CSP, DOCS_CSP);
            }
            if (BodyCollector.asks(request.request())) {
                // The client may send its body anyway, or its next request; the two cannot be distinguished.
                headers.set(HttpHeaders.CONNECTION, HttpHeaders.CLOSE);
            }
            for (Header header : HEADERS) {
                if (!headers.contains(header.name)) {
                    headers.add(header.name, header.value);
                }
            }
        });
    }
}
