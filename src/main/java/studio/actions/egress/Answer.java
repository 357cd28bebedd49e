package studio.actions.egress;

import java.time.Instant;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientResponse;
import studio.actions.log.PrintableText;

/** A receiver's answer while it is read; becomes a {@link Reply} once it is complete or longer than the limit. */
final class Answer {

    private final HttpClientResponse response;
    private final long limit;
    private final Buffer received = Buffer.buffer();

    Answer(HttpClientResponse response, long limit) {
        this.response = response;
        this.limit = limit;
    }

    /** Adds a chunk of the body. Returns true if the answer is now longer than the limit. */
    boolean isFullWith(Buffer chunk) {
        received.appendBuffer(chunk, 0, (int) Math.min(chunk.length(), limit - received.length() + 1));
        return received.length() > limit;
    }

    /**
     * Decodes the received bytes, and derives the outcome from the status. Call it only once: the work grows with the length of
     * the answer.
     */
    Reply reply(long durationMs, Instant now) {
        int status = response.statusCode();
        String text = PrintableText.of(received.getBytes(0, (int) Math.min(received.length(), limit)),
                response.getHeader("Content-Type"));
        if (status >= 200 && status < 300) {
            return new Reply.Delivered(status, text, received.length() > limit, durationMs);
        }
        // The status decides the failure kind: a failure is never reported as too_large, even if its answer is too long.
        FailureKind kind = FailureKind.protocol;
        String message = "The receiver answered " + status + ".";
        if (status >= 300 && status < 400) {
            kind = FailureKind.redirect;
            String location = response.getHeader("Location");
            message = "The receiver answered " + status + "; redirects are not followed."
                    + (location == null ? "" : " It points to " + PrintableText.of(location));
        } else if (status == 429) {
            kind = FailureKind.rate_limited;
        } else if (status >= 400 && status < 500) {
            kind = FailureKind.client_error;
        } else if (status >= 500 && status < 600) {
            kind = FailureKind.server_error;
        }
        return new Reply.Failed(kind, message, status, text, durationMs, RetryAfter.of(response, now));
    }
}
