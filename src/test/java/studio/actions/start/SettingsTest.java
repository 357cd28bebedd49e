package studio.actions.start;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.ConfigMappings;
import io.smallrye.config.ConfigMappings.ConfigClass;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;
import studio.actions.secret.Secrets;

class SettingsTest {

    @Test
    void knowsExactlyTheKeysThatTheFeaturesDeclare() {
        var declared = new TreeSet<String>();
        for (Class<?> config : Settings.INTERFACES) {
            declared.addAll(ConfigMappings.getProperties(ConfigClass.configClass(config)).keySet());
        }
        declared.removeIf(key -> key.endsWith("[*]"));

        assertThat(Settings.ALL.keySet()).map(key -> Settings.PREFIX + key).containsExactlyElementsOf(declared);
    }

    @Test
    void listsEveryInterfaceOfSettings() {
        assertThat(Settings.INTERFACES).map(Class::getName).containsExactlyInAnyOrderElementsOf(
                new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests()).importPackages("studio.actions")
                        .stream().filter(type -> type.isAnnotatedWith(ConfigMapping.class)).map(JavaClass::getName).toList());
    }

    @Test
    void everyPrefixAndEveryKeyIsDeclaredOnce() {
        assertThat(Settings.INTERFACES).map(type -> type.getAnnotation(ConfigMapping.class).prefix()).doesNotHaveDuplicates();
        assertThat(Settings.INTERFACES).flatMap(type -> List.of(type.getDeclaredMethods())).map(Settings::key)
                .doesNotHaveDuplicates().containsExactlyInAnyOrderElementsOf(Settings.ALL.keySet());
    }

    /** Quarkus' own settings refer to ours, and repeat our defaults for the time before ours are known. */
    @Test
    void applicationPropertiesRepeatNoOtherDefaults() throws Exception {
        SmallRyeConfig config = effective(Map.of());

        assertThat(Pattern.compile("\\$\\{(custom-actions[^:}]*):([^}]*)}")
                .matcher(Files.readString(Path.of("src/main/resources/application.properties"))).results())
                .filteredOn(found -> !found.group(1).equals("custom-actions.tracing.endpoint")).isNotEmpty()
                .allSatisfy(found -> assertThat(found.group(2)).isEqualTo(config.getConfigValue(found.group(1)).getValue()));
    }

    @Test
    void warnsWhenConnectionsMayUseUpAllFiles() {
        assertThat(StartLog.tooFewFiles(Integer.MAX_VALUE)).hasValueSatisfying(
                sentence -> assertThat(sentence).contains("" + Integer.MAX_VALUE, "QUARKUS_HTTP_LIMITS_MAX_CONNECTIONS"));
        assertThat(StartLog.tooFewFiles(1)).isEmpty();
    }

    @Test
    void warnsOfTimeoutsLongerThanTheShutdown() {
        assertThat(StartLog.warnOfLongTimeouts(effective(Map.of("custom-actions.egress.max-timeout", "120s"))))
                .hasValueSatisfying(sentence -> assertThat(sentence).contains("120s", "20s", "CUSTOM_ACTIONS_RUN_SHUTDOWN"));
        assertThat(StartLog.warnOfLongTimeouts(effective(Map.of()))).isEmpty();
        assertThat(StartLog.warnOfLongTimeouts(effective(Map.of("custom-actions.run.shutdown", "5s")))).isPresent();
        assertThat(StartLog.warnOfLongTimeouts(effective(Map.of("custom-actions.egress.max-timeout", "120s",
                "custom-actions.run.shutdown", "130s")))).isEmpty();
    }

    private static SmallRyeConfig effective(Map<String, String> set) {
        SmallRyeConfigBuilder builder = new SmallRyeConfigBuilder().addDiscoveredConverters()
                .withSources(new PropertiesConfigSource(set, "test", 300));
        Settings.INTERFACES.forEach(builder::withMapping);
        return builder.build();
    }

    @Test
    void everyKeyStandsInTheGuide() throws Exception {
        String guide = Files.readString(Path.of("src/docs/configuration.md"));

        assertThat(Settings.ALL.keySet())
                .allSatisfy(key -> assertThat(guide).contains("`" + key.replace("*", "<"), key.contains("*") ? "" : "`"));
    }

    /** Each key with values at the edge of the allowed range, and values just outside. */
    private static final String SWEEP = """
            bodies.max-count | 1, 100000 | 0, 100001, all
            bodies.max-memory | 1M, 4G | 1023K, 5G, much
            csv.max-rows | 1, 100000 | 0, 100001, many, 1.5
            csv.max-size | 1K, 64M | 1023, 65M, big
            data-dir | /var/lib/kitsu actions |
            egress.allow | 10.20.0.0/16, farm.studio.lan:8443, [fd12::]/48, 127.0.0.1:8080, render_farm:8080 | 127.0.0.0/8, 300.1.1.1, http://farm, localhost, tools.localhost:8080
            egress.connect-timeout | 100ms, 30s | 99ms, 31s, soon
            egress.dns-timeout | 100ms, 30s | 99ms, 31s, -1s
            egress.in-flight-per-host | 1, 1000 | 0, 1001, some
            egress.kept-response | 0, 1M | 2M, -1
            egress.max-request | 1K, 16M | 1023, 17M
            egress.max-response | 1K, 16M | 1023, 17M
            egress.max-timeout | 1s, 5m | 999ms, 301s
            egress.timeout | 100ms, 30s | 99ms, 31s
            trust | | /no/such/file, pom.xml
            launch.schemes | maya, http | javascript, ma ya, file
            limits.per-caller | 1, 60000 | 0, 60001
            limits.per-caller-by-role.bot | 1, 60000 | 0, 60001, few
            limits.per-host | 1, 10000 | 0, 10001
            local.token | sixteen-letters-, a token with blanks that are no part of it | fifteen-letters, with a space, sixteen-letters-é
            public-url | https://kitsu.studio.com, http://kitsu:8080/ | kitsu.studio.com, https://kitsu.studio.com/app, ftp://kitsu
            retention.audit | 1d, 36500d | 23h, 36501d, forever
            retention.runs | 1d, 36500d | 23h, 36501d
            page.enabled | true, false | yes, 1
            run.lease | 3s, 10m | 2s, 11m
            run.max-selection | 1, 10000 | 0, 10001
            run.parallelism | 1, 1000 | 0, 1001
            run.shutdown | 0s, 5m | 301s, -1s
            run.wait | 0s, 5m | 301s
            secrets.farm | anything ${ at all |
            signing.secret | whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw | whsec_short, MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
            signing.previous-secret | whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw | whsec_short
            tracing.endpoint | http://otel-collector:4317 | otel-collector:4317, grpc://otel:4317
            zou.context-timeout | 1s, 10m | 999ms, 11m
            zou.identity-cache | 0s, 5m | 301s
            zou.timeout | 100ms, 1m | 99ms, 61s
            zou.url | http://zou:5000, https://zou.studio.com/api | zou:5000, http://user:hunter2@zou:5000, http://user:hun/ter2@zou:5000""";

    private static Stream<Arguments> sweep(int column) {
        return SWEEP.lines().map(row -> row.split("\\|", -1)).flatMap(row -> Arrays.stream(row[column].split(", "))
                .map(String::strip).filter(value -> !value.isEmpty()).map(value -> Arguments.of(row[0].strip(), value)));
    }

    static Stream<Arguments> fine() {
        return sweep(1);
    }

    static Stream<Arguments> wrong() {
        return sweep(2);
    }

    @Test
    void everyKeyHasBoundaryValues() {
        assertThat(SWEEP.lines().map(row -> row.split("\\|")[0].strip())
                .map(key -> key.replaceAll("(by-role\\.|^secrets\\.).*", "$1*")))
                .containsExactlyInAnyOrderElementsOf(Settings.ALL.keySet());
    }

    @ParameterizedTest
    @MethodSource("fine")
    void acceptsBoundaryValues(String key, String value) {
        assertThat(refused(key, value)).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("wrong")
    void refusesValuesBeyondTheBoundaryAndSaysWhatIsAllowed(String key, String value) {
        boolean secret = key.matches("local\\.token|signing\\..*");

        assertThat(refused(key, value)).singleElement().asString().startsWith(Settings.variable(key))
                .containsPattern("\\. Allowed( are|:) \\w").satisfies(line -> {
                    if (secret) {
                        assertThat(line).contains("the value given").doesNotContain(value);
                    } else {
                        assertThat(line).contains(value.replaceAll("//.*@", "//" + Secrets.MASK + "@")).doesNotContain("ter2");
                    }
                });
    }

    private static List<String> refused(String key, String value) {
        return Settings.refused(Set.of(Settings.variable(key)), new SmallRyeConfigBuilder().addDefaultInterceptors()
                .withSources(
                        new PropertiesConfigSource(Map.of(Settings.PREFIX + key, value.replace("${", "\\${")), "test", 300))
                .build());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = { "'' | ''", "https://kitsu.studio.com | ''", "https://kitsu.studio.com | *",
            "https://kitsu.studio.com | https://tools.studio.com", "'' | https://tools.studio.com",
            "https://kitsu.studio.com | https://kitsu.studio.com,*" })
    void refusesCorsThatExcludesKitsuOrAllowsEveryone(String own, String origins) {
        assertThat(cors(own, origins)).singleElement().asString().contains("QUARKUS_HTTP_CORS_ORIGINS")
                .contains("CUSTOM_ACTIONS_PUBLIC_URL");
    }

    @Test
    void acceptsCorsForNamedSites() {
        assertThat(cors("https://kitsu.studio.com/", "https://tools.studio.com, https://kitsu.studio.com")).isEmpty();
    }

    private static List<String> cors(String own, String origins) {
        return Settings.refused(Set.of(), new SmallRyeConfigBuilder().withSources(new PropertiesConfigSource(Map.of(
                "quarkus.http.cors.enabled", "true", "quarkus.http.cors.origins", origins, "custom-actions.public-url", own),
                "test", 300)).build());
    }

    /** A file of variables may contain references to variables that are not set. */
    @ParameterizedTest
    @ValueSource(strings = { "custom-actions.zou.url", "custom-actions.local.token", "custom-actions.signing.secret",
            "custom-actions.run.lease", "quarkus.datasource.jdbc.url", "quarkus.datasource.password" })
    void refusesReferencesToUnsetVariablesAndToThemselves(String key) {
        for (String value : List.of("${NOT_SET_ANYWHERE}", "x${NOT_SET_ANYWHERE}y", "${" + key + "}")) {
            List<String> lines = Settings.refused(Set.of(), new SmallRyeConfigBuilder().addDefaultInterceptors()
                    .withSources(new PropertiesConfigSource(Map.of(key, value), "test", 300)).build());

            assertThat(lines).as(value).singleElement().asString().startsWith(key + " cannot be used").contains("${…}");
        }
    }

    @ParameterizedTest
    @CsvSource({ "run.lease, ' '", "run.wait, 999999999999999d", "csv.max-size, ' '", "bodies.max-memory, 8E",
            "limits.per-host, ' '", "zou.url, ' '", "retention.runs, 999999999999999d" })
    void refusesBlankAndOverflowingValues(String key, String value) {
        assertThat(refused(key, value)).singleElement().asString().startsWith(Settings.variable(key));
    }

    @ParameterizedTest
    @CsvSource({ "zou.url, admin:hunter2@zou:5000", "zou.url, http:/admin:hunter2@zou", "zou.url, http://a:my hunter2@zou",
            "zou.url, 'http://u:a\"hunter2@zou'", "zou.url, http://zou?pass=hunter2", "public-url, ann:hunter2@kitsu",
            "tracing.endpoint, ann:hunter2@otel:4317", "egress.allow, ann:hunter2@farm.lan:8443" })
    void showsNoCredentialHoweverAnAddressIsWritten(String key, String value) {
        assertThat(refused(key, value)).singleElement().asString().startsWith(Settings.variable(key))
                .doesNotContain("hunter2");
    }

    @ParameterizedTest
    @ValueSource(strings = { "-Dquarkus.datasource.password=hunter2", "--quarkus.datasource.password=hunter2",
            "postgres://u:hunter2@h/db",
            "-Dquarkus.datasource.jdbc.url=postgres://u:hunter2@h/db" })
    void showsNoCredentialOfAnArgument(String argument) {
        assertThat(CheckMode.refused(argument)).singleElement().asString().contains("is not known").doesNotContain("hunter2");
    }

    @ParameterizedTest
    @ValueSource(strings = { "p\u00e4ssword", "two\u00a0words", "a\u0000b" })
    void refusesASecretThatIsNoValidHeaderValue(String secret) {
        assertThat(secrets(secret)).singleElement().asString().startsWith("CUSTOM_ACTIONS_SECRETS_FARM")
                .doesNotContain(secret);
    }

    @ParameterizedTest
    @ValueSource(strings = { "word\u00a0", "\ufeffword\n", "\u200bword", "two words" })
    void acceptsASecretWithAnyKindOfSpaceAroundIt(String secret) {
        assertThat(secrets(secret)).isEmpty();
    }

    private static List<String> secrets(String value) {
        String variable = "CUSTOM_ACTIONS_SECRETS_FARM";
        return Settings.refused(Set.of(variable), new SmallRyeConfigBuilder().addDefaultInterceptors()
                .withSources(new PropertiesConfigSource(Map.of(variable, value), "test", 300)).build());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "-", value = {
            "proxy-address-forwarding | - | TRUSTED_PROXIES",
            "proxy-address-forwarding | 127.0.0.1 | -",
            "allow-forwarded | 127.0.0.1 | QUARKUS_HTTP_PROXY_ALLOW_FORWARDED",
            "allow-x-forwarded | 127.0.0.1 | QUARKUS_HTTP_PROXY_ALLOW_X_FORWARDED" })
    void refusesProxySettingsThatAreUnsafe(String key, String trusted, String named) {
        Map<String, String> values = new HashMap<>(Map.of("quarkus.http.proxy." + key, "true"));
        if (trusted != null) {
            values.put("quarkus.http.proxy.trusted-proxies", trusted);
        }

        List<String> lines = Settings.refused(Set.of(), new SmallRyeConfigBuilder()
                .withSources(new PropertiesConfigSource(values, "test", 300)).build());

        assertThat(lines).hasSize(named == null ? 0 : 1).allSatisfy(line -> assertThat(line).contains(named));
    }

    @ParameterizedTest
    @CsvSource({ "3, true", "1, true", "0, true", "-1, true", " 3 , true", "4, false", "50, false" })
    void refusesAPoolThatIsTooSmallToWork(String size, boolean refused) {
        List<String> lines = Settings.refused(Set.of(), new SmallRyeConfigBuilder()
                .withSources(new PropertiesConfigSource(Map.of("quarkus.datasource.jdbc.max-size", size), "test", 300))
                .build());

        assertThat(lines).hasSize(refused ? 1 : 0).allSatisfy(line -> assertThat(line)
                .startsWith("QUARKUS_DATASOURCE_JDBC_MAX_SIZE").contains("\"" + size.strip() + "\"").contains("from 4"));
    }

    /** The guide must list each setting's actual default. */
    @Test
    void everyDefaultStandsInTheGuide() throws Exception {
        SmallRyeConfigBuilder builder = new SmallRyeConfigBuilder().addDiscoveredConverters();
        Settings.INTERFACES.forEach(builder::withMapping);
        SmallRyeConfig config = builder.build();
        Map<String, String> rows = Files.readString(Path.of("src/docs/configuration.md")).lines()
                .map(row -> row.split(" *\\| *"))
                .filter(cells -> cells.length > 3 && cells[1].startsWith("`"))
                .collect(Collectors.toMap(cells -> cells[1].replace("`", ""), cells -> cells[2].replace("`", ""), (a, b) -> a));

        assertThat(Settings.ALL.keySet()).filteredOn(key -> !key.endsWith("*")).isNotEmpty().allSatisfy(key -> {
            String value = config.getConfigValue(Settings.PREFIX + key).getValue();
            assertThat(rows.get(key)).as(key).isIn(value == null
                    ? List.of("none", "empty", "from the request", "random, printed", "~/.kitsu-actions")
                    : List.of(value));
        });
    }

    @ParameterizedTest
    @ValueSource(strings = { "CUSTOM_ACTIONS_EGRESS_ALLOW", "CUSTOM_ACTIONS_SECRETS_RENDER_FARM",
            "CUSTOM_ACTIONS_LIMITS_PER_CALLER_BY_ROLE_ADMIN", "CUSTOM_ACTIONS_SERVICE_HOST", "CUSTOM_ACTIONS_PORT",
            "CUSTOM_ACTIONS_PORT_8080_TCP_ADDR", "CUSTOM_ACTIONS_SERVICE_PORT_HTTP", "PATH", "custom_actions_lower" })
    void acceptsKnownAndForeignVariables(String name) {
        assertThat(Settings.unknown(List.of(name))).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({ "CUSTOM_ACTIONS_EGRES_ALLOW, CUSTOM_ACTIONS_EGRESS_ALLOW",
            "CUSTOM_ACTIONS_TOKEN, CUSTOM_ACTIONS_LOCAL_TOKEN",
            "CUSTOM_ACTIONS_ZOU_URI, CUSTOM_ACTIONS_ZOU_URL",
            "CUSTOM_ACTIONS_LIMITS_PER_CALLER_BY_ROLE_MANGER, CUSTOM_ACTIONS_LIMITS_PER_CALLER_BY_ROLE_MANAGER",
            "CUSTOM_ACTIONS_SECRETS_, CUSTOM_ACTIONS_SECRETS_…" })
    void namesTheNearestKnownVariable(String name, String nearest) {
        assertThat(Settings.unknown(List.of(name))).singleElement().asString().contains(name + " is not known")
                .contains(nearest);
    }
}
