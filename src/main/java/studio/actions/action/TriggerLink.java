package studio.actions.action;

import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The URL that Kitsu shows for an action: where Kitsu posts to and, behind the {@code #}, the template. It names no host, so
 * that it works under every name of Kitsu.
 *
 * @param version of the action when it was shown; null in links of earlier builds
 */
public record TriggerLink(UUID action, Integer version) {

    private static final String PATH = "/api/data/custom-actions/"
            + "(?<id>\\p{XDigit}{8}(?:-\\p{XDigit}{4}){3}-\\p{XDigit}{12})/(?:run|open)";

    /** Browsers copy a link with the host of the page that it stands on. */
    private static final Pattern LINK = Pattern.compile("(?:(?i:https?)://[^/?#{}%\\s]+)?" + PATH
            + "(?:\\?v=(?<version>\\d{1,9}))?(?:#\\p{javaWhitespace}*|\\z)");

    private static final Pattern ANYWHERE = Pattern.compile(PATH + "(?:\\?[^#]*)?#");

    /** Returns the link to an action. */
    public static String to(Action action) {
        return "/api/data/custom-actions/" + action.id + (action.isAjax ? "/run" : "/open") + "?v=" + action.version + "#"
                + action.url;
    }

    /** Reads the link at the beginning of a text; empty if none stands there. */
    public static Optional<TriggerLink> read(String text) {
        if (text == null) {
            return Optional.empty();
        }
        Matcher link = LINK.matcher(text.strip());
        return link.lookingAt() ? Optional.of(new TriggerLink(UUID.fromString(link.group("id")),
                link.group("version") == null ? null : Integer.valueOf(link.group("version")))) : Optional.empty();
    }

    /**
     * Returns the template behind a link, and nothing if none stands there; any other text as it is, without white space around
     * it.
     */
    public static String unlink(String text) {
        String stripped = text.strip();
        Matcher link = LINK.matcher(stripped);
        int start = 0;
        // Also a link in a link: what comes out is read again when it was saved, and must mean the same then.
        while (link.region(start, stripped.length()).lookingAt()) {
            start = link.end();
        }
        String template = stripped.substring(start);
        boolean encoded = start > 0 && template.indexOf('{') < 0 && template.indexOf('}') < 0;
        return encoded ? template.replaceAll("%7[Bb]", "{").replaceAll("%7[Dd]", "}") : template;
    }

    /** Whether a link stands somewhere in a template, which then is a text that was pasted beside another. */
    static boolean isWithin(String template) {
        return ANYWHERE.matcher(template).find();
    }
}
