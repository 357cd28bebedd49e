package studio.actions.http;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

import jakarta.enterprise.inject.Instance;
import jakarta.inject.Singleton;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.container.ContainerRequestContext;

import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;
import org.jboss.resteasy.reactive.server.core.CurrentRequestManager;
import org.jboss.resteasy.reactive.server.core.ResteasyReactiveRequestContext;

import io.quarkus.vertx.http.runtime.VertxHttpConfig;
import io.vertx.core.MultiMap;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClosedException;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.RoutingContext;
import studio.actions.log.RareLine;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.settings.CsvConfig;

/**
 * A filter that collects each request body on the event loop before the resource method gets a thread, so that a slow client
 * occupies a connection but no thread. It runs after authentication and authorization, so that a caller without the right to
 * send a body is refused before the body is read. A table, such as CSV, may have {@code csv.max-size} bytes; any other body may
 * have 1 MB. The whole body must arrive within {@code quarkus.http.read-timeout}.
 */
@Singleton
public class BodyCollector {

    static final int LIMIT = 1024 * 1024;

    /** Media types of tables, which an import accepts. The limit for such a body is {@code csv.max-size}. */
    private static final List<String> TABLES = List.of("text/csv", "text/tab-separated-values", "application/vnd.ms-excel",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");

    /**
     * The most bytes of a refused body that are read and discarded, because many clients read the answer only after they have
     * sent the whole body.
     */
    static final long DRAINED = 64L * LIMIT;

    private static final Logger LOG = Logger.getLogger(BodyCollector.class);

    private final RareLine unreadable = new RareLine(LOG, Logger.Level.INFO);
    private final RareLine overload = new RareLine(LOG, Logger.Level.WARN);

    /** The configuration, looked up at each use, because Quarkus creates filters before the settings are available. */
    private final Instance<BodyConfig> config;
    private final Instance<CsvConfig> csv;
    private final Instance<VertxHttpConfig> http;

    private final AtomicInteger count = new AtomicInteger();
    private final AtomicLong bytes = new AtomicLong();

    BodyCollector(Instance<BodyConfig> config, Instance<CsvConfig> csv, Instance<VertxHttpConfig> http) {
        this.config = config;
        this.csv = csv;
        this.http = http;
    }

    /** Collects the body of a request. Runs after authorization and before every filter that needs a worker thread. */
    @ServerRequestFilter(nonBlocking = true, priority = Priorities.HEADER_DECORATOR)
    public void collect(ContainerRequestContext request) {
        ResteasyReactiveRequestContext method = CurrentRequestManager.get();
        RoutingContext routing = method.unwrap(RoutingContext.class);
        if (announced(routing.request())) {
            new Arrival(method, routing).begin();
        }
    }

    /** Returns true if the headers of a request announce a body. */
    static boolean announced(HttpServerRequest request) {
        MultiMap headers = request.headers();
        return headers.contains(HttpHeaders.CONTENT_LENGTH) || headers.contains(HttpHeaders.TRANSFER_ENCODING);
    }

    /** Returns true if the client waits for {@code 100 Continue} before it sends the body. */
    static boolean asks(HttpServerRequest request) {
        return "100-continue".equalsIgnoreCase(request.getHeader(HttpHeaders.EXPECT));
    }

    /** Returns the {@code Content-Length} of a request; 0 if it is missing or malformed. */
    static long length(HttpServerRequest request) {
        try {
            String length = request.getHeader(HttpHeaders.CONTENT_LENGTH);
            return length == null ? 0 : Long.parseLong(length);
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    /** Returns the problem for a body that exceeds the limit for its media type. */
    ProblemException tooLarge(HttpServerRequest request) {
        return new ProblemException(Code.TOO_LARGE,
                "The body may have at most %,d bytes. Send it in parts.".formatted(limit(request)))
                .with("Connection", "close");
    }

    private int limit(HttpServerRequest request) {
        String mediaType = request.getHeader(HttpHeaders.CONTENT_TYPE);
        return mediaType != null && TABLES.stream().anyMatch(mediaType.strip().toLowerCase(Locale.ROOT)::startsWith)
                ? (int) csv.get().maxSize().asLongValue()
                : LIMIT;
    }

    /**
     * Discards the rest of a body whose request was answered early. If the connection were closed instead, a client that is
     * still sending would never read the answer. Closes the connection after {@link #DRAINED} bytes or the read time-out.
     */
    void drain(RoutingContext answered) {
        HttpServerRequest request = answered.request();
        if (request.isEnded()) {
            return;
        }
        Vertx vertx = answered.vertx();
        long late = vertx.setTimer(http.get().readTimeout().toMillis(), now -> request.connection().close());
        long[] read = { request.bytesRead() };
        try {
            request.exceptionHandler(lost -> vertx.cancelTimer(late)).handler(piece -> {
                read[0] += piece.length();
                if (read[0] > DRAINED) {
                    request.connection().close();
                }
            }).endHandler(whole -> vertx.cancelTimer(late)).resume();
        } catch (IllegalStateException ended) {
            vertx.cancelTimer(late);
        }
    }

    /** A body that is arriving. All methods except {@link #release} run on the event loop of the connection. */
    private final class Arrival {

        private final ResteasyReactiveRequestContext method;
        private final RoutingContext routing;
        private final HttpServerRequest request;
        private final int limit;
        private final AtomicBoolean released = new AtomicBoolean();
        private Buffer body = Buffer.buffer(0);
        private long read;
        private volatile long held;
        private boolean over;
        private boolean ended;
        private long late = -1;

        Arrival(ResteasyReactiveRequestContext method, RoutingContext routing) {
            this.method = method;
            this.routing = routing;
            this.request = routing.request();
            this.limit = limit(request);
        }

        void begin() {
            method.suspend();
            int others = count.getAndIncrement();
            routing.addEndHandler(answered -> release());
            if (others >= config.get().maxCount()) {
                refuseForNow("%d bodies are arriving already (bodies.max-count)".formatted(others));
                return;
            }
            boolean asks = asks(request);
            if (asks && length(request) > limit) {
                refuseAndHangUp(tooLarge(request));
                return;
            }
            request.exceptionHandler(this::fail).handler(this::add).endHandler(whole -> finish());
            if (asks) {
                request.response().writeContinue();
                request.headers().remove(HttpHeaders.EXPECT);
            }
            request.resume();
            if (!ended) {
                late = routing.vertx().setTimer(http.get().readTimeout().toMillis(), now -> expire());
            }
        }

        private void add(Buffer piece) {
            read += piece.length();
            if (ended) {
                return;
            }
            if (over) {
                if (read > DRAINED) {
                    refuseAndHangUp(tooLarge(request));
                }
                return;
            }
            if (read > limit) {
                over = true;
                body = null;
                bytes.addAndGet(-held);
                held = 0;
                return;
            }
            held = read;
            long all = bytes.addAndGet(piece.length());
            if (all > config.get().maxMemory().asLongValue() && all > held) {
                refuseForNow("bodies hold %,d bytes already (bodies.max-memory)".formatted(all - piece.length()));
                return;
            }
            body = read == piece.length() ? piece : body.appendBuffer(piece);
        }

        private void finish() {
            if (ended) {
                return;
            }
            if (over) {
                refuse(tooLarge(request));
            } else {
                proceed(new Body(body.getBytes(), this));
            }
        }

        private void expire() {
            routing.addEndHandler(answered -> request.connection().close());
            abort(over ? tooLarge(request)
                    : new ProblemException(Code.REQUEST_TIMEOUT, "The body did not arrive within %d s."
                            .formatted(http.get().readTimeout().toSeconds())).with("Connection", "close"));
        }

        private void fail(Throwable lost) {
            if (!ended && !(lost instanceof HttpClosedException)) {
                unreadable.log("Cannot read the body of a request (%s); closing its connection.".formatted(lost.getMessage()));
            }
            abort(new ProblemException(Code.BAD_REQUEST,
                    "The body cannot be read: it breaks off, or its chunks are malformed."));
        }

        private void refuseForNow(String why) {
            overload.log("Refusing request bodies with 503: " + why);
            abort(ProblemException.unavailable("Too many requests are arriving at once. Try again soon."));
        }

        /** Answers with a refusal at once, without a worker thread, because many clients may be refused at the same time. */
        private void abort(ProblemException refusal) {
            if (end()) {
                release();
                method.resume(refusal, true);
            }
        }

        private void refuseAndHangUp(ProblemException refusal) {
            routing.addEndHandler(answered -> request.connection().close());
            refuse(refusal);
        }

        /**
         * Lets the request continue, and throws the refusal when the resource method reads the body. All request filters have
         * run by then, so the answer has the headers that they add, such as {@code RateLimit}.
         */
        private void refuse(ProblemException refusal) {
            proceed(new InputStream() {
                @Override
                public int read() {
                    throw refusal;
                }
            });
        }

        private void proceed(InputStream stream) {
            if (end()) {
                method.setInputStream(stream);
                method.resume();
            }
        }

        private boolean end() {
            if (ended) {
                return false;
            }
            ended = true;
            body = null;
            routing.vertx().cancelTimer(late);
            return true;
        }

        private void release() {
            if (released.compareAndSet(false, true)) {
                count.decrementAndGet();
                bytes.addAndGet(-held);
            }
        }
    }

    /** A complete body. The limits in {@link BodyConfig} count it until it is closed or its request is answered. */
    private static final class Body extends ByteArrayInputStream {

        private final Arrival arrival;

        Body(byte[] bytes, Arrival arrival) {
            super(bytes);
            this.arrival = arrival;
        }

        @Override
        public void close() {
            arrival.release();
        }
    }
}
