package studio.actions.start;

import static java.util.stream.Collectors.joining;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import studio.actions.testing.Guide;
import studio.actions.testing.Javadocs;

/** The tables of {@code configuration.md}: keys, defaults and bounds of the interfaces, and their Javadoc. */
class ConfigurationGuideTest {

    @Test
    void theGuideHasTheSettingsOfTheCode() throws IOException {
        Guide.check(Path.of("src/docs/configuration.md"),
                Settings.INTERFACES.stream().map(ConfigurationGuideTest::table).collect(joining("\n\n")));
    }

    private static String table(Class<?> declaring) {
        Javadocs texts = Javadocs.of(declaring);
        String prefix = declaring.getAnnotation(ConfigMapping.class).prefix().replaceAll("[.-]", "_").toUpperCase();
        return "### `" + prefix + "_…`\n\n" + texts.type() + "\n\n| Key | Default | Allowed | Meaning |\n|---|---|---|---|\n"
                + texts.members().entrySet().stream().map(member -> row(method(declaring, member.getKey()), member.getValue()))
                        .collect(joining("\n"));
    }

    private static Method method(Class<?> declaring, String name) {
        try {
            return declaring.getMethod(name);
        } catch (NoSuchMethodException e) {
            throw new IllegalArgumentException(e);
        }
    }

    private static String row(Method method, String meaning) {
        String key = Settings.key(method);
        WithDefault given = method.getAnnotation(WithDefault.class);
        return "| `" + key.replace("*", key.endsWith("by-role.*") ? "<role>" : "<name>") + "` | "
                + (given == null ? "none" : "`" + given.value() + "`") + " | " + allowed(Settings.ALL.get(key).allowed())
                + " | " + meaning + " |";
    }

    /** Shortens the sentence of a refusal: the default column has the example. */
    private static String allowed(String sentence) {
        return sentence.replaceFirst("^a (?:duration|size) from (\\S+) to (\\S+), such as .*", "$1 to $2")
                .replaceFirst("^a whole number from (\\S+) to (\\S+):", "$1 to $2")
                .replaceAll("(?<=such as )[^\\s;]*[/,][^\\s;]*|(?<=: )(?:openssl|echo) .*", "`$0`");
    }
}
