package studio.actions.identity;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.util.HexFormat;
import java.util.UUID;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

import jakarta.inject.Singleton;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;

import io.vertx.core.http.Cookie;
import io.vertx.core.http.CookieSameSite;
import io.vertx.core.http.HttpServerRequest;

/**
 * The sessions of browsers that signed in to the page with the local token. The cookie holds a random id, the time when the
 * session ends and an HMAC over both. Every replica with the same token accepts it, and nothing is stored. A new token ends all
 * sessions.
 */
@Singleton
public class LocalSessions {

    static final String COOKIE = "kitsu-actions-session";

    /** The only path that gets the cookie. */
    private static final String PATH = "/api/custom-actions";

    private static final Duration LENGTH = Duration.ofHours(12);

    private static final String ALGORITHM = "HmacSHA256";

    /** The most sessions of people who signed out here, before the sessions end by time. */
    private static final int REMEMBERED = 10_000;

    private final Clock clock;
    private final Cache<String, Boolean> signedOut = Caffeine.newBuilder().maximumSize(REMEMBERED).expireAfterWrite(LENGTH)
            .build();

    LocalSessions(Clock clock) {
        this.clock = clock;
    }

    /** Returns the cookie of a new session. */
    Cookie begin(String token, boolean https) {
        String session = clock.instant().plus(LENGTH).getEpochSecond() + "." + UUID.randomUUID();
        return cookie(session + "." + code(session, token), https).setMaxAge(LENGTH.toSeconds());
    }

    /** Returns true if the request has the cookie of a session that has not ended. */
    boolean isOpen(HttpServerRequest request, String token) {
        Cookie cookie = request.getCookie(COOKIE);
        int last = cookie == null ? -1 : cookie.getValue().lastIndexOf('.');
        if (last < 0) {
            return false;
        }
        String session = cookie.getValue().substring(0, last);
        boolean ours = MessageDigest.isEqual(cookie.getValue().substring(last + 1).getBytes(StandardCharsets.UTF_8),
                code(session, token).getBytes(StandardCharsets.UTF_8));
        return ours && Long.parseLong(session.substring(0, session.indexOf('.'))) > clock.instant().getEpochSecond()
                && signedOut.getIfPresent(session) == null;
    }

    /** Ends the request's session at this replica, and returns a cookie that removes the browser's. */
    public Cookie end(HttpServerRequest request) {
        Cookie cookie = request.getCookie(COOKIE);
        if (cookie != null && cookie.getValue().contains(".")) {
            signedOut.put(cookie.getValue().substring(0, cookie.getValue().lastIndexOf('.')), true);
        }
        return cookie("", false).setMaxAge(0);
    }

    private static Cookie cookie(String value, boolean https) {
        return Cookie.cookie(COOKIE, value).setPath(PATH).setHttpOnly(true).setSecure(https)
                .setSameSite(CookieSameSite.STRICT);
    }

    private static String code(String session, String token) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(new SecretKeySpec(("page session " + token).getBytes(StandardCharsets.UTF_8), ALGORITHM));
            return HexFormat.of().formatHex(mac.doFinal(session.getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }
}
