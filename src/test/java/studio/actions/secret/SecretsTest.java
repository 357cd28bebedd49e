package studio.actions.secret;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.eclipse.microprofile.config.spi.ConfigSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.smallrye.config.EnvConfigSource;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;

/** How a secret's name finds its value, and that the value appears in no message. */
class SecretsTest {

    private static final String NOW = "whsec_" + Base64.getEncoder().encodeToString(new byte[24]);
    private static final String BEFORE = "whsec_" + Base64.getEncoder().encodeToString("the previous signing key".getBytes());

    @ParameterizedTest
    @CsvSource({ "render-farm", "RENDER_FARM", "render_farm", "render.farm", "Render-Farm" })
    void acceptsEverySpellingOfSecretName(String name) {
        for (String configured : List.of("render-farm", "RENDER_FARM", "\"render-farm\"", "\"render.farm\"")) {
            Secrets secrets = secrets("secrets." + configured, "v4lue");

            assertThat(secrets.has(name)).isTrue();
            assertThat(secrets.fill("${secret:" + name + "}")).isEqualTo("v4lue");
        }
    }

    @Test
    void readsSecretsFromEnvironment() {
        Secrets secrets = secrets(new EnvConfigSource(Map.of("CUSTOM_ACTIONS_SECRETS_RENDER_FARM", "v4lue",
                "CUSTOM_ACTIONS_SECRETS_FARM", "other", "CUSTOM_ACTIONS_SIGNING_SECRET", NOW), 300));

        assertThat(secrets.fill("${secret:render-farm} ${secret:farm}")).isEqualTo("v4lue other");
        assertThat(secrets.signingKeys(null)).containsExactly(new byte[24]);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "Bearer ${secret:farm} | Bearer v4lue",
            "${secret:farm}${secret:farm} | v4luev4lue",
            "${secret:farm}:${secret:dollar} | v4lue:a$1\\b",
            "${secret:nope} ${secret:farm} | ${secret:nope} v4lue",
            "${secret:nested} | ${secret:farm}",
            "nothing ${here} | nothing ${here}" })
    void replacesReferencesWithSecrets(String text, String filled) {
        Secrets secrets = secrets("secrets.farm", "v4lue", "secrets.dollar", "a$1\\b", "secrets.nested", "\\${secret:farm}");

        assertThat(secrets.fill(text)).isEqualTo(filled);
    }

    @Test
    void hidesReferencesToKnownAndUnknownSecrets() {
        assertThat(secrets("secrets.farm", "v4lue").hide("Bearer ${secret:farm}, ${secret:nope}, ${env:x}"))
                .isEqualTo("Bearer " + Secrets.MASK + ", " + Secrets.MASK + ", ${env:x}");
    }

    @Test
    void namesFirstMissingSecret() {
        Secrets secrets = secrets("secrets.farm", "v4lue");

        assertThat(secrets.missing("${secret:farm} ${secret:one} ${secret:two}")).contains("one");
        assertThat(secrets.missing("${secret:farm} ${secret:FARM} plain")).isEmpty();
        assertThat(secrets.has("far")).isFalse();
    }

    @Test
    void masksValuesInsideOtherText() {
        Secrets secrets = secrets("secrets.farm", "v4lue", "secrets.regex", "a.c*[x");

        assertThat(secrets.mask("{\"token\": \"xv4luex\", \"again\": \"v4lue\"} a.c*[x abc"))
                .isEqualTo("{\"token\": \"x••••x\", \"again\": \"••••\"} •••• abc");
    }

    @ParameterizedTest
    @ValueSource(strings = { "a/b+c&d<e>f'g h\"i=ö", "a\\/b+c&d<e>f'g h\\\"i=\\u00f6",
            "a\\/b\\u002Bc\\u0026d\\u003Ce\\u003Ef\\u0027g h\\u0022i=\\u00F6", "a%2Fb%2Bc%26d%3Ce%3Ef%27g+h%22i%3D%C3%B6",
            "a%2fb%2bc%26d%3ce%3ef%27g%20h%22i%3d%c3%b6", "a/b+c&amp;d&lt;e&gt;f&#39;g h&quot;i=&#246;",
            "a/b+c&#38;d&#x3C;e&#x3e;f&#0039;g h&#34;i=&#xF6;",
            "a&#x00002f;b&#x00002b;c&#x000026;d&#x00003c;e&#x00003e;f&#x000027;g&#x000020;h&#x000022;i&#x00003d;&#x0000f6;",
            "a/b+c&amp;d&lt;e&gt;f&apos;g h&quot;i=ö",
            "YS9iK2MmZDxlPmYnZyBoImk9w7Y", "YS9iK2MmZDxlPmYnZyBoImk9w7Y=" })
    void masksEveryEscapedFormOfSecret(String repeated) {
        Secrets secrets = secrets("secrets.farm", "a/b+c&d<e>f'g h\"i=ö");

        assertThat(secrets.mask("X-Farm: " + repeated).replace("=", "")).isEqualTo("X-Farm: ••••");
        assertThat(secrets.longest()).isGreaterThanOrEqualTo(repeated.getBytes(StandardCharsets.UTF_8).length);
        assertThat(secrets.mask("a/b c&d<e>f'g h\"i")).as("not all of it").doesNotContain("•");
    }

    @Test
    void masksLongestSecretFirst() {
        Secrets secrets = secrets("secrets.a", "hunter2", "secrets.b", "hunter2-and-more", "secrets.c", "my-hunter2-and-more");

        assertThat(secrets.mask("hunter2-and-more my-hunter2-and-more hunter2")).isEqualTo("•••• •••• ••••");
    }

    @Test
    void masksTheServicesOwnSigningSecrets() {
        Secrets secrets = secrets("signing.secret", NOW, "signing.previous-secret", BEFORE);

        assertThat(secrets.mask(NOW + " " + BEFORE.substring(6) + " " + NOW.substring(6))).isEqualTo("•••• •••• ••••");
    }

    @Test
    void doesNotMaskOrdinaryWords() {
        assertThat(secrets("secrets.a", "cat").mask("concatenate")).isEqualTo("concatenate");
    }

    @Test
    void leavesTextUnchangedWithoutSecrets() {
        Secrets secrets = secrets();

        assertThat(secrets.mask("text")).isEqualTo("text");
        assertThat(secrets.signingKeys(null)).isEmpty();
        assertThat(secrets.signingKeys("nope")).isEmpty();
    }

    @Test
    void signsWithCurrentKeyFirst() {
        Secrets secrets = secrets("signing.previous-secret", BEFORE, "signing.secret", NOW);

        assertThat(secrets.signingKeys(null)).containsExactly(new byte[24], "the previous signing key".getBytes());
    }

    @Test
    void signsWithPreviousKeyTooDuringRotationOfNamedKey() {
        Secrets secrets = secrets("secrets.vendor-a", NOW, "secrets.vendor-a-previous", BEFORE, "secrets.gone-previous",
                BEFORE);

        assertThat(secrets.signingKeys("vendor-a")).containsExactly(new byte[24], "the previous signing key".getBytes());
        assertThat(secrets.signingKeys("gone")).as("the present one must be there").isEmpty();
        assertThat(secrets.mask("it was " + BEFORE)).isEqualTo("it was " + Secrets.MASK);
    }

    @Test
    void signsOnlyWithNamedKey() {
        Secrets secrets = secrets("signing.secret", NOW, "secrets.vendor-a", BEFORE, "secrets.farm", "v4lue");

        assertThat(secrets.signingKeys("VENDOR_A")).containsExactly("the previous signing key".getBytes());
        assertThat(secrets.signingKeys("farm")).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({ "23, false", "24, true", "64, true", "65, false" })
    void aSigningKeyHas24To64Bytes(int bytes, boolean good) {
        Secrets secrets = secrets("secrets.key", "whsec_" + Base64.getEncoder().encodeToString(new byte[bytes]));

        assertThat(secrets.signingKeys("key").size()).isEqualTo(good ? 1 : 0);
    }

    @ParameterizedTest
    @ValueSource(strings = { "hunter2", "whsec_", "whsec_short", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "WHSEC_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "whsec_AAAA*AAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "whsk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" })
    void refusesInvalidSigningSecret(String secret) {
        assertThat(Secrets.faultOfSigning(secret)).isPresent();
        for (String key : List.of("signing.secret", "signing.previous-secret")) {
            assertThatThrownBy(() -> secrets(key, secret)).isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(key)
                    .satisfies(refusal -> assertThat(refusal.getMessage()).doesNotContain(secret));
        }
    }

    @Test
    void acceptsValidSigningSecret() {
        assertThat(Secrets.faultOfSigning(NOW)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = { "hunter2 | It does not begin with whsec_.",
            "whsec_not*base64 | What follows whsec_ is not base64.", "whsec_c2hvcnQ= | It has 5 bytes after whsec_." })
    void explainsWhySigningSecretIsInvalid(String secret, String why) {
        assertThat(Secrets.faultOfSigning(secret)).contains(why);
    }

    /** The {@code base64} command wraps its output after 57 bytes of input, and files end with a line break. */
    @Test
    void stripsWhiteSpaceFromSigningSecret() {
        byte[] key = new byte[60];
        String wrapped = " whsec_" + Base64.getMimeEncoder(76, "\n".getBytes()).encodeToString(key) + "\r\n";
        assertThat(wrapped.strip()).contains("\n");

        assertThat(secrets("signing.secret", wrapped).signingKeys(null)).containsExactly(key);
        assertThat(secrets("secrets.key", wrapped).signingKeys("key")).containsExactly(key);
    }

    @ParameterizedTest
    @CsvSource({ "'farm\n', farm", "'\tfarm \r\n', farm", "'fa\nrm', farm", "'fa \r\n  rm', farm",
            "'a pass phrase\n', 'a pass phrase'" })
    void stripsLineBreaksFromSecret(String given, String secret) {
        assertThat(secrets("secrets.farm", given).fill("${secret:farm}")).isEqualTo(secret);
    }

    private static Secrets secrets(String... settings) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < settings.length; i += 2) {
            values.put("custom-actions." + settings[i], settings[i + 1]);
        }
        return secrets(new PropertiesConfigSource(values, "these", 200));
    }

    private static Secrets secrets(ConfigSource source) {
        SmallRyeConfig config = new SmallRyeConfigBuilder().withMapping(SecretConfig.class).withMapping(SigningConfig.class)
                .addDiscoveredConverters().addDefaultInterceptors().withSources(source).build();
        return new Secrets(config.getConfigMapping(SigningConfig.class), config);
    }
}
