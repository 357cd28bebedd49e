package studio.actions.kitsu;

import java.time.Clock;
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
import java.util.function.Function;

import jakarta.inject.Singleton;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.action.ActionJson.Import;
import studio.actions.action.ActionJson.Import.Change;
import studio.actions.action.ActionJson.Import.Kind;
import studio.actions.action.ActionJson.Import.Wrong;
import studio.actions.action.Actions;
import studio.actions.audit.AuditEntry;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.identity.Asker;
import studio.actions.kitsu.KitsuCopy.State;
import studio.actions.zou.Zou;

/**
 * Kitsu's own copies of the actions that were taken over: deletes them in Kitsu and puts them back. A copy is saved before
 * Kitsu is asked to delete it, and what was done is read from Kitsu's list, so that both can be repeated after any fault.
 */
@Singleton
class KitsuCopies {

    static final List<String> FIELDS = List.of("name", "url", "entity_type", "is_ajax");

    private final Zou zou;
    private final Actions actions;
    private final Clock clock;

    KitsuCopies(Zou zou, Actions actions, Clock clock) {
        this.zou = zou;
        this.actions = actions;
        this.clock = clock;
    }

    /** An action as Kitsu has it. */
    record Theirs(UUID kitsuId, JsonNode fields) {
    }

    /** Returns the ids that actions have here, by the ids that Kitsu gave them when they were put back. */
    Map<UUID, UUID> ids(Set<UUID> kitsuIds) {
        Map<UUID, UUID> ids = new HashMap<>();
        QuarkusTransaction.requiringNew().call(() -> KitsuCopy.ofKitsu(kitsuIds))
                .forEach(copy -> ids.put(copy.kitsuId, copy.id));
        return ids;
    }

    /**
     * Deletes in Kitsu what was taken over, one after another.
     *
     * @return what was deleted, and what Kitsu refused to delete; fails with {@code unavailable} where Kitsu does not answer,
     *         and does not know then whether the last one is deleted
     */
    Uni<Import> clear(List<Theirs> theirs, Asker asker) {
        Report report = new Report();
        return Uni.createFrom().item(() -> {
            Map<UUID, UUID> ids = ids(idsOf(theirs));
            finish(idsOf(theirs), asker);
            Function<Theirs, UUID> here = one -> ids.getOrDefault(one.kitsuId, one.kitsuId);
            Set<UUID> taken = QuarkusTransaction.requiringNew()
                    .call(() -> actions.everKnown(theirs.stream().map(here).toList()));
            report.unchanged = (int) theirs.stream().filter(one -> !taken.contains(here.apply(one))).count();
            return theirs.stream().filter(one -> taken.contains(here.apply(one))).map(one -> copy(one, here.apply(one)))
                    .toList();
        }).onItem().transformToMulti(copies -> Multi.createFrom().iterable(copies))
                .onItem().transformToUniAndConcatenate(copy -> delete(copy, asker, report))
                .collect().last().map(done -> report.told());
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

    private Uni<Boolean> delete(KitsuCopy copy, Asker asker, Report report) {
        QuarkusTransaction.requiringNew().run(() -> KitsuCopy.getEntityManager().merge(copy));
        return zou.deleteCustomAction(asker.credential(), copy.kitsuId)
                .emitOn(Infrastructure.getDefaultWorkerPool()).map(refused -> {
                    int line = report.next();
                    refused.ifPresentOrElse(why -> report.errors.add(wrong(line, copy, why)), () -> {
                        cleared(copy.id, asker);
                        report.changes.add(new Change(line, Kind.deleted, copy.name(), copy.id, FIELDS, values(copy.fields),
                                null));
                    });
                    return refused.isEmpty();
                });
    }

    /** What Kitsu was asked to delete before, and does not have any more, is deleted, even if nobody heard its answer. */
    private void finish(Set<UUID> present, Asker asker) {
        List<KitsuCopy> doubtful = QuarkusTransaction.requiringNew().call(KitsuCopy::notRestored).stream()
                .filter(copy -> copy.state == State.clearing && !present.contains(copy.kitsuId)).toList();
        doubtful.forEach(copy -> cleared(copy.id, asker));
    }

    private static void cleared(UUID id, Asker asker) {
        QuarkusTransaction.requiringNew().run(() -> {
            KitsuCopy copy = KitsuCopy.findById(id);
            if (copy.state != State.cleared) {
                copy.state = State.cleared;
                AuditEntry.of(Verb.cleared, asker, AuditEntry.DONE).about(id, copy.name())
                        .with("kitsu_id", copy.kitsuId.toString()).persist();
            }
        });
    }

    /** Puts back what was deleted; as {@link #clear}. Kitsu gives each a new id. */
    Uni<Import> undo(List<Theirs> theirs, Asker asker) {
        Report report = new Report();
        return Uni.createFrom().item(() -> QuarkusTransaction.requiringNew().call(KitsuCopy::notRestored))
                .onItem().transformToMulti(copies -> Multi.createFrom().iterable(copies))
                .onItem().transformToUniAndConcatenate(copy -> restore(copy, theirs, asker, report))
                .collect().last().map(done -> report.told());
    }

    private Uni<Boolean> restore(KitsuCopy copy, List<Theirs> theirs, Asker asker, Report report) {
        int line = report.next();
        if (idsOf(theirs).contains(copy.kitsuId)) {
            restored(copy, copy.kitsuId, false, asker);
            report.unchanged++;
            return Uni.createFrom().item(true);
        }
        Optional<UUID> made = unheard(copy, theirs);
        return (made.isPresent() ? Uni.createFrom().item(new Zou.Created(made.get(), null))
                : zou.createCustomAction(asker.credential(), body(copy)))
                .emitOn(Infrastructure.getDefaultWorkerPool()).map(created -> {
                    if (created.refused() != null) {
                        report.errors.add(wrong(line, copy, created.refused()));
                    } else {
                        restored(copy, created.id(), true, asker);
                        report.changes.add(new Change(line, Kind.created, copy.name(), copy.id, FIELDS, null,
                                values(copy.fields)));
                    }
                    return created.refused() == null;
                });
    }

    /** The action that Kitsu has made of this copy before, where nobody heard its answer. */
    private Optional<UUID> unheard(KitsuCopy copy, List<Theirs> theirs) {
        Set<UUID> known = new HashSet<>(ids(idsOf(theirs)).keySet());
        known.addAll(QuarkusTransaction.requiringNew().call(() -> actions.everKnown(idsOf(theirs))));
        return theirs.stream().filter(one -> !known.contains(one.kitsuId) && one.fields.equals(copy.fields))
                .map(Theirs::kitsuId).findFirst();
    }

    private static void restored(KitsuCopy copy, UUID kitsuId, boolean anew, Asker asker) {
        QuarkusTransaction.requiringNew().run(() -> {
            KitsuCopy row = KitsuCopy.findById(copy.id);
            row.kitsuId = kitsuId;
            row.state = State.restored;
            if (anew) {
                AuditEntry.of(Verb.uncleared, asker, AuditEntry.DONE).about(row.id, row.name())
                        .with("kitsu_id", kitsuId.toString()).persist();
            }
        });
    }

    /** What Kitsu takes for a new action: a field of null it would not. */
    private static ObjectNode body(KitsuCopy copy) {
        ObjectNode body = copy.fields.deepCopy();
        body.properties().removeIf(field -> field.getValue().isNull());
        return body;
    }

    private static Map<String, Object> values(JsonNode fields) {
        Map<String, Object> values = new LinkedHashMap<>();
        FIELDS.forEach(field -> values.put(field, fields.get(field)));
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

    /** What was done so far. */
    private static final class Report {
        private final List<Change> changes = new ArrayList<>();
        private final List<Wrong> errors = new ArrayList<>();
        private int unchanged;
        private int line;

        int next() {
            return ++line;
        }

        Import told() {
            int created = (int) changes.stream().filter(change -> change.kind() == Kind.created).count();
            return new Import(created, 0, unchanged, changes, errors);
        }
    }
}
