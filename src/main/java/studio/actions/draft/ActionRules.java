package studio.actions.draft;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

import jakarta.inject.Singleton;

import studio.actions.address.AddressPolicy;
import studio.actions.address.Refusals;
import studio.actions.identity.Caller;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;
import studio.actions.secret.Secrets;
import studio.actions.settings.EgressConfig;
import studio.actions.template.Template;

/**
 * The rules for actions that are saved, imported or previewed as a draft. They judge a URL's host without looking it up in DNS.
 */
@Singleton
public class ActionRules {

    /**
     * URL schemes that are refused even if the setting {@code launch.schemes} has them, because they run scripts, read files
     * or start desktop programs.
     */
    public static final Set<String> NEVER = Set.of("javascript", "data", "vbscript", "file", "blob", "about", "view-source",
            "ms-msdt", "search-ms", "ms-officecmd");

    /**
     * HTTP headers that an action may not set: connection headers (RFC 9110, section 7.6.1), headers that frame or route the
     * request, and headers that the service sets.
     */
    private static final Set<String> REFUSED_HEADERS = Set.of("connection", "keep-alive", "proxy-authenticate",
            "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "host",
            "content-length", "cookie", "expect", "accept-encoding", "idempotency-key", "traceparent");

    /** An HTTP header's name: a token of RFC 9110, section 5.6.2, with at most 100 characters. */
    private static final Pattern HEADER_NAME = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}");

    /**
     * HTTP header names whose last word says that the value is a credential, such as X-Api-Key, authToken or X_Farm_Secret_2.
     */
    private static final Pattern CREDENTIAL = Pattern.compile("(?:.*[-_.]|.*(?<=[a-z0-9])(?=[A-Z]))?"
            + "(?i:(?:keys?|o?auth|pass|passcode|passkey|userpass|jwt|bearer|cookie|session|sessionid|signature|authentication"
            + "|[a-z0-9]*(?:authori[sz]ation|tokens?|secrets?|password|passwd|passphrase|pwd|credentials?"
            + "|(?:api|access|auth|secret|private|master|subscription|service|farm)key))"
            + "(?:[-_.](?:value|assertion))?(?:[-_.]?v?\\d+)?)");

    /**
     * Action names that would look like an empty button: only spaces, control characters, combining marks, default ignorable
     * characters of Unicode 15.0, and letters and symbols with a blank glyph.
     */
    private static final Pattern INVISIBLE = Pattern.compile("[\\p{Z}\\p{Cc}\\p{Cf}\\p{Mn}\\p{Me}"
            + "\\u115f\\u1160\\u2065\\u2800\\u3164\\uffa0\\ufff0-\\ufff8\\x{1d159}\\x{e0000}-\\x{e0fff}]*");

    /**
     * Characters that change the direction of text and are refused in names: embeddings, overrides and isolates. The direction
     * marks U+200E, U+200F and U+061C are allowed, because names in two directions need them.
     */
    private static final Pattern DIRECTION = Pattern.compile("[\\u202a-\\u202e\\u2066-\\u2069]");

    private final AddressPolicy policy;
    private final Refusals refusals;
    private final Secrets secrets;
    private final Set<String> schemes;
    private final int defaultTimeoutMs;
    private final int maxTimeoutMs;

    ActionRules(AddressPolicy policy, Refusals refusals, Secrets secrets, LaunchConfig launch, EgressConfig egress) {
        this.policy = policy;
        this.refusals = refusals;
        this.secrets = secrets;
        this.maxTimeoutMs = (int) egress.maxTimeout().toMillis();
        this.defaultTimeoutMs = (int) Math.min(egress.timeout().toMillis(), maxTimeoutMs);
        this.schemes = new TreeSet<>();
        launch.schemes().forEach(scheme -> schemes.add(scheme.strip().toLowerCase(Locale.ROOT)));
    }

    /**
     * Returns a stored draft with its timeout reduced to the present {@code egress.max-timeout}, which may have been higher
     * when the draft was stored.
     */
    public Draft current(Draft stored) {
        return stored.timeoutMs() <= maxTimeoutMs ? stored : stored.withTimeoutMs(maxTimeoutMs);
    }

    /**
     * Fills in the defaults and checks the draft.
     *
     * @param at the JSON pointer to the draft in the request body
     * @param caller the caller, whom the log names if the address in the draft's URL is refused
     * @return the draft to store
     * @throws ProblemException {@code invalid_body}, which lists every wrong field
     */
    public Draft settle(Draft given, String at, Caller caller) {
        if (given == null) {
            throw ProblemException.invalid(at, "required", "An action is required here, as JSON: at least name and url.");
        }
        Draft draft = fill(given);
        List<Fault> faults = new ArrayList<>();
        checkName(draft.name(), faults);
        checkUrl(draft, caller, faults);
        if (draft.description() != null && length(draft.description()) > 2000) {
            faults.add(new Fault("/description", "too_long", "'description' may have at most 2,000 characters; this has "
                    + length(draft.description()) + "."));
        }
        checkRange("timeout_ms", draft.timeoutMs(), 100, maxTimeoutMs, "milliseconds", faults);
        checkRange("max_attempts", draft.maxAttempts(), 1, 8, "attempts", faults);
        checkRange("rate_per_minute", draft.ratePerMinute(), 1, 60_000, "deliveries a minute", faults);
        checkHeaders(draft, faults);
        if (draft.signingSecret() != null) {
            checkSigningSecret(draft.signingSecret(), faults);
        }
        if (!faults.isEmpty()) {
            throw ProblemException.invalid(
                    faults.stream().map(fault -> new Fault(at + fault.pointer(), fault.code(), fault.message())).toList());
        }
        return draft;
    }

    /** Returns the draft with its defaults, without checking it. */
    public Draft fill(Draft given) {
        return given.settled(defaultTimeoutMs);
    }

    private static void checkName(String name, List<Fault> faults) {
        if (name == null || name.isBlank()) {
            faults.add(new Fault("/name", "required", "'name' is required: the text on the button, 1 to 80 characters."));
        } else if (INVISIBLE.matcher(name).matches()) {
            faults.add(new Fault("/name", "required", "'name' needs a visible character: it is the text on the button."));
        } else if (length(name) > 80) {
            faults.add(new Fault("/name", "too_long", "'name' may have at most 80 characters; this has " + length(name) + "."));
        } else if (name.codePoints().anyMatch(c -> Character.isISOControl(c) || c == 0x2028 || c == 0x2029)) {
            faults.add(new Fault("/name", "control_character", "'name' may not contain line breaks or control characters."));
        } else if (DIRECTION.matcher(name).find()) {
            faults.add(new Fault("/name", "control_character", "'name' may not contain characters that change the direction of "
                    + "text (U+202A to U+202E, U+2066 to U+2069): the button would show another text than the name."));
        }
    }

    private void checkUrl(Draft draft, Caller caller, List<Fault> faults) {
        if (draft.url() == null) {
            faults.add(
                    new Fault("/url", "required", "'url' is required, such as https://tool.studio.com/open?id={entity_id}."));
            return;
        }
        try {
            Template template = Template.parse(draft.url());
            if (draft.isAjax()) {
                checkSent(template, draft.name(), caller, faults);
            } else {
                checkOpened(template, faults);
            }
        } catch (Template.Refused e) {
            faults.add(new Fault("/url", e.code(), e.getMessage()));
        }
    }

    private void checkSent(Template template, String name, Caller caller, List<Fault> faults) {
        if (!template.web()) {
            faults.add(
                    new Fault("/url", "scheme_not_http", "An AJAX action is sent by the service, which speaks http and https "
                            + "only; for " + template.scheme() + ": set 'is_ajax' to false."));
            return;
        }
        if (template.fillsFragment()) {
            faults.add(new Fault("/url", "variable_in_fragment",
                    "The part after # is never sent: move the variable before it, "
                            + "into the path or the query."));
        }
        policy.vet(template.address()).ifPresent(refusal -> {
            refusals.of("drafting action \"" + name + "\"", caller.id(), caller.name(), caller.email()).note(refusal);
            faults.add(new Fault("/url", "egress_" + refusal.reason().name().toLowerCase(Locale.ROOT), refusal.sentence()));
        });
    }

    private void checkOpened(Template template, List<Fault> faults) {
        if (NEVER.contains(template.scheme())) {
            faults.add(new Fault("/url", "scheme_forbidden", "No action may open " + template.scheme() + ": URLs."));
        } else if (!schemes.contains(template.scheme())) {
            faults.add(new Fault("/url", "scheme_not_allowed",
                    "Actions may not open the scheme " + template.scheme()
                            + "; allowed are " + String.join(", ", schemes)
                            + ". Add it to CUSTOM_ACTIONS_LAUNCH_SCHEMES to allow it."));
        }
    }

    private void checkHeaders(Draft draft, List<Fault> faults) {
        if (draft.headers().size() > 20) {
            faults.add(new Fault("/headers", "too_many",
                    "'headers' may have at most 20 entries; these are " + draft.headers().size() + "."));
        }
        Set<String> seen = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
        draft.headers().forEach((name, value) -> {
            String pointer = "/headers/" + name.replace("~", "~0").replace("/", "~1");
            String lower = name.toLowerCase(Locale.ROOT);
            if (!HEADER_NAME.matcher(name).matches()) {
                faults.add(new Fault(pointer, "header_name", "A header's name has 1 to 100 letters, digits and hyphens."));
            } else if (REFUSED_HEADERS.contains(lower) || lower.startsWith("webhook-")) {
                faults.add(new Fault(pointer, "header_refused", "The header " + name + " is set by the service or by the "
                        + "connection; take it out."));
            } else if (!seen.add(name)) {
                faults.add(new Fault(pointer, "header_twice", "The header " + name + " is given twice; remove one."));
            } else if (CREDENTIAL.matcher(name).matches() && !value.isBlank() && !isFromSecret(value)) {
                faults.add(new Fault(pointer, "plain_credential", "The header " + name
                        + " holds a credential, which everybody who "
                        + "reads the action, its history or a backup would see. Put the value into the service's environment as "
                        + "CUSTOM_ACTIONS_SECRETS_FARM, say, and write ${secret:farm} here; a scheme may stand before it, as in "
                        + "Bearer ${secret:farm}."));
            }
            checkHeaderValue(pointer, value, faults);
        });
    }

    private void checkHeaderValue(String pointer, String value, List<Fault> faults) {
        if (value.length() > 2000) {
            faults.add(new Fault(pointer, "too_long",
                    "A header's value may have at most 2,000 characters; this has " + value.length() + "."));
        } else if (value.chars().anyMatch(c -> c != '\t' && (c < 0x20 || c > 0x7e))) {
            faults.add(new Fault(pointer, "header_value",
                    "A header's value may contain only printable ASCII; percent-encode the rest."));
        } else if (Secrets.REFERENCE.matcher(value).replaceAll("").contains("${")) {
            faults.add(new Fault(pointer, "secret_reference", "Write a reference to a secret like this: ${secret:farm}."));
        } else {
            secrets.missing(value)
                    .ifPresent(name -> faults.add(new Fault(pointer, "unknown_secret", Secrets.missingSentence(name))));
        }
    }

    /**
     * Returns true if a header takes its credential from a configured secret. An authentication scheme, parameter names and
     * punctuation may stand beside the secret, as in {@code Token token="${secret:farm}"}.
     */
    private static boolean isFromSecret(String value) {
        String rest = Secrets.REFERENCE.matcher(value).replaceAll("");
        return !rest.equals(value) && rest.strip().replaceFirst("^[A-Za-z][\\w-]*(?= |$)", "")
                .replaceAll("[A-Za-z][\\w-]*=", "").chars().noneMatch(Character::isLetterOrDigit);
    }

    private void checkSigningSecret(String name, List<Fault> faults) {
        if (length(name) > 100) {
            faults.add(new Fault("/signing_secret", "too_long",
                    "'signing_secret' is the name of a secret, of 100 characters at most; this has " + length(name) + "."));
        } else if (!secrets.has(name)) {
            faults.add(new Fault("/signing_secret", "unknown_secret", Secrets.missingSentence(name)));
        } else if (secrets.signingKeys(name).isEmpty()) {
            faults.add(new Fault("/signing_secret", "not_a_signing_secret", "The secret " + name + " cannot sign: it must be "
                    + "whsec_ and the base64 of 24 to 64 random bytes."));
        }
    }

    private static void checkRange(String field, int value, int from, int to, String unit, List<Fault> faults) {
        if (value < from || value > to) {
            faults.add(new Fault("/" + field, "out_of_range",
                    "'" + field + "' must be from " + from + " to " + to + " " + unit + "; this is " + value + "."));
        }
    }

    private static int length(String text) {
        return text.codePointCount(0, text.length());
    }
}
