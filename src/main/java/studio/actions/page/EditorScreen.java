package studio.actions.page;

import java.net.URI;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Executor;

import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;

import io.quarkus.qute.CheckedTemplate;
import io.quarkus.qute.TemplateData;
import io.quarkus.qute.TemplateInstance;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.action.ActionHistory;
import studio.actions.action.ActionJson;
import studio.actions.action.ActionWriter;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.draft.Draft;
import studio.actions.draft.EntityType;
import studio.actions.draft.Example;
import studio.actions.draft.Method;
import studio.actions.draft.TypedDraft;
import studio.actions.draft.TypedDrafts;
import studio.actions.draft.TypedDrafts.Unsaved;
import studio.actions.html.Page;
import studio.actions.identity.Caller;
import studio.actions.identity.Requester;
import studio.actions.identity.Role;
import studio.actions.kitsu.RefusedForms;
import studio.actions.press.PressJson;
import studio.actions.press.PreviewResource;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;
import studio.actions.problem.StrictJson;
import studio.actions.run.Target;
import studio.actions.template.Variable;

/** The screen on which admins create and change actions, with a preview of the request that a press would send. */
@Path(Page.APP)
@Produces(Page.MEDIA_TYPE)
@RolesAllowed("admin")
public class EditorScreen {

    private static final String PATH = Page.APP + "/actions";

    /**
     * What is edited.
     *
     * @param id the action's id; null for a new action
     * @param version the version on which the form is based; null for a new action
     * @param target the pasted link to the target of the preview
     */
    @TemplateData
    public record Subject(UUID id, Integer version, TypedDraft form, String target) {

        static Subject of(UUID id, Form form) {
            return new Subject(id, number(form.text("version")), TypedDraft.of(form.fields()),
                    form.text("target") == null ? "" : form.text("target"));
        }

        Subject with(TypedDraft typed, Integer base) {
            return new Subject(id, base, typed, target);
        }

        public String path() {
            return PATH + "/" + (id == null ? "new" : id);
        }
    }

    /** A wrong field: its name in the form, its label, and what to do. */
    @TemplateData
    public record Wrong(String field, String label, String message, boolean missing) {

        static Wrong of(Fault fault) {
            String field = fault.pointer().replaceFirst("^(/action)?/", "").replaceFirst("/.*", "");
            return new Wrong(field, Objects.requireNonNullElse(TypedDraft.label(field), "Target"), fault.message(),
                    fault.code().equals("required"));
        }
    }

    /** The version that somebody else saved meanwhile. */
    @TemplateData
    public record Conflict(int version, String by, Instant at, List<TypedDraft.Difference> differences) {
    }

    /**
     * What the editor has to say above the form.
     *
     * @param trouble why the form was not saved, if no field is wrong
     * @param unsaved what was typed earlier and not saved
     */
    @TemplateData
    public record Notice(List<Wrong> wrong, String trouble, Conflict conflict, Unsaved unsaved, boolean saved) {

        static final Notice NONE = new Notice(List.of(), null, null, null, false);

        static Notice of(List<Fault> faults) {
            return new Notice(faults.stream().map(Wrong::of).toList(), null, null, null, false);
        }

        static Notice of(String trouble) {
            return new Notice(List.of(), trouble, null, null, false);
        }

        static Notice of(Conflict conflict) {
            return new Notice(List.of(), null, conflict, null, false);
        }

        public List<String> errors(String field) {
            return wrong.stream().filter(one -> one.field.equals(field)).map(Wrong::message).toList();
        }

        public boolean isWrong(String field) {
            return !errors(field).isEmpty();
        }
    }

    /** A production that an action can be limited to. */
    @TemplateData
    public record Production(String id, String name, boolean ticked) {
    }

    /** The values that the form offers. The productions are empty if Kitsu does not name them. */
    @TemplateData
    public record Choices(List<Production> productions, List<String> secrets, Set<String> programs, EntityType[] types,
            Role[] roles, Method[] methods, Variable[] variables, Example[] examples) {
    }

    /**
     * What a press would send.
     *
     * @param target the target in words; null if there is none
     * @param would null if a field is wrong or there is no target
     * @param body the request's body, in lines
     * @param values the values of the URL's variables, by name
     */
    @TemplateData
    public record Preview(String target, String from, PressJson.Preview.Would would, String body, List<Wrong> wrong,
            Map<String, String> values) {

        static Preview of(PressJson.Sample sample, Target target, PressJson.Preview.Would would, List<Fault> faults,
                Caller caller) {
            return new Preview(sample == null ? null : target.words(), sample == null ? null : sample.from(), would,
                    would == null || would.body() == null ? null : would.body().toPrettyString(),
                    faults.stream().map(Wrong::of).toList(), PreviewResource.values(target, caller));
        }

        public String value(Variable variable) {
            return values.get(variable.name());
        }
    }

    @CheckedTemplate(basePath = "page", defaultName = CheckedTemplate.HYPHENATED_ELEMENT_NAME)
    record EditorPage(Layout layout, Subject subject, Notice notice, Choices choices, Preview preview)
            implements
                TemplateInstance {
    }

    /** The part of the page that is fetched again while somebody types. */
    @CheckedTemplate(basePath = "page", defaultName = CheckedTemplate.HYPHENATED_ELEMENT_NAME)
    record EditorPreview(Preview preview, Variable[] variables) implements TemplateInstance {
    }

    private final Screens screens;
    private final ActionWriter writer;
    private final ActionHistory history;
    private final TypedDrafts drafts;
    private final RefusedForms forms;
    private final PreviewResource previews;
    private final SecurityIdentity identity;
    private final Executor workers = Infrastructure.getDefaultWorkerPool();

    EditorScreen(Screens screens, ActionWriter writer, ActionHistory history, TypedDrafts drafts, RefusedForms forms,
            PreviewResource previews, SecurityIdentity identity) {
        this.screens = screens;
        this.writer = writer;
        this.history = history;
        this.drafts = drafts;
        this.forms = forms;
        this.previews = previews;
        this.identity = identity;
    }

    /**
     * Shows the form for a new action: empty, or filled with a copy of an action, with an example, with a refused form of
     * Kitsu, or with what was typed before.
     */
    @GET
    @Path("/actions/new")
    @Blocking
    public Uni<Response> make(@QueryParam("from") String from, @QueryParam("form") String form,
            @QueryParam("example") Example example, @QueryParam("take") @DefaultValue("false") boolean take) {
        Draft start = blank();
        if (StrictJson.id(from) != null) {
            Draft copied = stored(StrictJson.id(from)).action();
            start = copied.withKitsuFields("Copy of " + copied.name(), copied.url(), copied.entityType(), copied.isAjax());
        } else if (example != null) {
            start = drafts.filled(example.draft());
        }
        return open(new Subject(null, null, TypedDraft.of(start), ""), start, form, take, false);
    }

    /** Shows the form for an action. */
    @GET
    @Path("/actions/{id}")
    @Blocking
    public Uni<Response> edit(@PathParam("id") UUID id, @QueryParam("form") String form,
            @QueryParam("take") @DefaultValue("false") boolean take,
            @QueryParam("saved") @DefaultValue("false") boolean saved) {
        ActionJson.History.Version stored = stored(id);
        return open(new Subject(id, stored.version(), TypedDraft.of(stored.action()), ""), stored.action(), form, take, saved);
    }

    private Uni<Response> open(Subject asStored, Draft draft, String form, boolean take, boolean saved) {
        Caller caller = Caller.of(identity);
        Optional<Unsaved> unsaved = drafts.find(caller.id(), asStored.id);
        if (StrictJson.id(form) != null) {
            TypedDraft typed = forms.typed(StrictJson.id(form), draft);
            return page(200, asStored.with(typed, asStored.version), Notice.of(drafts.check(typed, caller)));
        }
        if (take && unsaved.isPresent()) {
            return page(200, asStored.with(unsaved.get().typed(), unsaved.get().version()), Notice.NONE);
        }
        Unsaved offered = unsaved.filter(one -> !one.typed().equals(asStored.form)).orElse(null);
        return page(200, asStored, new Notice(List.of(), null, null, offered, saved));
    }

    @POST
    @Path("/actions/new")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @Blocking
    public Uni<Response> create(String body) {
        return save(null, Form.parse(body));
    }

    /** Saves an action, if nobody has changed it since the version in the form. */
    @POST
    @Path("/actions/{id}")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @Blocking
    public Uni<Response> change(@PathParam("id") UUID id, String body) {
        return save(id, Form.parse(body));
    }

    private Uni<Response> save(UUID id, Form form) {
        Requester requester = Requester.of(identity);
        Subject typed = Subject.of(id, form);
        List<Fault> faults = new ArrayList<>();
        Draft draft = typed.form.read(faults);
        if ("preview".equals(form.text("do"))) {
            return page(200, typed, Notice.NONE);
        }
        if (!faults.isEmpty()) {
            return page(400, typed, Notice.of(drafts.check(typed.form, requester.caller())));
        }
        keep(typed, drafts.check(typed.form, requester.caller()));
        try {
            Integer over = number(form.text("over"));
            UUID saved = (id == null ? writer.create(draft, requester)
                    : writer.change(id, before -> draft,
                            stored -> Objects.equals(stored.version, over != null ? over : typed.version), requester)).id;
            drafts.forget(requester.caller().id(), id);
            return Uni.createFrom().item(to(PATH + "/" + saved + "?saved=true"));
        } catch (ProblemException refused) {
            return switch (refused.code()) {
                case STALE_VERSION -> page(412, typed, Notice.of(conflict(typed)));
                case NOT_FOUND -> page(404, new Subject(null, null, typed.form, typed.target),
                        Notice.of("This action was deleted meanwhile. Save creates a new one."));
                default -> page(refused.code().status, typed,
                        refused.errors().isEmpty() ? Notice.of(refused.getMessage()) : Notice.of(refused.errors()));
            };
        }
    }

    private Conflict conflict(Subject mine) {
        ActionJson.History.Version stored = stored(mine.id);
        return new Conflict(stored.version(), stored.by().name(), stored.at(),
                TypedDraft.of(drafts.filled(mine.form.read(new ArrayList<>()))).differences(TypedDraft.of(stored.action())));
    }

    /** Forgets what was typed and not saved. */
    @POST
    @Path("/actions/discard")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    public Response discard(String body) {
        UUID id = StrictJson.id(Form.parse(body).text("id"));
        drafts.forget(Caller.of(identity).id(), id);
        return to(PATH + "/" + (id == null ? "new" : id));
    }

    /** Previews what was typed, and keeps it. */
    @POST
    @Path("/actions/preview")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @Blocking
    public Uni<TemplateInstance> preview(String body) {
        Form form = Form.parse(body);
        Subject typed = Subject.of(StrictJson.id(form.text("id")), form);
        List<Fault> faults = drafts.check(typed.form, Caller.of(identity));
        keep(typed, faults);
        return preview(typed, faults).map(preview -> new EditorPreview(preview, Variable.values()));
    }

    private void keep(Subject typed, List<Fault> faults) {
        UUID caller = Caller.of(identity).id();
        if (typed.id == null && drafts.filled(typed.form.read(new ArrayList<>())).equals(blank())) {
            drafts.forget(caller, null);
        } else {
            drafts.keep(caller, typed.id, typed.form, typed.version, faults);
        }
    }

    private Uni<Preview> preview(Subject typed, List<Fault> faults) {
        Caller caller = Caller.of(identity);
        Draft draft = typed.form.read(new ArrayList<>());
        PressJson.Sample sample = previews.sample(typed.id, draft, typed.target);
        Target target = sample == null ? Target.NONE : sample.target();
        if (!faults.isEmpty() || sample == null) {
            return Uni.createFrom().item(Preview.of(sample, target, null, faults, caller));
        }
        return Uni.createFrom().deferred(() -> previews.previewDraft(new PressJson.DraftPress(draft, null, List.of(target))))
                .map(preview -> Preview.of(sample, preview.deliveries().get(0).target(), preview.deliveries().get(0), List.of(),
                        caller))
                .onFailure(ProblemException.class).recoverWithItem(failure -> {
                    ProblemException refused = (ProblemException) failure;
                    return Preview.of(sample, target, null, refused.errors().isEmpty()
                            ? List.of(new Fault("/target", refused.code().wire(), refused.getMessage()))
                            : refused.errors(), caller);
                });
    }

    private Uni<Response> page(int status, Subject subject, Notice notice) {
        Layout layout = screens.layout(subject.id == null ? "New action" : "Edit action", "actions");
        Uni<Preview> preview = preview(subject, drafts.check(subject.form, Caller.of(identity)));
        return Uni.combine().all().unis(screens.productions(), preview).asTuple().emitOn(workers)
                .map(both -> Response.status(status).entity(new EditorPage(layout, subject, notice,
                        new Choices(productions(both.getItem1(), subject.form), drafts.secrets(), drafts.programs(),
                                EntityType.values(), Role.values(), Method.values(), Variable.values(), Example.values()),
                        both.getItem2())).build());
    }

    /** Returns Kitsu's productions by name, and the ids in the form that Kitsu does not name. Empty if it names none. */
    private static List<Production> productions(Map<UUID, String> names, TypedDraft form) {
        List<Production> all = new ArrayList<>();
        names.forEach((id, name) -> all.add(new Production(id.toString(), name, form.has("project_ids", id.toString()))));
        all.sort(Comparator.comparing(Production::name, String.CASE_INSENSITIVE_ORDER));
        if (!all.isEmpty()) {
            form.all("project_ids").stream().filter(id -> StrictJson.id(id) == null || !names.containsKey(StrictJson.id(id)))
                    .forEach(id -> all.add(new Production(id, id, true)));
        }
        return all;
    }

    private Draft blank() {
        return drafts.filled(Draft.of(null, null, null, null));
    }

    /** Returns the present version of an action. */
    private ActionJson.History.Version stored(UUID id) {
        ActionJson.History.Version last = history.history(id, null, 1).data().get(0);
        if (last.verb() == Verb.deleted) {
            throw new ProblemException(Code.NOT_FOUND, "This action was deleted. The list of actions can restore it.");
        }
        return last;
    }

    private static Integer number(String text) {
        return text == null || !text.matches("\\d{1,9}") ? null : Integer.valueOf(text);
    }

    private static Response to(String path) {
        return Response.seeOther(URI.create(path)).build();
    }
}
