package studio.actions.run;

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
import org.jboss.resteasy.reactive.server.core.CurrentRequestManager;

import com.fasterxml.jackson.databind.ObjectMapper;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.util.concurrent.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.net.impl.ConnectionBase;
import io.vertx.ext.web.RoutingContext;
import studio.actions.problem.ProblemException;

/** Answers of about a megabyte: how many are made at once, and how many wait for their clients to take them, is limited. */
@Singleton
class LargeAnswers {

    private static final int MADE_AT_ONCE = 4;
    private static final int SENT_AT_ONCE = 16;

    /** Bytes; answers up to this size wait for their clients in any number. */
    private static final int SMALL = 64 * 1024;

    /** For one's turn. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    /** For a client to take an answer before its connection is closed. */
    private static final Duration TAKING = Duration.ofSeconds(30);

    private final Semaphore making = new Semaphore(MADE_AT_ONCE);
    private final Semaphore sending = new Semaphore(SENT_AT_ONCE);
    private final ObjectMapper json;

    LargeAnswers(ObjectMapper json) {
        this.json = json;
    }

    /**
     * Answers with what is read, as JSON.
     *
     * @throws ProblemException {@code unavailable} where too many are at it
     */
    RestResponse<Buffer> answer(Supplier<?> read) {
        RoutingContext request = CurrentRequestManager.get().unwrap(RoutingContext.class);
        byte[] answer = make(request.response(), read);
        if (answer.length > SMALL) {
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
            if (!making.tryAcquire(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
                throw busy();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw busy();
        }
        try {
            // Whoever has hung up meanwhile needs no answer.
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
        }, TAKING.toMillis(), TimeUnit.MILLISECONDS);
        // An answer has ended when it waits to be written. What is written behind it is written when all of it has been.
        request.addEndHandler(ended -> channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(taken -> {
            tooLate.cancel(false);
            release.run();
        }));
    }

    private static ProblemException busy() {
        return ProblemException.unavailable("Many are reading large runs just now. Try again, or ask for less with 'limit'.");
    }
}
