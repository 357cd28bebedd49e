package studio.actions.action;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;

import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;

import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;

import com.fasterxml.jackson.databind.ObjectMapper;

import io.netty.buffer.Unpooled;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;

/**
 * A response with a list of actions, shared by all callers with an equal question.
 *
 * @param tag the value of {@code ETag}, which changes whenever the body changes
 * @param bytes the body
 */
public record CachedList(String tag, ByteBuffer bytes) {

    private static final String JSON = MediaType.APPLICATION_JSON + ";charset=UTF-8";

    public static CachedList of(Object answer, ObjectMapper json) {
        try {
            byte[] body = json.writeValueAsBytes(answer);
            return new CachedList('"' + Etag.of(body).getValue() + '"', ByteBuffer.wrap(body));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns a copy outside of the heap, to be kept. From there each response is sent without another copy. */
    CachedList outside() {
        return new CachedList(tag, ByteBuffer.allocateDirect(bytes.capacity()).put(bytes.duplicate()).flip());
    }

    /**
     * Returns the list, or 304 if the caller has this list already.
     *
     * @param known the value of {@code If-None-Match}; null if there is none
     */
    RestResponse<Buffer> answer(String known) {
        ResponseBuilder<Buffer> answer = Etag.known(tag, known) ? ResponseBuilder.create(RestResponse.Status.NOT_MODIFIED)
                : ResponseBuilder.ok(body(), JSON);
        return answer.header(HttpHeaders.ETAG, tag).build();
    }

    /** Sends the list, or 304 if the caller has this list already. */
    void answer(HttpServerResponse response, String known) {
        response.putHeader(HttpHeaders.ETAG, tag);
        if (Etag.known(tag, known)) {
            response.setStatusCode(304).end();
        } else {
            response.putHeader(HttpHeaders.CONTENT_TYPE, JSON).end(body());
        }
    }

    /** Returns a buffer for one response. Several threads send the list at once, and each needs its own read position. */
    private Buffer body() {
        return Buffer.buffer(Unpooled.wrappedBuffer(bytes.duplicate()));
    }
}
