package studio.actions.webhook;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** The symmetric signature of requests by the Standard Webhooks 1.0 specification. */
final class Signature {

    private static final String HMAC = "HmacSHA256";

    private Signature() {
    }

    /**
     * Returns the value of the header {@code webhook-signature}: one {@code v1,<base64>} per key, separated by spaces.
     *
     * @param timestamp the time of the attempt, in seconds since 1970
     * @param body the request body as it is sent; an empty text if there is none
     */
    static String sign(List<byte[]> keys, String id, long timestamp, String body) {
        byte[] content = (id + "." + timestamp + "." + body).getBytes(StandardCharsets.UTF_8);
        return keys.stream().map(key -> "v1," + Base64.getEncoder().encodeToString(hmac(key, content)))
                .collect(Collectors.joining(" "));
    }

    private static byte[] hmac(byte[] key, byte[] content) {
        try {
            Mac mac = Mac.getInstance(HMAC);
            mac.init(new SecretKeySpec(key, HMAC));
            return mac.doFinal(content);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(HMAC + " is part of every Java platform", e);
        }
    }
}
