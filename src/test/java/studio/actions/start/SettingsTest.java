package studio.actions.start;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.smallrye.config.ConfigMappings;
import io.smallrye.config.ConfigMappings.ConfigClass;
import studio.actions.action.ActionConfig;
import studio.actions.audit.AuditConfig;
import studio.actions.egress.EgressConfig;
import studio.actions.identity.IdentityConfig;
import studio.actions.problem.BodyConfig;
import studio.actions.run.RunConfig;
import studio.actions.zou.ZouConfig;

class SettingsTest {

    @Test
    void knowsExactlyTheKeysThatTheFeaturesDeclare() {
        var declared = new TreeSet<String>();
        for (Class<?> config : List.of(StartConfig.class, IdentityConfig.class, ZouConfig.class, AuditConfig.class,
                EgressConfig.class, RunConfig.class, ActionConfig.class, BodyConfig.class)) {
            declared.addAll(ConfigMappings.getProperties(ConfigClass.configClass(config)).keySet());
        }
        declared.removeIf(key -> key.endsWith("[*]"));

        assertThat(Settings.ALL.keySet()).map(key -> Settings.PREFIX + key).containsExactlyElementsOf(declared);
    }

    @Test
    void everyKeyStandsInTheReadme() throws Exception {
        String readme = Files.readString(Path.of("README.md"));

        assertThat(Settings.ALL.keySet())
                .allSatisfy(key -> assertThat(readme).contains("`" + key.replace("*", "<"), key.contains("*") ? "" : "`"));
    }

    @ParameterizedTest
    @ValueSource(strings = { "CUSTOM_ACTIONS_EGRESS_ALLOW", "CUSTOM_ACTIONS_SECRETS_RENDER_FARM",
            "CUSTOM_ACTIONS_LIMITS_PER_CALLER_BY_ROLE_ADMIN", "CUSTOM_ACTIONS_SERVICE_HOST", "CUSTOM_ACTIONS_PORT",
            "CUSTOM_ACTIONS_PORT_8080_TCP_ADDR", "CUSTOM_ACTIONS_SERVICE_PORT_HTTP", "PATH", "custom_actions_lower" })
    void letsKnownAndForeignVariablesPass(String name) {
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
