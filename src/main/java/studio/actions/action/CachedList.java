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
 * A list of actions as it is answered, the same to all who ask the same.
 *
 * @param tag the value of {@code ETag}: it changes whenever the answer does
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

    /** The same, to be kept: outside of the heap, from where it goes out without being copied for each who asks. */
    CachedList outside() {
        return new CachedList(tag, ByteBuffer.allocateDirect(bytes.capacity()).put(bytes.duplicate()).flip());
    }

    /**
     * The whole, or that it is as the caller knows it.
     *
     * @param known the value of {@code If-None-Match}; null where there is none
     */
    RestResponse<Buffer> answer(String known) {
        ResponseBuilder<Buffer> answer = Etag.known(tag, known) ? ResponseBuilder.create(RestResponse.Status.NOT_MODIFIED)
                : ResponseBuilder.ok(body(), JSON);
        return answer.header(HttpHeaders.ETAG, tag).build();
    }

    /** The same again. */
    void answer(HttpServerResponse response, String known) {
        response.putHeader(HttpHeaders.ETAG, tag);
        if (Etag.known(tag, known)) {
            response.setStatusCode(304).end();
        } else {
            response.putHeader(HttpHeaders.CONTENT_TYPE, JSON).end(body());
        }
    }

    /** For one answer: several threads write at once, and each has its own place in what it writes. */
    private Buffer body() {
        return Buffer.buffer(Unpooled.wrappedBuffer(bytes.duplicate()));
    }
}
