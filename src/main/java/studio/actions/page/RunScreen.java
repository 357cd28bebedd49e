package studio.actions.page;

import java.net.URI;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Executor;

import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.qute.CheckedTemplate;
import io.quarkus.qute.TemplateData;
import io.quarkus.qute.TemplateInstance;
import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.html.Page;
import studio.actions.identity.Requester;
import studio.actions.limit.Limited;
import studio.actions.press.PressJson;
import studio.actions.press.ReplayResource;
import studio.actions.run.Run;
import studio.actions.run.RunAccess;
import studio.actions.run.RunJson;
import studio.actions.run.RunJson.DeliveryView;
import studio.actions.run.RunResource;
import studio.actions.run.RunStore;
import studio.actions.run.Target;

/** The screen of one run: its deliveries, failed ones first, with the buttons to cancel it and to send it again. */
@Path(Page.APP + "/runs/{id}")
@Produces(Page.MEDIA_TYPE)
@Authenticated
public class RunScreen {

    /** A delivery as the screen shows it. */
    @TemplateData
    public record Row(DeliveryView delivery) {

        /** Returns the name of the target in words: sequence and name of a shot, or its id if Kitsu gave no name. */
        public String name() {
            return delivery.target().words();
        }

        /** Returns the path of the task in Kitsu; null if the target is no task. */
        public String inKitsu() {
            Target target = delivery.target();
            return target.taskId() == null || target.productionId() == null || target.entityType() == null ? null
                    : "/productions/" + target.productionId() + "/" + target.entityType() + "s/tasks/" + target.taskId();
        }

        public boolean failed() {
            return delivery.state().isFailure();
        }
    }

    /**
     * @param failures the first failed deliveries
     * @param others the other deliveries of the first page
     * @param more whether the run has deliveries that the screen does not show
     */
    @CheckedTemplate(basePath = "page", defaultName = CheckedTemplate.HYPHENATED_ELEMENT_NAME)
    record RunDetails(Layout layout, RunJson.View run, List<Row> failures, List<Row> others, boolean more, boolean whole,
            boolean own, boolean stopping, Run replay)
            implements
                TemplateInstance {
    }

    private final Screens screens;
    private final RunAccess access;
    private final RunResource resource;
    private final ReplayResource replays;
    private final SecurityIdentity identity;
    private final Executor workers = Infrastructure.getDefaultWorkerPool();

    RunScreen(Screens screens, RunAccess access, RunResource resource, ReplayResource replays, SecurityIdentity identity) {
        this.screens = screens;
        this.access = access;
        this.resource = resource;
        this.replays = replays;
        this.identity = identity;
    }

    @GET
    @Blocking
    public Uni<TemplateInstance> show(@PathParam("id") UUID id) {
        Requester requester = Requester.of(identity);
        Layout layout = screens.layout("Run", "runs");
        return access.of(requester).emitOn(workers).map(seen -> QuarkusTransaction.requiringNew().call(() -> {
            Run run = seen.find(id);
            RunJson.View view = RunJson.View.of(run, seen);
            List<Row> failures = view.page().failures().stream().map(Row::new).toList();
            List<Row> others = view.page().deliveries().stream().filter(one -> failures.stream()
                    .noneMatch(failure -> failure.delivery().id().equals(one.id()))).map(Row::new).toList();
            return new RunDetails(layout, view, failures, others, failures.size() + others.size() < view.counts().total(),
                    seen.seesRequests(run), run.belongsTo(requester.caller()),
                    run.cancelledAt != null && run.finishedAt == null, RunStore.lastReplay(id));
        }));
    }

    @POST
    @Path("/cancel")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @Blocking
    public Uni<Response> cancel(@PathParam("id") UUID id, String body) {
        return resource.cancel(id).map(cancelled -> to(id));
    }

    /** Sends deliveries of the run again: the failed ones, or all. Then shows the new run. */
    @POST
    @Path("/replay")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @Blocking
    @Limited
    public Uni<Response> replay(@PathParam("id") UUID id, String body, @Context HttpHeaders headers) {
        PressJson.Only only = "all".equals(Form.parse(body).text("only")) ? PressJson.Only.all : PressJson.Only.failed;
        return replays.replay(id, only, List.of("respond-async"), headers)
                .map(answer -> to(answer.getEntity().id()));
    }

    private static Response to(UUID run) {
        return Response.seeOther(URI.create(Page.APP + "/runs/" + run)).build();
    }
}
