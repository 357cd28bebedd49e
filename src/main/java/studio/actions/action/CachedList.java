package studio.actions.action;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Set;

import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;

import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;

import com.fasterxml.jackson.databind.ObjectMapper;

import io.netty.buffer.Unpooled;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import studio.actions.identity.Caller;
import studio.actions.identity.Role;

/**
 * A response with a list of actions, shared by all callers with equal roles and requests.
 *
 * @param tag the value of {@code ETag}, which changes whenever the body changes
 * @param bytes the body
 */
public record CachedList(String tag, ByteBuffer bytes) {

    private static final String JSON = MediaType.APPLICATION_JSON + ";charset=UTF-8";

    /** Bytes that a string takes in addition to its characters. */
    private static final int STRING_OVERHEAD = 64;

    /**
     * The key under which a response is kept: the caller's roles and the parts of the request on which the response depends.
     */
    record Question(Role role, Set<Role> roles, String path, String query, List<String> accept) {

        static Question of(RoutingContext request, Caller caller) {
            HttpServerRequest asked = request.request();
            return new Question(caller.role(), caller.roles(), asked.path(), asked.query(),
                    asked.headers().getAll(HttpHeaders.ACCEPT));
        }

        /**
         * Returns roughly how many bytes of memory the query and {@code Accept} take. Counts these two, because the caller
         * chooses their lengths. Counts an overhead for each value of {@code Accept}, because many short values take more than
         * one long value.
         */
        int length() {
            return (query == null ? 0 : query.length())
                    + accept.stream().mapToInt(value -> value.length() + STRING_OVERHEAD).sum();
        }
    }

    public static CachedList of(Object answer, ObjectMapper json) {
        try {
            byte[] body = json.writeValueAsBytes(answer);
            return new CachedList('"' + Etag.of(body).getValue() + '"', ByteBuffer.wrap(body));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Returns a copy of this response outside of the Java heap, to be kept. It can be sent many times without being copied
     * again.
     */
    CachedList outside() {
        return new CachedList(tag, ByteBuffer.allocateDirect(bytes.capacity()).put(bytes.duplicate()).flip());
    }

    /**
     * Returns a response with the list, or 304 if the caller has this list already.
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
