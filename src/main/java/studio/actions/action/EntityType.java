package studio.actions.action;

/** Where an action appears; spelled as Kitsu spells it: on the wire, in the database and here. */
public enum EntityType {
    all,
    asset,
    shot,
    sequence,
    edit,
    episode;

    /** Whether an action for this type is for entities of the named kind ({@code null} where the kind is not known). */
    public boolean covers(String kind) {
        return this == all || name().equals(kind);
    }
}
