package studio.actions.identity;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/**
 * How a person wants to read times, as Kitsu's profile page offers it.
 *
 * @param twelveHours whether the hours are 1 to 12, with AM or PM
 * @param date the pattern of a date, as {@link DateTimeFormatter} reads it
 */
public record TimeFormat(ZoneId zone, boolean twelveHours, String date) {

    /** The format of a person who has chosen none. */
    public static final TimeFormat DEFAULT = new TimeFormat(ZoneOffset.UTC, false, "yyyy-MM-dd");

    /**
     * Returns the format that a person chose in Kitsu. Unknown values get their default.
     *
     * @param zone a time zone of the IANA database
     * @param date a pattern of moment.js, like {@code DD/MM/YYYY}
     */
    public static TimeFormat of(String zone, boolean twelveHours, String date) {
        return new TimeFormat(zone(zone), twelveHours,
                date != null && date.matches("[DMY/. -]{1,20}") ? date.replace('D', 'd').replace('Y', 'y') : DEFAULT.date);
    }

    private static ZoneId zone(String name) {
        try {
            return name == null || name.isBlank() ? DEFAULT.zone : ZoneId.of(name);
        } catch (DateTimeException e) {
            return DEFAULT.zone;
        }
    }

    /** Returns a time to the minute. */
    public String minute(Instant at) {
        return text(at, twelveHours ? " h:mm a" : " HH:mm");
    }

    /** Returns a time to the second, with its time zone. */
    public String exact(Instant at) {
        return text(at, (twelveHours ? " h:mm:ss a" : " HH:mm:ss") + " '('VV')'");
    }

    private String text(Instant at, String time) {
        return at == null ? "" : DateTimeFormatter.ofPattern(date + time, Locale.ENGLISH).withZone(zone).format(at);
    }
}
