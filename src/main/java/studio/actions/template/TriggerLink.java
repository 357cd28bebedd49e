package studio.actions.template;

import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The URL that Kitsu shows for an action: the path that Kitsu posts to and, behind the {@code #}, the template. The URL has no
 * host, so that it works under every host name of Kitsu.
 *
 * @param action the id of the action
 * @param version the version of the action when Kitsu showed it; null in links of earlier builds
 */
public record TriggerLink(UUID action, Integer version) {

    private static final String PATH = "/api/data/custom-actions/"
            + "(?<id>\\p{XDigit}{8}(?:-\\p{XDigit}{4}){3}-\\p{XDigit}{12})/(?:run|open)";

    /** A link with or without a host, because browsers copy a link with the host of its page. */
    private static final Pattern LINK = Pattern.compile("(?:(?i:https?)://[^/?#{}%\\s]+)?" + PATH
            + "(?:\\?v=(?<version>\\d{1,9}))?(?:#\\p{javaWhitespace}*|\\z)");

    private static final Pattern ANYWHERE = Pattern.compile(PATH + "(?:\\?[^#]*)?#");

    /**
     * Returns the link as text.
     *
     * @param operation {@code run} or {@code open}
     */
    public String with(String operation, String template) {
        return "/api/data/custom-actions/" + action + "/" + operation + "?v=" + version + "#" + template;
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
     * Returns the template behind a trigger link, or an empty text if the link has no template. Returns any other text without
     * the white space around it.
     */
    public static String unlink(String text) {
        String stripped = text.strip();
        Matcher link = LINK.matcher(stripped);
        int start = 0;
        // Also removes a link within a link: the result is read again after it was saved, and must not change then.
        while (link.region(start, stripped.length()).lookingAt()) {
            start = link.end();
        }
        String template = stripped.substring(start);
        boolean encoded = start > 0 && template.indexOf('{') < 0 && template.indexOf('}') < 0;
        return encoded ? template.replaceAll("%7[Bb]", "{").replaceAll("%7[Dd]", "}") : template;
    }

    /** Returns true if a template contains a link, because somebody pasted the link beside another text. */
    public static boolean isWithin(String template) {
        return ANYWHERE.matcher(template).find();
    }
}
