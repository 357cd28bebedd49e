package studio.actions.action;

import java.io.IOException;
import java.io.UncheckedIOException;

import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;

import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;

import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * A list of actions as it is answered: written once, and sent to all who ask the same until an action changes.
 *
 * @param tag the value of {@code ETag}
 * @param links the value of {@code Link}; null where there is none
 */
public record Listing(String tag, byte[] body, String links) {

    private static final MediaType JSON = MediaType.APPLICATION_JSON_TYPE.withCharset("UTF-8");

    public static Listing of(Object answer, ObjectMapper json) {
        return of(answer, null, json);
    }

    static Listing of(Object answer, String links, ObjectMapper json) {
        try {
            byte[] body = json.writeValueAsBytes(answer);
            return new Listing('"' + Etag.of(body).getValue() + '"', body, links);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The whole, or that it is as the caller knows it. */
    public RestResponse<byte[]> answer(HttpHeaders headers) {
        if (Etag.known(tag, headers)) {
            return ResponseBuilder.<byte[]> create(RestResponse.Status.NOT_MODIFIED).header(HttpHeaders.ETAG, tag).build();
        }
        ResponseBuilder<byte[]> answer = ResponseBuilder.ok(body, JSON).header(HttpHeaders.ETAG, tag);
        return (links == null ? answer : answer.header(HttpHeaders.LINK, links)).build();
    }
}
