package studio.actions.audit;

import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

import jakarta.annotation.security.RolesAllowed;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Request;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.core.StreamingOutput;
import jakarta.ws.rs.core.Variant;

import org.apache.commons.csv.CSVPrinter;

import com.fasterxml.jackson.databind.ObjectMapper;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.csv.Csv;
import studio.actions.identity.Person;
import studio.actions.problem.Cursor;

/** Endpoint that lists the audit as JSON or CSV. */
@Path("/api/custom-actions/audit")
@Produces({ MediaType.APPLICATION_JSON, Csv.MEDIA_TYPE })
public class AuditResource {

    private static final List<Variant> FORMS = Variant
            .mediaTypes(MediaType.APPLICATION_JSON_TYPE, MediaType.valueOf(Csv.MEDIA_TYPE)).build();

    private static final int AT_ONCE = 1000;

    private static final int PAGE = 50;

    private static final List<String> COLUMNS = List.of("Time", "Verb", "Action ID", "Action", "Run ID", "Caller ID", "Caller",
            "E-Mail", "Role", "From", "Result", "Detail", "ID");

    private final AuditStore store;
    private final ObjectMapper json;

    @Context
    Request request;

    AuditResource(AuditStore store, ObjectMapper json) {
        this.store = store;
        this.json = json;
    }

    @GET
    @RolesAllowed("admin")
    public Response list(
            @QueryParam("subject") UUID subject,
            @QueryParam("run") UUID run,
            @QueryParam("caller") UUID caller,
            @QueryParam("verb") Verb verb,
            @QueryParam("since") Instant since,
            @QueryParam("until") Instant until,
            @QueryParam("cursor") String cursor,
            @QueryParam("limit") @Min(1) @Max(500) Integer limit,
            @QueryParam("delimiter") @DefaultValue(";") String delimiter,
            @QueryParam("bom") @DefaultValue("false") boolean bom) {
        char between = Csv.delimiter(delimiter);
        AuditStore.Filter filter = new AuditStore.Filter(subject, run, caller, verb, since, until);
        Cursor after = cursor == null ? null : Cursor.parse(cursor);
        Variant form = request.selectVariant(FORMS);
        if (form != null && form.getMediaType().toString().equals(Csv.MEDIA_TYPE)) {
            return csv(filter, after, limit == null ? Integer.MAX_VALUE : limit, between, bom);
        }
        return Response.ok(page(filter, after, limit == null ? PAGE : limit), MediaType.APPLICATION_JSON).build();
    }

    /** Returns a page of entries, newest first: after the cursor, or from the newest entry if the cursor is null. */
    @RolesAllowed("admin")
    public AuditJson.Page page(AuditStore.Filter filter, Cursor after, int size) {
        List<AuditJson.View> found = entries(filter, after, size + 1);
        List<AuditJson.View> page = found.subList(0, Math.min(size, found.size()));
        return new AuditJson.Page(page, found.size() > size ? cursor(page.get(size - 1)).text() : null);
    }

    /** Returns all matching entries as a CSV file with {@code ;} as delimiter, which spreadsheets read as UTF-8. */
    @RolesAllowed("admin")
    public Response csv(AuditStore.Filter filter) {
        return csv(filter, null, Integer.MAX_VALUE, ';', true);
    }

    private Response csv(AuditStore.Filter filter, Cursor after, int most, char delimiter, boolean bom) {
        StreamingOutput table = out -> write(filter, after, most, delimiter, bom, out);
        return Response.ok(table, Csv.MEDIA_TYPE + ";charset=utf-8")
                .header("Content-Disposition", "attachment; filename=\"audit.csv\"").build();
    }

    /** Finds a page of entries, newest first: after the cursor, or from the newest entry if the cursor is null. */
    private List<AuditJson.View> entries(AuditStore.Filter filter, Cursor after, int most) {
        return QuarkusTransaction.requiringNew().call(() -> {
            List<AuditEntry> found = store.entries(filter, after, most);
            Map<UUID, AuditOutcome> outcomes = store
                    .outcomes(found.stream().filter(AuditEntry::begins).map(entry -> entry.runId).toList());
            return found.stream().map(entry -> AuditJson.View.of(entry,
                    entry.begins() ? outcomes.get(entry.runId) : null)).toList();
        });
    }

    /** Writes the CSV page by page, so that no transaction is open while the client reads slowly. */
    private void write(AuditStore.Filter filter, Cursor first, int most, char delimiter, boolean bom, OutputStream out)
            throws IOException {
        Writer writer = new OutputStreamWriter(out, StandardCharsets.UTF_8);
        if (bom) {
            writer.write(Csv.BOM);
        }
        CSVPrinter table = Csv.printer(writer, delimiter);
        table.printRecord(COLUMNS);
        Cursor after = first;
        for (int left = most; left > 0;) {
            List<AuditJson.View> page = entries(filter, after, Math.min(AT_ONCE, left));
            for (AuditJson.View entry : page) {
                table.printRecord(cells(entry).map(value -> Csv.guardAll(value == null ? null : value.toString())));
            }
            if (page.size() < Math.min(AT_ONCE, left)) {
                break;
            }
            left -= page.size();
            after = cursor(page.get(page.size() - 1));
        }
        writer.flush();
    }

    private Stream<Object> cells(AuditJson.View entry) throws IOException {
        AuditJson.Subject subject = entry.subject() == null ? new AuditJson.Subject(null, null) : entry.subject();
        Person caller = entry.caller();
        return Stream.of(entry.at(), entry.verb(), subject.id(), subject.name(), entry.runId(), caller.id(), caller.name(),
                caller.email(), caller.role(), entry.from(), entry.result(),
                entry.detail().isEmpty() ? null : json.writeValueAsString(entry.detail()), entry.id());
    }

    private static Cursor cursor(AuditJson.View last) {
        return new Cursor(last.at(), last.id());
    }
}
