package studio.actions.draft;

import studio.actions.template.TriggerLink;

/**
 * The four fields of an action that Kitsu edits, as Kitsu shows them. Kitsu's form and its CSV send all four back, also fields
 * that nobody has changed, and the browser may have read them long ago.
 */
public record KitsuFields(String name, String url, EntityType entityType, boolean isAjax) {

    /** Prefix of the name of a disabled action, which would otherwise look like an enabled one in Kitsu. */
    private static final String OFF = "(off) ";

    static KitsuFields of(Draft draft) {
        return new KitsuFields(name(draft.name(), draft.enabled()), draft.url(), draft.entityType(), draft.isAjax());
    }

    /** Returns the name that Kitsu shows. */
    public static String name(String name, boolean enabled) {
        return enabled ? name : OFF + name;
    }

    /**
     * Returns the new draft of an action. A field that Kitsu sends back as shown keeps its present value.
     *
     * @param sent the draft from Kitsu, with its trigger link and with the prefix of a disabled action
     * @param shown the action as Kitsu showed it
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
     * Returns true if a URL is the template, alone or behind a trigger link. Compares the template as stored, because
     * {@link TriggerLink#unlink} may change it.
     */
    private static boolean isBehindLink(String sent, String template) {
        return sent.equals(template) || sent.endsWith("#" + template)
                && TriggerLink.unlink(sent.substring(0, sent.length() - template.length())).isEmpty();
    }
}
