package studio.actions.identity;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;
import java.util.regex.Pattern;

import io.vertx.core.http.Cookie;
import io.vertx.core.http.HttpServerRequest;
import studio.actions.hash.Sha256;

/**
 * A token that Kitsu gave to a person or bot, from {@code Authorization} or from Zou's cookie. This service does not read the
 * token's content. It keeps the token only while it handles the request, and never stores, logs or caches the token.
 */
public record Credential(Kind kind, String token) implements io.quarkus.security.credential.Credential {

    private static final String COOKIE = "access_token_cookie";
    private static final String SCHEME = "Bearer ";
    /** The characters that a cookie's value may have (RFC 6265, section 4.1.1); Zou's tokens use fewer. */
    private static final Pattern TOKEN = Pattern.compile("[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]+");

    /** How the caller sent the token; this service sends it to Zou in the same way. */
    public enum Kind {
        COOKIE,
        BEARER
    }

    /**
     * Reads the token of a request from Zou's cookie or, without a cookie, from {@code Authorization}. Zou uses the same order.
     * Returns empty if the request has neither, or if the value cannot be a token.
     */
    public static Optional<Credential> of(HttpServerRequest request) {
        Cookie cookie = request.getCookie(COOKIE);
        if (cookie != null && !cookie.getValue().isEmpty()) {
            return of(Kind.COOKIE, cookie.getValue());
        }
        String header = request.getHeader("Authorization");
        return header != null && header.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
                ? of(Kind.BEARER, header.substring(SCHEME.length()).strip())
                : Optional.empty();
    }

    private static Optional<Credential> of(Kind kind, String token) {
        return token != null && TOKEN.matcher(token).matches()
                ? Optional.of(new Credential(kind, token))
                : Optional.empty();
    }

    /** Returns the value of {@code Authorization} for requests to Zou; null if the token came in a cookie. */
    public String authorization() {
        return kind == Kind.BEARER ? SCHEME + token : null;
    }

    /** Returns the value of {@code Cookie} for requests to Zou; null if the token came as a bearer token. */
    public String cookie() {
        return kind == Kind.COOKIE ? COOKIE + "=" + token : null;
    }

    /** Returns a hash of the token and its kind. Caches use it as their key instead of the token. */
    public String fingerprint() {
        return kind + Base64.getEncoder().encodeToString(Sha256.of(token.getBytes(StandardCharsets.US_ASCII)));
    }

    /** Returns the kind without the token, so that the text may be logged. */
    @Override
    public String toString() {
        return kind.name();
    }
}
