package studio.actions.transfer;

import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.List;

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

import io.quarkus.security.identity.SecurityIdentity;
import studio.actions.csv.Csv;
import studio.actions.identity.Requester;
import studio.actions.problem.ProblemException;
import studio.actions.transfer.ActionTransfer.Applied;
import studio.actions.transfer.ActionTransfer.Columns;
import studio.actions.transfer.ImportReport.Mode;

/** REST resource for export and import of actions as CSV. */
@Path("/api/custom-actions")
public class TransferResource {

    private final ActionTransfer transfer;
    private final ActionCsv csv;
    private final SecurityIdentity identity;

    TransferResource(ActionTransfer transfer, ActionCsv csv, SecurityIdentity identity) {
        this.transfer = transfer;
        this.csv = csv;
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
        List<ActionCsv.Line> lines = transfer.export(columns, Requester.of(identity));
        StreamingOutput table = out -> {
            Writer writer = new OutputStreamWriter(out, StandardCharsets.UTF_8);
            if (bom) {
                writer.write(Csv.BOM);
            }
            csv.write(lines, columns.list(), between, writer);
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
    public RestResponse<ImportReport> read(@QueryParam("mode") Mode mode,
            @QueryParam("skip_invalid") Boolean skipInvalid,
            byte[] file) {
        if (mode == null) {
            throw ProblemException.parameter("mode", "required", "'mode' must be check or apply.");
        }
        byte[] given = file == null ? new byte[0] : file;
        Requester requester = Requester.of(identity);
        if (mode == Mode.check) {
            return RestResponse.ok(transfer.check(given, requester));
        }
        Applied done = transfer.apply(given, Boolean.TRUE.equals(skipInvalid), requester);
        return done.applied() ? RestResponse.ok(done.report())
                : ResponseBuilder.<ImportReport> create(422).entity(done.report()).build();
    }
}
