package studio.actions.template;

import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The URL that Kitsu shows in place of an action's own URL: the path to which Kitsu posts a press and, behind the {@code #},
 * the action's own URL. It has no host, so that it works under every host name of Kitsu.
 *
 * @param action the id of the action
 * @param version the version of the action when Kitsu showed the link; null in links that older releases of this service made
 */
public record TriggerLink(UUID action, Integer version) {

    private static final String PATH = "/api/data/custom-actions/"
            + "(?<id>\\p{XDigit}{8}(?:-\\p{XDigit}{4}){3}-\\p{XDigit}{12})/(?:run|open)";

    /** A trigger link with or without a host, because browsers copy a link with the host of its page. */
    private static final Pattern LINK = Pattern.compile("(?:(?i:https?)://[^/?#{}%\\s]+)?" + PATH
            + "(?:\\?v=(?<version>\\d{1,9}))?(?:#\\p{javaWhitespace}*|\\z)");

    private static final Pattern ANYWHERE = Pattern.compile(PATH + "(?:\\?[^#]*)?#");

    /**
     * Returns the trigger link as text.
     *
     * @param operation {@code run} if the service sends the action's requests, {@code open} if the browser opens its URLs
     * @param template the action's own URL
     */
    public String with(String operation, String template) {
        return "/api/data/custom-actions/" + action + "/" + operation + "?v=" + version + "#" + template;
    }

    /** Reads the trigger link at the beginning of a text; empty if the text begins differently. */
    public static Optional<TriggerLink> read(String text) {
        if (text == null) {
            return Optional.empty();
        }
        Matcher link = LINK.matcher(text.strip());
        return link.lookingAt() ? Optional.of(new TriggerLink(UUID.fromString(link.group("id")),
                link.group("version") == null ? null : Integer.valueOf(link.group("version")))) : Optional.empty();
    }

    /**
     * Returns the action's own URL behind a trigger link, or an empty text if the link has none. Decodes the URL's braces if a
     * browser encoded them. Returns a text without a link as it is, but without the white space around it.
     */
    public static String unlink(String text) {
        String stripped = text.strip();
        Matcher link = LINK.matcher(stripped);
        int start = 0;
        // Removes every link if several stand in a row. A saved URL is unlinked again later, which must not change it.
        while (link.region(start, stripped.length()).lookingAt()) {
            start = link.end();
        }
        String template = stripped.substring(start);
        boolean encoded = start > 0 && template.indexOf('{') < 0 && template.indexOf('}') < 0;
        return encoded ? template.replaceAll("%7[Bb]", "{").replaceAll("%7[Dd]", "}") : template;
    }

    /**
     * Returns true if a URL without a link at its beginning contains a trigger link further on: a link was pasted into other
     * text.
     */
    public static boolean isWithin(String template) {
        return ANYWHERE.matcher(template).find();
    }
}
