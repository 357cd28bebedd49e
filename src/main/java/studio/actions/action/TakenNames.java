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

import studio.actions.draft.Draft;
import studio.actions.draft.EntityType;
import studio.actions.identity.ZouConfig;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;

/**
 * The rule that two actions whose entity types overlap may not have the same name. It applies only if Kitsu's URL is
 * configured. Kitsu's action box identifies an action by its name, so one of two equally named actions could never be pressed.
 * Stored actions with equal names may stay.
 */
@Singleton
public class TakenNames {

    private final boolean matter;

    TakenNames(ZouConfig config) {
        this.matter = config.url().isPresent();
    }

    /**
     * Returns true if names must differ, because Kitsu's URL is configured. Then a writer must lock out others while it
     * compares names.
     */
    boolean matter() {
        return matter;
    }

    /** The name and entity type of an action, by which Kitsu's action box lists it. */
    public record Label(UUID id, String name, EntityType entityType) {

        public static Label of(Action action) {
            return new Label(action.id, action.name, action.entityType);
        }

        public static Label of(UUID id, Draft draft) {
            return new Label(id, draft.name(), draft.entityType());
        }

        private String folded() {
            return Normalizer.normalize(name.strip(), Normalizer.Form.NFC).toUpperCase(Locale.ROOT).toLowerCase(Locale.ROOT);
        }

        /** Returns true if Kitsu's action box can list both actions at once, under the same name. */
        public boolean meets(Label other) {
            return (entityType == other.entityType || entityType == EntityType.all || other.entityType == EntityType.all)
                    && folded().equals(other.folded());
        }

        private Fault taken() {
            return new Fault("/name", "name_taken", "Another action for "
                    + (entityType == EntityType.all ? "the same entities" : "entities of type " + entityType)
                    + " is called \"" + name + "\" (" + id + "). Kitsu could run only one of the two: choose another name.");
        }
    }

    /**
     * Refuses a new or changed action whose name another action has.
     *
     * @param changed the new label of the action
     * @param present the labels of all stored actions
     * @throws ProblemException {@code invalid_body} if another action has the name
     */
    void check(Label changed, Collection<Label> present) {
        refused(List.of(changed), present).values().forEach(fault -> {
            throw ProblemException.invalid(List.of(fault));
        });
    }

    /**
     * Returns an error for each new or changed action whose name another action has, by action id. The actions are saved
     * together.
     *
     * @param changes the new labels; if two changes take the same name, the first change gets it
     * @param present the labels of all stored actions, before the changes
     */
    public Map<UUID, Fault> refused(Collection<Label> changes, Collection<Label> present) {
        Map<UUID, Fault> refused = new LinkedHashMap<>();
        if (matter && !changes.isEmpty()) {
            Map<UUID, Label> before = new HashMap<>();
            present.forEach(label -> before.put(label.id, label));
            // An action whose change is refused keeps its old name. Then a change of another action to this old name is
            // refused, too.
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

    /**
     * Returns true if two actions had the same name before the changes and still have it; that is allowed. Returns false if
     * both take another name together.
     */
    private static boolean wereTwins(Label one, Label oneBefore, Label other, Label otherBefore) {
        return oneBefore != null && otherBefore != null && oneBefore.meets(otherBefore)
                && (one.folded().equals(oneBefore.folded()) || other.equals(otherBefore));
    }

    private static void take(Map<String, List<Label>> taken, Label label) {
        taken.computeIfAbsent(label.folded(), none -> new ArrayList<>()).add(label);
    }
}
