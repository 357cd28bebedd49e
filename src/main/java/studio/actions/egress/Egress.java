package studio.actions.egress;

import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
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
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.net.impl.ConnectionBase;
import studio.actions.address.AddressPolicy;
import studio.actions.settings.EgressConfig;

/**
 * The only sender of requests to URLs that users typed. Checks the URL, resolves its host name once and checks every resolved
 * address ({@link AddressPolicy}). Connects to exactly a checked address, sends the request, enforces the limits of time and
 * size, and reports the outcome. Never follows a redirect, never decompresses an answer, always verifies the certificate.
 */
@Singleton
public class Egress {

    private static final Logger LOG = Logger.getLogger(Egress.class);

    /** The most bytes of a receiver's URL; most servers accept fewer. */
    public static final int LONGEST_URL = 16 * 1024;

    private final Vertx vertx;
    private final Connector connector;
    private final AddressPolicy policy;
    private final NameResolver names;
    private final HostSlots slots;
    private final Clock clock;
    private final EgressConfig config;

    Egress(Vertx vertx, AddressPolicy policy, NameResolver names, TlsConfigurationRegistry tls, Clock clock,
            EgressConfig config) {
        this.vertx = vertx;
        this.policy = policy;
        this.names = names;
        this.clock = clock;
        this.config = config;
        this.slots = new HostSlots(this.config.inFlightPerHost());
        this.connector = new Connector(vertx, tls, this.config);
    }

    @PreDestroy
    void close() {
        connector.close();
    }

    /**
     * The right to one connection to a host. Its holder either sends one request, whose end releases the slot, or calls
     * {@link #release}.
     */
    public final class Slot {

        private final String host;
        private final AtomicBoolean released = new AtomicBoolean();
        private volatile Runnable whenReleased = () -> {
        };

        private Slot(String host) {
            this.host = host;
        }

        /** Sets the callback for the slot's release; to be called before the slot is used. */
        public void whenReleased(Runnable then) {
            whenReleased = then;
        }

        public boolean isReleased() {
            return released.get();
        }

        /** Releases the slot. Further calls do nothing. */
        public void release() {
            if (released.compareAndSet(false, true)) {
                slots.release(host);
                whenReleased.run();
            }
        }
    }

    /** Takes a slot at the URL's host; empty if none is free. */
    public Optional<Slot> trySlot(String url) {
        String host = host(url);
        return slots.tryTake(host) ? Optional.of(new Slot(host)) : Optional.empty();
    }

    /**
     * Returns the number of free slots by host, in the spelling of {@link #host}. All slots are free at a host that the map
     * does not contain.
     */
    public Map<String, Integer> freeSlots() {
        return slots.free();
    }

    /**
     * Sends a request once, and releases the slot when the connection is closed. The {@code Uni} never fails: a failure, too,
     * is a {@link Reply}. May be called from any thread; replies on an event loop.
     */
    public Uni<Reply> send(Slot slot, Outbound outbound) {
        return Uni.createFrom().emitter(emitter -> new Attempt(slot, outbound, emitter::complete).begin());
    }

    /**
     * Returns a URL's host and port, spelled alike for all spellings of the same host. Returns the URL itself if it cannot be
     * parsed.
     */
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

    /** One attempt to send a request. All work after {@link #begin} happens on one event loop. */
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
                // A request holds its URL in ASCII (RFC 3986, 2).
                uri = new URI(new URI(outbound.url()).toASCIIString());
            } catch (URISyntaxException e) {
                refuse(new AddressPolicy.Refusal(AddressPolicy.Reason.SPELLING, "The filled URL is not valid.", null));
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

        /**
         * Runs a step of the attempt. An exception ends the attempt at once; otherwise the slot would stay taken until the
         * timeout, or forever.
         */
        private void guarded(Runnable work) {
            try {
                work.run();
            } catch (RuntimeException | Error e) {
                // The exception's message is not logged: it may contain a header's value, which may be secret.
                LOG.errorf("Cannot build a request to %s or read its answer (%s); the attempt fails.", host(outbound.url()),
                        e.getClass().getName());
                fail(FailureKind.protocol, "The request could not be built. Is every header's value printable ASCII?");
            }
        }

        private void resolve() {
            since = System.nanoTime();
            timer = vertx.setTimer(outbound.timeout().toMillis(), late -> fail(FailureKind.timeout,
                    "The receiver did not send its whole answer within " + Cause.seconds(outbound.timeout())
                            + " ('timeout_ms')."));
            Optional<InetAddress> literal = NameResolver.literal(host);
            if (literal.isPresent()) {
                vet(List.of(literal.get()));
                return;
            }
            dnsTimer = vertx.setTimer(config.dnsTimeout().toMillis(), late -> fail(FailureKind.dns,
                    "The name " + host + " was not resolved within " + Cause.seconds(config.dnsTimeout()) + "."));
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

        /**
         * Connects to the first address. If it is unreachable, refuses the connection or does not reply in time, tries the next
         * address.
         */
        private void connect(Deque<InetAddress> addresses) {
            InetAddress address = addresses.pop();
            Future<HttpClientRequest> connection = connector.connect(outbound, uri, address);
            connecting = true;
            // The receiver may close the connection before the step below runs. This handler then ends the attempt; without a
            // handler, Vert.x would only log the exception.
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
                // Vert.x passes on all chunks that it decoded together, even after the attempt has ended. They are ignored:
                // there may be thousands.
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
         * Closes the connection at once. Vert.x's own close removes it from the pool, but waits until the whole request is
         * written: forever, if the receiver does not read. So Netty's channel is closed, too. TLS gets three seconds to send
         * close_notify.
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

    /**
     * Returns the addresses with IPv6 and IPv4 alternating, each in the resolver's order. If one of the two protocols does not
     * work, only one connection fails.
     */
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
}
