package studio.actions.template;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import io.vertx.uritemplate.UriTemplate;
import io.vertx.uritemplate.Variables;
import studio.actions.template.Variable.Scope;

/**
 * An action's URL with variables: the expressions <code>{v} {/v} {?v} {&amp;v}</code> of RFC 6570, with lists of variables and
 * the modifier {@code *}. No value can change the URL's scheme or authority. Immutable; parsed once, filled often.
 */
public final class Template {

    private static final int MAX_LENGTH = 2_000;
    private static final String ENCODE = "Write %%%1$02X for \"%1$c\": a URL cannot contain it unencoded there.";
    private static final String BRACES = "Write a variable like {entity_id}, and any other brace as %%7B or %%7D.";
    private static final Set<String> SECRETS = Set.of("password", "passwd", "token", "api_key", "apikey", "secret",
            "access_token");

    /** The beginning of a URL: scheme and, if there is one, authority (RFC 3986, sections 3.1 and 3.2). */
    private static final Pattern HEAD = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*:(?://[^/?#]*)?");
    private static final Pattern SCHEME_WITH_VARIABLE = Pattern.compile("[A-Za-z0-9+.-]*\\{[^:]*}[A-Za-z0-9+.-]*:");
    private static final Pattern EXPRESSION = Pattern.compile("\\{([/?&+#.;=,!@|]?)([^{}]*)}");
    private static final Pattern PREFIX = Pattern.compile("[^:]*:\\d+");
    private static final Pattern BRACE = Pattern.compile("[{}]");
    private static final Pattern CONTROL = Pattern.compile("[\\p{Cc}\\p{Cs}]");
    private static final Pattern NO_VALUE = Pattern.compile("[\0\\p{Cs}]");
    /** Characters that RFC 3986 forbids in URLs. Browsers correct them in different ways, and read a backslash as a slash. */
    private static final Pattern NEVER_RAW = Pattern.compile("[ \"<>\\\\^`|]");
    /** Brackets in a path and a second #, which RFC 3986 (sections 3.3 and 3.5) and {@link URI} refuse. */
    private static final Pattern NOT_HERE = Pattern.compile("^[^?#]*?[\\[\\]]|#[^#]*#");
    private static final Pattern BAD_PERCENT = Pattern.compile("%(?!\\p{XDigit}{2})");
    private static final Pattern PARAMETER = Pattern.compile("[?&#;]([^=?&#;]*)=(?=[^&#])");
    private static final Pattern PARAMETER_VALUE = Pattern.compile("[?&#;]([^=?&#;]*)=([^&#]+)");
    /** User name and password before the host of a URL. */
    private static final Pattern USER_INFO = Pattern.compile("(:[/\\\\]{1,2})[^/?#\\\\]*@");
    private static final String MASK = "••••";
    private static final Pattern NON_ASCII = Pattern.compile("[^\\x00-\\x7F]+");

    /**
     * A path segment {@code .} or {@code ..}, plain or encoded, which would change the path. Encoded slashes and backslashes
     * are slashes here, because servers and desktop tools decode before they resolve segments. Also matches {@code ..;x}, which
     * servlet containers read as {@code ..}, and a value that begins like a relative path, as in {@code =../x}.
     */
    private static final Pattern DOT_SEGMENT = Pattern.compile("(?:/|%2F|%5C|[=:?&#](?=(?:\\.|%2E){1,2}(?:/|%2F|%5C)))"
            + "((?:\\.|%2E){1,2})(?=[/?#&;]|%2F|%5C|\\z)", Pattern.CASE_INSENSITIVE);

    private final String text;
    private final String scheme;
    /** Scheme and authority, with which every filled URL begins. */
    private final String head;
    /** The literal texts before, between and behind the expressions: one text more than expressions. Each may be empty. */
    private final List<String> literals;
    private final List<Expression> expressions = new ArrayList<>();
    private final Set<Variable> variables = new LinkedHashSet<>();
    private final URI address;

    private Template(String text) {
        this.text = text;
        List<String> raw = split();
        expressions.forEach(expression -> variables.addAll(expression.variables));
        String rawHead = headOf(raw.get(0));
        if (rawHead.isEmpty() && !SCHEME_WITH_VARIABLE.matcher(text).lookingAt()) {
            throw new Refused("template_scheme", "Begin the URL with a scheme and a colon, such as https://farm.studio/.");
        }
        // An expression {&v} continues a query, so it cannot stand directly behind the host.
        if (rawHead.isEmpty() || !headOf(worstCase(raw)).equals(rawHead) || text.startsWith("{&", rawHead.length())) {
            throw new Refused("variable_in_authority", "Move %s into the path or the query: scheme, user info, host and "
                    + "port are the same in every URL of an action.", expressions.get(0).source);
        }
        if (rawHead.indexOf('@') >= 0) {
            throw new Refused("user_info_in_url",
                    "Remove the user info and the @ from the URL; an AJAX action can send credentials in a header.");
        }
        scheme = rawHead.substring(0, rawHead.indexOf(':')).toLowerCase(Locale.ROOT);
        address = web() ? address(rawHead) : null;
        String tail = String.join("", raw).substring(rawHead.length());
        refuse(tail, NOT_HERE, "template_character", ENCODE);
        refuseSecret(tail);
        head = encode(rawHead);
        literals = raw.stream().map(Template::encode).toList();
    }

    /** Parses an action's URL, which may stand behind a trigger link. Throws {@link Refused} if it is not a valid template. */
    public static Template parse(String text) {
        String template = text == null ? "" : TriggerLink.unlink(text);
        if (template.isEmpty()) {
            throw new Refused("template_blank", "Give the URL that the action opens or calls.");
        }
        if (TriggerLink.isWithin(template)) {
            throw new Refused("link_within",
                    "This URL has a link to an action in the middle. Paste the link alone: the URL after "
                            + "its # is used.");
        }
        if (template.contains("${")) {
            throw new Refused("template_braces", "Write a variable without a $ before it, like {entity_id}, or %%24 for the "
                    + "sign itself.");
        }
        if (template.codePointCount(0, template.length()) > MAX_LENGTH) {
            throw new Refused("template_too_long", "Shorten the URL to at most %,d characters.", MAX_LENGTH);
        }
        return new Template(template);
    }

    /** Returns the template as it was written, without a trigger link or white space around it. */
    public String text() {
        return text;
    }

    /** Returns the scheme in lower case. */
    public String scheme() {
        return scheme;
    }

    /** Returns true if the scheme is http or https. */
    public boolean web() {
        return scheme.equals("http") || scheme.equals("https");
    }

    /**
     * Returns a URI of scheme and authority as they were written, with the path {@code /}. Does not check that the authority is
     * a valid host and port. Throws {@link Refused} if the scheme is neither http nor https.
     */
    public URI address() {
        if (address == null) {
            throw new Refused("template_address", "Use http or https: a URL of %s: has no address.", scheme);
        }
        return address;
    }

    /** Returns true if a variable stands in the fragment, behind the <code>#</code>, which HTTP never sends. */
    public boolean fillsFragment() {
        int fragment = text.indexOf('#');
        return fragment >= 0 && text.indexOf('{', fragment) >= 0;
    }

    /** Returns the variables used, in the order of their first use. */
    public Set<Variable> variables() {
        return Collections.unmodifiableSet(variables);
    }

    /** Returns the narrowest scope of the variables; each of its units gets one URL. {@code PRODUCTION} without variables. */
    public Scope scope() {
        return variables.stream().map(Variable::scope).min(Scope::compareTo).orElse(Scope.PRODUCTION);
    }

    /**
     * Fills the template with values. Leaves out variables without a value in <code>{?v}</code> or <code>{&amp;v}</code>.
     *
     * @param values called once for each variable; returns a {@link String}, a {@code List<String>}, or null if there is no
     *        value; any other type throws {@link ClassCastException}
     * @param longest the most characters of the URL, because a template can name a long value hundreds of times
     */
    public Filled fill(Function<Variable, Object> values, int longest) {
        Variables given = Variables.variables();
        for (Variable variable : variables) {
            Object value = values.apply(variable);
            List<String> strings = value == null ? List.of()
                    : value instanceof List<?> list ? list.stream().map(String.class::cast).toList() : List.of((String) value);
            if (strings.stream().anyMatch(string -> NO_VALUE.matcher(string).find())) {
                return new Unsafe(variable);
            }
            boolean hole = strings.isEmpty() || strings.contains("");
            if (hole && expressions.stream().anyMatch(e -> !e.optional() && e.variables.contains(variable))) {
                return new Missing(variable);
            }
            given.set(variable.name(), strings);
        }
        StringBuilder url = new StringBuilder(literals.get(0));
        int[] starts = new int[expressions.size()];
        int[] ends = new int[starts.length];
        for (int i = 0; i < starts.length; i++) {
            Expression expression = expressions.get(i);
            starts[i] = url.length() + expression.operator.length();
            append(url, expression.compiled.expandToString(given), expression);
            ends[i] = url.length();
            append(url, literals.get(i + 1), expression);
            if (url.length() > longest) {
                return new TooLong();
            }
        }
        String filled = url.toString();
        // By worstCase(), no value can change scheme and authority. Checked again, because the address policy relies on it.
        if (!headOf(filled).equals(head)) {
            return new Unsafe(variables.iterator().next());
        }
        Matcher dots = DOT_SEGMENT.matcher(filled).region(head.length() - 1, filled.length());
        while (dots.find()) {
            for (int i = 0; i < starts.length; i++) {
                if (starts[i] <= dots.end() && ends[i] >= dots.start(1)) {
                    return new Unsafe(expressions.get(i).dotted(given));
                }
            }
        }
        return new Url(filled);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Template template && template.text.equals(text);
    }

    @Override
    public int hashCode() {
        return text.hashCode();
    }

    @Override
    public String toString() {
        return text;
    }

    /** Adds the template's expressions to {@link #expressions}, and returns the texts around them. */
    private List<String> split() {
        refuse(text, CONTROL, "template_character", "Remove the character U+%04X: a URL cannot contain it.");
        List<String> raw = new ArrayList<>();
        Matcher matcher = EXPRESSION.matcher(text);
        int end = 0;
        for (; matcher.find(); end = matcher.end()) {
            raw.add(text.substring(end, matcher.start()));
            expressions.add(Expression.parse(matcher.group(), matcher.group(1), matcher.group(2)));
        }
        raw.add(text.substring(end));
        for (String literal : raw) {
            refuse(literal, BRACE, "template_braces", BRACES);
            refuse(literal, NEVER_RAW, "template_character", ENCODE);
            refuse(literal, BAD_PERCENT, "template_percent", "Write %%25 for the %%, or two hexadecimal digits after it.");
        }
        return raw;
    }

    private static void refuse(String text, Pattern pattern, String code, String sentence) {
        Matcher found = pattern.matcher(text);
        if (found.find()) {
            throw new Refused(code, sentence, (int) text.charAt(found.end() - 1));
        }
    }

    /**
     * Returns a URL filled with values that are as likely as any to change scheme or authority: NUL, which no literal holds,
     * stands for each. Leaves out optional expressions, because their <code>?</code> would end the authority.
     */
    private String worstCase(List<String> raw) {
        StringBuilder worst = new StringBuilder(raw.get(0));
        for (int i = 0; i < expressions.size(); i++) {
            Expression expression = expressions.get(i);
            worst.append(expression.optional() ? "" : expression.operator + '\0');
            append(worst, raw.get(i + 1), expression);
        }
        return worst.toString();
    }

    private static String headOf(String url) {
        Matcher matcher = HEAD.matcher(url);
        return matcher.lookingAt() ? matcher.group() : "";
    }

    private static URI address(String head) {
        try {
            // Refuses https:/a, https:a and https:///a, which browsers all read as https://a.
            if (head.length() > head.indexOf(':') + "://".length()) {
                return new URI(head + "/");
            }
        } catch (URISyntaxException unreadable) {
            // The URL is refused below.
        }
        throw new Refused("template_address", "Write a host after the scheme, as in https://farm.studio/, instead of %s.",
                head);
    }

    /** Returns a URL or a template with a mask in place of each credential that {@link #parse} refuses. */
    public static String masked(String text) {
        String masked = USER_INFO.matcher(text).replaceAll("$1" + MASK + "@");
        return PARAMETER_VALUE.matcher(masked)
                .replaceAll(parameter -> Matcher.quoteReplacement(namesSecret(parameter.group(1))
                        ? parameter.group().substring(0, parameter.start(2) - parameter.start()) + MASK
                        : parameter.group()));
    }

    private static boolean namesSecret(String parameter) {
        try {
            return SECRETS.contains(URLDecoder.decode(parameter, UTF_8).strip().toLowerCase(Locale.ROOT));
        } catch (IllegalArgumentException malformed) {
            return SECRETS.contains(parameter.strip().toLowerCase(Locale.ROOT));
        }
    }

    private static void refuseSecret(String tail) {
        for (Matcher parameter = PARAMETER.matcher(tail); parameter.find();) {
            String name = URLDecoder.decode(parameter.group(1), UTF_8).strip();
            if (namesSecret(parameter.group(1))) {
                throw new Refused("secret_in_url", "Take the value of \"%s\" out of the URL, where everybody can read it; an "
                        + "AJAX action can send a configured secret in a header.", name);
            }
        }
    }

    private static void append(StringBuilder url, String part, Expression expression) {
        // By RFC 6570 (3.2.8, 3.2.9), {?a}{?b} makes two ? and {&a} alone none. Here a query always begins with its only ?.
        boolean joint = expression.optional() && (part.startsWith("?") || part.startsWith("&"));
        if (joint && url.lastIndexOf("?") <= url.lastIndexOf("#")) {
            url.append('?');
        } else if (joint && "?&".indexOf(url.charAt(url.length() - 1)) < 0) {
            url.append('&');
        }
        url.append(part, joint ? 1 : 0, part.length());
    }

    /** Writes non-ASCII characters as percent-encoded UTF-8 (RFC 6570, section 3.1). */
    private static String encode(String literal) {
        return NON_ASCII.matcher(literal).replaceAll(run -> URLEncoder.encode(run.group(), UTF_8));
    }

    private record Expression(String source, String operator, List<Variable> variables, UriTemplate compiled) {

        static Expression parse(String source, String operator, String names) {
            if (!"/?&".contains(operator)) {
                throw new Refused("template_operator", "Begin %s with / ? & or the name, not with %s.", source, operator);
            }
            List<Variable> variables = Arrays.stream(names.split(",", -1)).map(Expression::variable).toList();
            return new Expression(source, operator, variables, UriTemplate.of(source));
        }

        private static Variable variable(String spec) {
            if (spec.isBlank() || spec.equals("*")) {
                throw new Refused("template_braces", BRACES);
            }
            if (PREFIX.matcher(spec).matches()) {
                throw new Refused("template_prefix", "Take the number out of {%s}: a value is filled in whole.", spec);
            }
            String name = spec.endsWith("*") ? spec.substring(0, spec.length() - 1) : spec;
            return Variable.named(name).orElseThrow(() -> new Refused("unknown_variable",
                    "Replace the unknown variable {%s} by %sone of: %s.", name,
                    Variable.nearest(name).map(near -> "{" + near + "} or ").orElse(""),
                    Arrays.stream(Variable.values()).map(Variable::name).collect(Collectors.joining(", "))));
        }

        boolean optional() {
            return operator.equals("?") || operator.equals("&");
        }

        Variable dotted(Variables given) {
            return variables.stream().filter(v -> given.getList(v.name()).stream().anyMatch(s -> s.indexOf('.') >= 0))
                    .findFirst().orElse(variables.get(0));
        }
    }

    /** The result of filling a template: a URL, or the reason why there is none. */
    public sealed interface Filled permits Url, Missing, Unsafe, TooLong {
    }

    /** A filled URL, in ASCII. */
    public record Url(String text) implements Filled {
    }

    /** A variable in <code>{v}</code> or <code>{/v}</code> has no value, or an empty one, and would leave a gap. */
    public record Missing(Variable variable) implements Filled {
    }

    /** The variable's value would make a path segment {@code .} or {@code ..}, or is no text (NUL, half a surrogate pair). */
    public record Unsafe(Variable variable) implements Filled {
    }

    /** The URL would be longer than allowed. */
    public record TooLong() implements Filled {
    }

    /** Thrown if a text is no valid template. The message says what to change. */
    public static final class Refused extends RuntimeException {

        private static final long serialVersionUID = 1L;
        private final String code;

        private Refused(String code, String sentence, Object... culprits) {
            super(String.format(Locale.ROOT, sentence, culprits), null, false, false);
            this.code = code;
        }

        public String code() {
            return code;
        }
    }
}
