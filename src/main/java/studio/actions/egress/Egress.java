package studio.actions.egress;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Stream;

import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.quarkus.tls.TlsConfigurationRegistry;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.net.SocketAddress;
import io.vertx.core.net.impl.ConnectionBase;
import io.vertx.core.tracing.TracingPolicy;

/**
 * The only door out to addresses that a user typed: judge the address, resolve the name once, judge every answer, connect to
 * the very address that was judged, send, stop at the limits of time and size, and say how it ended. A redirect is never
 * followed, an answer never inflated, a certificate always verified.
 */
@Singleton
public class Egress {

    private static final Logger LOG = Logger.getLogger(Egress.class);

    /** Bytes of a URL that is sent, above what most servers take. */
    public static final int LONGEST_URL = 16 * 1024;

    /** Bytes of all headers of an answer. */
    static final int MAX_HEADERS = 16 * 1024;

    private final Vertx vertx;
    private final HttpClient client;
    /** Sends SNI for names without a dot, too, which Java leaves out (RFC 6066, section 3). */
    private final HttpClient clientWithSni;
    private final AddressPolicy policy;
    private final NameResolver names;
    private final HostSlots slots;
    private final Clock clock;
    private final EgressConfig.Egress config;

    Egress(Vertx vertx, AddressPolicy policy, NameResolver names, TlsConfigurationRegistry tls, Clock clock,
            EgressConfig config) {
        this.vertx = vertx;
        this.policy = policy;
        this.names = names;
        this.clock = clock;
        this.config = config.egress();
        this.slots = new HostSlots(this.config.inFlightPerHost());
        this.client = vertx.createHttpClient(options(tls));
        this.clientWithSni = vertx.createHttpClient(options(tls).setForceSni(true));
    }

    private HttpClientOptions options(TlsConfigurationRegistry tls) {
        return new HttpClientOptions()
                .setProtocolVersion(HttpVersion.HTTP_1_1)
                .setConnectTimeout((int) this.config.connectTimeout().toMillis())
                .setSslHandshakeTimeout(this.config.connectTimeout().toMillis())
                .setSslHandshakeTimeoutUnit(TimeUnit.MILLISECONDS)
                // HostSlots says who waits. Here nobody may: the pool hears a moment later that a connection is gone.
                .setMaxPoolSize(2 * this.config.inFlightPerHost())
                // A connection for each request, to the address that was judged for it: one that is just being closed, or that
                // another answer left something on, would lose a POST that must not be sent twice.
                .setKeepAlive(false)
                .setTrustOptions(tls.get(Trust.NAME).orElseThrow().getTrustStoreOptions())
                .setVerifyHost(true)
                // The trace that a request belongs to is that of its press, which may have been at another replica.
                .setTracingPolicy(TracingPolicy.IGNORE)
                .setTrustAll(false)
                .setDecompressionSupported(false)
                .setMaxHeaderSize(MAX_HEADERS);
    }

    @PreDestroy
    void close() {
        client.close();
        clientWithSni.close();
    }

    /** One of the few slots at a host. Whoever has it sends once, or leaves. */
    public final class Slot {

        private final String host;
        private final AtomicBoolean released = new AtomicBoolean();
        private volatile Runnable whenReleased = () -> {
        };

        private Slot(String host) {
            this.host = host;
        }

        /** What happens when it is free again; to be said before it is used. */
        public void whenReleased(Runnable then) {
            whenReleased = then;
        }

        public boolean isReleased() {
            return released.get();
        }

        /** Makes the slot free; again does nothing. */
        public void release() {
            if (released.compareAndSet(false, true)) {
                slots.release(host);
                whenReleased.run();
            }
        }
    }

    /** A slot at the URL's host, if one is free. */
    public Optional<Slot> trySlot(String url) {
        String host = host(url);
        return slots.tryTake(host) ? Optional.of(new Slot(host)) : Optional.empty();
    }

    /** How many slots are free at the moment at hosts, as {@link #host} names them; at the others, all are. */
    public Map<String, Integer> freeSlots() {
        return slots.free();
    }

    /**
     * Sends once, and leaves the slot when the connection is closed. Never throws: whatever happens is the reply. May be
     * called from any thread; answers on an event loop.
     */
    public Uni<Reply> send(Slot slot, Outbound outbound) {
        return Uni.createFrom().emitter(emitter -> new Attempt(slot, outbound, emitter::complete).begin());
    }

    /** One name for host and port of a URL, however they are written. */
    public static String host(String url) {
        try {
            URI uri = new URI(url);
            String written = AddressPolicy.host(uri);
            String host = written == null ? "" : written.toLowerCase(Locale.ROOT).replaceFirst("\\.$", "");
            return NameResolver.literal(host).map(InetAddress::getHostAddress).orElse(host) + ":" + AddressPolicy.port(uri);
        } catch (URISyntaxException | IllegalArgumentException e) {
            return url;
        }
    }

    /** One request under way. Everything after {@link #begin} happens on one event loop. */
    private final class Attempt {

        private final Slot slot;
        private final Outbound outbound;
        private final Consumer<Reply> answer;
        private final Context context = vertx.getOrCreateContext();
        private final AtomicBoolean ended = new AtomicBoolean();
        private URI uri;
        private String host;
        private long since;
        private long timer = -1;
        private long dnsTimer = -1;
        private boolean connecting;
        private HttpClientRequest request;
        private Channel channel;

        Attempt(Slot slot, Outbound outbound, Consumer<Reply> answer) {
            this.slot = slot;
            this.outbound = outbound;
            this.answer = answer;
        }

        void begin() {
            guarded(this::vet);
        }

        private void vet() {
            since = System.nanoTime();
            try {
                // RFC 3986, 2: a request line is ASCII.
                uri = new URI(new URI(outbound.url()).toASCIIString());
            } catch (URISyntaxException e) {
                refuse(new AddressPolicy.Refusal(AddressPolicy.Reason.SPELLING, "The filled address is not a URL.", null));
                return;
            }
            host = AddressPolicy.host(uri);
            var refusal = policy.vet(uri);
            if (refusal.isPresent()) {
                refuse(refusal.get());
            } else if (outbound.body() != null
                    && outbound.body().getBytes(StandardCharsets.UTF_8).length > config.maxRequest().asLongValue()) {
                end(Reply.Refused.of(FailureKind.too_large, "The body would be over " + config.maxRequest().asLongValue()
                        + " bytes (CUSTOM_ACTIONS_EGRESS_MAX_REQUEST). Select fewer."));
            } else {
                step(this::resolve);
            }
        }

        private void step(Runnable work) {
            context.runOnContext(now -> guarded(work));
        }

        /** What goes wrong here ends the attempt at once, and is not left to the timer: nobody else would release the slot. */
        private void guarded(Runnable work) {
            try {
                work.run();
            } catch (RuntimeException | Error e) {
                // Not its message: it may repeat a header's value.
                LOG.errorf("A request to %s could not be put together or its answer read: %s", host(outbound.url()),
                        e.getClass().getName());
                fail(FailureKind.protocol, "The request could not be put together. Is a header's value fit to be sent?");
            }
        }

        private void resolve() {
            since = System.nanoTime();
            timer = vertx.setTimer(outbound.timeout().toMillis(), late -> fail(FailureKind.timeout,
                    "No whole answer within " + seconds(outbound.timeout()) + " ('timeout_ms')."));
            Optional<InetAddress> literal = NameResolver.literal(host);
            if (literal.isPresent()) {
                vet(List.of(literal.get()));
                return;
            }
            dnsTimer = vertx.setTimer(config.dnsTimeout().toMillis(), late -> fail(FailureKind.dns,
                    "The name " + host + " was not resolved within " + seconds(config.dnsTimeout()) + "."));
            names.resolve(host).onComplete(found -> step(() -> {
                vertx.cancelTimer(dnsTimer);
                if (ended.get()) {
                    return;
                }
                if (found.failed() || found.result().isEmpty()) {
                    fail(FailureKind.dns, "The name " + host + " is not known to DNS.");
                    return;
                }
                vet(found.result());
            }));
        }

        private void vet(List<InetAddress> answers) {
            policy.vet(host, AddressPolicy.port(uri), answers)
                    .ifPresentOrElse(this::refuse, () -> connect(interleaved(answers)));
        }

        /** Connects to the first address. Tries the next one if the connection fails, before anything has been sent. */
        private void connect(Deque<InetAddress> addresses) {
            InetAddress address = addresses.pop();
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
            Future<HttpClientRequest> connection = (needsSni(host) ? clientWithSni : client).request(options);
            connecting = true;
            // Between this and the next step the other side may hang up already; Vert.x would log what nobody listens to.
            connection.onSuccess(connected -> connected.exceptionHandler(lost -> step(() -> fail(lost))));
            connection.onComplete(connected -> step(() -> {
                if (connected.failed()) {
                    if (!ended.get() && !addresses.isEmpty() && Cause.isOfAddress(connected.cause())) {
                        connect(addresses);
                        return;
                    }
                    slot.release();
                    fail(connected.cause());
                    return;
                }
                request = connected.result();
                channel = ((ConnectionBase) request.connection()).channel();
                channel.closeFuture().addListener(closed -> slot.release());
                channel.pipeline().addBefore("handler", "interim", new Interim(() -> step(this::tooManyInterim)));
                if (ended.get()) {
                    hangUp();
                } else {
                    exchange();
                }
            }));
        }

        private void exchange() {
            request.response().onComplete(responded -> guarded(() -> {
                if (responded.failed()) {
                    fail(responded.cause());
                } else {
                    read(responded.result());
                }
            }));
            var sent = outbound.body() == null ? request.end() : request.end(outbound.body());
            sent.onFailure(this::fail);
        }

        private void tooManyInterim() {
            fail(FailureKind.too_large, "There were more than " + Interim.MOST + " interim answers (1xx).");
        }

        private void read(HttpClientResponse response) {
            if (ended.get()) {
                return;
            }
            Answer received = new Answer(response, config.maxResponse().asLongValue());
            response.exceptionHandler(this::fail);
            response.handler(chunk -> guarded(() -> {
                // All that was decoded together arrives after the end, too: thousands of chunks if they are small.
                if (!ended.get() && received.isFullWith(chunk)) {
                    end(received.reply(elapsed(), clock.instant()));
                }
            }));
            response.endHandler(whole -> guarded(() -> {
                if (!ended.get()) {
                    end(received.reply(elapsed(), clock.instant()));
                }
            }));
        }

        private void fail(Throwable thrown) {
            if (ended.get()) {
                return;
            }
            Cause cause = Cause.of(thrown, host + ":" + AddressPolicy.port(uri), config.connectTimeout());
            fail(cause.kind(), cause.message());
        }

        private void fail(FailureKind kind, String message) {
            end(new Reply.Failed(kind, message, null, null, elapsed(), null));
        }

        private void refuse(AddressPolicy.Refusal refusal) {
            end(new Reply.Refused(FailureKind.forbidden_address, refusal.sentence(), refusal, elapsed()));
        }

        private void end(Reply reply) {
            if (!ended.compareAndSet(false, true)) {
                return;
            }
            vertx.cancelTimer(timer);
            vertx.cancelTimer(dnsTimer);
            if (channel != null) {
                hangUp();
            } else if (!connecting) {
                slot.release();
            }
            answer.accept(reply);
        }

        /**
         * Vert.x takes the connection out of its pool, and would close it when all is written: never, where the other side does
         * not read. So the channel is closed past Vert.x. TLS gets three seconds for its good-bye.
         */
        private void hangUp() {
            request.connection().close();
            ChannelHandlerContext last = channel.pipeline().lastContext();
            if (last != null) {
                last.close();
            }
        }

        private long elapsed() {
            return (System.nanoTime() - since) / 1_000_000;
        }
    }

    private static boolean needsSni(String host) {
        return host.chars().noneMatch(c -> c == '.' || c == '[' || c == '_');
    }

    /** Alternates IPv6 and IPv4 addresses, so that a broken family costs one attempt only. Keeps the resolver's order. */
    static Deque<InetAddress> interleaved(List<InetAddress> addresses) {
        Deque<InetAddress> first = new ArrayDeque<>();
        Deque<InetAddress> second = new ArrayDeque<>();
        addresses.forEach(address -> (address.getClass() == addresses.get(0).getClass() ? first : second).add(address));
        Deque<InetAddress> all = new ArrayDeque<>();
        while (!first.isEmpty() || !second.isEmpty()) {
            Stream.of(first, second).filter(rest -> !rest.isEmpty()).forEach(rest -> all.add(rest.pop()));
        }
        return all;
    }

    static String seconds(Duration duration) {
        return duration.toMillis() % 1000 == 0 ? duration.toSeconds() + " s" : duration.toMillis() + " ms";
    }
}
