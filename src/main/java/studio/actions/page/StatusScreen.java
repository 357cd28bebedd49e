package studio.actions.page;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;

import org.jboss.resteasy.reactive.RestResponse;

import io.quarkus.qute.CheckedTemplate;
import io.quarkus.qute.TemplateData;
import io.quarkus.qute.TemplateInstance;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.ext.web.RoutingContext;
import studio.actions.database.DatabaseHealth;
import studio.actions.html.Page;
import studio.actions.identity.ForwardedHeaders;
import studio.actions.kitsu.KitsuImport;
import studio.actions.problem.ProblemException;
import studio.actions.replica.Replicas;
import studio.actions.replica.Replicas.Replica;
import studio.actions.statistics.RunMetrics;
import studio.actions.statistics.RunMetrics.Queue;
import studio.actions.transfer.ImportReport;
import studio.actions.transfer.TransferResource;

/** The screens for admins about the service as a whole: its status, and the move of actions from and to other studios. */
@Path(Page.APP)
@Produces(Page.MEDIA_TYPE)
@RolesAllowed("admin")
public class StatusScreen {

    private static final String HOST = "Reached through Kitsu's host";
    private static final String TRUSTED = "Forwarded headers trusted";
    private static final String ADDRESS = "Kitsu's address set (public-url)";
    private static final String ANSWERS = "Kitsu's API server answers";
    private static final String TAKEN = "Kitsu's actions taken over";
    private static final String COPIES = "Kitsu's own copies deleted";
    private static final String SIGNED = "Requests signed";
    private static final String WRITES = "The database accepts writes";

    /** The most lines of a plan that the screen shows. */
    private static final int MOST_LINES = 500;

    /**
     * What this process is and how it is set up.
     *
     * @param settings the effective settings by key, without secrets
     * @param signs whether the service has a signing secret of its own
     */
    public record About(String version, Map<String, String> settings, boolean signs) {
    }

    /** The answer of a set-up check. */
    public enum Answer {
        yes,
        no,
        unknown
    }

    /**
     * A set-up check.
     *
     * @param sentence what to do unless the answer is yes; else a remark, or null
     * @param line the setting to copy; null if there is none
     */
    @TemplateData
    public record Check(String name, Answer answer, String sentence, String line) {
    }

    /** A line of a plan: a change of an action, or an error. */
    @TemplateData
    public record PlanLine(int number, String kind, String action, List<AuditScreen.Field> fields, String error) {

        static PlanLine of(ImportReport.Wrong wrong) {
            return new PlanLine(wrong.line(), null, wrong.action(), List.of(),
                    wrong.column() == null ? wrong.message() : wrong.column() + ": " + wrong.message());
        }

        static PlanLine of(ImportReport.Change change) {
            return new PlanLine(change.line(), change.kind().name(), change.action(), change.fields().stream()
                    .map(field -> new AuditScreen.Field(field.replace('_', ' '), text(change.from(), field),
                            text(change.to(), field)))
                    .filter(field -> !field.from().equals(field.to())).toList(), null);
        }

        private static String text(Map<String, Object> values, String field) {
            return values == null ? "" : AuditScreen.text(values.get(field));
        }
    }

    /**
     * A plan of an import or of the take-over, or its result.
     *
     * @param lines the errors, then the changes
     * @param more how many lines the screen leaves out
     */
    @TemplateData
    public record Plan(int created, int updated, int unchanged, int wrong, List<PlanLine> lines, int more) {

        static Plan of(ImportReport report) {
            List<PlanLine> lines = Stream.concat(report.errors().stream().map(PlanLine::of),
                    report.changes().stream().map(PlanLine::of)).limit(MOST_LINES).toList();
            return new Plan(report.created(), report.updated(), report.unchanged(), report.errors().size(), lines,
                    report.errors().size() + report.changes().size() - lines.size());
        }

        public boolean changes() {
            return created + updated > 0;
        }
    }

    @CheckedTemplate(basePath = "page", defaultName = CheckedTemplate.HYPHENATED_ELEMENT_NAME)
    record Status(Layout layout, List<Check> checks, String version, List<AuditScreen.Item> settings, List<String> allowed,
            Queue queue,
            List<Replica> replicas)
            implements
                TemplateInstance {
    }

    /**
     * @param done what the last click did; null if nothing
     * @param csv the file that the plan is about; null if the plan is about the take-over
     * @param plan null unless a plan was asked for
     * @param trouble why the last request was refused; null if it was not
     */
    @CheckedTemplate(basePath = "page", defaultName = CheckedTemplate.HYPHENATED_ELEMENT_NAME)
    record Move(Layout layout, String done, String csv, Plan plan, String trouble) implements TemplateInstance {
    }

    private final Screens screens;
    private final RoutingContext request;
    private final About about;
    private final DatabaseHealth database;
    private final RunMetrics metrics;
    private final Replicas replicas;
    private final KitsuImport takeOver;
    private final TransferResource transfer;

    StatusScreen(Screens screens, RoutingContext request, About about, DatabaseHealth database, RunMetrics metrics,
            Replicas replicas, KitsuImport takeOver, TransferResource transfer) {
        this.screens = screens;
        this.request = request;
        this.about = about;
        this.database = database;
        this.metrics = metrics;
        this.replicas = replicas;
        this.takeOver = takeOver;
        this.transfer = transfer;
    }

    @GET
    @Path("/status")
    @Blocking
    public Uni<TemplateInstance> status() {
        Layout layout = screens.layout("Status", "status");
        List<Check> checks = new ArrayList<>();
        if (!layout.kitsu()) {
            checks.addAll(own());
            return Uni.createFrom().item(page(layout, checks));
        }
        checks.addAll(way());
        return takeOver.takeOver(KitsuImport.Mode.check, false).emitOn(Infrastructure.getDefaultWorkerPool())
                .map(answer -> kitsu(answer.getEntity()))
                .onFailure(ProblemException.class).recoverWithItem(StatusScreen::withoutKitsu)
                .map(found -> {
                    checks.addAll(found);
                    checks.addAll(own());
                    return page(layout, checks);
                });
    }

    private TemplateInstance page(Layout layout, List<Check> checks) {
        String allow = about.settings.getOrDefault("egress.allow", "");
        return new Status(layout, checks, about.version, about.settings.entrySet().stream()
                .map(one -> new AuditScreen.Item(one.getKey(), one.getValue())).toList(),
                Arrays.stream(allow.split(",")).map(String::strip)
                        .filter(entry -> !entry.isEmpty()).toList(),
                metrics.queue().orElse(null), replicas.list());
    }

    /** Checks how the present request came here. */
    private List<Check> way() {
        ForwardedHeaders.Use use = ForwardedHeaders.use(request);
        boolean proxied = use != ForwardedHeaders.Use.absent;
        String host = host(String.valueOf(request.request().authority()));
        String proxy = request.request().connection().remoteAddress().hostAddress();
        String site = about.settings.get("public-url");
        boolean right = site == null ? proxied : host.equalsIgnoreCase(host(URI.create(site).getRawAuthority()));
        String asked = "This request asked for " + host;
        return List.of(
                right ? new Check(HOST, Answer.yes, asked + ".", null)
                        : site == null ? new Check(HOST, Answer.no, asked + " and had no forwarded headers. Open this page in "
                                + "Kitsu. If you did, include kitsu-actions.conf in Kitsu's nginx.", null)
                                : new Check(HOST, proxied ? Answer.unknown : Answer.no, asked + ", not for " + site
                                        + ". This is right if Kitsu has both names. Else let the proxy pass the header Host on:",
                                        "proxy_set_header Host $http_host;"),
                switch (use) {
                    case trusted -> new Check(TRUSTED, Answer.yes, "They came from " + proxy + ".", null);
                    case ignored -> new Check(TRUSTED, Answer.no, "The headers from " + proxy
                            + " are ignored, so audit and sign-in limit show the proxy's address for everybody. If this is "
                            + "your proxy, set:",
                            "QUARKUS_HTTP_PROXY_PROXY_ADDRESS_FORWARDING=true QUARKUS_HTTP_PROXY_TRUSTED_PROXIES=" + proxy);
                    case absent -> new Check(TRUSTED, Answer.unknown,
                            "This request had none. Let Kitsu's nginx send X-Forwarded-For and X-Forwarded-Proto, as "
                                    + "kitsu-actions.conf does.",
                            null);
                },
                site != null ? new Check(ADDRESS, Answer.yes, site, null)
                        : new Check(ADDRESS, Answer.unknown,
                                "It is not set. This does no harm while "
                                        + "the proxy passes the header Host on. Else Kitsu's cookie is refused; then set:",
                                "CUSTOM_ACTIONS_PUBLIC_URL=https://" + (right ? host : "kitsu.studio.com")));
    }

    /** Returns a host with its port, unless it is the usual one. */
    private static String host(String authority) {
        return authority.replaceFirst(":(80|443)$", "");
    }

    /** Checks what Zou has just answered. */
    private static List<Check> kitsu(ImportReport report) {
        int missing = report.changes().size() + (int) report.errors().stream().map(ImportReport.Wrong::id).distinct().count();
        return List.of(new Check(ANSWERS, Answer.yes, null, null),
                missing == 0 ? new Check(TAKEN, Answer.yes, null, null)
                        : new Check(TAKEN, Answer.no, count(missing, "action") + " of Kitsu "
                                + (missing == 1 ? "is" : "are") + " not here yet. Take over at Move.", null),
                report.unchanged() == 0 ? new Check(COPIES, Answer.yes, null, null)
                        : new Check(COPIES, Answer.no, count(report.unchanged(), "copy") + " still in "
                                + "Kitsu. A login while this service is away shows them, without templates, limits and audit. "
                                + "Delete them at Move.", null));
    }

    private static List<Check> withoutKitsu(Throwable why) {
        return List.of(new Check(ANSWERS, Answer.no, why.getMessage() + " Check CUSTOM_ACTIONS_ZOU_URL.",
                null), new Check(TAKEN, Answer.unknown, "Only Kitsu's API server knows.", null),
                new Check(COPIES, Answer.unknown, "Only Kitsu's API server knows.", null));
    }

    private List<Check> own() {
        return List.of(
                about.signs ? new Check(SIGNED, Answer.yes, null, null)
                        : new Check(SIGNED, Answer.no,
                                "The service has no signing secret, so receivers cannot tell its "
                                        + "requests from forged ones, unless an action names a secret of its own. Set the output of:",
                                "echo CUSTOM_ACTIONS_SIGNING_SECRET=whsec_$(openssl rand -base64 32)"),
                database.refusesWrites().map(why -> new Check(WRITES, Answer.no, why, null))
                        .orElseGet(() -> new Check(WRITES, Answer.yes, null, null)));
    }

    private static String count(int number, String thing) {
        return number + " " + (number == 1 ? thing : thing.replaceFirst("y$", "ie") + "s");
    }

    /** Shows the forms to move actions. The parameters are the result of the last move. */
    @GET
    @Path("/move")
    public TemplateInstance move(@QueryParam("created") Integer created, @QueryParam("updated") Integer updated,
            @QueryParam("deleted") Integer deleted, @QueryParam("unchanged") Integer unchanged) {
        String done = Stream.of(part(created, "created"), part(updated, "changed"), part(deleted, "deleted in Kitsu"),
                part(unchanged, "unchanged")).filter(Objects::nonNull).collect(Collectors.joining(", "));
        return new Move(screens.layout("Move", "move"), done.isEmpty() ? null : done + ".", null, null, null);
    }

    private static String part(Integer number, String what) {
        return number == null ? null : number + " " + what;
    }

    /** Shows what an import of a CSV file would do, or does it. */
    @POST
    @Path("/move/import")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @Blocking
    public Response read(String body) {
        Form form = Form.parse(body);
        boolean apply = "apply".equals(form.text("do"));
        // Browsers send each line break of a form's field as CR LF. A description with line breaks must stay as it is in the file.
        String csv = Objects.requireNonNullElse(form.text("csv"), "").replace("\r\n", "\n");
        Layout layout = screens.layout("Move", "move");
        try {
            return answer(layout, csv, apply, transfer.read(apply ? ImportReport.Mode.apply : ImportReport.Mode.check,
                    "true".equals(form.text("skip_invalid")), csv.getBytes(StandardCharsets.UTF_8)));
        } catch (ProblemException refused) {
            return refused(layout, csv, refused);
        }
    }

    /** Shows what a take-over of Kitsu's actions would do, or does it, or deletes Kitsu's copies, or restores them. */
    @POST
    @Path("/move/take-over")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @Blocking
    public Uni<Response> takeOver(String body) {
        Form form = Form.parse(body);
        KitsuImport.Mode mode = Arrays.stream(KitsuImport.Mode.values())
                .filter(one -> one.name().equals(form.text("do"))).findFirst().orElse(KitsuImport.Mode.check);
        Layout layout = screens.layout("Move", "move");
        return Uni.createFrom().deferred(() -> takeOver.takeOver(mode, "true".equals(form.text("skip_invalid"))))
                .map(report -> answer(layout, null, mode != KitsuImport.Mode.check, report))
                .onFailure(ProblemException.class)
                .recoverWithItem(refused -> refused(layout, null, (ProblemException) refused));
    }

    private static Response answer(Layout layout, String csv, boolean apply, RestResponse<ImportReport> answer) {
        ImportReport report = answer.getEntity();
        if (!apply) {
            return Response.ok(new Move(layout, null, csv, Plan.of(report), null)).build();
        }
        if (answer.getStatus() == 200) {
            long deleted = report.changes().stream().filter(change -> change.kind() == ImportReport.Kind.deleted).count();
            return Response.seeOther(URI.create(Page.APP + "/move?" + (deleted > 0 ? "deleted=" + deleted
                    : "created=" + report.created() + "&updated=" + report.updated() + "&unchanged=" + report.unchanged())))
                    .build();
        }
        return Response.status(answer.getStatus()).entity(new Move(layout, null, csv, Plan.of(report),
                report.changes().isEmpty() ? "Nothing was changed, because of these errors." : "Some actions were refused."))
                .build();
    }

    private static Response refused(Layout layout, String csv, ProblemException refused) {
        return Response.status(refused.code().status).entity(new Move(layout, null, csv, null, refused.getMessage())).build();
    }
}
