package studio.actions.kitsu;

import java.net.URI;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

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

    private KitsuAction() {
    }

    /** What Kitsu shows; its {@code url} is a trigger link. */
    record View(String name,
            String url,
            EntityType entityType, boolean isAjax, UUID id,
            String createdAt,
            String updatedAt,
            String type) {

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
    // The list's signature has a wildcard, so the native image would not know it.
    @RegisterForReflection
    record Page(
            List<?> data, int total,
            int nbPages, int limit, int offset, int page) {
    }

    /** On PUT, what is left out stays. */
    @JsonIgnoreProperties({ "id", "type", "created_at", "updated_at" })
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
