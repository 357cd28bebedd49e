package studio.actions.egress;

import java.time.Duration;
import java.util.Map;

/**
 * A request to a URL that a user typed.
 *
 * @param body the body; null for none
 * @param timeout the time limit from resolving the name to the last byte of the answer; excludes the wait for a slot at the
 *        host
 */
public record Outbound(String method, String url, Map<String, String> headers, String body, Duration timeout) {
}
