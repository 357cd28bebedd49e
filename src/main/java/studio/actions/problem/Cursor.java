package studio.actions.problem;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Base64;
import java.util.Objects;
import java.util.UUID;

/** The position at which a page of a list ended: the time and id of its last entry. New entries do not shift it. */
public record Cursor(Instant at, UUID id) {

    /** @throws ProblemException {@code invalid_parameter} if the text is not a cursor */
    public static Cursor parse(String text) {
        try {
            String[] parts = new String(Base64.getUrlDecoder().decode(text), StandardCharsets.US_ASCII).split(" ");
            return new Cursor(StrictJson.instant(parts[0]), Objects.requireNonNull(StrictJson.id(parts[1])));
        } catch (IllegalArgumentException | DateTimeParseException | ArrayIndexOutOfBoundsException
                | NullPointerException e) {
            throw unknown();
        }
    }

    public static ProblemException unknown() {
        return ProblemException.parameter("cursor", "unknown_cursor", "'cursor' must be the 'next' of an earlier page.");
    }

    public String text() {
        return Base64.getUrlEncoder().withoutPadding().encodeToString((at + " " + id).getBytes(StandardCharsets.US_ASCII));
    }
}
