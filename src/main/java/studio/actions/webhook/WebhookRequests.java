package studio.actions.webhook;

import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

import jakarta.inject.Singleton;

import io.quarkus.runtime.ApplicationConfig;
import studio.actions.action.Action;
import studio.actions.draft.Method;
import studio.actions.egress.Outbound;
import studio.actions.run.Delivery;
import studio.actions.run.Run;
import studio.actions.secret.Secrets;
import studio.actions.settings.EgressConfig;

/**
 * Builds webhook requests: the headers that this service adds, the action's headers with secrets filled in, and the signature.
 */
@Singleton
public class WebhookRequests {

    private static final String WHEN_SENT = "(made when it is sent)";

    private final Secrets secrets;
    private final Clock clock;
    private final String userAgent;
    private final int maxTimeoutMs;

    WebhookRequests(Secrets secrets, Clock clock, ApplicationConfig application, EgressConfig config) {
        this.secrets = secrets;
        this.clock = clock;
        this.maxTimeoutMs = (int) config.maxTimeout().toMillis();
        this.userAgent = "kitsu-actions/" + application.version().orElse("unknown");
    }

    /** Returns why a request cannot be sent: it needs a secret that is no longer configured. Empty if all secrets are there. */
    public Optional<String> missingSecret(Map<String, String> headers, String signingSecret) {
        Optional<String> name = headers.values().stream().map(secrets::missing).flatMap(Optional::stream).findFirst()
                .or(() -> Optional.ofNullable(signingSecret).filter(signer -> secrets.signingKeys(signer).isEmpty()));
        return name.map(Secrets::missingSentence);
    }

    /** Returns the request headers that a preview shows, with secrets masked. */
    public Map<String, String> preview(Action action) {
        Map<String, String> headers = headers(action.headers, action.method != Method.GET);
        headers.replaceAll((name, value) -> secrets.hide(value));
        for (String name : List.of("webhook-id", "webhook-timestamp", "Idempotency-Key", Tracing.HEADER)) {
            headers.put(name, WHEN_SENT);
        }
        if (!secrets.signingKeys(action.signingSecret).isEmpty()) {
            headers.put("webhook-signature", WHEN_SENT);
        }
        return headers;
    }

    /** Builds the request of an attempt. Its timestamp is the current time, which the signature covers. */
    public Outbound build(Run run, Delivery delivery, String traceparent) {
        Map<String, String> headers = headers(run.headers, delivery.body != null);
        headers.replaceAll((name, value) -> secrets.fill(value));
        long timestamp = clock.instant().getEpochSecond();
        headers.put("webhook-id", delivery.webhookId);
        headers.put("webhook-timestamp", Long.toString(timestamp));
        headers.put("Idempotency-Key", delivery.webhookId);
        headers.put(Tracing.HEADER, traceparent);
        List<byte[]> keys = secrets.signingKeys(run.signingSecret);
        if (!keys.isEmpty()) {
            headers.put("webhook-signature", Signature.sign(keys, delivery.webhookId, timestamp,
                    delivery.body == null ? "" : delivery.body));
        }
        return new Outbound(delivery.method.name(), delivery.url, headers, delivery.body,
                Duration.ofMillis(Math.min(run.timeoutMs, maxTimeoutMs)));
    }

    private Map<String, String> headers(Map<String, String> own, boolean body) {
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        if (body) {
            headers.put("Content-Type", "application/json");
        }
        headers.put("User-Agent", userAgent);
        headers.put("Accept-Encoding", "identity");
        headers.putAll(own);
        return headers;
    }
}
