package studio.actions.page;

import java.net.URI;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.stream.Collector;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;

import com.fasterxml.jackson.databind.JsonNode;

import io.quarkus.qute.CheckedTemplate;
import io.quarkus.qute.TemplateData;
import io.quarkus.qute.TemplateInstance;
import io.smallrye.common.annotation.Blocking;
import studio.actions.action.Action;
import studio.actions.action.ActionHistory;
import studio.actions.action.ActionJson.History;
import studio.actions.action.Actions;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.audit.AuditJson;
import studio.actions.audit.AuditResource;
import studio.actions.audit.AuditStore;
import studio.actions.html.Page;
import studio.actions.identity.Person;
import studio.actions.problem.Cursor;
import studio.actions.problem.ProblemException;
import studio.actions.problem.StrictJson;

/** The screens for admins that show who did what: the audit, and the versions of one action. */
@Path(Page.APP)
@Produces(Page.MEDIA_TYPE)
@RolesAllowed("admin")
public class AuditScreen {

    private static final int ON_A_PAGE = 50;

    private static final Collector<CharSequence, ?, String> LINES = Collectors.joining("\n");

    /**
     * The filter of the audit, as the query of its address has it; null stands for any value.
     *
     * @param since the first day, in the time zone of the viewer
     */
    @TemplateData
    public record Filter(Verb verb, UUID action, UUID person, LocalDate since) {

        static Filter of(String verb, String action, String person, String since) {
            return new Filter(blank(verb) ? null : verb(verb), id("action", action), id("person", person),
                    blank(since) ? null : day(since));
        }

        private static UUID id(String name, String text) {
            UUID id = blank(text) ? null : StrictJson.id(text);
            if (id == null && !blank(text)) {
                throw ProblemException.parameter(name, "invalid_value", "'" + name + "' must be an id.");
            }
            return id;
        }

        private static boolean blank(String text) {
            return text == null || text.isBlank();
        }

        private static Verb verb(String text) {
            return Arrays.stream(Verb.values()).filter(verb -> verb.name().equals(text)).findFirst()
                    .orElseThrow(() -> ProblemException.parameter("verb", "invalid_value",
                            "'verb' must be one of " + List.of(Verb.values()) + "."));
        }

        private static LocalDate day(String text) {
            try {
                return LocalDate.parse(text);
            } catch (DateTimeException e) {
                throw ProblemException.parameter("since", "invalid_value", "'since' must be a day, such as 2027-01-31.");
            }
        }

        AuditStore.Filter in(Layout layout) {
            Instant from = since == null ? null : since.atStartOfDay(layout.viewer().times().zone()).toInstant();
            return new AuditStore.Filter(action, null, person, verb, from, null);
        }

        public String ofAction(UUID id) {
            return new Filter(verb, id, person, since).path();
        }

        public String ofPerson(UUID id) {
            return new Filter(verb, action, id, since).path();
        }

        public String path() {
            return Page.APP + "/audit" + query();
        }

        public String csv() {
            return Page.APP + "/audit/csv" + query();
        }

        String older(String cursor) {
            return path() + (query().isEmpty() ? "?" : "&") + "cursor=" + cursor;
        }

        private String query() {
            return Form.query("verb", verb, "action", action, "person", person, "since", since);
        }

        public boolean narrow() {
            return !query().isEmpty();
        }
    }

    /** A name with its value. */
    @TemplateData
    public record Item(String name, String value) {
    }

    /** An entry of the audit as the screen shows it. */
    @TemplateData
    public record Entry(AuditJson.View view) {

        public List<Item> details() {
            return view.detail().entrySet().stream().map(one -> new Item(words(one.getKey()),
                    text(one.getValue()).replace("\n", ", "))).toList();
        }

        public String role() {
            return view.caller().role() == null ? "" : view.caller().role().name();
        }
    }

    /** A version of an action with its changes, as the screen shows it. */
    @TemplateData
    public record Version(History.Version view, boolean present) {

        public List<Field> changes() {
            return view.changes().stream()
                    .map(change -> new Field(words(change.field()), text(change.from()), text(change.to()))).toList();
        }
    }

    /** A changed field of an action; an empty text stands for no value. */
    @TemplateData
    public record Field(String name, String from, String to) {
    }

    @CheckedTemplate(basePath = "page", defaultName = CheckedTemplate.HYPHENATED_ELEMENT_NAME)
    record Audit(Layout layout, Filter filter, Verb[] verbs, List<Layout.Choice> actions, List<Layout.Choice> people,
            List<Entry> entries,
            String next)
            implements
                TemplateInstance {
    }

    /**
     * @param deleted whether the action is deleted
     * @param trouble why the last restore was refused; null if it was not
     */
    @CheckedTemplate(basePath = "page", defaultName = CheckedTemplate.HYPHENATED_ELEMENT_NAME)
    record ActionVersions(Layout layout, UUID id, String name, boolean deleted, List<Version> versions, String next,
            String trouble)
            implements
                TemplateInstance {
    }

    private final Screens screens;
    private final AuditResource audit;
    private final ActionHistory history;
    private final Actions actions;

    AuditScreen(Screens screens, AuditResource audit, ActionHistory history, Actions actions) {
        this.screens = screens;
        this.audit = audit;
        this.history = history;
        this.actions = actions;
    }

    @GET
    @Path("/audit")
    @Blocking
    public TemplateInstance audit(@QueryParam("verb") String verb, @QueryParam("action") String action,
            @QueryParam("person") String person, @QueryParam("since") String since, @QueryParam("cursor") String cursor) {
        Layout layout = screens.layout("Audit", "audit");
        Filter filter = Filter.of(verb, action, person, since);
        AuditJson.Page page = audit.page(filter.in(layout), cursor == null ? null : Cursor.parse(cursor), ON_A_PAGE);
        return new Audit(layout, filter, Verb.values(), actions(filter, layout, page), people(filter, page),
                page.data().stream().map(Entry::new).toList(), page.next() == null ? null : filter.older(page.next()));
    }

    @GET
    @Path("/audit/csv")
    @Produces("text/csv")
    @Blocking
    public Response csv(@QueryParam("verb") String verb, @QueryParam("action") String action,
            @QueryParam("person") String person, @QueryParam("since") String since) {
        return audit.csv(Filter.of(verb, action, person, since).in(screens.layout("Audit", "audit")));
    }

    /** Returns the present actions as choices, and the chosen one if it is deleted. */
    private List<Layout.Choice> actions(Filter filter, Layout layout, AuditJson.Page page) {
        List<Action> present = actions.visibleTo(layout.viewer());
        List<Layout.Choice> choices = new ArrayList<>(present.stream()
                .map(one -> new Layout.Choice(one.id, one.name, one.id.equals(filter.action))).toList());
        if (filter.action != null && choices.stream().noneMatch(Layout.Choice::chosen)) {
            choices.add(0, new Layout.Choice(filter.action, page.data().stream().map(AuditJson.View::subject)
                    .filter(Objects::nonNull).map(AuditJson.Subject::name).filter(Objects::nonNull).findFirst()
                    .orElse("Another action"), true));
        }
        return choices;
    }

    /** Returns the people on this page of the audit as choices, and the chosen one. */
    private static List<Layout.Choice> people(Filter filter, AuditJson.Page page) {
        Map<UUID, String> names = page.data().stream().map(AuditJson.View::caller).collect(Collectors.toMap(Person::id,
                one -> one.name() == null ? one.id().toString() : one.name(), (first, second) -> first));
        if (filter.person != null) {
            names.putIfAbsent(filter.person, "Another person");
        }
        return names.entrySet().stream().sorted(Map.Entry.comparingByValue(String.CASE_INSENSITIVE_ORDER))
                .map(one -> new Layout.Choice(one.getKey(), one.getValue(), one.getKey().equals(filter.person))).toList();
    }

    @GET
    @Path("/actions/{id}/history")
    @Blocking
    public TemplateInstance versions(@PathParam("id") UUID id, @QueryParam("cursor") String cursor) {
        return versions(id, cursor, null);
    }

    private ActionVersions versions(UUID id, String cursor, String trouble) {
        History page = history.history(id, cursor, ON_A_PAGE);
        History newest = cursor == null ? page : history.history(id, null, 1);
        History.Version last = newest.data().get(0);
        boolean deleted = last.verb() == Verb.deleted;
        return new ActionVersions(screens.layout("History of " + last.action().name(), "actions"), id, last.action().name(),
                deleted,
                page.data().stream().map(one -> new Version(one, !deleted && one.version() == last.version())).toList(),
                page.next() == null ? null : Page.APP + "/actions/" + id + "/history?cursor=" + page.next(), trouble);
    }

    /** Restores a version. If this is refused, shows the history again with the reason. */
    @POST
    @Path("/actions/{id}/history")
    @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
    @Blocking
    public Response restore(@PathParam("id") UUID id, String body) {
        try {
            history.restore(id, version(Form.parse(body).text("version")));
            return Response.seeOther(URI.create(Page.APP + "/actions/" + id + "/history")).build();
        } catch (ProblemException refused) {
            return Response.status(refused.code().status).entity(versions(id, null, refused.getMessage())).build();
        }
    }

    private static Integer version(String text) {
        if (text == null || !text.matches("[1-9][0-9]{0,8}")) {
            throw ProblemException.parameter("version", "invalid_value", "'version' must be the number of a version.");
        }
        return Integer.valueOf(text);
    }

    /** Returns a field's name in words: {@code rate_per_minute} becomes "rate per minute". */
    private static String words(String field) {
        return field.replace('_', ' ');
    }

    /** Returns a value of JSON as text: each entry of a list or object on a line of its own. No value becomes an empty text. */
    static String text(Object value) {
        return value instanceof JsonNode json ? json.isObject()
                ? json.properties().stream().map(one -> one.getKey() + ": " + text(one.getValue())).collect(LINES)
                : json.isArray() ? StreamSupport.stream(json.spliterator(), false).map(AuditScreen::text).collect(LINES)
                        : json.isNull() ? "" : json.asText()
                : value instanceof Map<?, ?> map
                        ? map.entrySet().stream().map(one -> one.getKey() + ": " + text(one.getValue())).collect(LINES)
                        : value instanceof Collection<?> list ? list.stream().map(AuditScreen::text).collect(LINES)
                                : Objects.toString(value, "");
    }
}
