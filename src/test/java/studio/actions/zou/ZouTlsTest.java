package studio.actions.zou;

import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static studio.actions.testing.Json.has;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

import org.junit.jupiter.api.Test;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.testing.Api;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.Certificates;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Services;

/** Kitsu's API server over HTTPS, with a certificate from the studio's own authority. */
@QuarkusTest
@WithTestResource(ZouTlsTest.BesideSecureKitsu.class)
class ZouTlsTest {

    private static final FakeZou ZOU = new FakeZou(Certificates.shared().of("IP:127.0.0.1"));

    public static class BesideSecureKitsu extends Services {

        @Override
        public Map<String, String> start() {
            Map<String, String> settings = new HashMap<>(super.start());
            settings.put("custom-actions.zou.url", ZOU.url());
            settings.put("custom-actions.zou.identity-cache", "0s");
            return settings;
        }
    }

    @Test
    void trustsOnlyCertificatesOfStudiosAuthority() {
        String token = ZOU.login("user");
        BesideKitsu.with(token).get(Api.ACTIONS).then().statusCode(200);

        ZOU.away();
        ZOU.back(Certificates.shared().ofNobody("IP:127.0.0.1"));
        BesideKitsu.with(token).get(Api.ACTIONS).then().statusCode(503).body(has("code", equalTo("unavailable")))
                .body(containsString("its certificate cannot be verified")).body(containsString("CUSTOM_ACTIONS_TRUST"));

        ZOU.away();
        ZOU.back(Certificates.shared().of("DNS:another.name"));
        BesideKitsu.with(token).get(Api.ACTIONS).then().statusCode(503);

        ZOU.away();
        ZOU.back(Certificates.shared().of("IP:127.0.0.1"));
        await().atMost(Duration.ofSeconds(5))
                .untilAsserted(() -> BesideKitsu.with(token).get(Api.ACTIONS).then().statusCode(200));
    }
}
