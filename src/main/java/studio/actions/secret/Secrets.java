package studio.actions.secret;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import jakarta.inject.Singleton;

import org.eclipse.microprofile.config.Config;

/**
 * The studio's secrets, which are environment variables. Actions contain only their names: {@code ${secret:render-farm}}
 * stands for the value of {@code CUSTOM_ACTIONS_SECRETS_RENDER_FARM}.
 */
@Singleton
public class Secrets {

    /** The text that is shown instead of a secret. */
    public static final String MASK = "••••";

    /** A reference to a secret: {@code ${secret:name}}. */
    public static final Pattern REFERENCE = Pattern.compile("\\$\\{secret:([A-Za-z0-9][A-Za-z0-9._-]*)}");

    private static final String ENVIRONMENT = "CUSTOM_ACTIONS_SECRETS_";
    private static final String SYMMETRIC = "whsec_";
    private static final String PREVIOUS = "-previous";

    /** The fewest and the most bytes of a signing key (Standard Webhooks 1.0). */
    private static final int SHORTEST_KEY = 24;
    private static final int LONGEST_KEY = 64;

    private static final Pattern WHITE_SPACE = Pattern.compile("(?U)\\s+");
    /** White space around a secret. Word processors and web pages leave no-break spaces and byte order marks there. */
    private static final Pattern AROUND = Pattern.compile("(?U)^[\\s\ufeff\u200b]+|[\\s\ufeff\u200b]+$");
    private static final Pattern LINE_BREAK = Pattern.compile("\\h*\\R\\s*");

    /**
     * The shortest secret that is masked, in characters. Masking a shorter one would hide ordinary words in a receiver's
     * response.
     */
    private static final int MASKED_FROM = 4;

    private final Map<String, String> values = new HashMap<>();
    private final List<byte[]> serviceKeys = new ArrayList<>();
    private final List<Repeated> masked = new ArrayList<>();

    Secrets(SigningConfig signing, Config everything) {
        // SmallRye Config ends the map key of an environment variable at its first underscore, so SecretConfig.values() does
        // not contain RENDER_FARM.
        for (String name : everything.getPropertyNames()) {
            if (canonical(name).startsWith(ENVIRONMENT)) {
                String value = everything.getConfigValue(name).getValue();
                if (value != null && !value.isBlank()) {
                    values.put(canonical(name).substring(ENVIRONMENT.length()), unwrapped(value));
                }
            }
        }
        Set<String> texts = new HashSet<>();
        for (var entry : List.of(Map.entry("signing.secret", signing.secret()),
                Map.entry("signing.previous-secret", signing.previousSecret()))) {
            entry.getValue().map(Secrets::unspaced).ifPresent(text -> {
                serviceKeys.add(decode(text).orElseThrow(() -> new IllegalArgumentException(entry.getKey())));
                texts.add(text);
                texts.add(text.substring(SYMMETRIC.length()));
            });
        }
        values.values().forEach(value -> {
            texts.add(value);
            if (value.startsWith(SYMMETRIC)) {
                texts.add(value.substring(SYMMETRIC.length()));
            }
            Stream.of(Base64.getEncoder(), Base64.getUrlEncoder()).forEach(base64 -> texts
                    .add(base64.withoutPadding().encodeToString(value.getBytes(StandardCharsets.UTF_8))));
        });
        texts.stream().filter(text -> text.length() >= MASKED_FROM)
                .sorted(Comparator.comparingInt(String::length).reversed().thenComparing(Comparator.naturalOrder()))
                .forEach(text -> masked.add(Repeated.of(text)));
    }

    /** Returns why a text is not a signing secret; empty if it is one. */
    public static Optional<String> faultOfSigning(String text) {
        String secret = unspaced(text);
        if (!secret.startsWith(SYMMETRIC)) {
            return Optional.of("It does not begin with " + SYMMETRIC + ".");
        }
        try {
            int bytes = Base64.getDecoder().decode(secret.substring(SYMMETRIC.length())).length;
            return bytes >= SHORTEST_KEY && bytes <= LONGEST_KEY ? Optional.empty()
                    : Optional.of("It has " + bytes + " bytes after " + SYMMETRIC + ".");
        } catch (IllegalArgumentException e) {
            return Optional.of("What follows " + SYMMETRIC + " is not base64.");
        }
    }

    /** Returns the names of the configured secrets, in capitals as the environment has them. */
    public List<String> names() {
        return values.keySet().stream().sorted().toList();
    }

    public boolean has(String name) {
        return values.containsKey(canonical(name));
    }

    /** Returns the name of the first secret to which the text refers and which is not configured. */
    public Optional<String> missing(String text) {
        return REFERENCE.matcher(text).results().map(match -> match.group(1)).filter(name -> !has(name)).findFirst();
    }

    /** Returns a message that says how to configure a missing secret. */
    public static String missingSentence(String name) {
        return "No secret " + name + " is configured. Set CUSTOM_ACTIONS_SECRETS_" + canonical(name)
                + " in the service's environment and start it again.";
    }

    /**
     * Returns the text with each reference to a secret replaced by the secret's value. References to missing secrets stay in
     * the text; call {@link #missing} first.
     */
    public String fill(String text) {
        return replace(text, match -> values.getOrDefault(canonical(match.group(1)), match.group()));
    }

    /** Returns the text with {@link #MASK} in place of each reference to a secret. */
    public String hide(String text) {
        return replace(text, match -> MASK);
    }

    /** Returns the text with {@link #MASK} in place of each secret's value. */
    public String mask(String text) {
        String result = text;
        for (Repeated secret : masked) {
            result = secret.pattern().matcher(result).replaceAll(MASK);
        }
        return result;
    }

    /** Returns the length in bytes of the longest text that {@link #mask} looks for. */
    public int longest() {
        return masked.stream().mapToInt(Repeated::longest).max().orElse(0);
    }

    /**
     * Returns the keys to sign a request with: the current key, then the previous key if there is one. Empty if the named
     * secret is missing or is no signing secret, even if a previous one is configured.
     *
     * @param name the name of a secret, whose previous secret has the same name with {@code -previous} at the end; null for the
     *        service's own keys
     */
    public List<byte[]> signingKeys(String name) {
        if (name == null) {
            return List.copyOf(serviceKeys);
        }
        return key(name).map(present -> Stream.concat(Stream.of(present), key(name + PREVIOUS).stream()).toList())
                .orElse(List.of());
    }

    private Optional<byte[]> key(String name) {
        return Optional.ofNullable(values.get(canonical(name))).flatMap(Secrets::decode);
    }

    /**
     * A secret in all spellings in which a receiver's response may repeat it: plain, or with characters other than ASCII
     * letters and digits escaped. URLs, HTML and the many JSON writers each escape differently.
     *
     * @param pattern matches every spelling of the secret
     * @param longest the bytes of the longest spelling
     */
    private record Repeated(Pattern pattern, int longest) {

        private static final Map<Integer, String> NAMED = Map.of((int) '&', "amp", (int) '<', "lt", (int) '>', "gt", (int) '"',
                "quot", (int) '\'', "apos");

        /** The most leading zeros that the pattern allows in an HTML character reference such as {@code &#0038;}. */
        private static final int ZEROS = 4;

        static Repeated of(String secret) {
            StringBuilder pattern = new StringBuilder();
            int longest = 0;
            for (int character : secret.codePoints().toArray()) {
                String one = Character.toString(character);
                if (character < 0x80 && Character.isLetterOrDigit(character)) {
                    pattern.append(one);
                    longest++;
                    continue;
                }
                byte[] bytes = one.getBytes(StandardCharsets.UTF_8);
                pattern.append("(?:").append(Pattern.quote(one)).append("|\\\\").append(Pattern.quote(one)).append("|(?i:");
                one.chars().forEach(unit -> pattern.append("\\\\u%04x".formatted(unit)));
                pattern.append('|');
                for (byte b : bytes) {
                    pattern.append("%%%02x".formatted(b));
                }
                pattern.append("|&#0{0,%1$s}%2$s;|&#x0{0,%1$s}%3$s;".formatted(ZEROS, Integer.toString(character),
                        Integer.toHexString(character)));
                if (NAMED.containsKey(character)) {
                    pattern.append("|&").append(NAMED.get(character)).append(';');
                }
                pattern.append(character == ' ' ? "|\\+))" : "))");
                longest += Math.max(Math.max(6 * one.length(), 3 * bytes.length),
                        "&#x;".length() + ZEROS + Integer.toString(character).length());
            }
            return new Repeated(Pattern.compile(pattern.toString()), longest);
        }
    }

    /**
     * Returns true if an HTTP header may contain each character of the secret. Ignores line breaks, which are removed before
     * the secret is used.
     */
    public static boolean fits(String secret) {
        return unwrapped(secret).chars().allMatch(c -> c >= 0x20 && c < 0x7f);
    }

    /**
     * Removes the white space around a secret, and line breaks within it, because {@code base64} wraps its output. Blanks
     * within a line stay, because a pass phrase may have them.
     */
    private static String unwrapped(String secret) {
        return LINE_BREAK.matcher(AROUND.matcher(secret).replaceAll("")).replaceAll("");
    }

    private static String unspaced(String secret) {
        return WHITE_SPACE.matcher(secret).replaceAll("");
    }

    private static Optional<byte[]> decode(String secret) {
        return faultOfSigning(secret).isPresent() ? Optional.empty()
                : Optional.of(Base64.getDecoder().decode(unspaced(secret).substring(SYMMETRIC.length())));
    }

    /**
     * Returns a name as the environment writes it: with capitals, digits and underscores only. So {@code render-farm} and
     * {@code RENDER_FARM} are one secret.
     */
    static String canonical(String name) {
        return name.replace("\"", "").replaceAll("[^A-Za-z0-9]", "_").toUpperCase(Locale.ROOT);
    }

    private static String replace(String text, Function<MatchResult, String> by) {
        return REFERENCE.matcher(text).replaceAll(match -> Matcher.quoteReplacement(by.apply(match)));
    }
}
