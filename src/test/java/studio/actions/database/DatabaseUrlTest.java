package studio.actions.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;

/** The accepted forms of a database URL. */
class DatabaseUrlTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "-", value = {
            "jdbc:postgresql://db:5432/kitsu | jdbc:postgresql://db:5432/kitsu | - | -",
            "postgres://db/kitsu | jdbc:postgresql://db/kitsu | - | -",
            "PostgreSQL://db/kitsu | jdbc:postgresql://db/kitsu | - | -",
            "postgres://ann:hunter2@db:5432/kitsu | jdbc:postgresql://db:5432/kitsu | ann | hunter2",
            "postgres://ann@db/kitsu | jdbc:postgresql://db/kitsu | ann | -",
            "postgresql://a%40b:p%2F%3F%23%25+w@db/kitsu | jdbc:postgresql://db/kitsu | a@b | p/?#%+w",
            "postgres://ann:hun@ter:2@db/kitsu | jdbc:postgresql://db/kitsu | ann | hun@ter:2",
            "jdbc:postgresql://ann:hunter2@db/kitsu | jdbc:postgresql://db/kitsu | ann | hunter2",
            "jdbc:postgresql://db/kitsu?user=ann&password=hunter2 | jdbc:postgresql://db/kitsu | ann | hunter2",
            "postgres://db/kitsu?sslmode=require&PASSWORD=a%26b&x=1 | jdbc:postgresql://db/kitsu?sslmode=require&x=1 | - | a&b",
            "postgres://ann:hunter2@one:5432,two:5433/kitsu?targetServerType=primary "
                    + "| jdbc:postgresql://one:5432,two:5433/kitsu?targetServerType=primary | ann | hunter2",
            "postgres://ann:hunter2@[::1]:5432/kitsu | jdbc:postgresql://[::1]:5432/kitsu | ann | hunter2",
            "postgres://db | jdbc:postgresql://db/ | - | -",
            "jdbc:postgresql:kitsu | jdbc:postgresql://localhost/kitsu | - | -",
            "jdbc:postgresql:///kitsu?options=-c%20search_path=a,b | jdbc:postgresql:///kitsu?options=-c%20search_path=a,b | - | -",
            "' postgres://db/kitsu\n' | jdbc:postgresql://db/kitsu | - | -" })
    void extractsCredentials(String given, String jdbc, String user, String password) {
        Map<String, String> secrets = new TreeMap<>();
        if (user != null) {
            secrets.put("quarkus.datasource.username", user);
        }
        if (password != null) {
            secrets.put("quarkus.datasource.password", password);
        }

        assertThat(DatabaseUrl.of(given)).isEqualTo(new DatabaseUrl(jdbc, secrets));
    }

    /** In a configuration {@code $$} and <code>${</code> have a special meaning and must be escaped. */
    @ParameterizedTest
    @CsvSource({ "a%24%24b, a$$b", "%24%7Bx%7D, ${x}", "a%5Cb, a\\b", "a%24, a$" })
    void setsAPasswordUnchanged(String written, String password) {
        try {
            DatabaseUrl.apply(config(Map.of(DatabaseUrl.KEY, "postgres://u:" + written + "@h/db")));

            assertThat(config(Map.of()).getOptionalValue("quarkus.datasource.password", String.class)).contains(password);
        } finally {
            List.of(DatabaseUrl.KEY, "quarkus.datasource.username", "quarkus.datasource.password")
                    .forEach(System::clearProperty);
        }
    }

    private static SmallRyeConfig config(Map<String, String> values) {
        return new SmallRyeConfigBuilder().addDefaultInterceptors().addSystemSources()
                .withSources(new PropertiesConfigSource(values, "test", 500)).build();
    }

    @ParameterizedTest
    @ValueSource(strings = { "mysql://ann:hunter2@db/kitsu", "jdbc:mysql://ann:hunter2@db/kitsu", "db:5432/kitsu", "hunter2",
            "postgres://ann:hun/ter2@db/kitsu", "postgres://ann:hun?ter2@db/kitsu", "postgres://ann:hun#ter2@db/kitsu",
            "postgres://ann:1/ter2@db/kitsu", "postgres://ann:hunter%2@db/kitsu", "postgres://ann:hunter2@db:port/kitsu",
            "postgres://db/kitsu?password=hunter2%" })
    void doesNotRepeatAnInvalidUrl(String given) {
        assertThatThrownBy(() -> DatabaseUrl.of(given)).isInstanceOf(IllegalArgumentException.class)
                .satisfies(refusal -> assertThat(refusal.getMessage()).isNotBlank().doesNotContain("ter2"));
    }
}
