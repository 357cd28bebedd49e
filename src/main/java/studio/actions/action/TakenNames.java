package studio.actions.action;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

import jakarta.inject.Singleton;

import studio.actions.action.ActionJson.Draft;
import studio.actions.identity.IdentityConfig;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;

/**
 * Refuses a second action of one name beside Kitsu, whose box tells actions apart by their names: of two, one could never be
 * run. Two that are there already may stay.
 */
@Singleton
class TakenNames {

    private final boolean matter;

    TakenNames(IdentityConfig config) {
        this.matter = config.zou().url().isPresent();
    }

    /** Returns true if names must differ, so that nobody else may write while they are compared. */
    boolean matter() {
        return matter;
    }

    /** Where an action stands in Kitsu's box. */
    record Label(UUID id, String name, EntityType entityType) {

        static Label of(Action action) {
            return new Label(action.id, action.name, action.entityType);
        }

        static Label of(UUID id, Draft draft) {
            return new Label(id, draft.name(), draft.entityType());
        }

        private String folded() {
            return Normalizer.normalize(name.strip(), Normalizer.Form.NFC).toUpperCase(Locale.ROOT).toLowerCase(Locale.ROOT);
        }

        private boolean meets(Label other) {
            return (entityType == other.entityType || entityType == EntityType.all || other.entityType == EntityType.all)
                    && folded().equals(other.folded());
        }

        private Fault taken() {
            return new Fault("/name", "name_taken", "Another action for "
                    + (entityType == EntityType.all ? "the same entities" : "entities of type " + entityType)
                    + " is called \"" + name + "\" (" + id + "). Kitsu could run only one of the two: choose another name.");
        }
    }

    /** @throws ProblemException {@code invalid_body} where the change makes two of one name */
    void check(Label changed) {
        if (matter) {
            List<Label> present = Action.getEntityManager()
                    .createQuery("select id, name, entityType from Action", Object[].class).getResultStream()
                    .map(row -> new Label((UUID) row[0], (String) row[1], (EntityType) row[2])).toList();
            refused(List.of(changed), present).values().forEach(fault -> {
                throw ProblemException.invalid(List.of(fault));
            });
        }
    }

    /**
     * Returns what is wrong with changes that are made together, by the id of the action.
     *
     * @param changes in order of age: of two that take one name, the first keeps it
     * @param present what is there, changed or not
     */
    Map<UUID, Fault> refused(Collection<Label> changes, Collection<Label> present) {
        Map<UUID, Fault> refused = new LinkedHashMap<>();
        if (matter && !changes.isEmpty()) {
            Map<UUID, Label> before = new HashMap<>();
            present.forEach(label -> before.put(label.id, label));
            // A name that a refused change would have given up stays taken, which may refuse another one.
            while (refuse(changes, before, refused)) {
            }
        }
        return refused;
    }

    private static boolean refuse(Collection<Label> changes, Map<UUID, Label> before, Map<UUID, Fault> refused) {
        List<Label> renamed = new ArrayList<>();
        Set<UUID> moving = new HashSet<>();
        Map<String, List<Label>> taken = new HashMap<>();
        for (Label change : changes) {
            if (!refused.containsKey(change.id) && !change.equals(before.get(change.id))) {
                renamed.add(change);
                moving.add(change.id);
            }
        }
        before.values().stream().filter(label -> !moving.contains(label.id)).forEach(label -> take(taken, label));
        int known = refused.size();
        for (Label change : renamed) {
            Label was = before.get(change.id);
            Optional<Label> other = taken.getOrDefault(change.folded(), List.of()).stream()
                    .filter(label -> label.meets(change) && !wereTwins(change, was, label, before.get(label.id)))
                    .findFirst();
            other.ifPresentOrElse(label -> refused.put(change.id, label.taken()), () -> take(taken, change));
        }
        return refused.size() > known;
    }

    /** Two that have one name already may keep it, but not take another one together. */
    private static boolean wereTwins(Label one, Label oneBefore, Label other, Label otherBefore) {
        return oneBefore != null && otherBefore != null && oneBefore.meets(otherBefore)
                && (one.folded().equals(oneBefore.folded()) || other.equals(otherBefore));
    }

    private static void take(Map<String, List<Label>> taken, Label label) {
        taken.computeIfAbsent(label.folded(), none -> new ArrayList<>()).add(label);
    }
}
