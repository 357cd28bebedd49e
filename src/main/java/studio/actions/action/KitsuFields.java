package studio.actions.action;

import studio.actions.action.ActionJson.Draft;

/**
 * The four fields of an action that Kitsu edits, as it shows them. Kitsu's form and its CSV send all of them back, also those
 * that nobody has touched, and a browser may have read them long ago.
 */
public record KitsuFields(String name, String url, EntityType entityType, boolean isAjax) {

    /** Stands before the name of a disabled action, which would look like any other in Kitsu. */
    private static final String OFF = "(off) ";

    static KitsuFields of(Draft draft) {
        return new KitsuFields(name(draft.name(), draft.enabled()), draft.url(), draft.entityType(), draft.isAjax());
    }

    /** Returns the name that Kitsu shows. */
    public static String name(String name, boolean enabled) {
        return enabled ? name : OFF + name;
    }

    /**
     * Returns what an action becomes: a field that comes back as it was shown stays as it is now.
     *
     * @param sent what came back, links and marks included
     * @param shown the action as Kitsu had it
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

    /** The link stands for the template as it is, not for what reading it anew would make of it. */
    private static boolean isBehindLink(String sent, String template) {
        return sent.equals(template) || sent.endsWith("#" + template)
                && TriggerLink.unlink(sent.substring(0, sent.length() - template.length())).isEmpty();
    }
}
