package studio.actions.zou;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

import jakarta.inject.Singleton;

import com.fasterxml.jackson.databind.JsonNode;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import studio.actions.identity.Credential;
import studio.actions.problem.StrictJson;

/** What Kitsu knows of tasks, entities and productions, as far as the caller may see them. */
@Singleton
public class Production {

    /** Questions of one look-up that are under way at once: Zou serves a studio beside us. */
    private static final int AT_ONCE = 8;

    /** Zou's names of what is no asset; every other entity type is a kind of asset that the studio made up. */
    private static final Set<String> KINDS = Set.of("shot", "sequence", "episode", "edit", "scene", "concept");

    private final Zou zou;

    Production(Zou zou) {
        this.zou = zou;
    }

    /** What is asked about: a task, else an entity, else a production; the first that is not null. */
    public record Question(UUID taskId, UUID entityId, UUID productionId) {
    }

    /** What Zou says. */
    public sealed interface Found permits Facts, Hidden {
    }

    /**
     * What is known; null where it is not or was not asked for.
     *
     * @param kind {@code asset, shot, sequence, episode, edit, scene} or {@code concept}
     */
    public record Facts(UUID taskId, UUID entityId, String kind, UUID productionId, String entityName, String sequenceName,
            String episodeName, String assetTypeName, String taskTypeName, String productionName) implements Found {
    }

    /** The caller may not see it, or it is not there; a sentence. */
    public record Hidden(String why) implements Found {
    }

    /**
     * Asks each question once, a few at a time.
     *
     * @param names whether the names of an entity's parents, type and production are needed; they cost another question
     * @return an answer to every question; fails with {@link studio.actions.problem.ProblemException}: 401 if the credential
     *         ended in the meantime, 503 if one answer is missing
     */
    public Uni<Map<Question, Found>> look(Credential credential, Collection<Question> questions, boolean names) {
        return Multi.createFrom().iterable(new LinkedHashSet<>(questions))
                .onItem().transformToUni(question -> look(credential, question, names)
                        .map(found -> Map.entry(question, found)))
                .merge(AT_ONCE)
                .collect().in(LinkedHashMap<Question, Found>::new, (all, one) -> all.put(one.getKey(), one.getValue()))
                .map(all -> all);
    }

    private Uni<Found> look(Credential credential, Question question, boolean names) {
        Uni<Found> found = question.taskId() != null ? task(credential, question.taskId())
                : question.entityId() != null ? entity(credential, question.entityId(), names)
                        : production(credential, question.productionId());
        return found.onFailure(Zou.Denied.class).recoverWithItem(denied -> hidden(question, denied));
    }

    private static Hidden hidden(Question question, Zou.Denied denied) {
        String what = question.taskId() != null ? "task" : question.entityId() != null ? "entity" : "production";
        return new Hidden(denied.status == 404 ? "Kitsu knows no such " + what + ": it may have been deleted."
                : "You may not see this " + what + " in Kitsu.");
    }

    private Uni<Found> task(Credential credential, UUID id) {
        return zou.ask(credential, client -> (bearer, cookie) -> client.fullTask(bearer, cookie, id)).map(task -> {
            mustBe(id, task);
            mustBe(id(task, "entity_id"), task.path("entity"));
            String type = name(task.path("entity_type"));
            String kind = kind(type);
            return new Facts(id, id(task.path("entity"), "id"), kind, id(task, "project_id"), name(task.path("entity")),
                    name(task.path("sequence")), name(task.path("episode")), kind.equals("asset") ? type : null,
                    name(task.path("task_type")), name(task.path("project")));
        });
    }

    private Uni<Found> entity(Credential credential, UUID id, boolean names) {
        return one(credential, "entities", id).onItem().transformToUni(entity -> {
            String kind = kind(text(entity, "type"));
            UUID production = id(entity, "project_id");
            Facts bare = new Facts(null, id, kind, production, name(entity), null, null, null, null, null);
            return !names ? Uni.createFrom().item(bare) : switch (kind) {
                case "asset", "shot", "sequence" -> one(credential, kind + "s", id).map(whole -> named(bare, whole));
                default -> one(credential, "projects", production)
                        .map(project -> new Facts(null, id, kind, production, name(entity), null, null, null, null,
                                name(project)));
            };
        });
    }

    private static Found named(Facts bare, JsonNode whole) {
        return new Facts(null, bare.entityId(), bare.kind(), bare.productionId(), bare.entityName(),
                text(whole, "sequence_name"), text(whole, "episode_name"), text(whole, "asset_type_name"), null,
                text(whole, "project_name"));
    }

    private Uni<Found> production(Credential credential, UUID id) {
        return one(credential, "projects", id)
                .map(project -> new Facts(null, null, null, id, null, null, null, null, null, name(project)));
    }

    private Uni<JsonNode> one(Credential credential, String collection, UUID id) {
        return zou.ask(credential, client -> (bearer, cookie) -> client.one(bearer, cookie, collection, id))
                .invoke(one -> mustBe(id, one));
    }

    /** An answer about something else, or about nothing, is none. */
    private static void mustBe(UUID id, JsonNode one) {
        if (id == null || !id.equals(id(one, "id"))) {
            throw Zou.away("it answered about something else than it was asked");
        }
    }

    private static String kind(String type) {
        String lower = type == null ? "" : type.toLowerCase(Locale.ROOT);
        return KINDS.contains(lower) ? lower : "asset";
    }

    private static String name(JsonNode named) {
        return text(named, "name");
    }

    private static UUID id(JsonNode of, String field) {
        return StrictJson.id(text(of, field));
    }

    /** Zou writes some of what is not there as an empty text. */
    private static String text(JsonNode of, String field) {
        String text = of.path(field).asText("");
        return text.isEmpty() || of.path(field).isNull() ? null : text;
    }
}
