package studio.actions.draft;

/** The type of entities that an action is for. The constants are spelled as in Kitsu's JSON and in the database. */
public enum EntityType {
    all,
    asset,
    shot,
    sequence,
    edit,
    episode;

    /**
     * Returns true if an action for this type may run on an entity of the named kind. A kind that is unknown is null, and only
     * {@link #all} covers it.
     */
    public boolean covers(String kind) {
        return this == all || name().equals(kind);
    }
}
