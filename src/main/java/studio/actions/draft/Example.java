package studio.actions.draft;

/** Examples of actions from Kitsu's guide, with which an admin can begin. */
public enum Example {
    maya("Open in Maya", "maya://open?file=/projects/{production_id}/assets/{entity_id}", EntityType.asset, false),
    sync("Sync to ShotGrid", "https://api.studio.com/sync/shotgrid?entity={entity_id}&type={entity_type}", EntityType.all,
            true),
    review("View in Screening Room", "https://review.studio.com/shot/{entity_id}", EntityType.shot, false),
    report("Generate Asset Report",
            "https://reporting.studio.com/generate?asset={entity_id}&production={production_id}", EntityType.asset, true);

    private final Draft draft;

    Example(String name, String url, EntityType entityType, boolean isAjax) {
        this.draft = Draft.of(name, url, entityType, isAjax);
    }

    public Draft draft() {
        return draft;
    }

    public String title() {
        return draft.name();
    }
}
