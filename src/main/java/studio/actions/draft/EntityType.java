package studio.actions.draft;

/** The type of entities that an action is for; spelled as in Kitsu: in JSON, in the database and here. */
public enum EntityType {
    all,
    asset,
    shot,
    sequence,
    edit,
    episode;

    /** Returns true if an action for this type is for entities of the named kind ({@code null} if the kind is not known). */
    public boolean covers(String kind) {
        return this == all || name().equals(kind);
    }
}
