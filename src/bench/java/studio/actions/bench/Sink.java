package studio.actions.bench;

import java.util.ArrayDeque;
import java.util.Queue;

import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;

/** A receiver on loopback that answers every request with 200: at once, after a delay, or on release. */
final class Sink implements AutoCloseable {

    private final Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));
    private final long delayMillis;
    private final HttpServer server;
    private Queue<HttpServerRequest> held;

    /** @param delayMillis the delay before each answer; 0 for none */
    Sink(long delayMillis) {
        this.delayMillis = delayMillis;
        this.server = vertx.createHttpServer(new HttpServerOptions().setAcceptBacklog(1024)).requestHandler(this::take)
                .listen(0, "127.0.0.1").toCompletionStage().toCompletableFuture().join();
    }

    String url() {
        return "http://" + address() + "/";
    }

    String address() {
        return "127.0.0.1:" + port();
    }

    int port() {
        return server.actualPort();
    }

    private synchronized void take(HttpServerRequest request) {
        if (held != null) {
            held.add(request);
        } else if (delayMillis == 0) {
            request.response().end("{}");
        } else {
            vertx.setTimer(delayMillis, passed -> request.response().end("{}"));
        }
    }

    /** Holds the answers to all later requests back until the release. */
    synchronized void hold() {
        held = new ArrayDeque<>();
    }

    synchronized void release() {
        Queue<HttpServerRequest> waiting = held;
        held = null;
        vertx.runOnContext(now -> waiting.forEach(request -> request.response().end("{}")));
    }

    @Override
    public void close() {
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }
}
