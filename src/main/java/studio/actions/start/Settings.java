package studio.actions.start;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.config.ConfigValue;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.ConfigValidationException;
import io.smallrye.config.WithName;
import io.smallrye.config.WithParentName;
import io.smallrye.config.common.utils.StringUtil;
import studio.actions.audit.RetentionConfig;
import studio.actions.database.DatabaseUrl;
import studio.actions.draft.LaunchConfig;
import studio.actions.egress.Trust;
import studio.actions.http.BodyConfig;
import studio.actions.identity.LocalConfig;
import studio.actions.identity.LocalIdentity;
import studio.actions.identity.ZouConfig;
import studio.actions.kitsu.PageConfig;
import studio.actions.limit.LimitConfig;
import studio.actions.problem.Nearest;
import studio.actions.run.RunConfig;
import studio.actions.secret.SecretConfig;
import studio.actions.secret.Secrets;
import studio.actions.secret.SigningConfig;
import studio.actions.settings.CsvConfig;
import studio.actions.settings.EgressConfig;
import studio.actions.settings.ServiceConfig;

/**
 * All setting keys of the service with the rules for their values. The error messages at start, the search for unknown
 * environment variables and the logged settings use them. The keys come from each feature's {@code …Config} interface, which
 * declares their types, defaults and bounds.
 */
public final class Settings {

    static final String PREFIX = "custom-actions.";
    private static final String ENVIRONMENT = "CUSTOM_ACTIONS_";

    /** Variables that Kubernetes sets in a pod if its namespace has a Service named {@code custom-actions}; not settings. */
    private static final Pattern SERVICE_LINK = Pattern.compile("CUSTOM_ACTIONS_(SERVICE_(HOST|PORT.*)|PORT(_\\d+_.*)?)");

    /** The interfaces that declare the keys, in the order in which the guide {@code configuration.md} lists them. */
    static final List<Class<?>> INTERFACES = List.of(ServiceConfig.class, ZouConfig.class, LocalConfig.class,
            EgressConfig.class, LaunchConfig.class, RunConfig.class, LimitConfig.class, SecretConfig.class,
            SigningConfig.class, RetentionConfig.class, PageConfig.class, BodyConfig.class, CsvConfig.class,
            TracingConfig.class);

    /** The rules of the keys whose values have no bounds. */
    private static final Map<String, Setting> WITHOUT_BOUNDS = Map.ofEntries(
            Map.entry("zou.url", Setting.webAddress("the URL of Kitsu's API server, such as http://zou:5000")),
            Map.entry("public-url",
                    Setting.site("the scheme and host where browsers reach the service, such as https://kitsu.studio.com")),
            Map.entry("local.token",
                    Setting.token("a token of at least " + LocalIdentity.SHORTEST_TOKEN + " letters, digits and signs, such as "
                            + "the output of: openssl rand -hex 24")),
            Map.entry("tracing.endpoint",
                    Setting.webAddress("the URL at which an OpenTelemetry collector takes OTLP over gRPC, such as "
                            + "http://otel-collector:4317")),
            Map.entry("data-dir", Setting.text("a folder that this user may write to")),
            Map.entry("egress.allow",
                    Setting.allowList("addresses, CIDRs and names, each with an optional port, comma-separated, "
                            + "such as 10.20.0.0/16,farm.studio.lan:8443,[fd12::]/48")),
            Map.entry("trust", Setting.authorities("a PEM file with the studio's certificate authorities")),
            Map.entry("launch.schemes",
                    Setting.schemes("URL schemes, comma-separated, such as http,https,maya; never one that runs "
                            + "script")),
            Map.entry("secrets.*", Setting.text("any text")),
            Map.entry("signing.secret", Setting.signing()),
            Map.entry("signing.previous-secret", Setting.signing()));

    /**
     * The rules of all keys. They are read from annotations when this class is initialized. The native image may lack these
     * annotations, so there the class is initialized while Quarkus builds the image.
     */
    static final Map<String, Setting> ALL = rules();

    private static final List<String> SECRET = List.of("local.token", "secrets.", "signing.");

    private static final Pattern QUARKUS_SECRET = Pattern.compile("password|passwd|secret|token|credential|[.-]key$|headers");

    /** Text to mask: the user info in a URL, and the values of parameters whose names suggest a credential. */
    private static final Pattern CREDENTIALS = Pattern
            .compile("(?i)(?<=//)[^\\s\"]*(?=@)|(?<=(?:password|passwd|pwd|pass|secret|token|key|auth|jwt|sig)=)[^&;,\\s\"]+");

    /**
     * Text to mask in a refused value: all but a URL's scheme up to the last @. Even text that is no URL may hold user info.
     */
    private static final Pattern USER_INFO = Pattern.compile("(?s)(?:(?<=://)|^(?!\\w+://)).*(?=@)");

    private static final Pattern KEY = Pattern.compile("(?:custom-actions|quarkus)\\.[a-z][a-zA-Z0-9.-]*");

    /**
     * Quarkus' own TLS settings for the client that calls receivers. They are refused, because they would silently have no
     * effect: {@link Trust} configures that client.
     */
    private static final Pattern EGRESS_TLS = Pattern.compile("(?i)quarkus[._]tls[._]+\"?egress\"?[._].*");

    private static final List<String> CREDENTIALS_OF_DATABASE = List.of("quarkus.datasource.username",
            "quarkus.datasource.password");

    private static final String POOL = "quarkus.datasource.jdbc.max-size";
    /** The smallest database pool: a connection each for notifications, deliveries, health and heartbeats, and requests. */
    private static final int FEWEST_CONNECTIONS = 4;

    private Settings() {
    }

    private static Map<String, Setting> rules() {
        Map<String, Setting> rules = new TreeMap<>();
        for (Class<?> declaring : INTERFACES) {
            for (Method method : declaring.getDeclaredMethods()) {
                String key = key(method);
                rules.put(key, WITHOUT_BOUNDS.containsKey(key) ? WITHOUT_BOUNDS.get(key) : Setting.bounded(method));
            }
        }
        return rules;
    }

    /**
     * Returns the key, without our prefix, of the setting that a method of a configuration interface declares. It ends in an
     * asterisk if the setting is a map, which has a key for each entry.
     */
    static String key(Method method) {
        String group = method.getDeclaringClass().getAnnotation(ConfigMapping.class).prefix();
        WithName given = method.getAnnotation(WithName.class);
        String key = method.isAnnotationPresent(WithParentName.class) ? group
                : group + "." + (given == null ? StringUtil.skewer(method.getName()) : given.value());
        return key.substring(PREFIX.length()) + (method.getReturnType() == Map.class ? ".*" : "");
    }

    /** Returns an error line for each unknown variable and invalid value that can be detected before the service starts. */
    static List<String> refused(Collection<String> environment, Config config) {
        List<String> lines = new ArrayList<>(unknown(environment));
        ALL.forEach((pattern, setting) -> keys(pattern).forEach(key -> {
            String value = resolved(config, PREFIX + key, lines);
            String wrong = value == null || value.isEmpty() ? null : wrong(setting, value);
            if (wrong != null) {
                lines.add(shown(wrong.startsWith(ENVIRONMENT) ? wrong : refuse(key, config) + " " + wrong));
            }
        }));
        environment.stream().filter(name -> name.startsWith(variable("secrets."))).sorted()
                .filter(name -> !Secrets.fits(String.valueOf(resolved(config, name, lines))))
                .forEach(name -> lines.add(name + " cannot be used: it holds characters that no header may hold. Allowed: "
                        + "letters, digits and signs of ASCII."));
        CREDENTIALS_OF_DATABASE.forEach(key -> resolved(config, key, lines));
        Optional.ofNullable(resolved(config, DatabaseUrl.KEY, lines)).filter(text -> !text.isBlank()).ifPresent(text -> {
            try {
                DatabaseUrl.of(text);
            } catch (IllegalArgumentException e) {
                lines.add("QUARKUS_DATASOURCE_JDBC_URL (" + DatabaseUrl.KEY + "): the value given cannot be used. Allowed: the "
                        + "address of a PostgreSQL database, such as jdbc:postgresql://postgres:5432/kitsu_actions or "
                        + "postgres://postgres:5432/kitsu_actions. " + e.getMessage());
            }
        });
        String connections = config.getOptionalValue(POOL, String.class).orElse("").strip();
        if (connections.matches("-?\\d{1,9}") && Integer.parseInt(connections) < FEWEST_CONNECTIONS) {
            lines.add("QUARKUS_DATASOURCE_JDBC_MAX_SIZE (" + POOL + "): \"" + connections
                    + "\" cannot be used. Allowed: a whole "
                    + "number from " + FEWEST_CONNECTIONS + ": connections to the database, one of which only listens.");
        }
        if (config.getOptionalValue("quarkus.http.proxy.proxy-address-forwarding", Boolean.class).orElse(false)
                && config.getOptionalValue("quarkus.http.proxy.trusted-proxies", String.class).isEmpty()) {
            lines.add("QUARKUS_HTTP_PROXY_PROXY_ADDRESS_FORWARDING is set, so any client could claim any host name. Set "
                    + "QUARKUS_HTTP_PROXY_TRUSTED_PROXIES to the proxy's address as well, such as 127.0.0.1.");
        }
        for (String name : List.of("allow-forwarded", "allow-x-forwarded")) {
            if (config.getOptionalValue("quarkus.http.proxy." + name, Boolean.class).orElse(false)) {
                lines.add("QUARKUS_HTTP_PROXY_" + name.replace('-', '_').toUpperCase(Locale.ROOT)
                        + " is set. The service reads X-Forwarded-Proto, -Host, "
                        + "-Port and -For itself, from the proxies in QUARKUS_HTTP_PROXY_TRUSTED_PROXIES: leave it out, and let "
                        + "the proxy send these headers.");
            }
        }
        List<String> origins = Arrays.stream(config.getOptionalValue("quarkus.http.cors.origins", String.class).orElse("")
                .split(",")).map(String::strip).toList();
        String own = config.getOptionalValue(PREFIX + "public-url", String.class).orElse("").replaceFirst("/$", "");
        if (config.getOptionalValue("quarkus.http.cors.enabled", Boolean.class).orElse(false)
                && (own.isEmpty() || !origins.contains(own) || origins.contains("*"))) {
            lines.add("QUARKUS_HTTP_CORS_ENABLED is set, so only pages of the sites in QUARKUS_HTTP_CORS_ORIGINS can use the "
                    + "service, and Kitsu's own site must be in that list. Set CUSTOM_ACTIONS_PUBLIC_URL, and "
                    + "QUARKUS_HTTP_CORS_ORIGINS to that URL and the other sites, such as "
                    + "https://kitsu.studio.com,https://tools.studio.com; do not use *.");
        }
        Stream.concat(environment.stream(), StreamSupport.stream(config.getPropertyNames().spliterator(), false))
                .filter(name -> EGRESS_TLS.matcher(name).matches()).sorted().findFirst()
                .ifPresent(
                        name -> lines.add(name + " cannot be used: the certificates of receivers are always verified, against "
                                + "the authorities that Java trusts and those in CUSTOM_ACTIONS_TRUST."));
        return lines;
    }

    /** Returns a key's value; null if it has none. Adds an error line if the value refers to an unset variable or to itself. */
    private static String resolved(Config config, String key, List<String> lines) {
        try {
            ConfigValue value = config.getConfigValue(key);
            if (!(value instanceof io.smallrye.config.ConfigValue known && known.hasProblems())) {
                return value.getValue();
            }
        } catch (IllegalArgumentException | NoSuchElementException e) {
            // Thrown if the value refers to itself.
        }
        lines.add(key + " cannot be used: it refers with ${…} to a variable that is not set, or to itself. Write \\${ where "
                + "these characters are meant.");
        return null;
    }

    private static String wrong(Setting setting, String value) {
        if (value.isBlank()) {
            return "It is blank.";
        }
        try {
            return setting.check().apply(value);
        } catch (ArithmeticException e) {
            return "It is out of these bounds.";
        }
    }

    /**
     * Returns the known environment variable that an unknown name probably means. If exactly one variable ends with the name's
     * text after CUSTOM_ACTIONS, returns it: only its group, such as ZOU_, was left out. Else returns the variable with the
     * nearest spelling.
     */
    private static Optional<String> nearest(String name) {
        List<String> known = ALL.keySet().stream().flatMap(Settings::written).toList();
        String last = name.substring(ENVIRONMENT.length() - 1);
        List<String> longer = known.stream().filter(one -> last.length() > 1 && one.endsWith(last)).toList();
        return longer.size() == 1 ? Optional.of(longer.get(0)) : Nearest.of(name, known);
    }

    /** Returns an error line for each unknown environment variable with our prefix, since a misspelled one has no effect. */
    static List<String> unknown(Collection<String> environment) {
        List<String> lines = new ArrayList<>();
        for (String name : environment.stream().sorted().toList()) {
            if (name.startsWith(ENVIRONMENT) && !SERVICE_LINK.matcher(name).matches() && !known(name)) {
                lines.add("The environment variable " + name + " is not known."
                        + nearest(name).map(nearest -> " Did you mean " + nearest + "?").orElse(""));
            }
        }
        return lines;
    }

    /** Returns an error line for each value that Quarkus refused, including values of Quarkus' own keys. */
    static List<String> explain(ConfigValidationException failure, Config config) {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < failure.getProblemCount(); i++) {
            String message = failure.getProblem(i).getMessage();
            Matcher key = KEY.matcher(message);
            if (!key.find()) {
                lines.add(shown(message));
            } else if (key.group().startsWith(PREFIX)) {
                lines.add(refuse(key.group().substring(PREFIX.length()), config));
            } else {
                lines.add(key.group().replaceAll("[.-]", "_").toUpperCase(Locale.ROOT) + " (" + key.group() + "): "
                        + (QUARKUS_SECRET.matcher(key.group()).find() ? "the value given"
                                : "\"" + shown(config.getConfigValue(key.group()).getRawValue()) + "\"")
                        + " cannot be used.");
            }
        }
        return lines.stream().distinct().toList();
    }

    /** Returns the error message for an invalid value of a key. */
    static String refuse(String key, Config config) {
        ConfigValue value = config.getConfigValue(PREFIX + key);
        boolean secret = SECRET.stream().anyMatch(key::startsWith);
        String shown = secret ? "the value given"
                : "\"" + shown(USER_INFO.matcher(value.getRawValue()).replaceFirst(Secrets.MASK)) + "\"";
        String allowed = ALL.entrySet().stream().filter(known -> matches(known.getKey(), key))
                .map(known -> known.getValue().allowed()).findFirst().orElse("none, the key is not known");
        return variable(key) + " (" + PREFIX + key + "): " + shown + " cannot be used. Allowed: " + allowed + ".";
    }

    /** Masks credentials in a value, or in a message that may contain a value. */
    static String shown(String text) {
        return text == null ? null : CREDENTIALS.matcher(text).replaceAll(Secrets.MASK);
    }

    /** Returns the effective values of all settings by key, without secrets. */
    static Map<String, String> effective(Config config) {
        Map<String, String> values = new TreeMap<>();
        for (String key : ALL.keySet()) {
            if (SECRET.stream().noneMatch(key::startsWith) && !key.endsWith("*")) {
                String value = config.getConfigValue(PREFIX + key).getValue();
                if (value != null && !value.isEmpty()) {
                    values.put(key, value);
                }
            }
        }
        return values;
    }

    static String variable(String key) {
        return ENVIRONMENT + key.replace('*', '…').replaceAll("[.-]", "_").toUpperCase(Locale.ROOT);
    }

    private static boolean known(String variable) {
        return ALL.keySet().stream().flatMap(Settings::written)
                .anyMatch(name -> name.endsWith("…") ? variable.length() >= name.length()
                        && variable.startsWith(name.substring(0, name.length() - 1)) : name.equals(variable));
    }

    /** Returns the keys that a pattern stands for: one for each role if it is a limit with an asterisk, else just itself. */
    private static Stream<String> keys(String pattern) {
        return pattern.startsWith("limits.") && pattern.endsWith("*")
                ? Arrays.stream(LimitConfig.Standing.values()).map(standing -> pattern.replace("*", standing.name()))
                : Stream.of(pattern);
    }

    /** Returns a key's environment variables: one, one for each role, or, if any name is allowed, a prefix with an ellipsis. */
    private static Stream<String> written(String key) {
        return keys(key).map(Settings::variable);
    }

    private static boolean matches(String pattern, String key) {
        return pattern.endsWith("*") ? key.startsWith(pattern.substring(0, pattern.length() - 1)) : pattern.equals(key);
    }
}
