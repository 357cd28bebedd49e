package studio.actions.action;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

import jakarta.ws.rs.core.EntityTag;
import jakarta.ws.rs.core.HttpHeaders;

/** What an answer about actions is known by: it changes whenever the answer does. */
public final class Etag {

    private Etag() {
    }

    /** Of one action: its version. */
    static EntityTag of(Action action) {
        return new EntityTag(Integer.toString(action.version));
    }

    /**
     * Of a list.
     *
     * @param form what else the answer depends on
     */
    public static EntityTag of(List<Action> listed, String form) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(form.getBytes(StandardCharsets.UTF_8));
            listed.forEach(one -> digest.update((one.id + ":" + one.version).getBytes(StandardCharsets.US_ASCII)));
            return new EntityTag(Base64.getUrlEncoder().withoutPadding().encodeToString(digest.digest()).substring(0, 22));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256 is part of every Java platform", e);
        }
    }

    /** RFC 9110, section 13.1.2: compared weakly, since a proxy that compresses weakens the tags it passes on. */
    public static boolean known(EntityTag tag, HttpHeaders headers) {
        String known = headers.getHeaderString(HttpHeaders.IF_NONE_MATCH);
        return known != null && Arrays.stream(known.split(",")).map(String::strip)
                .anyMatch(one -> one.equals("*") || one.replaceFirst("^W/", "").equals('"' + tag.getValue() + '"'));
    }
}
