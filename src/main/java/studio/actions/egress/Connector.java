package studio.actions.egress;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.concurrent.TimeUnit;

import io.quarkus.tls.TlsConfigurationRegistry;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.net.SocketAddress;
import io.vertx.core.tracing.TracingPolicy;
import studio.actions.address.AddressPolicy;
import studio.actions.settings.EgressConfig;

/** The HTTP client for receivers: opens a new connection for each request, to an address that {@link AddressPolicy} allowed. */
final class Connector {

    /** The most bytes of all headers of an answer together. */
    static final int MAX_HEADERS = 16 * 1024;

    private final EgressConfig config;
    private final HttpClient client;
    /**
     * The client for hosts without a dot in their name. Sends the name in the TLS handshake (SNI, RFC 6066, section 3); Java
     * alone would omit such a name.
     */
    private final HttpClient clientWithSni;

    Connector(Vertx vertx, TlsConfigurationRegistry tls, EgressConfig config) {
        this.config = config;
        this.client = vertx.createHttpClient(options(tls));
        this.clientWithSni = vertx.createHttpClient(options(tls).setForceSni(true));
    }

    private HttpClientOptions options(TlsConfigurationRegistry tls) {
        return new HttpClientOptions()
                .setProtocolVersion(HttpVersion.HTTP_1_1)
                .setConnectTimeout((int) config.connectTimeout().toMillis())
                .setSslHandshakeTimeout(config.connectTimeout().toMillis())
                .setSslHandshakeTimeoutUnit(TimeUnit.MILLISECONDS)
                // HostSlots limits the connections. The pool must be larger: it counts a connection for a moment after its
                // close, and would make the next request wait.
                .setMaxPoolSize(2 * config.inFlightPerHost())
                // One connection per request, to the address that was allowed for this request. The receiver may be closing a
                // reused connection; a POST sent on it would be lost, since it must not be sent twice.
                .setKeepAlive(false)
                .setTrustOptions(tls.get(Trust.NAME).orElseThrow().getTrustStoreOptions())
                .setVerifyHost(true)
                // Vert.x must not trace the request, since this service does. Vert.x would not know the trace of the press if
                // another replica served the press.
                .setTracingPolicy(TracingPolicy.IGNORE)
                .setTrustAll(false)
                .setDecompressionSupported(false)
                .setMaxHeaderSize(MAX_HEADERS);
    }

    /**
     * Connects to exactly this address.
     *
     * @param uri the URL of the request, in ASCII
     * @return the request, ready to be sent
     * @throws IllegalArgumentException if a header's value is not printable ASCII
     */
    Future<HttpClientRequest> connect(Outbound outbound, URI uri, InetAddress address) {
        String host = AddressPolicy.host(uri);
        int port = AddressPolicy.port(uri);
        String path = uri.getRawPath() == null || uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
        RequestOptions options = new RequestOptions()
                .setServer(SocketAddress.inetSocketAddress(new InetSocketAddress(address, port)))
                .setHost(host)
                .setPort(port)
                .setSsl("https".equalsIgnoreCase(uri.getScheme()))
                .setMethod(HttpMethod.valueOf(outbound.method()))
                .setURI(uri.getRawQuery() == null ? path : path + "?" + uri.getRawQuery())
                .setFollowRedirects(false);
        outbound.headers().forEach((name, value) -> {
            if (value.chars().anyMatch(c -> c != '\t' && (c < 0x20 || c > 0x7e))) {
                throw new IllegalArgumentException("not printable ASCII: the value of " + name);
            }
            options.putHeader(name, value);
        });
        return (needsSni(host) ? clientWithSni : client).request(options);
    }

    private static boolean needsSni(String host) {
        return host.chars().noneMatch(c -> c == '.' || c == '[' || c == '_');
    }

    void close() {
        client.close();
        clientWithSni.close();
    }
}
