package studio.actions.action;

import java.util.Arrays;
import java.util.Base64;

import jakarta.ws.rs.core.EntityTag;
import jakarta.ws.rs.core.HttpHeaders;

import studio.actions.hash.Sha256;

/** Entity tags of responses about actions. A tag changes whenever the response changes. */
final class Etag {

    private Etag() {
    }

    /** Returns an action's entity tag: its version number. */
    static EntityTag of(Action action) {
        return new EntityTag(Integer.toString(action.version));
    }

    /** Returns the entity tag of a response body: a hash of its bytes. */
    static EntityTag of(byte[] body) {
        return new EntityTag(Base64.getUrlEncoder().withoutPadding().encodeToString(Sha256.of(body)).substring(0, 22));
    }

    static boolean known(EntityTag tag, HttpHeaders headers) {
        return known('"' + tag.getValue() + '"', headers.getHeaderString(HttpHeaders.IF_NONE_MATCH));
    }

    /**
     * Returns true if the caller has the response with this tag already. Compares weakly (RFC 9110, section 13.1.2), because a
     * proxy that compresses responses makes their tags weak.
     *
     * @param known the value of {@code If-None-Match}; null if there is none
     */
    static boolean known(String tag, String known) {
        return known != null && (known.equals(tag) || Arrays.stream(known.split(",")).map(String::strip)
                .anyMatch(one -> one.equals("*") || one.replaceFirst("^W/", "").equals(tag)));
    }
}
