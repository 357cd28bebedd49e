package studio.actions.kitsu;

import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.UUID;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

import io.quarkus.runtime.annotations.RegisterForReflection;
import studio.actions.action.Action;
import studio.actions.draft.EntityType;
import studio.actions.draft.KitsuFields;

/** An action in the JSON of Zou's own custom actions, with the same keys in the same order, for Kitsu's web page. */
final class KitsuAction {

    /** The fields that Kitsu's form edits. */
    static final List<String> FIELDS = List.of("name", "url", "entity_type", "is_ajax");

    /** Zou's time format: UTC, without a zone suffix. */
    private static final DateTimeFormatter TIME = DateTimeFormatter.ISO_LOCAL_DATE_TIME.withZone(ZoneOffset.UTC);

    private KitsuAction() {
    }

    /** An action as Kitsu gets it. Its {@code url} is a trigger link, not the action's own URL. */
    record View(String name,
            String url,
            EntityType entityType, boolean isAjax, UUID id,
            String createdAt,
            String updatedAt,
            String type) {

        static View of(Action action) {
            return new View(KitsuFields.name(action.name, action.enabled), action.triggerLink(), action.entityType,
                    action.isAjax, action.id, TIME.format(action.createdAt.truncatedTo(ChronoUnit.SECONDS)),
                    TIME.format(action.updatedAt.truncatedTo(ChronoUnit.SECONDS)), "CustomAction");
        }
    }

    /** A page of actions in the JSON of Zou's lists. */
    // No resource method's signature names this type, so Quarkus would not register it for the native image.
    @RegisterForReflection
    record Page(
            List<?> data, int total,
            int nbPages, int limit, int offset, int page) {
    }

    /** The body of a PUT of an action. Omitted fields keep their values. Unknown fields are ignored, as in Zou. */
    @JsonIgnoreProperties(ignoreUnknown = true)
    record Change(
            String name,
            String url,
            EntityType entityType, Boolean isAjax) {
    }

    /** The body of a POST, as sent by Kitsu and by Zou's Python client gazu. */
    @JsonIgnoreProperties({ "id", "type", "created_at", "updated_at" })
    record Draft(
            String name,
            String url,
            EntityType entityType,
            Boolean isAjax) {

        studio.actions.draft.Draft create() {
            return studio.actions.draft.Draft.of(name, url, entityType, isAjax);
        }
    }
}
