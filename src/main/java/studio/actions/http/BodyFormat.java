package studio.actions.http;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

import jakarta.ws.rs.ConstrainedTo;
import jakarta.ws.rs.RuntimeType;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.ext.Provider;
import jakarta.ws.rs.ext.ReaderInterceptor;
import jakarta.ws.rs.ext.ReaderInterceptorContext;

import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/**
 * An interceptor that checks each body from {@link BodyCollector} before it is parsed. A body must have a media type and must
 * not be compressed. JSON must be valid UTF-8 (RFC 8259, section 8.1); Jackson would also accept UTF-16 and overlong forms.
 */
@Provider
@ConstrainedTo(RuntimeType.SERVER)
public class BodyFormat implements ReaderInterceptor {

    @Override
    public Object aroundReadFrom(ReaderInterceptorContext context) throws IOException {
        try (InputStream collected = context.getInputStream()) {
            byte[] body = collected.readAllBytes();
            String type = context.getHeaders().getFirst(HttpHeaders.CONTENT_TYPE);
            if (body.length > 0 && (type == null || type.isBlank() || type.contains("*"))) {
                throw new ProblemException(Code.UNSUPPORTED_MEDIA_TYPE,
                        "The body needs a media type: send 'Content-Type: application/json'.");
            }
            String encoding = context.getHeaders().getFirst(HttpHeaders.CONTENT_ENCODING);
            if (encoding != null && !encoding.isBlank() && !encoding.strip().equalsIgnoreCase("identity")) {
                throw new ProblemException(Code.UNSUPPORTED_MEDIA_TYPE,
                        "Send the body uncompressed, without 'Content-Encoding'.");
            }
            if (context.getMediaType().getSubtype().toLowerCase(Locale.ROOT).endsWith("json")) {
                refuseForeignCharset(body);
            }
            context.setInputStream(new ByteArrayInputStream(body));
            return context.proceed();
        }
    }

    private static void refuseForeignCharset(byte[] body) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body));
        } catch (CharacterCodingException e) {
            throw new ProblemException(Code.INVALID_JSON, "The body is not UTF-8: send JSON as UTF-8.");
        }
        for (byte one : body) {
            if (one == 0) {
                throw new ProblemException(Code.INVALID_JSON, "The body contains NUL bytes: send JSON as UTF-8.");
            }
        }
    }
}
