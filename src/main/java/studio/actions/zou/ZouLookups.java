package studio.actions.zou;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;

import jakarta.inject.Singleton;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import studio.actions.identity.Caller;
import studio.actions.identity.Credential;
import studio.actions.identity.Role;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.zou.LookupResult.Hidden;

/**
 * Look-ups of tasks, entities and productions in Zou with the caller's credential. Requests lists by ids, since a request for
 * each task would cost Zou ten times as much. Objects that Zou leaves out of its lists are requested one by one, up to a limit,
 * so that a caller sees the same objects here as on Kitsu's task page.
 */
@Singleton
public class ZouLookups {

    /** The most concurrent requests of one look-up; few, because Zou serves a whole studio. */
    private static final int AT_ONCE = 8;

    /**
     * The most objects that one look-up requests one by one because Zou's lists leave them out: objects of archived productions
     * and, if the caller's global role is vendor, tasks of other people.
     */
    private static final int MOST_UNLISTED = 20;

    /**
     * The most targets that one look-up checks by single requests if the caller is a vendor in their production, but not
     * globally. Zou's lists heed only the global role, so they may show this caller too much.
     */
    private static final int MOST_OF_VENDOR = 100;

    /** The most requests of one look-up for names of sequences and episodes that Zou's lists hide from the caller. */
    private static final int MOST_PAGES = 100;

    private static final String TASK_FIELDS = "entity_id,project_id,task_type_id";
    private static final String ENTITY_FIELDS = "name,parent_id,source_id,entity_type_id,project_id";

    private final Zou zou;
    private final ProjectRoles roles;
    private final ZouNames cache;

    ZouLookups(Zou zou, ProjectRoles roles, ZouNames cache) {
        this.zou = zou;
        this.roles = roles;
        this.cache = cache;
    }

    /** A target to look up: a task, an entity or a production. The first id that is not null counts. */
    public record Question(UUID taskId, UUID entityId, UUID productionId) {

        private UUID id() {
            return taskId != null ? taskId : entityId != null ? entityId : productionId;
        }

        private String what() {
            return taskId != null ? "task" : entityId != null ? "entity" : "production";
        }
    }

    /**
     * Looks up targets; looks up equal targets only once.
     *
     * @return an answer to every question; fails with {@link studio.actions.problem.ProblemException}: 401 if the credential
     *         became invalid after authentication, 503 if an answer of Zou is missing
     */
    public Uni<Map<Question, LookupResult>> look(Credential credential, Caller caller, Collection<Question> questions) {
        return new LookUp(credential, caller, new LinkedHashSet<>(questions)).found();
    }

    /**
     * A request to Zou and the handlers of its result.
     *
     * @param answered is called with Zou's answer
     * @param denied is called with Zou's refusal, 403 or 404
     */
    private record Request<T>(Uni<T> question, Consumer<T> answered, Consumer<Denied> denied) {

        /** Sends the request. Completes with a task that calls the handler; one thread later runs the tasks of all requests. */
        Uni<Runnable> send() {
            return question.map(answer -> (Runnable) () -> answered.accept(answer))
                    .onFailure(Denied.class).recoverWithItem(denial -> () -> denied.accept(denial));
        }
    }

    private static boolean isUnavailable(Throwable failure) {
        return failure instanceof ProblemException problem && problem.code() == Code.UNAVAILABLE;
    }

    private static Uni<Void> send(List<Request<?>> requests) {
        return Multi.createFrom().iterable(requests).onItem().<Runnable> transformToUni(Request::send).merge(AT_ONCE).collect()
                .asList()
                .invoke(answers -> answers.forEach(Runnable::run)).replaceWithVoid();
    }

    /** One look-up. It has several steps, each with concurrent requests that do not need each other's answers. */
    private final class LookUp {

        private final Credential credential;
        private final Caller caller;
        private final Set<Question> questions;
        private final Map<UUID, ZouObject> tasks = new HashMap<>();
        private final Map<UUID, ZouObject> entities = new HashMap<>();
        private final Map<UUID, ZouObject> productions = new HashMap<>();
        private final Map<UUID, Role> rolesIn = new HashMap<>();
        private final Names names = new Names(cache);
        private final Map<UUID, String> hidden = new HashMap<>();
        private int unlisted = MOST_UNLISTED;
        private int ofVendor = MOST_OF_VENDOR;

        LookUp(Credential credential, Caller caller, Set<Question> questions) {
            this.credential = credential;
            this.caller = caller;
            this.questions = questions;
        }

        Uni<Map<Question, LookupResult>> found() {
            return send(askedFor())
                    .chain(() -> send(notListed()))
                    .chain(() -> send(entitiesAndTeams()))
                    .chain(() -> send(entitiesNotListed()))
                    .chain(() -> send(ofProductionsVendor()))
                    .chain(() -> send(namesNotKnown()))
                    .chain(() -> send(namesNotKnown()))
                    .chain(() -> send(pages()))
                    .map(done -> {
                        Map<Question, LookupResult> found = new LinkedHashMap<>();
                        questions.forEach(question -> found.put(question, found(question)));
                        return found;
                    });
        }

        // ---- Steps

        private List<Request<?>> askedFor() {
            List<Request<?>> requests = new ArrayList<>();
            list(requests, "tasks", TASK_FIELDS, ids(Question::taskId), tasks);
            list(requests, "entities", ENTITY_FIELDS, entitiesAskedFor(), entities);
            list(requests, "projects", "name", productionsAskedFor(), productions);
            return requests;
        }

        private List<Request<?>> notListed() {
            List<Request<?>> requests = new ArrayList<>();
            missing(ids(Question::taskId), tasks).forEach(id -> single(requests, "task", id,
                    whole(id), task -> {
                        tasks.put(id, task);
                        entities.put(task.id("entity_id"), task.in("entity"));
                        names.of(task);
                    }));
            missing(entitiesAskedFor(), entities).forEach(id -> single(requests, "entity", id, one("entities", id),
                    entity -> entities.put(id, entity)));
            missing(productionsAskedFor(), productions).forEach(id -> single(requests, "production", id, one("projects", id),
                    production -> productions.put(id, production)));
            return requests;
        }

        private List<Request<?>> entitiesAndTeams() {
            List<Request<?>> requests = new ArrayList<>();
            list(requests, "entities", ENTITY_FIELDS,
                    missing(tasks.values().stream().map(task -> task.required("entity_id")).toList(), entities), entities);
            productions().forEach(production -> requests.add(new Request<>(
                    roles.of(credential, caller, production), role -> rolesIn.put(production, role), denied -> {
                    })));
            return requests;
        }

        private List<Request<?>> entitiesNotListed() {
            List<Request<?>> requests = new ArrayList<>();
            tasks.forEach((task, known) -> {
                UUID entity = known.required("entity_id");
                if (!entities.containsKey(entity) && rolesIn.containsKey(known.id("project_id"))) {
                    single(requests, "task", task, one("entities", entity), answer -> entities.put(entity, answer));
                }
            });
            return requests;
        }

        private List<Request<?>> ofProductionsVendor() {
            List<Request<?>> requests = new ArrayList<>();
            if (caller.is(Role.vendor)) {
                return requests;
            }
            questions.stream().filter(question -> role(question) == Role.vendor && !hidden.containsKey(question.id()))
                    .forEach(question -> {
                        if (question.taskId() == null && question.entityId() == null) {
                            return;
                        }
                        UUID id = question.id();
                        if (ofVendor-- > 0) {
                            requests.add(new Request<>(one(question.taskId() != null ? "tasks" : "entities", id), shown -> {
                            }, denied -> hidden.put(id, sentence(question.what(), denied))));
                        } else {
                            hidden.put(id, "As a vendor you can run an action on at most " + MOST_OF_VENDOR
                                    + " targets of this production at once. Select fewer.");
                        }
                    });
            return requests;
        }

        private List<Request<?>> namesNotKnown() {
            List<Request<?>> requests = new ArrayList<>();
            names.unknown(visible()).forEach(wanted -> list(requests, wanted.collection(), wanted.fields(), wanted.ids(),
                    wanted.found()));
            return requests;
        }

        /**
         * Returns requests for names that Zou's lists leave out: names of sequences if the caller is a vendor, and names of
         * archived productions if the caller is no admin.
         */
        private List<Request<?>> pages() {
            List<Request<?>> requests = new ArrayList<>();
            Set<UUID> asked = new HashSet<>();
            visible().forEach(target -> {
                if (names.isUnknown(target.production()) && asked.add(target.production())) {
                    requests.add(new Request<>(one("projects", target.production()), names::putProduction, denied -> {
                    }));
                }
                ZouObject entity = target.entity();
                Optional<UUID> parent = entity == null ? Optional.empty() : names.unknownParent(entity);
                if (parent.isPresent() && asked.size() < MOST_PAGES && asked.add(parent.get())) {
                    // Without an answer the name stays unknown. Then the look-up still succeeds, and only actions whose URL
                    // contains this name fail.
                    requests.add(new Request<>(one(names.kind(entity) + "s", entity.id()).map(Optional::of)
                            .onFailure(ZouLookups::isUnavailable).recoverWithItem(Optional.empty()),
                            page -> page.ifPresent(found -> names.putPage(parent.get(), found)), denied -> {
                            }));
                }
            });
            return requests;
        }

        // ---- Requests

        private void list(List<Request<?>> requests, String collection, String fields, Collection<UUID> ids,
                Consumer<ZouObject> found) {
            List<UUID> all = List.copyOf(new LinkedHashSet<>(ids));
            for (int from = 0; from < all.size(); from += ZouClient.MOST_IDS) {
                List<UUID> some = all.subList(from, Math.min(all.size(), from + ZouClient.MOST_IDS));
                // Ignores a refused list. Later steps request its objects one by one, and then Zou's refusal tells the reason.
                requests.add(new Request<>(zou.list(credential, collection, fields, some), answer -> answer.forEach(found),
                        denied -> {
                        }));
            }
        }

        private void list(List<Request<?>> requests, String collection, String fields, Collection<UUID> ids,
                Map<UUID, ZouObject> found) {
            list(requests, collection, fields, ids, one -> found.put(one.id(), one));
        }

        private void single(List<Request<?>> requests, String what, UUID id, Uni<ZouObject> question,
                Consumer<ZouObject> answered) {
            if (unlisted-- > 0) {
                requests.add(new Request<>(question, answered, denied -> hidden.put(id, sentence(what, denied))));
            } else {
                hidden.put(id, "Kitsu does not list this " + what + " for you: its production may be archived. Only "
                        + MOST_UNLISTED + " such targets are looked up at once; select fewer.");
            }
        }

        private Uni<ZouObject> one(String collection, UUID id) {
            return zou.ask(credential, client -> (bearer, cookie) -> client.one(bearer, cookie, collection, id))
                    .map(one -> new ZouObject(one).mustBe(id));
        }

        private Uni<ZouObject> whole(UUID id) {
            return zou.ask(credential, client -> (bearer, cookie) -> client.fullTask(bearer, cookie, id)).map(one -> {
                ZouObject task = new ZouObject(one).mustBe(id);
                task.in("entity").mustBe(task.required("entity_id"));
                return task;
            });
        }

        private static String sentence(String what, Denied denied) {
            return denied.status == 404 ? "Kitsu knows no such " + what + ": it may have been deleted."
                    : "You may not see this " + what + " in Kitsu.";
        }

        // ---- Known objects

        private List<UUID> ids(Function<Question, UUID> field) {
            return questions.stream().map(field).filter(Objects::nonNull).toList();
        }

        private List<UUID> entitiesAskedFor() {
            return ids(question -> question.taskId() == null ? question.entityId() : null);
        }

        private List<UUID> productionsAskedFor() {
            return ids(question -> question.taskId() == null && question.entityId() == null ? question.productionId() : null);
        }

        private List<UUID> missing(Collection<UUID> ids, Map<UUID, ZouObject> found) {
            return ids.stream().filter(id -> !found.containsKey(id) && !hidden.containsKey(id)).distinct().toList();
        }

        private Set<UUID> productions() {
            Set<UUID> all = new LinkedHashSet<>(productions.keySet());
            Stream.concat(tasks.values().stream(), entities.values().stream())
                    .forEach(one -> all.add(one.required("project_id")));
            return all;
        }

        private Role role(Question question) {
            return rolesIn.get(production(question));
        }

        private UUID production(Question question) {
            if (question.taskId() == null && question.entityId() == null) {
                return productions.containsKey(question.productionId()) ? question.productionId() : null;
            }
            ZouObject found = question.taskId() != null ? tasks.get(question.taskId()) : entities.get(question.entityId());
            return found == null ? null : found.id("project_id");
        }

        /** Returns the target of a question; empty if the caller may not see it. */
        private Optional<Names.Target> target(Question question) {
            if (hidden.containsKey(question.id()) || role(question) == null) {
                return Optional.empty();
            }
            ZouObject task = question.taskId() == null ? null : tasks.get(question.taskId());
            UUID entity = task == null ? question.entityId() : task.id("entity_id");
            return entity != null && !entities.containsKey(entity) ? Optional.empty()
                    : Optional.of(new Names.Target(task, entities.get(entity), production(question)));
        }

        private Stream<Names.Target> visible() {
            return questions.stream().map(this::target).flatMap(Optional::stream);
        }

        private LookupResult found(Question question) {
            return target(question).<LookupResult> map(target -> names.facts(target, role(question)))
                    .orElseGet(() -> new Hidden(hidden.getOrDefault(question.id(),
                            "You may not see this " + question.what() + " in Kitsu.")));
        }
    }
}
