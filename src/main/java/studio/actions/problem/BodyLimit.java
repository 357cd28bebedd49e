package studio.actions.problem;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.ext.Provider;
import jakarta.ws.rs.ext.ReaderInterceptor;
import jakarta.ws.rs.ext.ReaderInterceptorContext;

import studio.actions.problem.Problem.Code;

/**
 * Bodies end at 1 MB. What the client still sends is read and thrown away, within bounds: a client that is cut off while it
 * sends never reads why.
 */
@Provider
public class BodyLimit implements ReaderInterceptor {

    private static final long LIMIT = 1024 * 1024;
    private static final long DRAINED = 64 * LIMIT;
    private static final long DRAIN_NANOS = 10_000_000_000L;

    @Override
    public Object aroundReadFrom(ReaderInterceptorContext context) throws IOException {
        // Whoever asks before sending is told at once.
        if (context.getHeaders().getFirst("Expect") != null && announced(context) > LIMIT) {
            throw tooLarge();
        }
        context.setInputStream(new Limited(context.getInputStream()));
        return context.proceed();
    }

    private static long announced(ReaderInterceptorContext context) {
        try {
            String length = context.getHeaders().getFirst(HttpHeaders.CONTENT_LENGTH);
            return length == null ? 0 : Long.parseLong(length);
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    private static ProblemException tooLarge() {
        return new ProblemException(Code.TOO_LARGE, "The body may have 1 MB (1,048,576 bytes). Send it in parts.")
                .with("Connection", "close");
    }

    private static final class Limited extends FilterInputStream {

        private long count;

        Limited(InputStream body) {
            super(body);
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            int read = in.read(bytes, offset, length);
            count += Math.max(0, read);
            if (count > LIMIT) {
                drain();
                throw tooLarge();
            }
            return read;
        }

        private void drain() throws IOException {
            byte[] rest = new byte[16 * 1024];
            long until = System.nanoTime() + DRAIN_NANOS;
            while (count < DRAINED && System.nanoTime() < until) {
                int read = in.read(rest);
                if (read < 0) {
                    return;
                }
                count += read;
            }
        }
    }
}
