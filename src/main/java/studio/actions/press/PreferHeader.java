package studio.actions.press;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The HTTP header {@code Prefer} of a press (RFC 7240): {@code wait=<seconds>} or {@code respond-async}. */
final class PreferHeader {

    private static final Pattern WAIT = Pattern.compile("(?:^|[,;\\s])wait\\s*=\\s*\"?(\\d{1,9})", Pattern.CASE_INSENSITIVE);
    private static final Pattern ASYNC = Pattern.compile("(?:^|[,;\\s])respond-async(?:$|[,;\\s])", Pattern.CASE_INSENSITIVE);

    private PreferHeader() {
    }

    /**
     * Returns how long to wait for the end of the run: as long as the caller prefers, up to {@code most}.
     *
     * @param most the longest wait, which is also the default
     */
    static Duration patience(List<String> prefer, Duration most) {
        String preferences = String.join(",", prefer);
        Matcher wait = WAIT.matcher(preferences);
        Duration asked = wait.find() ? Duration.ofSeconds(Long.parseLong(wait.group(1)))
                : ASYNC.matcher(preferences).find() ? Duration.ZERO : most;
        return asked.compareTo(most) < 0 ? asked : most;
    }

    /**
     * Returns the preference that {@link #patience} follows; empty if the caller gave none, or asked for a longer wait than
     * {@code most}.
     */
    static Optional<String> applied(List<String> prefer, Duration most) {
        String preferences = String.join(",", prefer);
        Matcher wait = WAIT.matcher(preferences);
        if (wait.find()) {
            return Duration.ofSeconds(Long.parseLong(wait.group(1))).compareTo(most) <= 0 ? Optional.of("wait=" + wait.group(1))
                    : Optional.empty();
        }
        return ASYNC.matcher(preferences).find() ? Optional.of("respond-async") : Optional.empty();
    }
}
