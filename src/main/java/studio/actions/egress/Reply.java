package studio.actions.egress;

import java.time.Duration;

/** How a request ended. */
public sealed interface Reply {

    /** From the moment the request had a place at its host. */
    long durationMs();

    /**
     * The receiver answered 2xx. The answer is text.
     *
     * @param truncated whether it was longer than {@code egress.max-response}, where reading stopped
     */
    record Delivered(int status, String response, boolean truncated, long durationMs) implements Reply {
    }

    /**
     * It went out, or tried to, and did not succeed. Status and answer are null where there was none.
     *
     * @param retryAfter how long the receiver wants to be left alone; null where it does not say
     */
    record Failed(FailureKind kind, String message, Integer status, String response, long durationMs,
            Duration retryAfter) implements Reply {
    }

    /**
     * Nothing was sent.
     *
     * @param guard what {@link AddressPolicy} said; null where something else kept it
     */
    record Refused(FailureKind kind, String message, AddressPolicy.Refusal guard, long durationMs) implements Reply {

        /** Where the address is not what was wrong. */
        public static Refused of(FailureKind kind, String message) {
            return new Refused(kind, message, null, 0);
        }
    }
}
