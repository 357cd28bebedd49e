package studio.actions.kitsu;

import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.UUID;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

import io.quarkus.runtime.annotations.RegisterForReflection;
import studio.actions.action.Action;
import studio.actions.action.ActionJson;
import studio.actions.action.EntityType;
import studio.actions.action.KitsuFields;
import studio.actions.action.TriggerLink;

/** An action as Kitsu's front-end knows it: Zou's object, to the key and its order. */
final class KitsuAction {

    /** The fields of Kitsu's form. */
    static final List<String> FIELDS = List.of("name", "url", "entity_type", "is_ajax");

    /** Zou's times are UTC and do not say so. */
    private static final DateTimeFormatter TIME = DateTimeFormatter.ISO_LOCAL_DATE_TIME.withZone(ZoneOffset.UTC);

    private KitsuAction() {
    }

    /** What Kitsu shows; its {@code url} is a trigger link. */
    record View(String name,
            String url,
            EntityType entityType, boolean isAjax, UUID id,
            String createdAt,
            String updatedAt,
            String type) {

        static View of(Action action) {
            return new View(KitsuFields.name(action.name, action.enabled), TriggerLink.to(action), action.entityType,
                    action.isAjax, action.id, TIME.format(action.createdAt.truncatedTo(ChronoUnit.SECONDS)),
                    TIME.format(action.updatedAt.truncatedTo(ChronoUnit.SECONDS)), "CustomAction");
        }
    }

    /** Zou's page object. */
    // The list's signature has a wildcard, so the native image would not know it.
    @RegisterForReflection
    record Page(
            List<?> data, int total,
            int nbPages, int limit, int offset, int page) {
    }

    /** On PUT, what is left out stays; Zou ignores there what it does not know. */
    @JsonIgnoreProperties(ignoreUnknown = true)
    record Change(
            String name,
            String url,
            EntityType entityType, Boolean isAjax) {
    }

    /** What Kitsu's forms and gazu send. */
    @JsonIgnoreProperties({ "id", "type", "created_at", "updated_at" })
    record Draft(
            String name,
            String url,
            EntityType entityType,
            Boolean isAjax) {

        ActionJson.Draft create() {
            return ActionJson.Draft.of(name, url, entityType, isAjax);
        }
    }
}
