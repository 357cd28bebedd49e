package studio.actions.draft;

import studio.actions.template.TriggerLink;

/**
 * The four fields of an action that can be edited in Kitsu, as Kitsu shows them. Kitsu's form and its CSV send all four back,
 * even unchanged ones, which the browser may have read long ago.
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
     * Returns the new draft of an action. A field that Kitsu sends back as it was shown keeps the action's present value.
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
     * Returns true if a URL from Kitsu is the action's URL, alone or after the {@code #} of a trigger link. Compares the URL
     * as it is stored, because {@link TriggerLink#unlink} may change it.
     */
    private static boolean isBehindLink(String sent, String template) {
        return sent.equals(template) || sent.endsWith("#" + template)
                && TriggerLink.unlink(sent.substring(0, sent.length() - template.length())).isEmpty();
    }
}
