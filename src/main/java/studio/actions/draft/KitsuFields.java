package studio.actions.draft;

import studio.actions.template.TriggerLink;

/**
 * The four fields of an action that can be edited in Kitsu, as Kitsu shows them. Kitsu's form and CSV send all four fields,
 * even unchanged ones. An unchanged value may be outdated, because the browser may have read it long ago.
 */
public record KitsuFields(String name, String url, EntityType entityType, boolean isAjax) {

    /** Prefix of the name of a disabled action, which would otherwise look like an enabled one in Kitsu. */
    private static final String OFF = "(off) ";

    static KitsuFields of(Draft draft) {
        return new KitsuFields(name(draft.name(), draft.enabled()), draft.url(), draft.entityType(), draft.isAjax());
    }

    /** Returns the action's name as Kitsu shows it. */
    public static String name(String name, boolean enabled) {
        return enabled ? name : OFF + name;
    }

    /**
     * Applies an edit from Kitsu to an action and returns the new draft. A field that Kitsu sends as it was shown counts as not
     * edited, and keeps the action's present value.
     *
     * @param sent the draft from Kitsu; may have a trigger link in front of its URL, and the prefix of disabled actions in its
     *        name
     * @param shown the action as Kitsu showed it before the edit
     * @param present the action as it is now
     */
    public static Draft merge(Draft sent, Draft shown, Draft present) {
        KitsuFields before = of(shown);
        return sent.withKitsuFields(
                before.name.equals(sent.name()) ? present.name() : unmarked(sent.name(), shown.enabled()),
                sent.url() != null && isBehindLink(sent.url(), before.url) ? present.url() : sent.url(),
                before.entityType == sent.entityType() ? present.entityType() : sent.entityType(),
                sent.isAjax() != null && before.isAjax == sent.isAjax() ? present.isAjax() : sent.isAjax());
    }

    private static String unmarked(String name, boolean enabled) {
        return name == null || enabled || !name.startsWith(OFF) ? name : name.substring(OFF.length());
    }

    /**
     * Returns true if a URL from Kitsu is the action's own URL, alone or after the {@code #} of a trigger link. Does not pass
     * the whole text to {@link TriggerLink#unlink}, which may decode braces in the action's URL.
     */
    private static boolean isBehindLink(String sent, String template) {
        return sent.equals(template) || sent.endsWith("#" + template)
                && TriggerLink.unlink(sent.substring(0, sent.length() - template.length())).isEmpty();
    }
}
