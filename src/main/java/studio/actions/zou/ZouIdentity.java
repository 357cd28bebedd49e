package studio.actions.zou;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;

import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import com.fasterxml.jackson.databind.JsonNode;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.cache.Cache;
import io.quarkus.cache.CacheName;
import io.quarkus.cache.CaffeineCache;
import io.quarkus.security.identity.IdentityProviderManager;
import io.quarkus.security.identity.SecurityIdentity;
import io.quarkus.security.identity.request.AuthenticationRequest;
import io.quarkus.security.runtime.QuarkusSecurityIdentity;
import io.quarkus.vertx.http.runtime.security.ChallengeData;
import io.quarkus.vertx.http.runtime.security.HttpAuthenticationMechanism;
import io.smallrye.mutiny.Uni;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.RoutingContext;
import studio.actions.identity.Caller;
import studio.actions.identity.Credential;
import studio.actions.identity.CrossSite;
import studio.actions.identity.KnownCallers;
import studio.actions.identity.LocalIdentity;
import studio.actions.identity.Requester;
import studio.actions.identity.Role;
import studio.actions.identity.TimeFormat;
import studio.actions.log.LogContext;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.problem.StrictJson;

/**
 * Authentication by Zou; if {@code zou.url} is not set, by {@link LocalIdentity}. Asks Zou who owns the credential, and then
 * whether the credential allows more than the set-up of a second factor ({@link Zou#admit}). Concurrent requests with one
 * credential share this check. An accepted caller is cached for {@code zou.identity-cache}; a refusal is not cached.
 */
@Singleton
public class ZouIdentity implements HttpAuthenticationMechanism, KnownCallers {

    private static final Logger LOG = Logger.getLogger(ZouIdentity.class);
    /**
     * The only path on which callers are authenticated without {@link Zou#admit}. Here Zou itself answers 403 to a token that
     * only serves to set up a second factor. If this service answered 401 instead, Kitsu would leave its page for that set-up.
     * A caller on this path is not cached, since such a token is valid on no other path.
     */
    private static final String USER_CONTEXT = "/api/data/user/context";

    private final Zou zou;
    private final LocalIdentity local;
    private final ContextRoles roles;
    private final CaffeineCache known;
    private final CrossSite crossSite;
    private final MeterRegistry meters;
    private final Counter hits;
    private final Counter misses;
    private final Gauge remembered;

    ZouIdentity(Zou zou, LocalIdentity local, ContextRoles roles, @CacheName("identity") Cache known, CrossSite crossSite,
            MeterRegistry meters) {
        this.zou = zou;
        this.roles = roles;
        this.local = local;
        this.known = known.as(CaffeineCache.class);
        this.meters = meters;
        this.hits = lookups("hit");
        this.misses = lookups("miss");
        this.remembered = Gauge.builder("custom_actions.identity.remembered", this.known, people -> people.keySet().size())
                .description("Credentials of which it is remembered whose they are.").register(meters);
        this.crossSite = crossSite;
    }

    private Counter lookups(String result) {
        return Counter.builder("custom_actions.identity.lookups").tag("result", result)
                .description("Credentials that were shown: remembered (hit), or asked for at Kitsu's API server (miss).")
                .register(meters);
    }

    @PreDestroy
    void end() {
        meters.remove(remembered);
    }

    @Override
    public Uni<SecurityIdentity> authenticate(RoutingContext request, IdentityProviderManager providers) {
        if (!zou.there()) {
            return local.authenticate(request);
        }
        Optional<Credential> given = Credential.of(request.request());
        if (given.isEmpty()) {
            return Uni.createFrom().nullItem();
        }
        Credential credential = given.get();
        if (credential.kind() == Credential.Kind.COOKIE) {
            Optional<ProblemException> foreign = crossSite.refusal(request.request());
            if (foreign.isPresent()) {
                return Uni.createFrom().failure(foreign.get());
            }
        }
        String fingerprint = credential.fingerprint();
        // The usual case, a cached caller, is handled without Uni steps, because each step costs time.
        Caller caller = remembered(fingerprint);
        if (caller != null) {
            hits.increment();
            return Uni.createFrom().item(identity(caller, credential, request));
        }
        if (request.normalizedPath().equals(USER_CONTEXT)) {
            misses.increment();
            return asHere(request, name(credential).map(told -> identity(told, credential, request)));
        }
        AtomicBoolean asked = new AtomicBoolean();
        return asHere(request, known.getAsync(fingerprint, unknown -> {
            asked.set(true);
            return ask(credential);
        }).onTermination().invoke(() -> (asked.get() ? misses : hits).increment())
                .map(told -> identity(told, credential, request)));
    }

    /**
     * Sets the status of the refusal of a malformed token: 422 on paths of Zou's API, as Zou answers there; 401 on paths of
     * this service, as for any invalid token.
     */
    private static Uni<SecurityIdentity> asHere(RoutingContext request, Uni<SecurityIdentity> identity) {
        return request.normalizedPath().startsWith("/api/data/") ? identity
                : identity.onFailure(failure -> failure instanceof ProblemException problem
                        && problem.code() == Code.MALFORMED_TOKEN)
                        .transform(failure -> ZouFailures.unknownToken(failure.getMessage()));
    }

    @Override
    public <T> Optional<T> answer(HttpServerRequest request, Function<Caller, Optional<T>> answer) {
        if (!zou.there()) {
            return local.known(request).flatMap(answer);
        }
        Optional<T> found = Credential.of(request)
                .filter(credential -> credential.kind() == Credential.Kind.BEARER || crossSite.refusal(request).isEmpty())
                .map(credential -> remembered(credential.fingerprint())).flatMap(answer);
        if (found.isPresent()) {
            hits.increment();
        }
        return found;
    }

    private Caller remembered(String fingerprint) {
        CompletableFuture<Caller> caller = known.getIfPresent(fingerprint);
        return caller != null && caller.isDone() && !caller.isCompletedExceptionally() ? roles.of(caller.join()) : null;
    }

    private SecurityIdentity identity(Caller told, Credential credential, RoutingContext request) {
        Caller caller = roles.of(told);
        LogContext.caller(caller.id());
        return QuarkusSecurityIdentity.builder().setPrincipal(caller).addRole(caller.role().name())
                .addCredential(credential).addAttribute(Requester.FROM, Requester.address(request)).build();
    }

    @Override
    public Uni<ChallengeData> getChallenge(RoutingContext request) {
        return Uni.createFrom().item(new ChallengeData(401, "WWW-Authenticate", "Bearer realm=\"kitsu-actions\""));
    }

    @Override
    public Set<Class<? extends AuthenticationRequest>> getCredentialTypes() {
        return Set.of();
    }

    /**
     * Asks Zou for the person first and calls {@link Zou#admit} second, so that an invalid token costs Zou only one request.
     */
    private Uni<Caller> ask(Credential credential) {
        return name(credential).call(() -> zou.admit(credential));
    }

    private Uni<Caller> name(Credential credential) {
        return zou.ask(credential, client -> client::authenticated).map(ZouIdentity::caller)
                .onFailure(Denied.class)
                .transform(denied -> new ProblemException(Code.FORBIDDEN, "Kitsu says: " + denied.getMessage()));
    }

    private static Caller caller(JsonNode answer) {
        JsonNode user = answer.path("user");
        UUID id = StrictJson.id(user.path("id").asText(null));
        String role = user.path("role").asText("");
        if (!answer.path("authenticated").asBoolean() || id == null || role.isEmpty()) {
            LOG.error("Zou's answer about a token names no user; answering 503. Is CUSTOM_ACTIONS_ZOU_URL Kitsu's API server?");
            throw new ProblemException(Code.UNAVAILABLE, "Kitsu's API server did not say whose token this is.")
                    .with("Retry-After", "5");
        }
        List<UUID> departments = new ArrayList<>();
        user.path("departments").forEach(department -> departments.add(StrictJson.id(department.asText())));
        departments.removeIf(department -> department == null);
        return new Caller(id, user.path("full_name").asText(""), user.path("email").asText(null), role(role),
                user.path("is_bot").asBoolean(), departments, Set.of(),
                TimeFormat.of(user.path("timezone").asText(null), user.path("use_12_hour_clock").asBoolean(),
                        user.path("display_date_format").asText(null)));
    }

    private static Role role(String name) {
        try {
            return Role.valueOf(name);
        } catch (IllegalArgumentException e) {
            throw new ProblemException(Code.FORBIDDEN,
                    "Kitsu gives this person the role " + printable(name) + ", which this service does not know.");
        }
    }

    private static String printable(String text) {
        return text.replaceAll("[^\\x20-\\x7e]", "?").substring(0, Math.min(200, text.length()));
    }
}
