package studio.actions.egress;

import java.time.Duration;
import java.util.Map;

/**
 * A request to an address that a user typed.
 *
 * @param timeout over everything from the name to the last byte of the answer; waiting for a free place at the host aside
 * @param body null for none
 */
public record Outbound(String method, String url, Map<String, String> headers, String body, Duration timeout) {
}
