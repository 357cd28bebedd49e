package studio.actions.start;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.config.ConfigValue;

import io.quarkus.runtime.configuration.MemorySizeConverter;
import io.smallrye.config.ConfigValidationException;
import studio.actions.action.ActionRules;
import studio.actions.action.Secrets;
import studio.actions.egress.AddressPolicy;
import studio.actions.identity.Role;

/**
 * Every key of the service with what is allowed for it: what the errors at start say, what counts as a known environment
 * variable, and what the log shows once. The keys' types, defaults and bounds stand in each feature's {@code …Config};
 * a test holds the two against each other.
 */
public final class Settings {

    static final String PREFIX = "custom-actions.";
    private static final String ENVIRONMENT = "CUSTOM_ACTIONS_";

    /** Kubernetes puts these into a pod that shares a namespace with a Service called {@code custom-actions}. */
    private static final Pattern SERVICE_LINK = Pattern.compile("CUSTOM_ACTIONS_(SERVICE_(HOST|PORT.*)|PORT(_\\d+_.*)?)");

    private static final String SIGNING = "whsec_ and the base64 of 24 to 64 random bytes, e.g. from: "
            + "echo whsec_$(openssl rand -base64 32)";

    static final Map<String, String> ALLOWED = new TreeMap<>(Map.ofEntries(
            Map.entry("zou.url", "the URL of Kitsu's API server, such as http://zou:5000"),
            Map.entry("zou.timeout", "a duration from 100ms to 1m, such as 2s"),
            Map.entry("zou.context-timeout", "a duration from 1s to 10m, such as 60s"),
            Map.entry("zou.identity-cache", "a duration from 0s to 5m, such as 15s"),
            Map.entry("public-url", "the URL where browsers reach the service, such as https://kitsu.studio.com"),
            Map.entry("local.token", "a token without spaces, such as the output of: openssl rand -hex 24"),
            Map.entry("data-dir", "a folder that this user may write to"),
            Map.entry("egress.allow", "addresses, CIDRs and names, each with an optional port, comma-separated, such as "
                    + "10.20.0.0/16,farm.studio.lan:8443,[fd12::]/48"),
            Map.entry("egress.connect-timeout", "a duration from 100ms to 30s, such as 3s"),
            Map.entry("egress.dns-timeout", "a duration from 100ms to 30s, such as 2s"),
            Map.entry("egress.timeout", "a duration from 100ms to 30s, such as 10s"),
            Map.entry("egress.max-request", "a size from 1K to 16M, such as 256K"),
            Map.entry("egress.max-response", "a size from 1K to 16M, such as 64K"),
            Map.entry("egress.kept-response", "a size from 0 to 1M, such as 8K"),
            Map.entry("egress.in-flight-per-host", "a whole number from 1 to 1000"),
            Map.entry("egress.trust", "a PEM file with the studio's certificate authorities"),
            Map.entry("launch.schemes", "URL schemes, comma-separated, such as http,https,maya; never one that runs script"),
            Map.entry("run.max-selection", "a whole number from 1 to 10000"),
            Map.entry("run.parallelism", "a whole number from 1 to 1000"),
            Map.entry("run.wait", "a duration from 0s to 5m, such as 30s"),
            Map.entry("run.lease", "a duration from 3s to 10m, such as 30s"),
            Map.entry("run.shutdown", "a duration from 0s to 5m, such as 20s"),
            Map.entry("limits.per-caller", "a whole number from 1 to 60000: runs a minute"),
            Map.entry("limits.per-caller-by-role.*", "a whole number from 1 to 60000: runs a minute; the role is one of admin, "
                    + "manager, supervisor, user, client, vendor"),
            Map.entry("limits.per-host", "a whole number from 1 to 10000: deliveries a second"),
            Map.entry("secrets.*", "any text"),
            Map.entry("signing.secret", SIGNING),
            Map.entry("signing.previous-secret", SIGNING),
            Map.entry("retention.runs", "a duration of a day or more, such as 30d"),
            Map.entry("retention.audit", "a duration of a day or more, such as 365d"),
            Map.entry("csv.max-size", "a size from 1K to 64M, such as 5M"),
            Map.entry("csv.max-rows", "a whole number from 1 to 100000")));

    /** What a type and its bounds cannot say: the value to what is wrong with it, null where nothing is. */
    private static final Map<String, UnaryOperator<String>> CHECKS = Map.ofEntries(
            Map.entry("zou.url", Settings::webAddress),
            Map.entry("public-url", Settings::webAddress),
            Map.entry("local.token", value -> value.matches("\\S+") ? null : "It holds spaces."),
            Map.entry("egress.allow", Settings::allowList),
            Map.entry("egress.max-request", value -> size(value, 1024, 16 << 20)),
            Map.entry("egress.max-response", value -> size(value, 1024, 16 << 20)),
            Map.entry("egress.kept-response", value -> size(value, 0, 1 << 20)),
            Map.entry("egress.trust", value -> Files.isReadable(Path.of(value)) ? null : "There is no such file to read."),
            Map.entry("launch.schemes", Settings::schemes),
            Map.entry("signing.secret", value -> Secrets.signs(value) ? null : "It is no such secret."),
            Map.entry("signing.previous-secret", value -> Secrets.signs(value) ? null : "It is no such secret."),
            Map.entry("csv.max-size", value -> size(value, 1024, 64 << 20)));

    private static final List<String> SECRET = List.of("local.token", "secrets.", "signing.");

    private static final Pattern KEY = Pattern.compile("custom-actions\\.([a-z][a-zA-Z0-9.-]*)");

    private Settings() {
    }

    /** A line for each variable and value that cannot be, as far as that shows before anything is started. */
    static List<String> refused(Collection<String> environment, Config config) {
        List<String> lines = new ArrayList<>(unknown(environment));
        new TreeMap<>(CHECKS).forEach((key, check) -> {
            String value = config.getConfigValue(PREFIX + key).getValue();
            String wrong = value == null || value.isEmpty() ? null : check.apply(value);
            if (wrong != null) {
                lines.add(refuse(key, config) + " " + wrong);
            }
        });
        return lines;
    }

    /** A line for each variable of ours that nobody reads: a typo there would otherwise pass for a setting. */
    static List<String> unknown(Collection<String> environment) {
        List<String> lines = new ArrayList<>();
        for (String name : environment.stream().sorted().toList()) {
            if (name.startsWith(ENVIRONMENT) && !SERVICE_LINK.matcher(name).matches() && !known(name)) {
                String nearest = ALLOWED.keySet().stream().flatMap(Settings::written)
                        .min(Comparator.comparingInt(known -> distance(known, name))).orElseThrow();
                lines.add("The environment variable " + name + " is not known. Did you mean " + nearest + "?");
            }
        }
        return lines;
    }

    /** A line for each value that cannot be: the key, the value (never a secret's) and what is allowed. */
    static List<String> explain(ConfigValidationException failure, Config config) {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < failure.getProblemCount(); i++) {
            String message = failure.getProblem(i).getMessage();
            Matcher key = KEY.matcher(message);
            lines.add(key.find() ? refuse(hyphenated(key.group(1)), config) : message);
        }
        return lines.stream().distinct().toList();
    }

    /** The sentence about one key, to be thrown or printed. */
    static String refuse(String key, Config config) {
        ConfigValue value = config.getConfigValue(PREFIX + key);
        boolean secret = SECRET.stream().anyMatch(key::startsWith);
        String shown = secret ? "the value given" : "\"" + value.getRawValue() + "\"";
        String allowed = ALLOWED.entrySet().stream().filter(known -> matches(known.getKey(), key)).map(Map.Entry::getValue)
                .findFirst().orElse("none, the key is not known");
        return variable(key) + " (" + PREFIX + key + "): " + shown + " cannot be used. Allowed: " + allowed + ".";
    }

    /** Key and value of all that is not secret, as it holds now. */
    static Map<String, String> effective(Config config) {
        Map<String, String> values = new TreeMap<>();
        for (String key : ALLOWED.keySet()) {
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
        return ALLOWED.keySet().stream().flatMap(Settings::written)
                .anyMatch(name -> name.endsWith("…") ? variable.length() >= name.length()
                        && variable.startsWith(name.substring(0, name.length() - 1)) : name.equals(variable));
    }

    /** The variables of a key: one, one for each role, or, ending in an ellipsis, any. */
    private static Stream<String> written(String key) {
        return key.startsWith("limits.") && key.endsWith("*")
                ? Arrays.stream(Role.values()).map(role -> variable(key.replace("*", role.name())))
                : Stream.of(variable(key));
    }

    private static boolean matches(String pattern, String key) {
        return pattern.endsWith("*") ? key.startsWith(pattern.substring(0, pattern.length() - 1)) : pattern.equals(key);
    }

    /** Bean validation names the method ({@code connectTimeout}), the converters name the key ({@code connect-timeout}). */
    private static String hyphenated(String path) {
        return path.chars().mapToObj(c -> Character.isUpperCase(c) ? "-" + (char) Character.toLowerCase(c) : "" + (char) c)
                .collect(Collectors.joining());
    }

    private static String webAddress(String value) {
        try {
            URI uri = new URI(value);
            boolean fine = List.of("http", "https").contains(String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT))
                    && uri.getHost() != null && uri.getRawUserInfo() == null && uri.getRawQuery() == null
                    && uri.getRawFragment() == null;
            return fine ? null : "It must be http:// or https:// and a host.";
        } catch (URISyntaxException e) {
            return "It is not a URL.";
        }
    }

    private static String allowList(String value) {
        try {
            AddressPolicy.of(Arrays.stream(value.split(",")).map(String::strip).filter(entry -> !entry.isEmpty()).toList());
            return null;
        } catch (IllegalArgumentException e) {
            return e.getMessage();
        }
    }

    private static String schemes(String value) {
        for (String scheme : value.split(",")) {
            String name = scheme.strip().toLowerCase(Locale.ROOT);
            if (!name.matches("[a-z][a-z0-9+.-]*")) {
                return "'" + name + "' is not a scheme.";
            }
            if (ActionRules.NEVER.contains(name)) {
                return "No action may open " + name + ": URLs.";
            }
        }
        return null;
    }

    private static String size(String value, long from, long to) {
        try {
            long bytes = new MemorySizeConverter().convert(value).asLongValue();
            return bytes >= from && bytes <= to ? null : "It is out of these bounds.";
        } catch (IllegalArgumentException e) {
            return "It is not a size.";
        }
    }

    /** Levenshtein's distance. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int cost = a.charAt(i - 1) == b.charAt(j - 1) ? diagonal : diagonal + 1;
                diagonal = row[j];
                row[j] = Math.min(cost, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
