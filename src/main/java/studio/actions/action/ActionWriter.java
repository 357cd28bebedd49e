package studio.actions.action;

import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

import jakarta.inject.Singleton;

import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.action.TakenNames.Label;
import studio.actions.audit.AuditEntry;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.draft.ActionRules;
import studio.actions.draft.Draft;
import studio.actions.draft.DraftJson;
import studio.actions.identity.Requester;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/**
 * Writes actions to the database; no other class writes them. Each write also saves a version of the action and an audit entry.
 */
@Singleton
public class ActionWriter {

    /**
     * The number of actions that an import saves at once. Much larger batches are not faster, and a batch of 10,000 would fill
     * a small heap.
     */
    private static final int BATCH_SIZE = 500;

    private final ActionStore store;
    private final ActionCache list;
    private final ActionRules rules;
    private final TakenNames names;
    private final DraftJson drafts;
    private final Clock clock;

    ActionWriter(ActionStore store, ActionCache list, ActionRules rules, TakenNames names, DraftJson drafts, Clock clock) {
        this.store = store;
        this.list = list;
        this.rules = rules;
        this.names = names;
        this.drafts = drafts;
        this.clock = clock;
    }

    /**
     * Checks and saves a new action.
     *
     * @throws ProblemException {@code invalid_body}, which lists every wrong field
     */
    public Action create(Draft draft, Requester requester) {
        Action action = Action.of(rules.settle(draft, "", requester.caller()), requester.caller(), clock.instant());
        return written(() -> {
            check(Label.of(action));
            add(Verb.created, action, 0, requester).persist();
            return action;
        });
    }

    /**
     * Changes an action. Does not check a draft that is equal to the stored action, because rules that were added after it was
     * stored may refuse it.
     *
     * @param how makes the new draft from the present one
     * @param expected the condition that the present action must meet, for example {@code If-Match}; tested after the action
     *        was locked
     * @throws ProblemException {@code not_found}, {@code stale_version} if the condition is not met, or {@code invalid_body},
     *         which lists every wrong field
     */
    public Action change(UUID id, UnaryOperator<Draft> how, Predicate<Action> expected, Requester requester) {
        return written(() -> {
            Action action = locked(id, expected);
            return become(Verb.changed, action, how.apply(rules.current(action.draft())), requester);
        });
    }

    /**
     * Deletes an action, but keeps its versions.
     *
     * @throws ProblemException {@code not_found}, or {@code stale_version} if {@code expected} is not met
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
     * Saves an older version of an action again, as its newest version. A deleted action gets its old id.
     *
     * @param version the number of the older version; null to restore a deleted action as it was when it was deleted
     * @param expected the condition that the present action must meet; gets null if the action is deleted
     * @throws ProblemException {@code not_found}, {@code stale_version} if the condition is not met, {@code invalid_parameter}
     *         if the version is null and the action is not deleted, or {@code invalid_body} if the present rules refuse the
     *         older version
     */
    public Action restore(UUID id, Integer version, Predicate<Action> expected, Requester requester) {
        // If two callers restore a deleted action at once, the lock makes the second wait and find the restored action.
        return written(store::lockOutOthers, () -> {
            Optional<Action> present = store.locked(id);
            present.ifPresent(this::catchUp);
            ActionVersion last = store.lastVersion(id).orElseThrow(() -> Actions.unknown(id));
            expect(id, present.orElse(null), expected);
            if (version == null && present.isPresent()) {
                throw ProblemException.parameter("version", "not_deleted", "This action is not deleted, so 'version' must name "
                        + "the version to restore; the action's history lists them.");
            }
            ActionVersion wanted = version == null ? last
                    : store.version(id, version).orElseThrow(() -> new ProblemException(Code.NOT_FOUND,
                            "This action has no version " + version + "; its history lists them."));
            Draft draft = rules.current(drafts.read(wanted.draft));
            if (present.isPresent()) {
                return become(Verb.restored, present.get(), draft, requester);
            }
            Action action = Action.of(rules.settle(draft, "", requester.caller()), requester.caller(), clock.instant());
            action.id = id;
            check(Label.of(action));
            action.createdAt = last.createdAt;
            action.createdBy = last.createdBy;
            add(Verb.restored, action, last.version, requester).persist();
            return action;
        });
    }

    /**
     * Plans and saves many changes in one transaction. No other transaction can write actions meanwhile.
     *
     * @param plan gets all stored actions, saves the changes with {@link #put}, and returns the result of this method
     */
    public <T> T writeAll(Function<List<Action>, T> plan) {
        return written(store::lockOutOthers, () -> plan.apply(store.all()));
    }

    /**
     * An action to be created or changed together with others.
     *
     * @param present the stored action; null to create the action
     * @param settled the new draft, checked and with its defaults
     */
    public record Write(UUID id, Action present, Draft settled) {
    }

    /**
     * Creates and changes the actions of an import. The audit entry of each action refers to the audit entry of the import. To
     * be called by the plan of {@link #writeAll}.
     *
     * @param by the audit entry of the import
     */
    public void put(List<Write> writes, Requester requester, AuditEntry by) {
        Map<UUID, Integer> counted = store.lastVersions(writes.stream().map(Write::id).toList());
        for (int from = 0; from < writes.size(); from += BATCH_SIZE) {
            List<Action> made = new ArrayList<>();
            List<Action> changed = new ArrayList<>();
            List<Kept> kept = new ArrayList<>();
            for (Write write : writes.subList(from, Math.min(writes.size(), from + BATCH_SIZE))) {
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
            store.insert(made);
            store.update(changed);
            store.insert(kept.stream().map(Kept::version).toList());
            store.insert(kept.stream().map(one -> one.entry.with("import", by.id)).toList());
        }
    }

    private Action become(Verb verb, Action action, Draft wanted, Requester requester) {
        if (wanted == null || !action.draft().equals(rules.fill(wanted))) {
            Draft settled = rules.settle(wanted, "", requester.caller());
            check(Label.of(action.id, settled));
            change(verb, action, settled, requester).ifPresent(Kept::persist);
        }
        return action;
    }

    private Optional<Kept> change(Verb verb, Action action, Draft settled, Requester requester) {
        JsonNode before = drafts.write(action.draft());
        if (!action.change(settled, requester.caller(), clock.instant())) {
            return Optional.empty();
        }
        Kept kept = kept(verb, action, requester);
        kept.entry.with("fields", DraftJson.changed(before, drafts.write(settled)));
        return Optional.of(kept);
    }

    /**
     * Saves a new action, but not yet its version and audit entry.
     *
     * @param counted the last version number of a deleted action with this id; 0 if there is none. The version numbers continue
     *        from it.
     */
    private Kept add(Verb verb, Action action, int counted, Requester requester) {
        action.version += counted;
        action.persist();
        return kept(verb, action, requester);
    }

    /** The version and the audit entry of a write, to be saved in the same transaction. */
    private record Kept(ActionVersion version, AuditEntry entry) {

        void persist() {
            version.persist();
            entry.persist();
        }
    }

    private Kept kept(Verb verb, Action action, Requester requester) {
        return new Kept(ActionVersion.of(verb, action, drafts.write(action.draft())).by(requester.caller()),
                AuditEntry.of(verb, requester, AuditEntry.DONE).about(action.id, action.name).with("version", action.version));
    }

    private <T> T written(Callable<T> write) {
        return written(names.matter() ? store::lockOutOthers : store::lock, write);
    }

    /**
     * Runs a write in a new transaction, after {@code lock} has locked the table of actions. The table is locked before any
     * row: two writers could deadlock if one held a locked row while it waited for the table. Reads and presses do not wait for
     * these locks.
     */
    private <T> T written(Runnable lock, Callable<T> write) {
        try {
            return QuarkusTransaction.requiringNew().call(() -> {
                lock.run();
                list.writes(store.transaction());
                return write.call();
            });
        } finally {
            // The list is dropped after a failure, too: the database may have committed, although its confirmation was lost.
            list.drop();
        }
    }

    /**
     * Refuses a name that another stored action has, if names must differ. To be called in a transaction that locks out other
     * writers.
     */
    private void check(Label changed) {
        if (names.matter()) {
            names.check(changed, store.labels());
        }
    }

    private Action locked(UUID id, Predicate<Action> expected) {
        Action action = store.locked(id).orElseThrow(() -> Actions.unknown(id));
        expect(id, action, expected);
        catchUp(action);
        return action;
    }

    /**
     * Saves the present version of an action if the history lacks it. A replica of the previous release, which keeps no
     * history, may have written the action.
     */
    private void catchUp(Action action) {
        if (store.version(action.id, action.version).isEmpty()) {
            ActionVersion.of(action.version == 1 ? Verb.created : Verb.changed, action, drafts.write(action.draft())).persist();
        }
    }

    private static void expect(UUID id, Action action, Predicate<Action> expected) {
        if (!expected.test(action)) {
            throw new ProblemException(Code.STALE_VERSION, (action == null ? "The action " + id + " was deleted"
                    : "The action is now at version " + action.version)
                    + ". Read it again, and send your change with its new ETag in If-Match.");
        }
    }
}
