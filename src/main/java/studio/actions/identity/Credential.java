package studio.actions.identity;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Optional;
import java.util.regex.Pattern;

import io.vertx.core.http.Cookie;
import io.vertx.core.http.HttpServerRequest;

/**
 * What Kitsu gave a person or bot, opaque to us: a token in a header or in Zou's cookie. It lives as long as the press that
 * came with it; it is never stored, logged or cached.
 */
public record Credential(Kind kind, String token) implements io.quarkus.security.credential.Credential {

    private static final String COOKIE = "access_token_cookie";
    private static final String SCHEME = "Bearer ";
    /** RFC 6265, section 4.1.1: what a cookie can hold; a token of Zou's is made of less. */
    private static final Pattern TOKEN = Pattern.compile("[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]+");

    /** How it was sent; Zou is asked in the same way. */
    public enum Kind {
        COOKIE,
        BEARER
    }

    /** Out of a request: the cookie first, as Zou does; empty where there is neither, or what is there is no token. */
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

    /** The value of {@code Authorization}; null for a cookie. */
    public String authorization() {
        return kind == Kind.BEARER ? SCHEME + token : null;
    }

    /** The value of {@code Cookie}; null for a bearer. */
    public String cookie() {
        return kind == Kind.COOKIE ? COOKIE + "=" + token : null;
    }

    /** What an answer about this credential may be remembered under. */
    public String fingerprint() {
        try {
            return kind + Base64.getEncoder().encodeToString(
                    MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.US_ASCII)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256 is part of every Java platform", e);
        }
    }

    /** Without the token: this may stand in a log. */
    @Override
    public String toString() {
        return kind.name();
    }
}
