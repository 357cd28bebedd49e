package studio.actions.egress;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;

import io.vertx.core.http.HttpClientResponse;

/** How long a receiver wants to be left alone (RFC 9110, 10.2.3). */
final class RetryAfter {

    /** More seconds than anybody waits. */
    private static final int DIGITS = 9;

    private RetryAfter() {
    }

    /** Null where the answer does not say, or not in a way that can be read. */
    static Duration of(HttpClientResponse response, Instant now) {
        return of(response.getHeader("Retry-After"), response.getHeader("Date"), now);
    }

    /**
     * @param date when the receiver answered, by its own clock, which is the one that its time is meant by; null where it does
     *        not say
     */
    static Duration of(String retryAfter, String date, Instant now) {
        if (retryAfter == null) {
            return null;
        }
        String text = retryAfter.strip();
        if (!text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return Duration.ofSeconds(Long.parseLong(text.substring(0, Math.min(text.length(), DIGITS))));
        }
        Instant until = time(text);
        if (until == null) {
            return null;
        }
        Instant since = date == null ? null : time(date.strip());
        Duration wait = Duration.between(since == null ? now : since, until);
        return wait.isNegative() ? Duration.ZERO : wait;
    }

    private static Instant time(String text) {
        try {
            return Instant.from(DateTimeFormatter.RFC_1123_DATE_TIME.parse(text));
        } catch (DateTimeException e) {
            return null;
        }
    }
}
