package studio.actions.problem;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;

import jakarta.enterprise.inject.Instance;
import jakarta.ws.rs.ConstrainedTo;
import jakarta.ws.rs.RuntimeType;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.ext.Provider;
import jakarta.ws.rs.ext.ReaderInterceptor;
import jakarta.ws.rs.ext.ReaderInterceptorContext;

import org.jboss.resteasy.reactive.server.core.CurrentRequestManager;

import io.quarkus.vertx.http.runtime.VertxHttpConfig;
import io.vertx.ext.web.RoutingContext;
import studio.actions.problem.Problem.Code;

/**
 * Bodies end at 1 MB, CSV where {@code csv.max-size} says, and JSON is UTF-8 (RFC 8259, section 8.1; Jackson guesses UTF-16
 * and takes overlong forms). A body has {@code quarkus.http.read-timeout} to arrive, as a whole: one that comes in drops would
 * hold up a thread for as long as it likes. What the client still sends is read and thrown away, within bounds: a client that
 * is cut off while it sends never reads why.
 */
@Provider
@ConstrainedTo(RuntimeType.SERVER)
public class BodyLimit implements ReaderInterceptor {

    static final int LIMIT = 1024 * 1024;
    static final long DRAINED = 64L * LIMIT;

    private static final long DRAIN_NANOS = 10_000_000_000L;

    private static final int PIECE = 16 * 1024;

    /** Interceptors are made before the configuration is known. */
    private final Instance<BodyConfig> config;
    private final Instance<VertxHttpConfig> http;

    BodyLimit(Instance<BodyConfig> config, Instance<VertxHttpConfig> http) {
        this.config = config;
        this.http = http;
    }

    @Override
    public Object aroundReadFrom(ReaderInterceptorContext context) throws IOException {
        String type = context.getHeaders().getFirst(HttpHeaders.CONTENT_TYPE);
        int limit = limit(config.get(), type);
        byte[] body = read(context.getInputStream(), limit + 1);
        if (body.length > limit) {
            drain(context.getInputStream());
            throw new ProblemException(Code.TOO_LARGE, tooLarge(limit)).with("Connection", "close");
        }
        if (body.length > 0 && (type == null || type.isBlank() || type.contains("*"))) {
            throw new ProblemException(Code.UNSUPPORTED_MEDIA_TYPE, "Say what the body is: 'Content-Type: application/json'.");
        }
        String encoding = context.getHeaders().getFirst(HttpHeaders.CONTENT_ENCODING);
        if (encoding != null && !encoding.isBlank() && !encoding.strip().equalsIgnoreCase("identity")) {
            throw new ProblemException(Code.UNSUPPORTED_MEDIA_TYPE, "Send the body as it is, without 'Content-Encoding'.");
        }
        if (context.getMediaType().getSubtype().endsWith("json")) {
            refuseForeignCharset(body);
        }
        context.setInputStream(new ByteArrayInputStream(body));
        return context.proceed();
    }

    /** Where nothing at all comes for so long, Quarkus hangs up. */
    private byte[] read(InputStream body, int limit) throws IOException {
        Duration patience = http.get().readTimeout();
        long since = System.nanoTime();
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] piece = new byte[PIECE];
        for (int read = body.read(piece, 0, Math.min(piece.length, limit)); read > 0;) {
            all.write(piece, 0, read);
            if (System.nanoTime() - since > patience.toNanos()) {
                RoutingContext request = CurrentRequestManager.get().unwrap(RoutingContext.class);
                request.addEndHandler(sent -> request.request().connection().close());
                throw new ProblemException(Code.REQUEST_TIMEOUT,
                        "The body did not arrive within %d s.".formatted(patience.toSeconds())).with("Connection", "close");
            }
            read = body.read(piece, 0, Math.min(piece.length, limit - all.size()));
        }
        return all.toByteArray();
    }

    static int limit(BodyConfig config, String mediaType) {
        return mediaType != null && mediaType.toLowerCase(Locale.ROOT).startsWith("text/csv")
                ? (int) config.csv().maxSize().asLongValue()
                : LIMIT;
    }

    static String tooLarge(int limit) {
        return "The body may have %,d bytes. Send it in parts.".formatted(limit);
    }

    private static void refuseForeignCharset(byte[] body) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body));
        } catch (CharacterCodingException e) {
            throw new ProblemException(Code.INVALID_JSON, "The body is not UTF-8.");
        }
        for (byte one : body) {
            if (one == 0) {
                throw new ProblemException(Code.INVALID_JSON, "The body holds NUL bytes: send JSON as UTF-8.");
            }
        }
    }

    private static void drain(InputStream body) throws IOException {
        byte[] rest = new byte[PIECE];
        long until = System.nanoTime() + DRAIN_NANOS;
        for (long count = 0; count < DRAINED && System.nanoTime() < until;) {
            int read = body.read(rest);
            if (read < 0) {
                return;
            }
            count += read;
        }
    }
}
