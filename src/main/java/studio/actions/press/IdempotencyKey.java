package studio.actions.press;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;

import jakarta.ws.rs.core.HttpHeaders;

import studio.actions.hash.Sha256;
import studio.actions.plan.Selection;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.run.Run;
import studio.actions.run.Target;

/**
 * The identity of a press. Presses of one caller with the same identity share one run.
 *
 * @param fingerprint a hash of the action and its selection, or of the replayed run; identifies a press without {@code header}
 * @param header the {@code Idempotency-Key} header, which identifies the press; null if there is none
 */
record IdempotencyKey(String fingerprint, String header, long sinceNanos, boolean inKitsu) {

    private static final int LONGEST = 255;

    /** Returns the identity of a press by an API client. The order of the selected targets does not matter. */
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
     * Returns the key in an {@code Idempotency-Key} header: a quoted string (RFC 8941) or, as many clients write it, without
     * the quotes.
     *
     * @return the key; null if there is no such header
     * @throws ProblemException {@code invalid_parameter} if the key is empty, over 255 characters or not printable ASCII, or if
     *         there are several such headers
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
                    "'Idempotency-Key' must be 1 to 255 printable ASCII characters, such as a UUID; a new one for each press.");
        }
        return key;
    }

    Duration age() {
        return Duration.ofNanos(System.nanoTime() - sinceNanos);
    }

    /**
     * Returns how much of {@code patience}, the caller's longest wait from the press on, is left; zero or negative if it is
     * used up.
     */
    Duration left(Duration patience) {
        return patience.minus(age());
    }

    /**
     * Checks whether an earlier press with the same identity may answer this press, and returns its run. Always returns it if
     * this press has no {@code Idempotency-Key} header.
     *
     * @param before the run of the earlier press
     * @throws ProblemException {@code idempotency_key_reused} if the run is for another action or selection,
     *         {@code still_running} if the run has not ended
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
                            + "read it at the URL in 'Location'.")
                    .with("Location", "/api/custom-actions/runs/" + before.id);
        }
        return before;
    }

    /** Returns the name of a database lock, which is the same for all repeats of one press. */
    String lock(UUID caller) {
        return caller + " " + (header == null ? fingerprint : "key " + header);
    }

    private static String sha256(String text) {
        return Base64.getEncoder().withoutPadding().encodeToString(Sha256.of(text.getBytes(StandardCharsets.UTF_8)));
    }
}
