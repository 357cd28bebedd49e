package studio.actions.kitsu;

import static org.assertj.core.api.Assertions.assertThat;
import static studio.actions.kitsu.Kitsu.TOOL;
import static studio.actions.kitsu.Kitsu.admin;
import static studio.actions.kitsu.Kitsu.answer;
import static studio.actions.kitsu.Kitsu.list;
import static studio.actions.testing.BesideKitsu.PATH;

import java.util.Map;
import java.util.UUID;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import studio.actions.testing.BesideKitsu;

/** Where it is said under which address browsers reach us, trigger links say so too, whatever a request says. */
@QuarkusTest
@TestProfile(PublicUrlTest.Said.class)
@WithTestResource(BesideKitsu.class)
class PublicUrlTest {

    public static class Said implements QuarkusTestProfile {

        @Override
        public Map<String, String> getConfigOverrides() {
            return Map.of("custom-actions.public-url", "https://kitsu.studio.com:8443");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = { "localhost", "kitsu-actions:8080", "evil.example" })
    void everyLinkIsOnThePublicUrl(String host) {
        String name = UUID.randomUUID().toString();

        Map<String, Object> made = answer(201, admin().header("Host", host).body(Kitsu.draft(name)).post(PATH));

        String link = "https://kitsu.studio.com:8443" + PATH + "/" + made.get("id") + "/open#" + TOOL;
        assertThat(made).containsEntry("url", link);
        assertThat(answer(200, admin().header("Host", host).get(PATH + "/" + made.get("id")))).containsEntry("url", link);
        assertThat(list(admin().header("Host", host), "?fields=url&name=" + name)).containsExactly(Map.of("url", link));
    }

    @Test
    void theTagOfAListIsOfAllHosts() {
        String list = PATH + "?name=" + UUID.randomUUID();
        String tag = admin().header("Host", "one").get(list).header("ETag");

        assertThat(admin().header("Host", "two").header("If-None-Match", tag).get(list).statusCode()).isEqualTo(304);
    }
}
