package studio.actions.run;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;

import jakarta.ws.rs.core.HttpHeaders;

import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/**
 * What makes two presses one.
 *
 * @param fingerprint the hash of action and selection, or of the run to replay
 * @param header the value of {@code Idempotency-Key}; null if there is none
 * @param sinceNanos the time of the press by {@link System#nanoTime}
 * @param inKitsu true for a press by Kitsu's page, which can neither show that the run goes on nor offer to run it again
 */
record IdempotencyKey(String fingerprint, String header, long sinceNanos, boolean inKitsu) {

    private static final int LONGEST = 255;

    /** The order of the targets does not matter. */
    static IdempotencyKey of(UUID action, Selection selection, String header) {
        return new IdempotencyKey(fingerprint(action, selection), header, System.nanoTime(), false);
    }

    static IdempotencyKey inKitsu(UUID action, Selection selection) {
        return new IdempotencyKey(fingerprint(action, selection), null, System.nanoTime(), true);
    }

    private static String fingerprint(UUID action, Selection selection) {
        return sha256(action + " " + selection.targets().stream().map(Target::toString).sorted()
                .collect(Collectors.joining(" ")));
    }

    static IdempotencyKey ofReplay(UUID run, boolean all, String header) {
        return new IdempotencyKey(sha256("replay " + run + (all ? " all" : " failed")), header, System.nanoTime(), false);
    }

    /**
     * The key in an {@code Idempotency-Key} header: a string of RFC 8941, or as many clients write it, without its quotes.
     *
     * @return null where there is no such header
     * @throws ProblemException {@code invalid_parameter} if it is empty, over 255 characters, or not printable ASCII, or there
     *         are several
     */
    static String fromHeader(HttpHeaders headers) {
        List<String> given = headers.getRequestHeaders().getOrDefault("Idempotency-Key", List.of());
        if (given.isEmpty()) {
            return null;
        }
        String key = given.size() == 1 ? given.get(0).strip() : "";
        if (key.length() >= 2 && key.startsWith("\"") && key.endsWith("\"")) {
            key = key.substring(1, key.length() - 1).replaceAll("\\\\([\"\\\\])", "$1");
        }
        if (key.isEmpty() || key.length() > LONGEST || key.chars().anyMatch(c -> c < 0x20 || c > 0x7e)) {
            throw ProblemException.parameter("Idempotency-Key", "invalid_value",
                    "'Idempotency-Key' is 1 to 255 printable ASCII characters, such as a UUID; a new one for each press.");
        }
        return key;
    }

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
        if (header == null) {
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
        return caller + " " + (header == null ? fingerprint : "key " + header);
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
