package studio.actions.transfer;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

import jakarta.inject.Singleton;

import studio.actions.action.ActionStore;
import studio.actions.action.ActionWriter;
import studio.actions.action.ActionWriter.Write;
import studio.actions.action.TakenNames;
import studio.actions.action.TakenNames.Label;
import studio.actions.audit.AuditEntry;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.draft.Draft;
import studio.actions.identity.Requester;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;

/** Copies the actions that a studio has in Kitsu into this service. */
@Singleton
public class ActionAdoption {

    private final ActionWriter writer;
    private final ActionStore store;
    private final TakenNames names;

    ActionAdoption(ActionWriter writer, ActionStore store, TakenNames names) {
        this.writer = writer;
        this.store = store;
        this.names = names;
    }

    /**
     * Creates actions from Kitsu in this service, under the given ids. Does not change actions that this service has already.
     *
     * @param drafts checked drafts with their defaults, by action id, oldest action first
     * @return the ids of the created actions
     * @throws ProblemException {@code invalid_body} if another action has got one of the names since {@link #namesTaken} was
     *         called
     */
    public Set<UUID> adopt(Map<UUID, Draft> drafts, Requester requester) {
        return writer.writeAll(present -> {
            // If two callers take over the same actions at once, the second finds the actions that the first created.
            Set<UUID> made = new LinkedHashSet<>(drafts.keySet());
            present.forEach(action -> made.remove(action.id));
            names.refused(labels(drafts, made), present.stream().map(Label::of).toList()).values().forEach(fault -> {
                throw ProblemException.invalid(List.of(fault));
            });
            AuditEntry entry = AuditEntry.of(Verb.imported, requester, AuditEntry.DONE).with("from", "Kitsu")
                    .with("created", made.size());
            entry.persist();
            writer.put(made.stream().map(id -> new Write(id, null, drafts.get(id))).toList(), requester, entry);
            return made;
        });
    }

    /**
     * Returns an error for each draft whose name another action has, by action id. Returns no errors if Kitsu's URL is not
     * configured, because then names need not differ.
     *
     * @param drafts drafts of actions that this service does not have, by action id, oldest action first
     */
    public Map<UUID, Fault> namesTaken(Map<UUID, Draft> drafts) {
        return names.refused(labels(drafts, drafts.keySet()), store.all().stream().map(Label::of).toList());
    }

    private static List<Label> labels(Map<UUID, Draft> drafts, Set<UUID> ids) {
        return drafts.keySet().stream().filter(ids::contains).map(id -> Label.of(id, drafts.get(id))).toList();
    }
}
