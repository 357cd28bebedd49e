package studio.actions.database;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.eclipse.microprofile.config.Config;

/**
 * The address of the database, given as a JDBC URL or as a URI of libpq. Its credentials are moved into separate settings,
 * because drivers and pools log the address when they fail.
 *
 * @param jdbc the address without credentials
 * @param secrets the credentials from the address, by the keys of their settings
 */
public record DatabaseUrl(String jdbc, Map<String, String> secrets) {

    public static final String KEY = "quarkus.datasource.jdbc.url";

    private static final Pattern URL = Pattern.compile("(?:jdbc:)?postgres(?:ql)?://(?:([^/?#]*)@)?"
            + "((?:[\\w.-]*|\\[[0-9A-Fa-f:.%]+])(?::\\d{1,5})?(?:,(?:[\\w.-]*|\\[[0-9A-Fa-f:.%]+])(?::\\d{1,5})?)*)"
            + "(/[^/?#@]*)?(?:\\?([\\w.-]+(?:=[^&#]*)?(?:&[\\w.-]+(?:=[^&#]*)?)*)?)?", Pattern.CASE_INSENSITIVE);

    /** JDBC's short form for a local database: {@code jdbc:postgresql:name}. */
    private static final Pattern LOCAL = Pattern.compile("^jdbc:postgresql:(?!/)", Pattern.CASE_INSENSITIVE);

    private static final String USER = "quarkus.datasource.username";
    private static final String PASSWORD = "quarkus.datasource.password";

    /** The URL parameters in which the driver takes credentials, with the settings to which they are moved. */
    private static final Map<String, String> PARAMETERS = Map.of("user", USER, "password", PASSWORD,
            "sslpassword", "quarkus.datasource.jdbc.additional-jdbc-properties.sslpassword");

    /**
     * Parses an address.
     *
     * @throws IllegalArgumentException if the address is malformed; the message repeats no part of it
     */
    public static DatabaseUrl of(String text) {
        Matcher url = URL.matcher(LOCAL.matcher(text.strip()).replaceFirst("jdbc:postgresql://localhost/"));
        if (!url.matches()) {
            throw new IllegalArgumentException("It cannot be read. In a name or password, write / ? # @ : and % as %2F %3F %23 "
                    + "%40 %3A and %25, or set QUARKUS_DATASOURCE_USERNAME and QUARKUS_DATASOURCE_PASSWORD.");
        }
        Map<String, String> secrets = new TreeMap<>();
        if (url.group(1) != null) {
            String[] person = url.group(1).split(":", 2);
            secrets.put(USER, decoded(person[0]));
            if (person.length > 1) {
                secrets.put(PASSWORD, decoded(person[1]));
            }
        }
        List<String> parameters = new ArrayList<>();
        for (String parameter : url.group(4) == null ? new String[0] : url.group(4).split("&")) {
            String setting = PARAMETERS.get(parameter.replaceAll("=.*", "").toLowerCase(Locale.ROOT));
            if (setting == null) {
                parameters.add(parameter);
            } else {
                secrets.put(setting, decoded(parameter.replaceFirst("[^=]*=?", "")));
            }
        }
        return new DatabaseUrl("jdbc:postgresql://" + url.group(2) + (url.group(3) == null ? "/" : url.group(3))
                + (parameters.isEmpty() ? "" : "?" + String.join("&", parameters)), secrets);
    }

    /** Overrides the configured address with system properties that hold address and credentials separately. */
    public static void apply(Config config) {
        config.getOptionalValue(KEY, String.class).filter(text -> !text.isBlank()).map(DatabaseUrl::of).ifPresent(url -> {
            System.setProperty(KEY, unexpanded(url.jdbc));
            url.secrets.forEach((key, value) -> {
                if (!value.isEmpty()) {
                    System.setProperty(key, unexpanded(value));
                }
            });
        });
    }

    /** Escapes a value for the configuration, which would otherwise expand ${…} and replace $$ by $ in a password. */
    private static String unexpanded(String value) {
        return value.replace("$", "\\$");
    }

    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "A % in its name or password does not begin a code such as %40; write it as %25.");
        }
    }
}
