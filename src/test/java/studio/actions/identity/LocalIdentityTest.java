package studio.actions.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.ext.web.Router;
import studio.actions.settings.ServiceConfig;

/** The single token for a service without Kitsu: its caller, when it is generated, and when it is ignored. */
class LocalIdentityTest {

    private static final String TOKEN = "a-token-of-the-studio";
    private static final String ZOU = "http://zou:5000";

    private static Vertx vertx;

    @BeforeAll
    static void start() {
        vertx = Vertx.vertx();
    }

    @AfterAll
    static void stop() throws Exception {
        vertx.close().toCompletionStage().toCompletableFuture().get(30, TimeUnit.SECONDS);
    }

    @Test
    void identifiesTokenAsLocalAdmin() throws Exception {
        assertThat(ask(local("local.token", TOKEN), "Bearer " + TOKEN))
                .isEqualTo("Local admin, admin, [admin], " + LocalIdentity.ADMIN.id());
    }

    @Test
    void localAdminHasFixedId() {
        assertThat(LocalIdentity.ADMIN.id()).hasToString("00000000-0000-4000-8000-000000000001");
    }

    @Test
    void returnsNoCallerWithoutCredential() throws Exception {
        assertThat(ask(local("local.token", TOKEN), null)).isEqualTo("nobody");
        assertThat(ask(local("zou.url", ZOU, "local.token", TOKEN), null)).isEqualTo("nobody");
    }

    @ParameterizedTest
    @ValueSource(strings = { "Bearer " + TOKEN, "bearer " + TOKEN, TOKEN, "Bearer wrong", "Bearer" })
    void ignoresLocalTokenBesideKitsu(String header) throws Exception {
        assertThat(ask(local("zou.url", ZOU, "local.token", TOKEN), header)).isEqualTo("nobody");
    }

    @Test
    void generatesNoTokenBesideKitsu() {
        assertThat(local("zou.url", ZOU).madeToken()).isEmpty();
        assertThat(local("zou.url", ZOU, "local.token", TOKEN).madeToken()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({ "Bearer wrong, refused", "Bearer " + TOKEN + "x, refused", "Basic " + TOKEN + ", refused", "Bearer, refused",
            "'Bearer  " + TOKEN + " ', Local admin" })
    void acceptsOnlyTheToken(String header, String answer) throws Exception {
        assertThat(ask(local("local.token", TOKEN), header)).startsWith(answer);
    }

    @Test
    void aRefusalNeverNamesTheToken() throws Exception {
        assertThat(ask(local("local.token", TOKEN), "Bearer wrong")).startsWith("refused").doesNotContain(TOKEN);
    }

    @Test
    void generatesNoTokenIfOneIsConfigured() {
        assertThat(local("local.token", TOKEN).madeToken()).isEmpty();
    }

    @Test
    void generatesNewTokenAtEveryStart() throws Exception {
        LocalIdentity one = local();
        LocalIdentity other = local("local.token", "");

        assertThat(one.madeToken()).hasValueSatisfying(token -> assertThat(token).matches("[0-9a-f]{48}"));
        assertThat(other.madeToken()).isPresent().isNotEqualTo(one.madeToken());
        assertThat(ask(one, "Bearer " + one.madeToken().orElseThrow())).startsWith("Local admin");
        assertThat(ask(one, "Bearer " + other.madeToken().orElseThrow())).startsWith("refused");
    }

    @ParameterizedTest
    @ValueSource(strings = { "Bearer", "Bearer ", "Bearer null" })
    void refusesEmptyToken(String header) throws Exception {
        assertThat(ask(local(), header)).startsWith("refused");
    }

    @Test
    void refusesInvalidZouUrl() {
        assertThatThrownBy(() -> local("zou.url", "http://not a url")).hasMessageContaining("zou.url");
    }

    private static LocalIdentity local(String... settings) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < settings.length; i += 2) {
            values.put("custom-actions." + settings[i], settings[i + 1]);
        }
        SmallRyeConfig config = new SmallRyeConfigBuilder().withMapping(ZouConfig.class).withMapping(LocalConfig.class)
                .withMapping(ServiceConfig.class)
                .addDiscoveredConverters().withSources(new PropertiesConfigSource(values, "these", 200)).build();
        ServiceConfig anywhere = config.getConfigMapping(ServiceConfig.class);
        return new LocalIdentity(config.getConfigMapping(ZouConfig.class), config.getConfigMapping(LocalConfig.class),
                new LocalSessions(Clock.systemUTC()), new CrossSite(anywhere));
    }

    /** Sends a request with the given Authorization header over a socket and returns the caller that was recognized. */
    private static String ask(LocalIdentity local, String header) throws Exception {
        Router router = Router.router(vertx);
        router.route().handler(request -> local.authenticate(request).subscribe().with(
                identity -> request.end(identity == null ? "nobody" : described(identity)),
                refusal -> request.end("refused: " + refusal.getMessage())));
        HttpServer server = vertx.createHttpServer().requestHandler(router).listen(0).toCompletionStage().toCompletableFuture()
                .get(30, TimeUnit.SECONDS);
        try {
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://localhost:" + server.actualPort()));
            if (header != null) {
                request.header("Authorization", header);
            }
            return HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString()).body();
        } finally {
            server.close().toCompletionStage().toCompletableFuture().get(30, TimeUnit.SECONDS);
        }
    }

    private static String described(SecurityIdentity identity) {
        Caller caller = Caller.of(identity);
        return caller.name() + ", " + caller.role() + ", " + identity.getRoles() + ", " + caller.id();
    }
}
