package studio.actions.action;

import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.core.StreamingOutput;

import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.identity.SecurityIdentity;
import studio.actions.action.ActionCsv.Column;
import studio.actions.action.ActionCsv.Row;
import studio.actions.action.ActionJson.Draft;
import studio.actions.action.ActionJson.Import;
import studio.actions.action.ActionJson.Import.Change;
import studio.actions.action.ActionJson.Import.Kind;
import studio.actions.action.ActionJson.Import.Mode;
import studio.actions.action.ActionJson.Import.Wrong;
import studio.actions.action.TakenNames.Label;
import studio.actions.audit.AuditEntry;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.csv.Csv;
import studio.actions.identity.Requester;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;
import studio.actions.template.TriggerLink;

/** REST resource for export and import of actions as CSV: for back-up, version control, and moves between studios. */
@Path("/api/custom-actions")
public class ActionTransfer {

    /** The columns of an export: all, or the five of Kitsu's own export. */
    public enum Columns {
        all,
        kitsu
    }

    private final Actions actions;
    private final ActionRules rules;
    private final TakenNames names;
    private final ActionCsv csv;
    private final ActionConfig.Csv config;
    private final SecurityIdentity identity;

    ActionTransfer(Actions actions, ActionRules rules, TakenNames names, ObjectMapper json, ActionConfig config,
            SecurityIdentity identity) {
        this.actions = actions;
        this.rules = rules;
        this.names = names;
        this.csv = new ActionCsv(json);
        this.config = config.csv();
        this.identity = identity;
    }

    @GET
    @Path("/export")
    @RolesAllowed("admin")
    @Produces(Csv.MEDIA_TYPE)
    public Response export(
            @QueryParam("columns") @DefaultValue("all") Columns columns,
            @QueryParam("delimiter") @DefaultValue(";") String delimiter,
            @QueryParam("bom") @DefaultValue("false") boolean bom) {
        char between = Csv.delimiter(delimiter);
        List<Column> wanted = columns == Columns.kitsu ? Column.KITSU : Column.ALL;
        List<ActionCsv.Line> all = QuarkusTransaction.requiringNew().call(() -> {
            List<ActionCsv.Line> found = actions.lines(wanted);
            AuditEntry.of(Verb.exported, Requester.of(identity), AuditEntry.DONE).with("actions", found.size())
                    .with("columns", columns.name()).persist();
            return found;
        });
        StreamingOutput table = out -> {
            Writer writer = new OutputStreamWriter(out, StandardCharsets.UTF_8);
            if (bom) {
                writer.write(Csv.BOM);
            }
            csv.write(all, wanted, between, writer);
            writer.flush();
        };
        return Response.ok(table, Csv.MEDIA_TYPE + ";charset=utf-8")
                .header("Content-Disposition", "attachment; filename=\"custom-actions.csv\"").build();
    }

    @POST
    @Path("/import")
    @RolesAllowed("admin")
    @Consumes({ Csv.MEDIA_TYPE, Csv.TABS, Csv.EXCEL, Csv.WORKBOOK })
    @Produces(MediaType.APPLICATION_JSON)
    public RestResponse<Import> read(@QueryParam("mode") Mode mode,
            @QueryParam("skip_invalid") Boolean skipInvalid,
            byte[] file) {
        if (mode == null) {
            throw ProblemException.parameter("mode", "required", "'mode' must be check or apply.");
        }
        List<Csv.Line> lines = Csv.read(file == null ? new byte[0] : file, config.maxRows() + 2);
        if (lines.isEmpty()) {
            throw new ProblemException(Code.INVALID_CSV, "The file is empty. Its first line names the columns: at least Name "
                    + "and URL.");
        }
        if (lines.size() - 1 > config.maxRows()) {
            throw new ProblemException(Code.TOO_LARGE, "The file may have %,d lines below its header. Send it in parts."
                    .formatted(config.maxRows()));
        }
        Requester requester = Requester.of(identity);
        if (mode == Mode.check) {
            return RestResponse
                    .ok(new ImportPlan(lines, QuarkusTransaction.requiringNew().call(actions::all), requester).report());
        }
        return actions.writeAll(present -> {
            ImportPlan plan = new ImportPlan(lines, present, requester);
            return plan.errors.isEmpty() || Boolean.TRUE.equals(skipInvalid) && plan.readable
                    ? RestResponse.ok(apply(plan, requester))
                    : ResponseBuilder.<Import> create(422).entity(new Import(0, 0, plan.unchanged, List.of(), plan.errors))
                            .build();
        });
    }

    private Import apply(ImportPlan plan, Requester requester) {
        Import report = plan.report();
        AuditEntry entry = AuditEntry.of(Verb.imported, requester, AuditEntry.DONE).with("created", report.created())
                .with("updated", report.updated()).with("unchanged", report.unchanged());
        entry.persist();
        actions.put(plan.writes(), requester, entry);
        return report;
    }

    /** The changes that the lines of a file make to the stored actions, and the errors of the lines. */
    private final class ImportPlan {

        private final List<Wrong> errors = new ArrayList<>();
        private final List<Step> steps = new ArrayList<>();
        private int unchanged;

        /** True if the header is valid. */
        private final boolean readable;
        private final Requester requester;
        private final Map<UUID, Action> byId = new HashMap<>();
        private final Map<String, List<Action>> byName = new HashMap<>();
        /** The number of the first line for each action: by id, or by entity type and name for a new action without one. */
        private final Map<Object, Integer> taken = new HashMap<>();
        /** Actions as Kitsu showed them, by their links. Has only actions that have changed since. */
        private Map<TriggerLink, Draft> shown = Map.of();

        ImportPlan(List<Csv.Line> lines, List<Action> present, Requester requester) {
            this.requester = requester;
            present.forEach(action -> {
                byId.put(action.id, action);
                byName.computeIfAbsent(key(action.draft()), none -> new ArrayList<>()).add(action);
            });
            List<Column> columns = ActionCsv.header(lines, errors);
            readable = errors.isEmpty();
            if (readable) {
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
        private record Step(Row row, Change change, Actions.Write write) {
        }

        List<Actions.Write> writes() {
            return steps.stream().map(Step::write).toList();
        }

        Import report() {
            List<Change> changes = steps.stream().map(Step::change).toList();
            int created = (int) changes.stream().filter(change -> change.kind() == Kind.created).count();
            return new Import(created, changes.size() - created, unchanged, changes, errors);
        }

        /**
         * Plans the change of one line.
         *
         * @param fine true if every cell is valid
         */
        private void take(Row row, boolean fine) {
            int errors = this.errors.size();
            // If the action of the line is unknown, only the line's errors can be reported.
            boolean known = row.id() != null || !row.wrong(Column.ID)
                    && (row.linked() != null && byId.containsKey(row.linked()) || row.named());
            Action present = known ? present(row) : null;
            UUID id = present != null ? present.id : row.id() != null ? row.id() : row.linked();
            if (known) {
                alone(row, id);
            }
            judge(row, present, id, fine && this.errors.size() == errors);
        }

        /** Returns the stored action that a line is for; null if the line creates one, or fits several. */
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

        /** Adds an error if another line is for this action already. */
        private void alone(Row row, UUID id) {
            Integer other = taken.putIfAbsent(id == null ? key(rules.fill(row.given())) : id, row.line());
            if (other != null) {
                errors.add(row.wrong(row.id() != null ? Column.ID : row.linked() != null ? Column.URL : Column.NAME,
                        "Line " + other + " is for the same action."));
            }
        }

        /**
         * Checks the draft of a line and adds its step. A line that changes nothing is not checked, because newer rules may
         * refuse the action as it is stored.
         */
        private void judge(Row row, Action present, UUID id, boolean fine) {
            Draft before = present == null ? null : present.draft();
            Draft wanted = row.over(before);
            if (present != null && row.isOfKitsu() && id.equals(row.linked())) {
                wanted = KitsuFields.merge(wanted, shown.getOrDefault(row.link(), before), before);
            }
            if (fine && rules.fill(wanted).equals(before)) {
                unchanged++;
                return;
            }
            try {
                Draft settled = rules.settle(wanted, "", requester.caller());
                if (fine) {
                    steps.add(new Step(row, change(row.line(), id, before, settled),
                            new Actions.Write(id == null ? UUID.randomUUID() : id, present, settled)));
                }
            } catch (ProblemException refused) {
                refused.errors().stream().filter(fault -> !row.follows(Column.of(fault.pointer())))
                        .forEach(fault -> errors.add(row.wrong(Column.of(fault.pointer()), fault.message())));
            }
        }

        private Change change(int line, UUID id, Draft before, Draft after) {
            JsonNode from = actions.write(before);
            JsonNode to = actions.write(after);
            List<String> fields = Actions.changed(from, to);
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
