package studio.actions.bench;

import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import io.netty.buffer.Unpooled;
import io.vertx.core.MultiMap;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;

/**
 * What no service could do better in this very process: the same bytes again, status, headers and body, before any filter,
 * route or guard. It is compiled in where measurements are made, and nowhere else.
 */
@Singleton
class Ceiling {

    private volatile int status;
    private volatile MultiMap headers;
    private volatile ByteBuffer body;

    void hang(@Observes Router router) {
        router.put("/bench/constant").order(Integer.MIN_VALUE)
                .handler(request -> {
                    request.request().body().onSuccess(sent -> learn(request, sent.toJsonObject()));
                    // Quarkus stops it until somebody wants to read.
                    request.request().resume();
                });
        router.get("/bench/constant").order(Integer.MIN_VALUE).handler(this::answer);
        router.get("/bench/allocated").order(Integer.MIN_VALUE)
                .handler(request -> request.end(Long.toString(allocated())));
    }

    private void learn(RoutingContext request, JsonObject answer) {
        MultiMap learnt = MultiMap.caseInsensitiveMultiMap();
        answer.getJsonObject("headers").forEach(header -> learnt.add(header.getKey(), (String) header.getValue()));
        headers = learnt;
        byte[] bytes = answer.getString("body").getBytes(StandardCharsets.UTF_8);
        body = ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
        status = answer.getInteger("status");
        request.end();
    }

    private void answer(RoutingContext request) {
        request.response().setStatusCode(status).headers().addAll(headers);
        if (!body.hasRemaining()) {
            request.response().end();
        } else {
            request.response().end(Buffer.buffer(Unpooled.wrappedBuffer(body.duplicate())));
        }
    }

    /** Bytes, of all threads that live. */
    private static long allocated() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long sum = 0;
        for (long bytes : threads.getThreadAllocatedBytes(threads.getAllThreadIds())) {
            sum += Math.max(0, bytes);
        }
        return sum;
    }
}
