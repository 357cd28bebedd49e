package studio.actions.identity;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import org.eclipse.microprofile.config.Config;
import org.jboss.logging.Logger;

import io.quarkus.vertx.http.runtime.filters.Filters;
import io.smallrye.common.net.CidrAddress;
import io.smallrye.common.net.Inet;
import io.vertx.core.MultiMap;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.net.HostAndPort;
import io.vertx.core.net.SocketAddress;
import io.vertx.ext.web.AllowForwardHeaders;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;

/**
 * Filter of {@code X-Forwarded-…} headers. Accepts them from a trusted proxy and removes them from other requests. Replaces
 * Quarkus' own reader ({@code quarkus.http.proxy.proxy-address-forwarding}), which takes the leftmost address as the client's,
 * although the client itself can forge that address. Quarkus' reader also fails on an empty host or address before any of our
 * methods is called.
 */
@Singleton
public class ForwardedHeaders {

    private static final Logger LOG = Logger.getLogger(ForwardedHeaders.class);

    /** The filter's priority, so high that it runs before any filter that reads a request's scheme, host or client address. */
    private static final int FILTER = 2000;

    /** The time after which the host names of trusted proxies are resolved again. */
    private static final Duration KEPT = Duration.ofSeconds(30);

    private static final String QUARKUS_FORWARDS = "quarkus.http.proxy.proxy-address-forwarding";
    private static final String FORWARDS = "kitsu-actions.forwards";

    private static final String PROTO = "X-Forwarded-Proto";
    private static final String HOST = "X-Forwarded-Host";
    private static final String PORT = "X-Forwarded-Port";
    private static final String SSL = "X-Forwarded-Ssl";
    private static final String FOR = "X-Forwarded-For";

    private static final List<String> ALL = List.of(PROTO, HOST, PORT, SSL, FOR);

    /** The key under which a request keeps what became of its forwarded headers. */
    private static final String USE = ForwardedHeaders.class.getName();

    /** What became of the forwarded headers of a request. */
    public enum Use {
        /** The request had none. */
        absent,
        /** They came from a trusted proxy. */
        trusted,
        /** They came from an address that is not a trusted proxy. */
        ignored
    }

    private static final Pattern HOST_NAME = Pattern
            .compile("([a-zA-Z0-9._-]{1,253}|\\[(?<v6>[0-9a-fA-F:.]{2,45})])(:[0-9]{1,5})?");

    /** An address of {@code X-Forwarded-For}, with the port that some proxies append. */
    private static final Pattern HOP = Pattern.compile("(?<v4>[0-9.]{7,15})(:[0-9]{1,5})?|\\[(?<v6>[^]]{2,45})](:[0-9]{1,5})?");

    private final Vertx vertx;
    private final boolean forwards;
    private final List<String> names;
    /** The last resolved addresses of each trusted proxy that is configured by host name; kept if a later DNS query fails. */
    private final Map<String, List<CidrAddress>> known = new ConcurrentHashMap<>();
    private final AtomicLong lookedUp = new AtomicLong();
    private volatile List<CidrAddress> trusted = List.of();

    ForwardedHeaders(Config config, Vertx vertx) {
        this.vertx = vertx;
        this.forwards = Stream.of(FORWARDS, QUARKUS_FORWARDS)
                .anyMatch(key -> config.getOptionalValue(key, Boolean.class).orElse(false));
        this.names = forwards
                ? Arrays.stream(
                        config.getOptionalValue("quarkus.http.proxy.trusted-proxies", String.class).orElse("").split(","))
                        .map(String::strip).filter(name -> !name.isEmpty()).toList()
                : List.of();
    }

    /**
     * Switches off Quarkus' wrapper around requests. Must be called before Quarkus starts. The wrapper merges two {@code Host}
     * headers into one, even if it reads no forwarded header, and so hides that the request is malformed.
     */
    public static void replaceQuarkus(Config config) {
        if (config.getOptionalValue(QUARKUS_FORWARDS, Boolean.class).orElse(false)) {
            System.setProperty(FORWARDS, "true");
            System.setProperty(QUARKUS_FORWARDS, "false");
        }
    }

    /** Returns what became of the forwarded headers of a request. */
    public static Use use(RoutingContext request) {
        Use use = request.get(USE);
        return use != null ? use : sent(request) ? Use.ignored : Use.absent;
    }

    private static boolean sent(RoutingContext request) {
        return ALL.stream().anyMatch(request.request().headers()::contains);
    }

    void read(@Observes Router router) {
        if (forwards) {
            router.allowForward(AllowForwardHeaders.X_FORWARD);
        }
    }

    void tidyFirst(@Observes Filters filters) {
        if (!forwards) {
            return;
        }
        trusted = lookUp();
        lookedUp.set(System.nanoTime());
        filters.register(request -> {
            lookUpAgain();
            tidy(request);
            request.next();
        }, FILTER);
    }

    private void tidy(RoutingContext request) {
        MultiMap headers = request.request().headers();
        SocketAddress peer = request.request().connection().remoteAddress();
        InetAddress address = peer == null ? null : address(peer.hostAddress());
        boolean fromProxy = address != null && trusts(address);
        request.put(USE, !sent(request) ? Use.absent : fromProxy ? Use.trusted : Use.ignored);
        if (!fromProxy) {
            ALL.forEach(headers::remove);
            return;
        }
        String host = host(first(headers.get(HOST)));
        // Keeps 'Host': with X-Forwarded-Proto but no X-Forwarded-Host, Vert.x would drop the port of 'Host'.
        replace(headers, HOST, host != null ? host : headers.get(HttpHeaders.HOST));
        replace(headers, PROTO, scheme(first(headers.get(PROTO))));
        replace(headers, PORT, port(first(headers.get(PORT))));
        replace(headers, FOR, client(headers.getAll(FOR)));
    }

    private static void replace(MultiMap headers, String name, String value) {
        if (value == null) {
            headers.remove(name);
        } else {
            headers.set(name, value);
        }
    }

    /** Returns a header value up to its first comma, which is the part that the outermost proxy wrote. */
    private static String first(String value) {
        return value == null ? "" : value.split(",", 2)[0].strip();
    }

    private static String scheme(String value) {
        return value.equalsIgnoreCase("http") || value.equalsIgnoreCase("https") ? value.toLowerCase(Locale.ROOT) : null;
    }

    private static String host(String value) {
        Matcher host = HOST_NAME.matcher(value);
        return host.matches() && HostAndPort.parseAuthority(value, -1) != null
                && (host.group("v6") == null || Inet.parseInet6Address(host.group("v6")) != null) ? value : null;
    }

    private static String port(String value) {
        return value.matches("[1-9][0-9]{0,4}") && Integer.parseInt(value) <= 65_535 ? value : null;
    }

    /**
     * Returns the client's address: the rightmost address that is not a trusted proxy's. Each proxy appends the address of the
     * host that called it; the client may have forged all addresses further left. Returns null if the rightmost address cannot
     * be read.
     */
    private String client(List<String> lines) {
        List<String> hops = Arrays.asList(String.join(",", lines).split(","));
        InetAddress last = null;
        for (int i = hops.size() - 1; i >= 0; i--) {
            InetAddress hop = address(hops.get(i).strip());
            if (hop == null) {
                break;
            }
            last = hop;
            if (!trusts(hop)) {
                break;
            }
        }
        return last == null ? null : last.getHostAddress();
    }

    private boolean trusts(InetAddress address) {
        return trusted.stream().anyMatch(proxy -> proxy.matches(address));
    }

    /** Parses an IP address, with or without a port. IPv4-mapped IPv6 becomes IPv4. Returns null for any other text. */
    private static InetAddress address(String text) {
        if (text == null) {
            return null;
        }
        Matcher hop = HOP.matcher(text);
        String plain = !hop.matches() ? text : hop.group("v4") != null ? hop.group("v4") : hop.group("v6");
        InetAddress address = Inet.parseInetAddress(plain);
        try {
            return address == null ? null : InetAddress.getByAddress(address.getAddress());
        } catch (UnknownHostException e) {
            throw new IllegalStateException("an address has 4 or 16 bytes", e);
        }
    }

    private void lookUpAgain() {
        long last = lookedUp.get();
        long now = System.nanoTime();
        if (now - last > KEPT.toNanos() && names.stream().anyMatch(name -> range(name) == null)
                && lookedUp.compareAndSet(last, now)) {
            vertx.executeBlocking(() -> trusted = lookUp(), false);
        }
    }

    private List<CidrAddress> lookUp() {
        return names.stream().flatMap(name -> {
            CidrAddress range = range(name);
            return range != null ? Stream.of(range) : addresses(name);
        }).toList();
    }

    /** Parses a trusted proxy's CIDR range or address; returns null for a host name. */
    private static CidrAddress range(String proxy) {
        CidrAddress range = Inet.parseCidrAddress(proxy);
        InetAddress address = range == null ? address(proxy) : null;
        return address == null ? range : single(address);
    }

    private Stream<CidrAddress> addresses(String name) {
        try {
            known.put(name, Stream.of(InetAddress.getAllByName(name.replaceFirst(":\\d+$", "")))
                    .map(ForwardedHeaders::single).toList());
        } catch (UnknownHostException e) {
            if (known.putIfAbsent(name, List.of()) == null) {
                LOG.warnf(
                        "Cannot resolve the trusted proxy %s (QUARKUS_HTTP_PROXY_TRUSTED_PROXIES); ignoring its forwarded "
                                + "headers until its name resolves.",
                        name);
            }
        }
        return known.get(name).stream();
    }

    private static CidrAddress single(InetAddress address) {
        return CidrAddress.create(address, 8 * address.getAddress().length);
    }
}
