package studio.actions.action;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

import jakarta.annotation.security.RolesAllowed;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Request;

import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.security.identity.SecurityIdentity;
import studio.actions.action.ActionJson.History;
import studio.actions.action.ActionJson.View;
import studio.actions.draft.Draft;
import studio.actions.draft.DraftJson;
import studio.actions.identity.Caller;
import studio.actions.identity.Person;
import studio.actions.identity.Requester;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/** REST resource that lists the versions of an action, with who changed what, and restores a version. */
@Path("/api/custom-actions")
@Produces(MediaType.APPLICATION_JSON)
public class ActionHistory {

    private final ActionWriter writer;
    private final ActionStore store;
    private final DraftJson drafts;
    private final SecurityIdentity identity;

    @Context
    Request request;
    @Context
    HttpHeaders headers;

    ActionHistory(ActionWriter writer, ActionStore store, DraftJson drafts, SecurityIdentity identity) {
        this.writer = writer;
        this.store = store;
        this.drafts = drafts;
        this.identity = identity;
    }

    @GET
    @Path("/{id}/history")
    @RolesAllowed("admin")
    public History history(@PathParam("id") UUID id,
            @QueryParam("cursor") String cursor,
            @QueryParam("limit") @DefaultValue("50") @Min(1) @Max(500) int limit) {
        int before = cursor == null ? Integer.MAX_VALUE : version(cursor);
        // Reads one version more than the page shows, because the changes of the page's last version are computed from it.
        List<ActionVersion> found = QuarkusTransaction.requiringNew().call(
                () -> store.versionsBefore(id, before, limit + 1));
        if (found.isEmpty() && cursor == null) {
            throw new ProblemException(Code.NOT_FOUND, "There is no action " + id + ", and there never was one.");
        }
        List<History.Version> versions = new ArrayList<>();
        for (int i = 0; i < Math.min(limit, found.size()); i++) {
            versions.add(version(found.get(i), i + 1 < found.size() ? found.get(i + 1) : null));
        }
        return new History(versions, found.size() > limit ? Integer.toString(found.get(limit - 1).version) : null);
    }

    @POST
    @Path("/{id}/restore")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed("admin")
    public RestResponse<View> restore(@PathParam("id") UUID id,
            @QueryParam("version") @Min(1) @Max(Integer.MAX_VALUE) Integer version) {
        Action action = writer.restore(id, version, this::expected,
                Requester.of(identity));
        return ResponseBuilder.ok(View.of(action, Caller.of(identity))).tag(Etag.of(action)).build();
    }

    /**
     * Returns true if the request's {@code If-Match} is met. A deleted action has no ETag, so a request to restore it must not
     * have this header.
     */
    private boolean expected(Action present) {
        return present == null ? headers.getHeaderString(HttpHeaders.IF_MATCH) == null
                : request.evaluatePreconditions(Etag.of(present)) == null;
    }

    private static int version(String cursor) {
        if (!cursor.matches("[0-9]{1,9}")) {
            throw ProblemException.parameter("cursor", "unknown_cursor", "'cursor' must be the 'next' of an earlier page.");
        }
        return Integer.parseInt(cursor);
    }

    /**
     * Returns the JSON of a version with its changes.
     *
     * @param before the previous version; null if there is none
     */
    private History.Version version(ActionVersion of, ActionVersion before) {
        JsonNode was = before == null ? NullNode.instance : before.draft;
        // The draft is read and written again to restore the order of its fields, which PostgreSQL does not keep.
        Draft draft = drafts.read(of.draft);
        JsonNode is = drafts.write(draft);
        List<History.Change> changes = DraftJson.changed(was, is).stream()
                .map(field -> new History.Change(field, was.get(field), is.get(field))).toList();
        return new History.Version(of.version, of.at, of.verb,
                new Person(of.callerId, of.callerName, of.callerEmail, of.callerRole), changes, draft);
    }
}
