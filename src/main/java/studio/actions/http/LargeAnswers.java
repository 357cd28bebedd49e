package studio.actions.http;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

import jakarta.inject.Singleton;
import jakarta.ws.rs.core.MediaType;

import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;

import com.fasterxml.jackson.databind.ObjectMapper;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.util.concurrent.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.net.impl.ConnectionBase;
import io.vertx.ext.web.RoutingContext;
import studio.actions.problem.ProblemException;

/**
 * Builds JSON responses of about a megabyte. Limits how many are built at once and how many wait for slow clients, because
 * they fill the memory.
 */
@Singleton
public class LargeAnswers {

    private static final int MADE_AT_ONCE = 4;
    private static final int SENT_AT_ONCE = 16;

    /** The largest size of a small response. {@link #SENT_AT_ONCE} limits only larger responses. */
    private static final int SMALL_BYTES = 64 * 1024;

    /** How long a request waits for its turn to build a response. */
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(5);

    /** The time in which a client has to read a large answer; then its connection is closed. */
    private static final Duration TIME_TO_READ = Duration.ofSeconds(30);

    private final Semaphore making = new Semaphore(MADE_AT_ONCE);
    private final Semaphore sending = new Semaphore(SENT_AT_ONCE);
    private final ObjectMapper json;

    LargeAnswers(ObjectMapper json) {
        this.json = json;
    }

    /**
     * Calls {@code read} and returns its result as a JSON response.
     *
     * @throws ProblemException {@code unavailable} if too many large responses are being built or sent
     */
    public RestResponse<Buffer> answer(RoutingContext request, Supplier<?> read) {
        byte[] answer = make(request.response(), read);
        if (answer.length > SMALL_BYTES) {
            if (!sending.tryAcquire()) {
                throw busy();
            }
            releaseWhenTaken(request);
        }
        return ResponseBuilder.ok(Buffer.buffer(Unpooled.wrappedBuffer(answer)), MediaType.APPLICATION_JSON + ";charset=UTF-8")
                .build();
    }

    private byte[] make(HttpServerResponse response, Supplier<?> read) {
        try {
            if (!making.tryAcquire(LONGEST_WAIT.toMillis(), TimeUnit.MILLISECONDS)) {
                throw busy();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw busy();
        }
        try {
            // The client may have closed the connection while its request waited for its turn.
            if (response.closed()) {
                throw busy();
            }
            return json.writeValueAsBytes(read.get());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            making.release();
        }
    }

    private void releaseWhenTaken(RoutingContext request) {
        Channel channel = ((ConnectionBase) request.request().connection()).channel();
        AtomicBoolean released = new AtomicBoolean();
        Runnable release = () -> {
            if (released.compareAndSet(false, true)) {
                sending.release();
            }
        };
        Future<?> tooLate = channel.eventLoop().schedule(() -> {
            channel.close();
            release.run();
        }, TIME_TO_READ.toMillis(), TimeUnit.MILLISECONDS);
        // The end handler runs when the response is queued, not when it is sent. So it queues an empty write after the
        // response; this write completes when all bytes of the response have been sent.
        request.addEndHandler(ended -> channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(taken -> {
            tooLate.cancel(false);
            release.run();
        }));
    }

    private static ProblemException busy() {
        return ProblemException.unavailable("Too many large runs are being read. Try again, or ask for less with 'limit'.");
    }
}
