package studio.actions.transfer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import jakarta.inject.Singleton;

import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.action.Action;
import studio.actions.action.ActionStore;
import studio.actions.action.ActionWriter;
import studio.actions.action.ActionWriter.Write;
import studio.actions.action.Actions;
import studio.actions.action.TakenNames;
import studio.actions.action.TakenNames.Label;
import studio.actions.audit.AuditEntry;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.csv.Csv;
import studio.actions.draft.ActionRules;
import studio.actions.draft.Draft;
import studio.actions.draft.DraftJson;
import studio.actions.draft.KitsuFields;
import studio.actions.identity.Requester;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;
import studio.actions.settings.CsvConfig;
import studio.actions.template.TriggerLink;
import studio.actions.transfer.ActionCsv.Column;
import studio.actions.transfer.ActionCsv.Row;
import studio.actions.transfer.ImportReport.Change;
import studio.actions.transfer.ImportReport.Kind;
import studio.actions.transfer.ImportReport.Wrong;

/** Exports actions as CSV and imports them: for back-up, version control, and moves between studios. */
@Singleton
public class ActionTransfer {

    /** The columns of an export: all, or the five of Kitsu's own export. */
    public enum Columns {
        all,
        kitsu;

        List<Column> list() {
            return this == kitsu ? Column.KITSU : Column.ALL;
        }
    }

    private final Actions actions;
    private final ActionStore store;
    private final ActionWriter writer;
    private final ActionRules rules;
    private final TakenNames names;
    private final DraftJson drafts;
    private final ActionCsv csv;
    private final int maxRows;

    ActionTransfer(Actions actions, ActionStore store, ActionWriter writer, ActionRules rules, TakenNames names,
            DraftJson drafts, ActionCsv csv, CsvConfig config) {
        this.actions = actions;
        this.store = store;
        this.writer = writer;
        this.rules = rules;
        this.names = names;
        this.drafts = drafts;
        this.csv = csv;
        this.maxRows = config.maxRows();
    }

    /** Returns all actions as the lines of a CSV file. */
    List<ActionCsv.Line> export(Columns columns, Requester requester) {
        return QuarkusTransaction.requiringNew().call(() -> {
            List<ActionCsv.Line> lines = store.fields(ActionCsv.Line.fields(columns.list())).stream()
                    .map(fields -> ActionCsv.Line.of(fields, columns.list())).sorted(ActionCsv.Line.ORDER).toList();
            AuditEntry.of(Verb.exported, requester, AuditEntry.DONE).with("actions", lines.size())
                    .with("columns", columns.name()).persist();
            return lines;
        });
    }

    /**
     * Returns the changes that an import of the file would make.
     *
     * @throws ProblemException {@code invalid_csv} or {@code too_large} if the file cannot be read
     */
    ImportReport check(byte[] file, Requester requester) {
        List<Csv.Line> lines = lines(file);
        return new ImportPlan(lines, QuarkusTransaction.requiringNew().call(store::all), requester).report();
    }

    /**
     * The result of an import.
     *
     * @param applied false if nothing was changed, because the file has errors
     */
    record Applied(boolean applied, ImportReport report) {
    }

    /**
     * Imports a file. Changes nothing if a line has errors. With {@code skipInvalid} it skips the wrong lines and imports the
     * others, but changes nothing if the titles of the columns have errors.
     *
     * @throws ProblemException {@code invalid_csv} or {@code too_large} if the file cannot be read
     */
    Applied apply(byte[] file, boolean skipInvalid, Requester requester) {
        List<Csv.Line> lines = lines(file);
        return writer.writeAll(present -> {
            ImportPlan plan = new ImportPlan(lines, present, requester);
            return plan.errors.isEmpty() || skipInvalid && plan.titlesValid
                    ? new Applied(true, apply(plan, requester))
                    : new Applied(false, new ImportReport(0, 0, plan.unchanged, List.of(), plan.errors));
        });
    }

    private List<Csv.Line> lines(byte[] file) {
        List<Csv.Line> lines = Csv.read(file, maxRows + 2);
        if (lines.isEmpty()) {
            throw new ProblemException(Code.INVALID_CSV, "The file is empty. Its first line names the columns: at least Name "
                    + "and URL.");
        }
        if (lines.size() - 1 > maxRows) {
            throw new ProblemException(Code.TOO_LARGE, "The file may have at most %,d lines below its header. Send it in parts."
                    .formatted(maxRows));
        }
        return lines;
    }

    private ImportReport apply(ImportPlan plan, Requester requester) {
        ImportReport report = plan.report();
        AuditEntry entry = AuditEntry.of(Verb.imported, requester, AuditEntry.DONE).with("created", report.created())
                .with("updated", report.updated()).with("unchanged", report.unchanged());
        entry.persist();
        writer.put(plan.writes(), requester, entry);
        return report;
    }

    /** The changes that the lines of a file make to the stored actions, and the errors of the lines. */
    private final class ImportPlan {

        private final List<Wrong> errors = new ArrayList<>();
        private final List<Step> steps = new ArrayList<>();
        private int unchanged;

        private final boolean titlesValid;
        private final Requester requester;
        private final Map<UUID, Action> byId = new HashMap<>();
        private final Map<String, List<Action>> byName = new HashMap<>();
        /**
         * For each action, the number of the first line that is for this action. The key is the action's id, or its entity type
         * and name if the action is new and has no id.
         */
        private final Map<Object, Integer> taken = new HashMap<>();
        /**
         * Older versions of actions, as Kitsu showed them, by trigger link. Lacks actions that have not changed since Kitsu
         * showed them.
         */
        private Map<TriggerLink, Draft> shown = Map.of();

        ImportPlan(List<Csv.Line> lines, List<Action> present, Requester requester) {
            this.requester = requester;
            present.forEach(action -> {
                byId.put(action.id, action);
                byName.computeIfAbsent(key(action.draft()), none -> new ArrayList<>()).add(action);
            });
            List<Column> columns = ActionCsv.header(lines, errors);
            titlesValid = errors.isEmpty();
            if (titlesValid) {
                List<Line> read = lines.subList(1, lines.size()).stream().map(line -> {
                    List<Wrong> wrong = new ArrayList<>();
                    return new Line(csv.read(line, columns, wrong), wrong);
                }).toList();
                shown = actions.asOf(read.stream().map(Line::row).filter(row -> row != null && row.link() != null)
                        .map(Row::link).filter(link -> byId.containsKey(link.action())
                                && !Integer.valueOf(byId.get(link.action()).version).equals(link.version()))
                        .toList());
                read.forEach(line -> {
                    errors.addAll(line.wrong());
                    if (line.row() != null) {
                        take(line.row(), line.wrong().isEmpty());
                    }
                });
                refuseTakenNames(present);
            }
        }

        private void refuseTakenNames(List<Action> present) {
            Map<UUID, Fault> refused = names.refused(
                    writes().stream().map(write -> Label.of(write.id(), write.settled())).toList(),
                    present.stream().map(Label::of).toList());
            steps.removeIf(step -> {
                Fault fault = refused.get(step.write.id());
                if (fault != null) {
                    errors.add(step.row.wrong(Column.NAME, fault.message()));
                }
                return fault != null;
            });
            errors.sort(Comparator.comparingInt(Wrong::line));
        }

        private record Line(Row row, List<Wrong> wrong) {
        }

        /** A line that creates or changes an action. */
        private record Step(Row row, Change change, Write write) {
        }

        List<Write> writes() {
            return steps.stream().map(Step::write).toList();
        }

        ImportReport report() {
            List<Change> changes = steps.stream().map(Step::change).toList();
            int created = (int) changes.stream().filter(change -> change.kind() == Kind.created).count();
            return new ImportReport(created, changes.size() - created, unchanged, changes, errors);
        }

        /** Plans the change that one line makes. */
        private void take(Row row, boolean cellsValid) {
            int errors = this.errors.size();
            // If the line does not say which action it is for, only its own cells are checked, not whether another line is for
            // the action.
            boolean known = row.id() != null || !row.wrong(Column.ID)
                    && (row.linked() != null && byId.containsKey(row.linked()) || row.named());
            Action present = known ? present(row) : null;
            UUID id = present != null ? present.id : row.id() != null ? row.id() : row.linked();
            if (known) {
                alone(row, id);
            }
            judge(row, present, id, cellsValid && this.errors.size() == errors);
        }

        /**
         * Returns the stored action that a line is for; null if the line creates an action. Adds an error and returns null if
         * several actions have its name.
         */
        private Action present(Row row) {
            Action named = byId.get(row.id() == null ? row.linked() : row.id());
            if (named != null || row.id() != null) {
                return named;
            }
            List<Action> namesakes = byName.getOrDefault(key(rules.fill(row.given())), List.of());
            if (namesakes.size() > 1) {
                errors.add(row.wrong(Column.NAME, namesakes.size() + " stored actions have this name and entity type. Add a "
                        + "column ID that says which one is meant."));
            }
            return namesakes.size() == 1 ? namesakes.get(0) : null;
        }

        /** Adds an error if an earlier line is for the same action. */
        private void alone(Row row, UUID id) {
            Integer other = taken.putIfAbsent(id == null ? key(rules.fill(row.given())) : id, row.line());
            if (other != null) {
                errors.add(row.wrong(row.id() != null ? Column.ID : row.linked() != null ? Column.URL : Column.NAME,
                        "Line " + other + " is for the same action."));
            }
        }

        /**
         * Checks the draft that a line describes and plans the change. Does not check a line that is equal to the stored
         * action, because rules that were added after it was stored may refuse it.
         */
        private void judge(Row row, Action present, UUID id, boolean valid) {
            Draft before = present == null ? null : present.draft();
            Draft wanted = row.over(before);
            if (present != null && row.isOfKitsu() && id.equals(row.linked())) {
                wanted = KitsuFields.merge(wanted, shown.getOrDefault(row.link(), before), before);
            }
            if (valid && rules.fill(wanted).equals(before)) {
                unchanged++;
                return;
            }
            try {
                Draft settled = rules.settle(wanted, "", requester.caller());
                if (valid) {
                    steps.add(new Step(row, change(row.line(), id, before, settled),
                            new Write(id == null ? UUID.randomUUID() : id, present, settled)));
                }
            } catch (ProblemException refused) {
                refused.errors().stream().filter(fault -> !row.follows(Column.of(fault.pointer())))
                        .forEach(fault -> errors.add(row.wrong(Column.of(fault.pointer()), fault.message())));
            }
        }

        private Change change(int line, UUID id, Draft before, Draft after) {
            JsonNode from = drafts.write(before);
            JsonNode to = drafts.write(after);
            List<String> fields = DraftJson.changed(from, to);
            return new Change(line, before == null ? Kind.created : Kind.updated, after.name(), id, fields,
                    before == null ? null : only(fields, from), only(fields, to));
        }

        private static Map<String, Object> only(List<String> fields, JsonNode of) {
            Map<String, Object> values = new LinkedHashMap<>();
            fields.forEach(field -> values.put(field, of.get(field)));
            return values;
        }

        private static String key(Draft draft) {
            return draft.entityType() + " " + draft.name();
        }
    }
}
