package studio.actions.zou;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.Stream;

import studio.actions.identity.Role;
import studio.actions.zou.LookupResult.Facts;

/** The names that one look-up of targets needs: names of types, productions, sequences and episodes. */
final class Names {

    /**
     * A target that the caller may see: a task with its entity, an entity alone, or a production alone. The task or entity is
     * null if the target has none.
     */
    record Target(ZouObject task, ZouObject entity, UUID production) {
    }

    private static final String PRODUCTIONS = "projects";
    private static final String PARENTS = "entities";
    private static final String TYPES = "entity-types";
    private static final String TASK_TYPES = "task-types";

    /**
     * The names, in lower case, of Zou's entity types that are no asset types. All other entity types are asset types that the
     * studio defined.
     */
    private static final Set<String> KINDS = Set.of("shot", "sequence", "episode", "edit", "scene", "concept");

    /**
     * The kinds for which Zou's answer about a single entity contains the names of the entity's sequence and episode. Such an
     * answer is called a page here.
     */
    private static final Set<String> WITH_PAGE = Set.of("asset", "shot", "scene", "sequence", "edit");

    private final ZouNames remembered;
    private final Map<String, Map<UUID, ZouObject>> known = new HashMap<>();
    private final Set<UUID> asked = new HashSet<>();
    /** Zou's answers about single entities. The key is the id of the sequence or episode whose name the answer contains. */
    private final Map<UUID, ZouObject> pages = new HashMap<>();

    Names(ZouNames remembered) {
        this.remembered = remembered;
    }

    /** Adds the names that an answer to {@link ZouClient#fullTask} contains. */
    void of(ZouObject task) {
        put(TYPES, task.in("entity_type"));
        put(TASK_TYPES, task.in("task_type"));
        put(PRODUCTIONS, task.in("project"));
        put(PARENTS, task.in("sequence"));
        put(PARENTS, task.in("episode"));
    }

    void putProduction(ZouObject production) {
        put(PRODUCTIONS, production);
        remembered.put(PRODUCTIONS, production);
    }

    void putPage(UUID parent, ZouObject page) {
        pages.put(parent, page);
    }

    private void put(String collection, ZouObject object) {
        if (object.id() != null) {
            known.computeIfAbsent(collection, none -> new HashMap<>()).put(object.id(), object);
        }
    }

    private ZouObject get(String collection, UUID id) {
        return id == null ? null : known.getOrDefault(collection, Map.of()).get(id);
    }

    /** A request for a list of Zou's objects; {@code found} is called with each listed object. */
    record Wanted(String collection, String fields, Set<UUID> ids, Consumer<ZouObject> found) {
    }

    /**
     * Returns the list requests for names that are still missing. Must be called twice: only Zou's answer about a sequence
     * tells the sequence's episode.
     */
    List<Wanted> unknown(Stream<Target> targets) {
        Set<UUID> types = new LinkedHashSet<>();
        Set<UUID> taskTypes = new LinkedHashSet<>();
        Set<UUID> productions = new LinkedHashSet<>();
        Set<UUID> parents = new LinkedHashSet<>();
        targets.forEach(target -> {
            productions.add(target.production());
            if (target.task() != null) {
                taskTypes.add(target.task().id("task_type_id"));
            }
            if (target.entity() != null) {
                types.add(target.entity().id("entity_type_id"));
                for (String field : List.of("parent_id", "source_id")) {
                    ZouObject parent = get(PARENTS, target.entity().id(field));
                    parents.add(parent == null ? target.entity().id(field) : parent.id("parent_id"));
                }
            }
        });
        return List.of(wanted(TYPES, "name", types), wanted(TASK_TYPES, "name", taskTypes),
                wanted(PRODUCTIONS, "name", productions), wanted(PARENTS, "name,parent_id", parents));
    }

    private Wanted wanted(String collection, String fields, Set<UUID> ids) {
        ids.remove(null);
        ids.removeIf(id -> {
            ZouObject object = remembered.get(collection, id);
            if (object != null) {
                put(collection, object);
            }
            return get(collection, id) != null || !asked.add(id);
        });
        return new Wanted(collection, fields, ids, object -> {
            put(collection, object);
            remembered.put(collection, object);
        });
    }

    boolean isUnknown(UUID production) {
        return get(PRODUCTIONS, production) == null;
    }

    /**
     * Returns the id of an entity's parent (a sequence or episode) if the name of the parent, or of the parent's own episode,
     * is missing. Returns empty if Zou's answer about the entity cannot contain that name.
     */
    Optional<UUID> unknownParent(ZouObject entity) {
        UUID id = parent(entity);
        ZouObject parent = get(PARENTS, id);
        boolean known = id == null
                || parent != null && (parent.id("parent_id") == null || get(PARENTS, parent.id("parent_id")) != null);
        return known || !WITH_PAGE.contains(kind(entity)) ? Optional.empty() : Optional.of(id);
    }

    private UUID parent(ZouObject entity) {
        return entity.id(kind(entity).equals("asset") ? "source_id" : "parent_id");
    }

    /** Returns an entity's kind: {@code asset, shot, sequence, episode, edit, scene} or {@code concept}. */
    String kind(ZouObject entity) {
        String lower = type(entity).toLowerCase(Locale.ROOT);
        return KINDS.contains(lower) ? lower : "asset";
    }

    private String type(ZouObject entity) {
        ZouObject type = get(TYPES, entity.id("entity_type_id"));
        if (type == null || type.name() == null) {
            throw ZouFailures.away("it does not name the type of an entity");
        }
        return type.name();
    }

    Facts facts(Target target, Role role) {
        ZouObject production = get(PRODUCTIONS, target.production());
        String productionName = production == null ? null : production.name();
        ZouObject entity = target.entity();
        if (entity == null) {
            return new Facts(null, null, null, target.production(), null, null, null, null, null, productionName, role);
        }
        String kind = kind(entity);
        ZouObject taskType = target.task() == null ? null : get(TASK_TYPES, target.task().id("task_type_id"));
        return new Facts(target.task() == null ? null : target.task().id(), entity.id(), kind, target.production(),
                entity.name(), sequence(entity, kind), episode(entity, kind), kind.equals("asset") ? type(entity) : null,
                taskType == null ? null : taskType.name(), productionName, role);
    }

    private String sequence(ZouObject entity, String kind) {
        return switch (kind) {
            case "sequence" -> entity.name();
            case "shot", "scene" -> nameOf(parent(entity), "sequence_name");
            default -> null;
        };
    }

    private String episode(ZouObject entity, String kind) {
        return switch (kind) {
            case "episode" -> entity.name();
            case "sequence", "edit", "asset" -> nameOf(parent(entity), "episode_name");
            case "shot", "scene" -> {
                ZouObject sequence = get(PARENTS, parent(entity));
                ZouObject episode = sequence == null ? null : get(PARENTS, sequence.id("parent_id"));
                yield episode != null ? episode.name() : onPage(parent(entity), "episode_name");
            }
            default -> null;
        };
    }

    private String nameOf(UUID parent, String field) {
        ZouObject object = get(PARENTS, parent);
        return object != null ? object.name() : onPage(parent, field);
    }

    private String onPage(UUID parent, String field) {
        ZouObject page = pages.get(parent);
        return page == null ? null : page.text(field);
    }
}
