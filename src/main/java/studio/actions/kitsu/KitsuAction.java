package studio.actions.kitsu;

import java.net.URI;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

import org.eclipse.microprofile.openapi.annotations.media.Schema;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

import io.quarkus.runtime.annotations.RegisterForReflection;
import studio.actions.action.Action;
import studio.actions.action.ActionJson;
import studio.actions.action.EntityType;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/** An action as Kitsu's front-end knows it: Zou's object, to the key and its order. */
final class KitsuAction {

    /** Zou's times are UTC and do not say so. */
    private static final DateTimeFormatter TIME = DateTimeFormatter.ISO_LOCAL_DATE_TIME.withZone(ZoneOffset.UTC);

    static final String ACTION = """
            {"name": "Sync to ShotGrid",
             "url": "https://kitsu.studio.com/api/data/custom-actions/0d5b1c1e-4a57-4f43-9f5e-4c4b2b6f0f11/run\
            #https://api.studio.com/sync?entity={entity_id}",
             "entity_type": "all", "is_ajax": true, "id": "0d5b1c1e-4a57-4f43-9f5e-4c4b2b6f0f11",
             "created_at": "2026-11-23T17:41:13", "updated_at": "2026-11-23T17:41:13", "type": "CustomAction"}""";

    static final String PAGE = "{\"data\": [" + ACTION
            + "], \"total\": 41, \"nb_pages\": 1, \"limit\": 100, \"offset\": 0, \"page\": 1}";

    private KitsuAction() {
    }

    /** What Kitsu shows; its {@code url} is a trigger link. */
    @Schema(name = "KitsuAction",
            description = "A custom action in Zou's shape. Its URL is a trigger link: what Kitsu posts to, "
                    + "with the template behind the #.",
            examples = ACTION)
    record View(@Schema(examples = "Sync to ShotGrid") String name,
            @Schema(examples = "https://kitsu.studio.com/api/data/custom-actions/0d5b1c1e-4a57-4f43-9f5e-4c4b2b6f0f11/run"
                    + "#https://api.studio.com/sync?entity={entity_id}") String url,
            EntityType entityType, boolean isAjax, UUID id,
            @Schema(examples = "2026-11-23T17:41:13") String createdAt,
            @Schema(examples = "2026-11-23T17:41:13") String updatedAt,
            @Schema(examples = "CustomAction") String type) {

        /** @param site where the browser reaches us, without a slash at its end */
        static View of(Action action, String site) {
            return new View(action.name, link(action, site), action.entityType, action.isAjax, action.id,
                    TIME.format(action.createdAt.truncatedTo(ChronoUnit.SECONDS)),
                    TIME.format(action.updatedAt.truncatedTo(ChronoUnit.SECONDS)), "CustomAction");
        }

        /** {@link studio.actions.action.Template#unlink} reads it back. */
        private static String link(Action action, String site) {
            return site + "/api/data/custom-actions/" + action.id + (action.isAjax ? "/run#" : "/open#") + action.url;
        }
    }

    /** Zou's page object. */
    @Schema(name = "KitsuActionPage", examples = PAGE)
    // The list's signature has a wildcard, so the native image would not know it.
    @RegisterForReflection
    record Page(
            @Schema(implementation = View[].class, description = "With 'fields', only those.") List<?> data, int total,
            int nbPages, int limit, int offset, int page) {
    }

    /** On PUT, what is left out stays. */
    @Schema(name = "KitsuActionChange", description = "Fields of an action as Kitsu's form sends them.")
    @JsonIgnoreProperties({ "id", "type", "created_at", "updated_at" })
    record Change(
            @Schema(minLength = 1, maxLength = 80, pattern = ActionJson.NAME, examples = "Sync to ShotGrid") String name,
            @Schema(examples = "https://api.studio.com/sync?entity={entity_id}",
                    description = "A template, or a trigger link with one behind its #.") String url,
            EntityType entityType, Boolean isAjax) {
    }

    /** What Kitsu's forms and gazu send. */
    @Schema(name = "KitsuActionDraft", description = "An action as Kitsu's form sends it.")
    @JsonIgnoreProperties({ "id", "type", "created_at", "updated_at" })
    record Draft(
            @Schema(required = true, minLength = 1, maxLength = 80, pattern = ActionJson.NAME,
                    examples = "Sync to ShotGrid") String name,
            @Schema(required = true, examples = "https://api.studio.com/sync?entity={entity_id}",
                    description = "A template, or a trigger link with one behind its #.") String url,
            @Schema(nullable = true, defaultValue = "all") EntityType entityType,
            @Schema(nullable = true, defaultValue = "false") Boolean isAjax) {

        ActionJson.Draft create() {
            return new ActionJson.Draft(name, url, entityType, isAjax, null, null, null, null, null, null, null, null, null,
                    null,
                    null);
        }
    }

    /** Where the browser reaches us: the configured URL, else as the request says. */
    static String site(Optional<URI> publicUrl, URI request) {
        URI base = publicUrl.orElse(request);
        if (base.getRawAuthority() == null) {
            throw new ProblemException(Code.BAD_REQUEST,
                    "The request has no Host header, so there is no telling where the browser reaches us.");
        }
        return base.getScheme() + "://" + base.getRawAuthority();
    }
}
