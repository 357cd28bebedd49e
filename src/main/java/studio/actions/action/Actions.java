package studio.actions.action;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;

import org.hibernate.StatelessSession;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.action.ActionJson.Draft;
import studio.actions.action.TakenNames.Label;
import studio.actions.audit.AuditEntry;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.identity.Caller;
import studio.actions.identity.Requester;
import studio.actions.identity.Role;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;

/**
 * The studio's actions: who sees which, and the one place where they are written, each time with its version and an entry in
 * the audit.
 */
@Singleton
public class Actions {

    /** Actions that are written together. Many more are as fast, and all of 10,000 at once would fill a small heap. */
    private static final int TOGETHER = 500;

    /** Those that were pressed last. */
    private static final int REMEMBERED = 100;

    private final ActionCache list;
    private final ActionRules rules;
    private final TakenNames names;
    private final ObjectMapper json;
    private final Clock clock;
    private final StatelessSession rows;
    private final Map<UUID, Action> pressed = new ConcurrentHashMap<>();

    Actions(ActionCache list, ActionRules rules, TakenNames names, ObjectMapper json, Clock clock, StatelessSession rows) {
        this.list = list;
        this.rules = rules;
        this.names = names;
        this.json = json;
        this.clock = clock;
        this.rows = rows;
    }

    /** Those the caller may see, by name. */
    public List<Action> visibleTo(Caller caller) {
        return list.all().stream().filter(action -> action.visibleTo(caller)).toList();
    }

    /** @throws ProblemException {@code not_found} where there is none, or none for this caller */
    public Action get(UUID id, Caller caller) {
        Optional<Action> found = Action.findByIdOptional(id);
        return found.filter(action -> action.visibleTo(caller))
                .orElseThrow(() -> found.isEmpty() ? unknown(id) : hidden(id));
    }

    /** Returns the refusal for an action that is there, and that no role of the caller's shows. */
    public static ProblemException hidden(UUID id) {
        return new ProblemException(Code.HIDDEN, missing(id));
    }

    /**
     * Returns an action to be pressed or tried out. Which roles may do that is decided where the productions of its targets
     * are known.
     *
     * @throws ProblemException {@code not_found} if there is none; to all but admins that holds for disabled ones
     */
    public Action forTargets(UUID id, Caller caller) {
        Action action = Action.<Action> findByIdOptional(id).orElseThrow(() -> unknown(id));
        if (!action.enabled && !caller.is(Role.admin)) {
            throw hidden(id);
        }
        return action;
    }

    /**
     * Returns an enabled action, as {@link #forTargets} does.
     *
     * @param ajax whether it is to be sent by the service or opened by the browser
     * @throws ProblemException {@code not_found, action_disabled}, {@code not_ajax} or {@code ajax} for the other kind
     */
    public Action pressable(UUID id, Caller caller, boolean ajax) {
        Action action = forTargets(id, caller);
        if (!action.enabled) {
            throw new ProblemException(Code.ACTION_DISABLED, "This action is disabled. Set 'enabled' to true to run it.");
        }
        if (ajax != action.isAjax && !action.visibleTo(caller)) {
            throw hidden(id);
        }
        if (ajax && !action.isAjax) {
            throw new ProblemException(Code.NOT_AJAX, "This action is opened by the browser, so there is nothing to send from "
                    + "here. Its preview shows the URL.");
        }
        if (!ajax && action.isAjax) {
            throw new ProblemException(Code.AJAX, "This action is sent by the service, so there is nothing to open. If it was "
                    + "changed a moment ago, reload Kitsu.");
        }
        return action;
    }

    /**
     * The same of one that the service sends, as it was when it was pressed last: for whoever asks PostgreSQL anyway, and for
     * its version as well.
     */
    public Action pressableAsBefore(UUID id, Caller caller) {
        Action before = pressed.get(id);
        if (before != null && before.enabled) {
            return before;
        }
        return pressableNow(id, caller);
    }

    /** The same as it is now, whatever this request has read of it before. */
    public Action pressableNow(UUID id, Caller caller) {
        pressed.remove(id);
        Action action = QuarkusTransaction.requiringNew().call(() -> pressable(id, caller, true));
        if (pressed.size() >= REMEMBERED) {
            pressed.clear();
        }
        pressed.put(id, action);
        return action;
    }

    /** @throws ProblemException {@code invalid_body} with every wrong field */
    public Action create(Draft draft, Requester requester) {
        Action action = Action.of(rules.settle(draft, "", requester.caller()), requester.caller(), clock.instant());
        return written(() -> {
            names.check(Label.of(action));
            add(Verb.created, action, 0, requester).persist();
            return action;
        });
    }

    /**
     * Makes actions that are at home elsewhere, under the ids they have there; those that are here already stay as they are.
     *
     * @param drafts settled, in order of age
     * @return the ids of those that were made
     * @throws ProblemException {@code invalid_body} where a name was taken since {@link #namesTaken} was asked
     */
    public Set<UUID> adopt(Map<UUID, Draft> drafts, Requester requester) {
        return writeAll(present -> {
            // Two that adopt the same at once: the second finds what the first has made.
            Set<UUID> made = new LinkedHashSet<>(drafts.keySet());
            present.forEach(action -> made.remove(action.id));
            names.refused(labels(drafts, made), present.stream().map(Label::of).toList()).values().forEach(fault -> {
                throw ProblemException.invalid(List.of(fault));
            });
            AuditEntry entry = AuditEntry.of(Verb.imported, requester, AuditEntry.DONE).with("from", "Kitsu")
                    .with("created", made.size());
            entry.persist();
            put(made.stream().map(id -> new Write(id, null, drafts.get(id))).toList(), requester, entry);
            return made;
        });
    }

    /**
     * Returns which of the drafts would take a name that is taken, beside Kitsu.
     *
     * @param drafts of actions that are not here, in order of age
     */
    public Map<UUID, Fault> namesTaken(Map<UUID, Draft> drafts) {
        return names.refused(labels(drafts, drafts.keySet()), all().stream().map(Label::of).toList());
    }

    private static List<Label> labels(Map<UUID, Draft> drafts, Set<UUID> ids) {
        return drafts.keySet().stream().filter(ids::contains).map(id -> Label.of(id, drafts.get(id))).toList();
    }

    /** Returns actions as they were when links to them were shown, as far as history has these versions. */
    public Map<TriggerLink, Draft> asOf(Collection<TriggerLink> links) {
        Map<TriggerLink, Draft> drafts = new HashMap<>();
        List<TriggerLink> asked = links.stream().filter(link -> link.version() != null).toList();
        ActionVersion.of(asked.stream().map(TriggerLink::action).toList(), asked.stream().map(TriggerLink::version).toList())
                .forEach(was -> drafts.put(new TriggerLink(was.actionId, was.version), read(was.draft)));
        return drafts;
    }

    /** Those of the ids that are here. */
    public Set<UUID> known(Collection<UUID> ids) {
        return ids.isEmpty() ? Set.of()
                : Action.<Action> list("id in ?1", ids).stream().map(action -> action.id).collect(Collectors.toSet());
    }

    /** Those of the ids that are here, or were until they were deleted. */
    public Set<UUID> everKnown(Collection<UUID> ids) {
        Set<UUID> known = new HashSet<>(known(ids));
        known.addAll(ActionVersion.last(ids).keySet());
        return known;
    }

    /** Returns an action that was deleted, as it was then; empty if there never was one. */
    public Optional<Action> deleted(UUID id, Caller caller) {
        return ActionVersion.last(id).map(last -> {
            Action action = Action.of(read(last.draft), caller, last.at);
            action.id = id;
            action.version = last.version;
            return action;
        });
    }

    /**
     * Changes an action. A change to what is there already is none: it is not judged again, by rules that may be new since.
     *
     * @param how what the draft becomes
     * @param expected what the action must still be; looked at under the lock
     * @throws ProblemException {@code not_found}, or {@code invalid_body} with every wrong field
     */
    public Action change(UUID id, UnaryOperator<Draft> how, Predicate<Action> expected, Requester requester) {
        return written(() -> {
            Action action = locked(id, expected);
            return become(Verb.changed, action, how.apply(rules.current(action.draft())), requester);
        });
    }

    /** @throws ProblemException {@code not_found} */
    public void delete(UUID id, Predicate<Action> expected, Requester requester) {
        written(() -> {
            Action action = locked(id, expected);
            action.delete();
            action.version++;
            action.updatedAt = clock.instant();
            kept(Verb.deleted, action, requester).persist();
            return id;
        });
    }

    /**
     * Brings a version back, as a new one; where the action is deleted, the action, under its id.
     *
     * @param version null: of a deleted action, what was deleted
     * @param expected what the action must still be; of null, where it is deleted
     * @throws ProblemException {@code not_found}; {@code invalid_body} where that version is refused by now
     */
    public Action restore(UUID id, Integer version, Predicate<Action> expected, Requester requester) {
        // Two who bring back what is deleted: the second finds it there.
        return written("SHARE ROW EXCLUSIVE", () -> {
            Optional<Action> present = Action.locked(id);
            present.ifPresent(this::catchUp);
            ActionVersion last = ActionVersion.last(id).orElseThrow(() -> unknown(id));
            expect(id, present.orElse(null), expected);
            if (version == null && present.isPresent()) {
                throw ProblemException.parameter("version", "not_deleted", "This action is not deleted, so 'version' must say "
                        + "which one to bring back; its history lists them.");
            }
            ActionVersion wanted = version == null ? last
                    : ActionVersion.of(id, version).orElseThrow(() -> new ProblemException(Code.NOT_FOUND,
                            "This action has no version " + version + "; its history lists them."));
            Draft draft = rules.current(read(wanted.draft));
            if (present.isPresent()) {
                return become(Verb.restored, present.get(), draft, requester);
            }
            Action action = Action.of(rules.settle(draft, "", requester.caller()), requester.caller(), clock.instant());
            action.id = id;
            names.check(Label.of(action));
            action.createdAt = last.createdAt;
            action.createdBy = last.createdBy;
            add(Verb.restored, action, last.version, requester).persist();
            return action;
        });
    }

    /** All as they are now, by name. */
    List<Action> all() {
        return Action.sorted(rows);
    }

    /** Returns the ids of the actions behind this place in the order by name. */
    Set<UUID> after(String name, UUID id) {
        return Action.after(rows, name, id);
    }

    /** All as they are now, as cells of a table. */
    List<ActionCsv.Line> lines(List<ActionCsv.Column> columns) {
        return ActionCsv.lines(rows, columns);
    }

    /**
     * Writes what a plan says, in one transaction, while nobody else writes.
     *
     * @param plan from what is there
     */
    <T> T writeAll(Function<List<Action>, T> plan) {
        return written("SHARE ROW EXCLUSIVE", () -> plan.apply(all()));
    }

    /**
     * One of several that are written together.
     *
     * @param present null where it is made
     * @param settled what it becomes
     */
    record Write(UUID id, Action present, Draft settled) {
    }

    /** Writes them, and in the audit that it was by this import. To be called in {@link #writeAll}. */
    void put(List<Write> writes, Requester requester, AuditEntry by) {
        Map<UUID, Integer> counted = ActionVersion.last(writes.stream().map(Write::id).toList());
        for (int from = 0; from < writes.size(); from += TOGETHER) {
            List<Action> made = new ArrayList<>();
            List<Action> changed = new ArrayList<>();
            List<Kept> kept = new ArrayList<>();
            for (Write write : writes.subList(from, Math.min(writes.size(), from + TOGETHER))) {
                if (write.present == null) {
                    Action action = Action.of(write.settled, requester.caller(), clock.instant());
                    action.id = write.id;
                    action.version += counted.getOrDefault(write.id, 0);
                    made.add(action);
                    kept.add(kept(Verb.created, action, requester));
                } else {
                    if (counted.getOrDefault(write.id, 0) < write.present.version) {
                        catchUp(write.present);
                    }
                    change(Verb.changed, write.present, write.settled, requester).ifPresent(one -> {
                        changed.add(write.present);
                        kept.add(one);
                    });
                }
            }
            rows.insertMultiple(made);
            rows.updateMultiple(changed);
            rows.insertMultiple(kept.stream().map(Kept::version).toList());
            rows.insertMultiple(kept.stream().map(one -> one.entry.with("import", by.id)).toList());
        }
    }

    private Action become(Verb verb, Action action, Draft wanted, Requester requester) {
        if (wanted == null || !action.draft().equals(rules.fill(wanted))) {
            Draft settled = rules.settle(wanted, "", requester.caller());
            names.check(Label.of(action.id, settled));
            change(verb, action, settled, requester).ifPresent(Kept::persist);
        }
        return action;
    }

    private Optional<Kept> change(Verb verb, Action action, Draft settled, Requester requester) {
        JsonNode before = write(action.draft());
        if (!action.change(settled, requester.caller(), clock.instant())) {
            return Optional.empty();
        }
        Kept kept = kept(verb, action, requester);
        kept.entry.with("fields", changed(before, write(settled)));
        return Optional.of(kept);
    }

    /**
     * The fields that differ, in the order in which they are written.
     *
     * @param before may be empty: then those that say anything
     */
    static List<String> changed(JsonNode before, JsonNode after) {
        List<String> fields = new ArrayList<>();
        after.fieldNames().forEachRemaining(field -> {
            JsonNode was = before.path(field);
            JsonNode is = after.get(field);
            if (!is.equals(was) && !(nothing(was) && nothing(is))) {
                fields.add(field);
            }
        });
        return fields;
    }

    private static boolean nothing(JsonNode value) {
        return value.isMissingNode() || value.isNull() || value.isContainerNode() && value.isEmpty();
    }

    /** A draft on the wire. */
    JsonNode write(Draft draft) {
        return json.valueToTree(draft);
    }

    Draft read(JsonNode draft) {
        try {
            return json.treeToValue(draft, Draft.class);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** @param counted the versions that an action of this id had before, on which it goes on counting */
    private Kept add(Verb verb, Action action, int counted, Requester requester) {
        action.version += counted;
        action.persist();
        return kept(verb, action, requester);
    }

    /** What is kept of a write, to be persisted with it. */
    private record Kept(ActionVersion version, AuditEntry entry) {

        void persist() {
            version.persist();
            entry.persist();
        }
    }

    private Kept kept(Verb verb, Action action, Requester requester) {
        return new Kept(ActionVersion.of(verb, action, write(action.draft()), requester.caller()),
                AuditEntry.of(verb, requester, AuditEntry.DONE).about(action.id, action.name).with("version", action.version));
    }

    private <T> T written(Callable<T> write) {
        return written(names.matter() ? "SHARE ROW EXCLUSIVE" : "ROW EXCLUSIVE", write);
    }

    /**
     * Locked before anything else, so that nobody has a row whom others who have the table wait for; whoever reads or presses
     * waits for neither.
     */
    private <T> T written(String lock, Callable<T> write) {
        try {
            return QuarkusTransaction.requiringNew().call(() -> {
                EntityManager rows = Action.getEntityManager();
                rows.createNativeQuery("LOCK TABLE action IN " + lock + " MODE").executeUpdate();
                list.writes((String) rows.createNativeQuery("SELECT pg_current_xact_id()::text", String.class)
                        .getSingleResult());
                return write.call();
            });
        } finally {
            // Also where it failed: a commit whose answer got lost has happened.
            list.drop();
        }
    }

    private Action locked(UUID id, Predicate<Action> expected) {
        Action action = Action.locked(id).orElseThrow(() -> unknown(id));
        expect(id, action, expected);
        catchUp(action);
        return action;
    }

    /** What a replica of the version before has written is kept by the next who writes. */
    private void catchUp(Action action) {
        if (ActionVersion.of(action.id, action.version).isEmpty()) {
            Caller somebody = new Caller(action.updatedBy, null, null, null, false, List.of(), Set.of());
            ActionVersion.of(action.version == 1 ? Verb.created : Verb.changed, action, write(action.draft()), somebody)
                    .persist();
        }
    }

    private static void expect(UUID id, Action action, Predicate<Action> expected) {
        if (!expected.test(action)) {
            throw new ProblemException(Code.STALE_VERSION, (action == null ? "The action " + id + " is deleted"
                    : "The action is at version " + action.version)
                    + " by now. Read it again, and send your change with its new ETag in If-Match.");
        }
    }

    private static ProblemException unknown(UUID id) {
        return new ProblemException(Code.NOT_FOUND, missing(id));
    }

    private static String missing(UUID id) {
        return "There is no action " + id + ".";
    }
}
