package studio.actions.http;

import java.util.List;

import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpHeaders;
import io.vertx.ext.web.RoutingContext;
import studio.actions.html.Page;

/** HTTP headers that protect browsers, added to every response. */
final class SecurityHeaders {

    private static final String CSP = "Content-Security-Policy";

    /** The headers that are added to each response unless it already has one of the same name. */
    private static final List<Header> HEADERS = List.of(
            new Header("X-Content-Type-Options", "nosniff"),
            new Header("X-Frame-Options", "DENY"),
            new Header("Cross-Origin-Resource-Policy", "same-origin"),
            // The default of browsers. With a stricter policy, a form that is redirected (307) arrives with 'Origin: null', as
            // if it came from another site.
            new Header("Referrer-Policy", "strict-origin-when-cross-origin"),
            // Browsers may store a response, but must revalidate it at each use (lists have an ETag). Proxies must store none.
            new Header("Cache-Control", "private, no-cache"),
            // Responses of the API are data; a browser that shows one as a page must not load anything for it.
            new Header(CSP, "default-src 'none'; frame-ancestors 'none'"));

    /** A response header whose name and value are encoded once, not for each response. */
    private record Header(CharSequence name, CharSequence value) {

        Header(String name, String value) {
            this(HttpHeaders.createOptimized(name), HttpHeaders.createOptimized(value));
        }
    }

    private static final String DOCS = "/api/custom-actions/docs";

    /** The content security policy of Swagger UI, which needs inline scripts. */
    private static final String DOCS_CSP = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' "
            + "'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
            + "frame-ancestors 'none'";

    private static final String APP_CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            + "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

    private SecurityHeaders() {
    }

    /**
     * Adds the headers just before the response is sent, so that headers set by the resource method are kept. A header must not
     * occur twice, because browsers would obey both values.
     */
    static void addTo(RoutingContext request) {
        request.addHeadersEndHandler(sent -> {
            MultiMap headers = request.response().headers();
            if (request.request().path().startsWith(DOCS) && !headers.contains(CSP)) {
                headers.set(CSP, DOCS_CSP);
            }
            if (BodyCollector.asks(request.request())) {
                // The client still waits for 100 Continue. After this answer it may send either the body or its next request,
                // and the service could not tell which, so the connection is closed.
                headers.set(HttpHeaders.CONNECTION, HttpHeaders.CLOSE);
            }
            if (request.request().path().startsWith(Page.APP)) {
                // Kitsu shows the page in a frame of its own site.
                headers.set("X-Frame-Options", "SAMEORIGIN");
                if (!headers.contains(CSP)) {
                    headers.set(CSP, APP_CSP);
                }
                if (!headers.contains(HttpHeaders.CACHE_CONTROL)) {
                    headers.set(HttpHeaders.CACHE_CONTROL, "no-store");
                }
            }
            for (Header header : HEADERS) {
                if (!headers.contains(header.name)) {
                    headers.add(header.name, header.value);
                }
            }
        });
    }
}
