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
import studio.actions.template.TriggerLink;

/**
 * The studio's actions. Decides which caller sees which action. No other class writes actions; each write also saves a
 * version and an audit entry.
 */
@Singleton
public class Actions {

    /** Actions per batch. Much larger batches are not faster, and one batch of 10,000 would fill a small heap. */
    private static final int TOGETHER = 500;

    /** The most actions that are remembered from their last press. */
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

    /** Returns the actions that the caller may see, by name. */
    public List<Action> visibleTo(Caller caller) {
        return list.all().stream().filter(action -> action.visibleTo(caller)).toList();
    }

    /**
     * Returns an action that the caller may see.
     *
     * @throws ProblemException {@code not_found} if there is none, or the caller may not see it
     */
    public Action get(UUID id, Caller caller) {
        Optional<Action> found = Action.findByIdOptional(id);
        return found.filter(action -> action.visibleTo(caller))
                .orElseThrow(() -> found.isEmpty() ? unknown(id) : hidden(id));
    }

    /** Returns the refusal for an action that exists but that the caller may not see. */
    public static ProblemException hidden(UUID id) {
        return new ProblemException(Code.HIDDEN, missing(id));
    }

    /**
     * Returns an action to press or preview. Does not check the caller's role, because the role depends on the productions of
     * the targets, which are not known yet.
     *
     * @throws ProblemException {@code not_found} if there is none, or if it is disabled and the caller is not an admin
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
     * @param ajax true for an action that the service sends, false for an action that the browser opens
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
     * Returns an action that the service sends, from memory, as it was at its last press. Saves a query for presses, which
     * read the version from PostgreSQL anyway. If the versions differ, call {@link #pressableNow}.
     */
    public Action pressableAsBefore(UUID id, Caller caller) {
        Action before = pressed.get(id);
        if (before != null && before.enabled) {
            return before;
        }
        return pressableNow(id, caller);
    }

    /** Returns an action that the service sends, as it is now, even if this request has read an older version of it. */
    public Action pressableNow(UUID id, Caller caller) {
        pressed.remove(id);
        Action action = QuarkusTransaction.requiringNew().call(() -> pressable(id, caller, true));
        if (pressed.size() >= REMEMBERED) {
            pressed.clear();
        }
        pressed.put(id, action);
        return action;
    }

    /**
     * Creates an action.
     *
     * @throws ProblemException {@code invalid_body} with every wrong field
     */
    public Action create(Draft draft, Requester requester) {
        Action action = Action.of(rules.settle(draft, "", requester.caller()), requester.caller(), clock.instant());
        return written(() -> {
            names.check(Label.of(action));
            add(Verb.created, action, 0, requester).persist();
            return action;
        });
    }

    /**
     * Creates actions that are taken over from Kitsu, under the given ids. Actions that are here already stay as they are.
     *
     * @param drafts checked drafts with their defaults, by id, oldest action first
     * @return the ids of the created actions
     * @throws ProblemException {@code invalid_body} if a name was taken since {@link #namesTaken} was called
     */
    public Set<UUID> adopt(Map<UUID, Draft> drafts, Requester requester) {
        return writeAll(present -> {
            // If two callers adopt the same actions at once, the second finds the actions of the first here.
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
     * Returns a fault for each draft whose name is taken, by id. Beside Kitsu only; else no name is taken.
     *
     * @param drafts drafts of actions that are not here, by id, oldest action first
     */
    public Map<UUID, Fault> namesTaken(Map<UUID, Draft> drafts) {
        return names.refused(labels(drafts, drafts.keySet()), all().stream().map(Label::of).toList());
    }

    private static List<Label> labels(Map<UUID, Draft> drafts, Set<UUID> ids) {
        return drafts.keySet().stream().filter(ids::contains).map(id -> Label.of(id, drafts.get(id))).toList();
    }

    /** Returns actions as they were when Kitsu showed these links. Leaves out versions that history does not have. */
    public Map<TriggerLink, Draft> asOf(Collection<TriggerLink> links) {
        Map<TriggerLink, Draft> drafts = new HashMap<>();
        List<TriggerLink> asked = links.stream().filter(link -> link.version() != null).toList();
        ActionVersion.of(asked.stream().map(TriggerLink::action).toList(), asked.stream().map(TriggerLink::version).toList())
                .forEach(was -> drafts.put(new TriggerLink(was.actionId, was.version), read(was.draft)));
        return drafts;
    }

    /** Returns the ids, among the given ones, of actions that are here. */
    public Set<UUID> known(Collection<UUID> ids) {
        return ids.isEmpty() ? Set.of()
                : Action.<Action> list("id in ?1", ids).stream().map(action -> action.id).collect(Collectors.toSet());
    }

    /** Returns the ids, among the given ones, of actions that are here or were deleted. */
    public Set<UUID> everKnown(Collection<UUID> ids) {
        Set<UUID> known = new HashSet<>(known(ids));
        known.addAll(ActionVersion.last(ids).keySet());
        return known;
    }

    /** Returns a deleted action as it was when it was deleted; empty if there never was one. */
    public Optional<Action> deleted(UUID id, Caller caller) {
        return ActionVersion.last(id).map(last -> {
            Action action = Action.of(read(last.draft), caller, last.at);
            action.id = id;
            action.version = last.version;
            return action;
        });
    }

    /**
     * Changes an action. A draft that changes nothing is not checked, because newer rules may refuse the action as it is.
     *
     * @param how makes the new draft from the present one
     * @param expected the condition on the present action; is tested under the lock
     * @throws ProblemException {@code not_found}, or {@code invalid_body} with every wrong field
     */
    public Action change(UUID id, UnaryOperator<Draft> how, Predicate<Action> expected, Requester requester) {
        return written(() -> {
            Action action = locked(id, expected);
            return become(Verb.changed, action, how.apply(rules.current(action.draft())), requester);
        });
    }

    /**
     * Deletes an action.
     *
     * @throws ProblemException {@code not_found}
     */
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
     * Restores a version as a new version. Restores a deleted action under its id.
     *
     * @param version the version to restore; null for a deleted action as it was when it was deleted
     * @param expected the condition on the present action; gets null if the action is deleted
     * @throws ProblemException {@code not_found}; {@code invalid_body} if the present rules refuse that version
     */
    public Action restore(UUID id, Integer version, Predicate<Action> expected, Requester requester) {
        // If two callers restore a deleted action at once, the lock lets the second find the action of the first.
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

    /** Returns all actions as they are now, by name. */
    List<Action> all() {
        return Action.sorted(rows);
    }

    /** Returns the ids of the actions that follow this name and id in the order by name. */
    Set<UUID> after(String name, UUID id) {
        return Action.after(rows, name, id);
    }

    /** Returns all actions as they are now, as lines of an export. */
    List<ActionCsv.Line> lines(List<ActionCsv.Column> columns) {
        return ActionCsv.lines(rows, columns);
    }

    /**
     * Runs a plan in one transaction, while no other transaction writes actions.
     *
     * @param plan gets all stored actions, and writes its changes with {@link #put}
     */
    <T> T writeAll(Function<List<Action>, T> plan) {
        return written("SHARE ROW EXCLUSIVE", () -> plan.apply(all()));
    }

    /**
     * One action of a batch that is written together.
     *
     * @param present the stored action; null to create the action
     * @param settled the new draft, checked and with its defaults
     */
    record Write(UUID id, Action present, Draft settled) {
    }

    /**
     * Saves actions, and names the import in their audit entries. To be called in {@link #writeAll}.
     *
     * @param by the audit entry of the import
     */
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
     * Returns the fields that differ, in the order of {@code after}.
     *
     * @param before the draft before; JSON null if there is none: then all fields with a value differ
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

    /** Returns a draft as JSON. */
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

    /**
     * Stores a new action.
     *
     * @param counted the last version number of an earlier action with this id, from which the numbers go on; else 0
     */
    private Kept add(Verb verb, Action action, int counted, Requester requester) {
        action.version += counted;
        action.persist();
        return kept(verb, action, requester);
    }

    /** The version and the audit entry of a write, to be persisted in its transaction. */
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
     * Runs a write in a new transaction. Locks the table before any row, so that no writer holds a row while it waits for the
     * table; otherwise two writers could deadlock. Reads and presses do not wait for these locks.
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
            // Also after a failure, because a commit whose answer got lost has happened.
            list.drop();
        }
    }

    private Action locked(UUID id, Predicate<Action> expected) {
        Action action = Action.locked(id).orElseThrow(() -> unknown(id));
        expect(id, action, expected);
        catchUp(action);
        return action;
    }

    /**
     * Saves the present version of an action if history does not have this version. A replica of the previous release may have
     * written the action without history.
     */
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
