package studio.actions.run;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import jakarta.ws.rs.core.HttpHeaders;

import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/** What a press says of itself in its headers, and what makes two presses the same one. */
public final class Press {

    private static final int LONGEST_KEY = 255;

    private static final Pattern WAIT = Pattern.compile("(?:^|[,;\\s])wait\\s*=\\s*\"?(\\d{1,9})", Pattern.CASE_INSENSITIVE);
    private static final Pattern ASYNC = Pattern.compile("(?:^|[,;\\s])respond-async(?:$|[,;\\s])", Pattern.CASE_INSENSITIVE);

    private Press() {
    }

    /**
     * @param fingerprint of what is asked for
     * @param idempotencyKey null where the caller gave none
     * @param sinceNanos when it was pressed, by {@link System#nanoTime}
     * @param inKitsu whether Kitsu sent it, which can neither show that it runs nor offer to run it again
     */
    record Key(String fingerprint, String idempotencyKey, long sinceNanos, boolean inKitsu) {

        Duration age() {
            return Duration.ofNanos(System.nanoTime() - sinceNanos);
        }

        /** What is left of the time that the caller waits, which began with the press; not positive where it is used up. */
        Duration left(Duration patience) {
            return patience.minus(age());
        }

        /**
         * The run that was made for this key before; that of a press without a key is taken as it is.
         *
         * @throws ProblemException {@code idempotency_key_reused} where it was for something else, {@code still_running}
         *         where it has not ended
         */
        Run match(Run before) {
            if (idempotencyKey == null) {
                return before;
            }
            if (!before.fingerprint.equals(fingerprint)) {
                throw new ProblemException(Code.IDEMPOTENCY_KEY_REUSED, "This 'Idempotency-Key' was used for another action or "
                        + "selection in the last 24 hours. Use a new key for each press.");
            }
            if (before.finishedAt == null) {
                throw new ProblemException(Code.STILL_RUNNING,
                        "The run that was made with this 'Idempotency-Key' has not ended; "
                                + "'Location' is where it can be read.")
                        .with("Location", "/api/custom-actions/runs/" + before.id);
            }
            return before;
        }

        /** What two of them must have in common to be the same press. */
        String lock(UUID caller) {
            return caller + " " + (idempotencyKey == null ? fingerprint : "key " + idempotencyKey);
        }
    }

    /** In whatever order the targets were selected. */
    static Key of(UUID action, Selection selection, String idempotencyKey) {
        return new Key(fingerprint(action, selection), idempotencyKey, System.nanoTime(), false);
    }

    static Key inKitsu(UUID action, Selection selection) {
        return new Key(fingerprint(action, selection), null, System.nanoTime(), true);
    }

    private static String fingerprint(UUID action, Selection selection) {
        return sha256(action + " " + selection.targets().stream().map(Target::toString).sorted()
                .collect(Collectors.joining(" ")));
    }

    static Key ofReplay(UUID run, boolean all, String idempotencyKey) {
        return new Key(sha256("replay " + run + (all ? " all" : " failed")), idempotencyKey, System.nanoTime(), false);
    }

    /**
     * The key in an {@code Idempotency-Key} header: a string of RFC 8941, or as many clients write it, without its quotes.
     *
     * @return null where there is no such header
     * @throws ProblemException {@code invalid_parameter} if it is empty, over 255 characters, or not printable ASCII, or there
     *         are several
     */
    static String idempotencyKey(HttpHeaders headers) {
        List<String> given = headers.getRequestHeaders().getOrDefault("Idempotency-Key", List.of());
        if (given.isEmpty()) {
            return null;
        }
        String key = given.size() == 1 ? given.get(0).strip() : "";
        if (key.length() >= 2 && key.startsWith("\"") && key.endsWith("\"")) {
            key = key.substring(1, key.length() - 1).replaceAll("\\\\([\"\\\\])", "$1");
        }
        if (key.isEmpty() || key.length() > LONGEST_KEY || key.chars().anyMatch(c -> c < 0x20 || c > 0x7e)) {
            throw ProblemException.parameter("Idempotency-Key", "invalid_value",
                    "'Idempotency-Key' is 1 to 255 printable ASCII characters, such as a UUID; a new one for each press.");
        }
        return key;
    }

    /**
     * How long the caller wants to wait: {@code Prefer} of RFC 7240, {@code wait=<seconds>} or {@code respond-async}.
     *
     * @param most what nobody waits longer than, and who says nothing waits
     */
    static Duration patience(List<String> prefer, Duration most) {
        String preferences = String.join(",", prefer);
        Matcher wait = WAIT.matcher(preferences);
        Duration asked = wait.find() ? Duration.ofSeconds(Long.parseLong(wait.group(1)))
                : ASYNC.matcher(preferences).find() ? Duration.ZERO : most;
        return asked.compareTo(most) < 0 ? asked : most;
    }

    /** Returns the preference that was applied; empty if there was none, or if it asked for too long a wait. */
    static Optional<String> applied(List<String> prefer, Duration most) {
        String preferences = String.join(",", prefer);
        Matcher wait = WAIT.matcher(preferences);
        if (wait.find()) {
            return Duration.ofSeconds(Long.parseLong(wait.group(1))).compareTo(most) <= 0 ? Optional.of("wait=" + wait.group(1))
                    : Optional.empty();
        }
        return ASYNC.matcher(preferences).find() ? Optional.of("respond-async") : Optional.empty();
    }

    private static String sha256(String text) {
        try {
            return Base64.getEncoder().withoutPadding()
                    .encodeToString(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256 is part of every Java platform", e);
        }
    }
}
