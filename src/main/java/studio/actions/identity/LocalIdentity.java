package studio.actions.identity;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

import jakarta.inject.Singleton;

import io.quarkus.security.AuthenticationFailedException;
import io.quarkus.security.identity.SecurityIdentity;
import io.quarkus.security.runtime.QuarkusSecurityIdentity;
import io.smallrye.mutiny.Uni;
import io.vertx.core.http.Cookie;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.RoutingContext;
import studio.actions.log.LogContext;

/** Authentication by one admin token if {@code zou.url} is not set. If it is set, no token is accepted here. */
@Singleton
public class LocalIdentity {

    /**
     * The caller whom the token stands for. The id is the same after every start, so that earlier runs and actions still belong
     * to the admin.
     */
    static final Caller ADMIN = new Caller(UUID.fromString("00000000-0000-4000-8000-000000000001"), "Local admin",
            "admin@localhost", Role.admin, false, List.of(), Set.of(), TimeFormat.DEFAULT);

    /** The fewest characters of a configured token; shorter ones can be guessed. */
    public static final int SHORTEST_TOKEN = 16;

    private static final String SCHEME = "Bearer ";

    private final LocalSessions sessions;
    private final CrossSite crossSite;
    private final boolean withKitsu;
    private final boolean made;
    private final String token;

    LocalIdentity(ZouConfig zou, LocalConfig local, LocalSessions sessions, CrossSite crossSite) {
        this.sessions = sessions;
        this.crossSite = crossSite;
        withKitsu = zou.url().isPresent();
        made = local.token().isEmpty();
        token = local.token().map(LocalIdentity::unspaced).orElseGet(LocalIdentity::random);
    }

    /** Removes all white space from a token, such as the line break at the end of a file. */
    public static String unspaced(String token) {
        return token.replaceAll("(?U)\\s+", "");
    }

    /** Returns the token if it was generated at this start and is in use, so that it can be printed; else empty. */
    public Optional<String> madeToken() {
        return withKitsu || !made ? Optional.empty() : Optional.of(token);
    }

    /**
     * Authenticates a request by its token, or by the cookie of a session of the page. Completes with null if the request has
     * neither, or if {@code zou.url} is set. Fails if the token is wrong.
     */
    public Uni<SecurityIdentity> authenticate(RoutingContext request) {
        String given = request.request().getHeader(HttpHeaders.AUTHORIZATION);
        if (withKitsu) {
            return Uni.createFrom().nullItem();
        }
        if (given == null) {
            return !sessions.isOpen(request.request(), token) ? Uni.createFrom().nullItem()
                    : crossSite.refusal(request.request()).map(foreign -> Uni.createFrom().<SecurityIdentity> failure(foreign))
                            .orElseGet(() -> admin(request));
        }
        if (known(request.request()).isPresent()) {
            return admin(request);
        }
        if (!given.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
            return refuse("Send 'Authorization: Bearer <token>'.");
        }
        if (given.substring(SCHEME.length()).isBlank()) {
            return refuse("The token after 'Bearer' is missing. Is its variable set in this shell?");
        }
        return refuse(
                "The token is not valid. Without CUSTOM_ACTIONS_LOCAL_TOKEN every start makes a new one; the log has it.");
    }

    private static Uni<SecurityIdentity> admin(RoutingContext request) {
        LogContext.caller(ADMIN.id());
        return Uni.createFrom().item(QuarkusSecurityIdentity.builder().setPrincipal(ADMIN).addRole(ADMIN.role().name())
                .addAttribute(Requester.FROM, Requester.address(request)).build());
    }

    /**
     * Signs a browser in with the token that a person typed.
     *
     * @param https whether the browser reached the service over HTTPS
     * @return the cookie of a new session; empty if the token is wrong, or if {@code zou.url} is set
     */
    public Optional<Cookie> signIn(String typed, boolean https) {
        return withKitsu || typed == null || !matches(typed) ? Optional.empty() : Optional.of(sessions.begin(token, https));
    }

    /** Returns the admin if the request has the right token; empty for any other request, without an error. */
    public Optional<Caller> known(HttpServerRequest request) {
        String given = request.getHeader(HttpHeaders.AUTHORIZATION);
        return !withKitsu && given != null && given.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
                && matches(given.substring(SCHEME.length()).strip()) ? Optional.of(ADMIN) : Optional.empty();
    }

    private boolean matches(String given) {
        return MessageDigest.isEqual(unspaced(given).getBytes(StandardCharsets.UTF_8), token.getBytes(StandardCharsets.UTF_8));
    }

    private static Uni<SecurityIdentity> refuse(String why) {
        return Uni.createFrom().failure(new AuthenticationFailedException(why));
    }

    private static String random() {
        byte[] bytes = new byte[24];
        new SecureRandom().nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }
}
