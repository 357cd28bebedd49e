package studio.actions.egress;

import java.time.Duration;

import studio.actions.address.AddressPolicy;

/** The outcome of an attempt. */
public sealed interface Reply {

    /** Returns the milliseconds that the request took, without its wait for a slot at the host. */
    long durationMs();

    /**
     * An answer with a status 2xx.
     *
     * @param response the answer as text
     * @param truncated true if the answer was longer than {@code egress.max-response}, and was cut there
     */
    record Delivered(int status, String response, boolean truncated, long durationMs) implements Reply {
    }

    /**
     * A request that failed while connecting, sending or reading, or got a status other than 2xx. Status and response are null
     * unless the answer was read to its end or to the limit.
     *
     * @param retryAfter the wait that the receiver asks for; null if it asks for none
     */
    record Failed(FailureKind kind, String message, Integer status, String response, long durationMs,
            Duration retryAfter) implements Reply {
    }

    /**
     * A request that this service did not send, since it is not allowed.
     *
     * @param guard the refusal by {@link AddressPolicy}; null if the address was not the reason, as for a body that is too long
     */
    record Refused(FailureKind kind, String message, AddressPolicy.Refusal guard, long durationMs) implements Reply {

        /** Returns a refusal for another reason than the receiver's address. */
        public static Refused of(FailureKind kind, String message) {
            return new Refused(kind, message, null, 0);
        }
    }
}
