package studio.actions.egress;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.temporal.ChronoField;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

import io.vertx.core.http.HttpClientResponse;

/** Parser of the header {@code Retry-After}, by which a receiver asks to wait (RFC 9110, 10.2.3). */
final class RetryAfter {

    /** The most digits that are read from a wait in seconds; more are ignored, since nine digits already mean years. */
    private static final int DIGITS = 9;

    /** A Unix time between 2001 and 2286, which some receivers send instead of seconds. */
    private static final Pattern UNIX_TIME = Pattern.compile("[1-9][0-9]{9}");

    /**
     * The most years that a date with a two-digit year may lie in the future; otherwise the year belongs to the past century
     * (RFC 9110, 5.6.7).
     */
    private static final int AHEAD = 50;

    private RetryAfter() {
    }

    /** Returns the wait that an answer asks for; null if it has no readable {@code Retry-After}. */
    static Duration of(HttpClientResponse response, Instant now) {
        return of(response.getHeader("Retry-After"), response.getHeader("Date"), now);
    }

    /**
     * @param date the header {@code Date}: the receiver's clock, against which a time in {@code retryAfter} is measured; null
     *        if the receiver sent none
     */
    static Duration of(String retryAfter, String date, Instant now) {
        if (retryAfter == null) {
            return null;
        }
        String text = retryAfter.strip();
        boolean point = UNIX_TIME.matcher(text).matches();
        if (!point && !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return Duration.ofSeconds(Long.parseLong(text.substring(0, Math.min(text.length(), DIGITS))));
        }
        Instant said = date == null ? now : time(date.strip(), now).orElse(now);
        return (point ? Optional.of(Instant.ofEpochSecond(Long.parseLong(text))) : time(text, now))
                .map(until -> Duration.between(said, until)).map(wait -> wait.isNegative() ? Duration.ZERO : wait).orElse(null);
    }

    /** Parses a time in one of the three formats of RFC 9110, 5.6.7: IMF-fixdate, RFC 850 and asctime. */
    private static Optional<Instant> time(String text, Instant now) {
        DateTimeFormatter rfc850 = new DateTimeFormatterBuilder().parseCaseInsensitive().appendPattern("EEEE, dd-MMM-")
                .appendValueReduced(ChronoField.YEAR, 2, 2, now.atOffset(ZoneOffset.UTC).toLocalDate().minusYears(AHEAD - 1))
                .appendPattern(" HH:mm:ss 'GMT'").toFormatter(Locale.US).withZone(ZoneOffset.UTC);
        DateTimeFormatter asctime = DateTimeFormatter.ofPattern("EEE MMM ppd HH:mm:ss yyyy", Locale.US)
                .withZone(ZoneOffset.UTC);
        for (DateTimeFormatter form : List.of(DateTimeFormatter.RFC_1123_DATE_TIME, rfc850, asctime)) {
            try {
                return Optional.of(Instant.from(form.parse(text)));
            } catch (DateTimeException e) {
                // Try the next format.
            }
        }
        return Optional.empty();
    }
}
