package studio.actions.kitsu;

import java.time.Clock;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.function.Function;

import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.action.Actions;
import studio.actions.audit.AuditEntry;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.identity.Requester;
import studio.actions.identity.ZouConfig;
import studio.actions.kitsu.KitsuCopy.State;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.template.TriggerLink;
import studio.actions.transfer.ImportReport;
import studio.actions.transfer.ImportReport.Change;
import studio.actions.transfer.ImportReport.Kind;
import studio.actions.transfer.ImportReport.Wrong;
import studio.actions.zou.Zou;

/**
 * Service that deletes Kitsu's own copies of actions that this service has taken over, and restores them in Kitsu. Saves a copy
 * before it asks Kitsu to delete it. Both operations can be repeated after any failure, because Kitsu's list of actions shows
 * which copies are already deleted or restored.
 */
@Singleton
class KitsuCopies {

    private static final Logger LOG = Logger.getLogger(KitsuCopies.class);

    private final Zou zou;
    private final Actions actions;
    private final Executor workers = Infrastructure.getDefaultWorkerPool();
    private final Duration lease;
    private final Clock clock;

    KitsuCopies(Zou zou, Actions actions, ZouConfig config, Clock clock) {
        this.lease = config.contextTimeout().plusSeconds(10);
        this.zou = zou;
        this.actions = actions;
        this.clock = clock;
    }

    /**
     * An action as stored in Kitsu.
     *
     * @param line its number in the report to the admin: its position in Kitsu's list, the oldest first; starts at 1
     */
    record Theirs(int line, UUID kitsuId, JsonNode fields) {
    }

    /**
     * Returns the ids that saved copies have in this service, by their ids in Kitsu. The two ids differ after a restore,
     * because Kitsu assigns a new id.
     */
    Map<UUID, UUID> ids(Set<UUID> kitsuIds) {
        Map<UUID, UUID> ids = new HashMap<>();
        QuarkusTransaction.requiringNew().call(() -> KitsuStore.copies(kitsuIds))
                .forEach(copy -> ids.put(copy.kitsuId, copy.id));
        return ids;
    }

    /**
     * Runs work that deletes taken-over actions in Kitsu ('clear') or restores them ('undo'), while no other such work runs at
     * any replica. Only the work itself may read Kitsu's list of actions: a list read earlier may be outdated by other work.
     *
     * @return the result of the work; fails with {@code still_running} if another clear or undo is running
     */
    <T> Uni<T> alone(Function<Turn, Uni<T>> work) {
        Turn turn = new Turn();
        return Uni.createFrom().item(() -> {
            turn.keep();
            return turn;
        }).runSubscriptionOn(workers).<T> chain(held -> work.apply(held)).onTermination()
                .call(() -> Uni.createFrom().voidItem().emitOn(workers).invoke(turn::end));
    }

    /**
     * A lease on the right to delete ('clear') or restore ('undo') actions in Kitsu. It expires by itself if its replica dies.
     */
    final class Turn {

        private final UUID holder = UUID.randomUUID();

        /** Takes or renews the lease. To be called before each request that changes something in Kitsu. */
        void keep() {
            if (!QuarkusTransaction.requiringNew().call(() -> KitsuStore.takeTurn(holder, lease))) {
                throw new ProblemException(Code.STILL_RUNNING, "Another 'clear' or 'undo' is running. Try again when it has "
                        + "ended.");
            }
        }

        private void end() {
            try {
                QuarkusTransaction.requiringNew().run(() -> KitsuStore.endTurn(holder));
            } catch (RuntimeException e) {
                LOG.warnf("Cannot release the lock of 'clear' and 'undo'; refusing both for %d s (%s).", lease.toSeconds(),
                        e.getMessage());
            }
        }
    }

    /**
     * Deletes in Kitsu the actions that this service has taken over, one after another.
     *
     * @return the deleted actions, and the actions that Kitsu refused to delete; fails with the problem {@code unavailable} if
     *         Kitsu does not answer: Kitsu may or may not have deleted the action of that request
     */
    Uni<ImportReport> clear(List<Theirs> theirs, Requester requester, Turn turn) {
        refuseOurOwn(theirs);
        finish(idsOf(theirs), requester);
        Map<UUID, UUID> ids = ids(idsOf(theirs));
        Function<Theirs, UUID> here = one -> ids.getOrDefault(one.kitsuId, one.kitsuId);
        Set<UUID> taken = QuarkusTransaction.requiringNew()
                .call(() -> actions.everKnown(theirs.stream().map(here).toList()));
        Report report = new Report();
        report.unchanged = (int) theirs.stream().filter(one -> !taken.contains(here.apply(one))).count();
        return Multi.createFrom().iterable(theirs).filter(one -> taken.contains(here.apply(one)))
                .onItem().transformToUniAndConcatenate(one -> delete(one, here.apply(one), requester, turn, report))
                .collect().last().map(done -> report.toImport());
    }

    /**
     * Refuses a list that consists of trigger links, because it comes from this service: the configured URL of Zou leads
     * through Kitsu's nginx back here. A 'clear' would then delete this service's own actions.
     */
    private static void refuseOurOwn(List<Theirs> theirs) {
        if (!theirs.isEmpty() && theirs.stream().allMatch(one -> TriggerLink.read(one.fields.path("url").asText(""))
                .filter(link -> link.action().equals(one.kitsuId)).isPresent())) {
            throw new ProblemException(Code.UNAVAILABLE, "CUSTOM_ACTIONS_ZOU_URL leads back to this service, whose own "
                    + "actions would be deleted. Set it to Zou's own address, such as http://127.0.0.1:5000.")
                    .with("Retry-After", "5");
        }
    }

    private KitsuCopy copy(Theirs theirs, UUID id) {
        KitsuCopy copy = new KitsuCopy();
        copy.id = id;
        copy.kitsuId = theirs.kitsuId;
        copy.state = State.clearing;
        copy.fields = theirs.fields;
        copy.savedAt = clock.instant().truncatedTo(ChronoUnit.MICROS);
        return copy;
    }

    private Uni<Boolean> delete(Theirs one, UUID id, Requester requester, Turn turn, Report report) {
        turn.keep();
        KitsuCopy copy = copy(one, id);
        QuarkusTransaction.requiringNew().run(() -> KitsuStore.save(copy));
        return zou.deleteCustomAction(requester.credential(), copy.kitsuId).emitOn(workers).map(refused -> {
            refused.ifPresentOrElse(why -> report.errors.add(wrong(one.line, copy, why)), () -> {
                cleared(copy.id, requester);
                report.changes.add(
                        new Change(one.line, Kind.deleted, copy.name(), copy.id, KitsuAction.FIELDS, values(copy.fields),
                                null));
            });
            return refused.isEmpty();
        });
    }

    /**
     * Marks saved copies as deleted if this service asked Kitsu to delete them and Kitsu no longer lists them. Kitsu's answer
     * to the deletion may have been lost.
     *
     * @param present the ids of the actions that Kitsu lists
     */
    private static void finish(Set<UUID> present, Requester requester) {
        List<KitsuCopy> doubtful = QuarkusTransaction.requiringNew().call(KitsuStore::notRestored).stream()
                .filter(copy -> copy.state == State.clearing && !present.contains(copy.kitsuId)).toList();
        doubtful.forEach(copy -> cleared(copy.id, requester));
    }

    private static void cleared(UUID id, Requester requester) {
        QuarkusTransaction.requiringNew().run(() -> {
            KitsuCopy copy = KitsuCopy.findById(id);
            copy.state = State.cleared;
            AuditEntry.of(Verb.cleared, requester, AuditEntry.DONE).about(id, copy.name())
                    .with("kitsu_id", copy.kitsuId.toString()).persist();
        });
    }

    /**
     * Restores in Kitsu the actions that {@link #clear} deleted. Kitsu gives each restored action a new id. Fails with the
     * problem {@code unavailable} if Kitsu does not answer.
     */
    Uni<ImportReport> undo(List<Theirs> theirs, Requester requester, Turn turn) {
        finish(idsOf(theirs), requester);
        Report report = new Report();
        List<KitsuCopy> copies = QuarkusTransaction.requiringNew().call(KitsuStore::notRestored);
        return Multi.createFrom().iterable(copies)
                .onItem().transformToUniAndConcatenate(copy -> restore(copy, theirs, requester, turn, report))
                .collect().last().map(done -> report.toImport());
    }

    private Uni<Boolean> restore(KitsuCopy copy, List<Theirs> theirs, Requester requester, Turn turn, Report report) {
        int line = report.next();
        if (copy.state == State.clearing) {
            // This service asked Kitsu to delete the action. Kitsu still lists it, but may yet delete it: a later undo checks
            // again.
            report.unchanged++;
            return Uni.createFrom().item(true);
        }
        turn.keep();
        Optional<UUID> made = unheard(copy, theirs);
        return (made.isPresent() ? Uni.createFrom().item(new Zou.Created(made.get(), null))
                : zou.createCustomAction(requester.credential(), body(copy))).emitOn(workers).map(created -> {
                    if (created.refused() != null) {
                        report.errors.add(wrong(line, copy, created.refused()));
                    } else {
                        restored(copy.id, created.id(), requester);
                        report.changes.add(new Change(line, Kind.created, copy.name(), copy.id, KitsuAction.FIELDS, null,
                                values(copy.fields)));
                    }
                    return created.refused() == null;
                });
    }

    /** Returns the id of the action that Kitsu created from this copy in an earlier undo, whose answer was lost; else empty. */
    private Optional<UUID> unheard(KitsuCopy copy, List<Theirs> theirs) {
        Set<UUID> known = new HashSet<>(ids(idsOf(theirs)).keySet());
        known.addAll(QuarkusTransaction.requiringNew().call(() -> actions.everKnown(idsOf(theirs))));
        return theirs.stream().filter(one -> !known.contains(one.kitsuId) && filled(one.fields).equals(filled(copy.fields)))
                .map(Theirs::kitsuId).findFirst();
    }

    /** Returns an action's fields, completed with the defaults that Kitsu gives a new action, so that they can be compared. */
    private static JsonNode filled(JsonNode fields) {
        ObjectNode filled = fields.deepCopy();
        if (!filled.hasNonNull("entity_type")) {
            filled.put("entity_type", "all");
        }
        if (!filled.hasNonNull("is_ajax")) {
            filled.put("is_ajax", false);
        }
        return filled.hasNonNull("url") ? filled : filled.putNull("url");
    }

    private static void restored(UUID id, UUID kitsuId, Requester requester) {
        QuarkusTransaction.requiringNew().run(() -> {
            KitsuCopy copy = KitsuCopy.findById(id);
            copy.kitsuId = kitsuId;
            copy.state = State.restored;
            AuditEntry.of(Verb.uncleared, requester, AuditEntry.DONE).about(id, copy.name())
                    .with("kitsu_id", kitsuId.toString()).persist();
        });
    }

    /** Returns the JSON that creates the action in Kitsu again, without null fields, which Kitsu refuses. */
    private static ObjectNode body(KitsuCopy copy) {
        ObjectNode body = copy.fields.deepCopy();
        body.properties().removeIf(field -> field.getValue().isNull());
        return body;
    }

    private static Map<String, Object> values(JsonNode fields) {
        Map<String, Object> values = new LinkedHashMap<>();
        KitsuAction.FIELDS.forEach(field -> values.put(field, fields.get(field)));
        return values;
    }

    private static Set<UUID> idsOf(List<Theirs> theirs) {
        Set<UUID> ids = new HashSet<>();
        theirs.forEach(one -> ids.add(one.kitsuId));
        return ids;
    }

    private static Wrong wrong(int line, KitsuCopy copy, String why) {
        return new Wrong(line, null, "Kitsu says: " + why, copy.name(), copy.id);
    }

    /** The report of a 'clear' or 'undo', filled while the work runs. */
    private static final class Report {
        private final List<Change> changes = new ArrayList<>();
        private final List<Wrong> errors = new ArrayList<>();
        private int unchanged;
        private int line;

        int next() {
            return ++line;
        }

        ImportReport toImport() {
            int created = (int) changes.stream().filter(change -> change.kind() == Kind.created).count();
            return new ImportReport(created, 0, unchanged, changes, errors);
        }
    }
}
