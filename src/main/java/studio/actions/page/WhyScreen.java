package studio.actions.page;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Executor;

import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;

import io.quarkus.qute.CheckedTemplate;
import io.quarkus.qute.TemplateData;
import io.quarkus.qute.TemplateInstance;
import io.quarkus.security.identity.SecurityIdentity;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.action.Action;
import studio.actions.action.Actions;
import studio.actions.action.PressCheck;
import studio.actions.action.PressCheck.Result;
import studio.actions.action.TakenNames;
import studio.actions.draft.EntityType;
import studio.actions.draft.KitsuFields;
import studio.actions.html.Page;
import studio.actions.identity.Caller;
import studio.actions.identity.Credential;
import studio.actions.identity.Requester;
import studio.actions.identity.Role;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.problem.StrictJson;
import studio.actions.zou.People;

/** The screen that says, rule by rule, why a person does or does not see an action in Kitsu. */
@Path(Page.APP + "/why")
@Produces(Page.MEDIA_TYPE)
@RolesAllowed({ "admin", "manager", "supervisor", "user" })
public class WhyScreen {

    private static final List<EntityType> TYPES = Arrays.stream(EntityType.values()).filter(type -> type != EntityType.all)
            .toList();

    /** The form: what the asker may choose, and what is chosen. */
    @TemplateData
    public record Question(List<Layout.Choice> people, List<Layout.Choice> productions, List<EntityType> types, EntityType type,
            List<Action> actions, UUID actionId) {
    }

    /**
     * The person's roles in words.
     *
     * @param production the name of the production; null if there is none
     * @param here the role in the production; null if the person is not in its team
     * @param elsewhere the other roles in other productions
     * @param complete whether all productions of the asker were searched for roles
     */
    @TemplateData
    public record Roles(String person, String global, String production, String here, List<String> elsewhere,
            boolean complete) {
    }

    /** @param yes whether the rule allows a press; null if the screen only says the rule */
    @TemplateData
    public record Rule(Boolean yes, String words) {
    }

    /**
     * An action with its rules. If the asker may not see the action, the rules that the person keeps are null, except for the
     * entity type.
     *
     * @param result null if the screen only says the rules
     * @param twin whether Kitsu shows another action under the same name
     * @param changed the time of the last change; null if the asker may not see the action
     */
    @TemplateData
    public record Row(String name, Result result, boolean twin, Instant changed, Rule enabled, Rule role, Rule production,
            Rule entityType) {
    }

    /** @param question null without Kitsu, like {@code roles} */
    @CheckedTemplate(basePath = "page", defaultName = CheckedTemplate.HYPHENATED_ELEMENT_NAME)
    record Why(Layout layout, Question question, Roles roles, List<Row> rows, long shown, long refused, long hidden)
            implements
                TemplateInstance {
    }

    private final Screens screens;
    private final Actions actions;
    private final People people;
    private final SecurityIdentity identity;
    private final Executor workers = Infrastructure.getDefaultWorkerPool();

    WhyScreen(Screens screens, Actions actions, People people, SecurityIdentity identity) {
        this.screens = screens;
        this.actions = actions;
        this.people = people;
        this.identity = identity;
    }

    /**
     * Shows the rules. Without parameters the screen is about the asker, the asker's first production and all actions.
     *
     * @param type the entity type for which the selected task's type is made
     */
    @GET
    @Blocking
    public Uni<TemplateInstance> show(@QueryParam("person_id") String person, @QueryParam("production_id") String production,
            @QueryParam("entity_type") @DefaultValue("shot") EntityType type, @QueryParam("action_id") String action) {
        Requester requester = Requester.of(identity);
        Caller asker = requester.caller();
        Layout layout = screens.layout("Why?", "why");
        UUID personId = id("person_id", person);
        UUID productionId = id("production_id", production);
        UUID actionId = id("action_id", action);
        List<Action> named = actions.namedFor(asker);
        if (!layout.kitsu()) {
            return Uni.createFrom().item(new Why(layout, null, null, named.stream().map(WhyScreen::rules).toList(), 0, 0, 0));
        }
        if (type == EntityType.all) {
            throw ProblemException.parameter("entity_type", "invalid_value",
                    "Choose one entity type: each task type in Kitsu is for one.");
        }
        Credential credential = requester.credential();
        return Uni.combine().all().unis(shownTo(asker, credential), people.productions(credential)).asTuple().chain(shown -> {
            Map<UUID, String> productions = shown.getItem2();
            Caller subject = subject(shown.getItem1(), asker, personId == null ? asker.id() : personId);
            UUID here = productionId != null ? productionId : productions.keySet().stream().findFirst().orElse(null);
            if (here != null && !productions.containsKey(here)) {
                throw new ProblemException(Code.NOT_FOUND, "Kitsu shows you no such production.");
            }
            Question question = new Question(
                    shown.getItem1().stream().map(one -> new Layout.Choice(one.id(), one.name()
                            + (one.id().equals(asker.id()) ? " (you)" : ", " + word(one.role())),
                            one.id().equals(subject.id()))).toList(),
                    productions.entrySet().stream()
                            .map(one -> new Layout.Choice(one.getKey(), one.getValue(), one.getKey().equals(here))).toList(),
                    TYPES, type, named, actionId);
            // A role in any production can make Kitsu show an action. Asks for these roles only if one can change the answer.
            boolean undecided = named.stream().anyMatch(one -> one.enabled && !one.visibleTo(subject));
            return people.roles(credential, subject, here, undecided ? productions.keySet() : List.of()).emitOn(workers)
                    .map(roles -> new Answer(asker, roles, here, productions, type).screen(layout, question));
        });
    }

    /** Returns the people about whom the asker may ask: for artists only themselves, else the people in Kitsu. */
    private Uni<List<Caller>> shownTo(Caller asker, Credential credential) {
        if (asker.is(Role.user)) {
            return Uni.createFrom().item(List.of(asker));
        }
        return people.of(credential).map(everybody -> {
            List<Caller> all = new ArrayList<>(everybody);
            if (all.stream().noneMatch(one -> one.id().equals(asker.id()))) {
                all.add(0, asker);
            }
            return all;
        });
    }

    private static Caller subject(List<Caller> shown, Caller asker, UUID id) {
        return shown.stream().filter(one -> one.id().equals(id)).findFirst().orElseThrow(() -> asker.is(Role.user)
                ? new ProblemException(Code.FORBIDDEN, "As an artist you may ask only about yourself.")
                : new ProblemException(Code.NOT_FOUND, "Kitsu shows you no such person who is active."));
    }

    private static UUID id(String parameter, String text) {
        UUID id = StrictJson.id(text);
        if (id == null && text != null && !text.isEmpty()) {
            throw new ProblemException(Code.MALFORMED_ID, "'" + parameter + "' must be a UUID.");
        }
        return id;
    }

    /** The answers for one person in one production. */
    private record Answer(Caller asker, People.Roles known, UUID here, Map<UUID, String> productions, EntityType type) {

        Why screen(Layout layout, Question question) {
            Map<Action, PressCheck> checks = new LinkedHashMap<>();
            question.actions().forEach(action -> checks.put(action,
                    PressCheck.of(action, known.person(), known.in().get(here), here, type)));
            List<TakenNames.Label> labels = checks.entrySet().stream().filter(one -> one.getValue().result() != Result.hidden)
                    .map(one -> label(one.getKey())).toList();
            List<Row> rows = checks.entrySet().stream()
                    .filter(one -> question.actionId() == null || question.actionId().equals(one.getKey().id))
                    .map(one -> row(one.getKey(), one.getValue(), labels)).toList();
            return new Why(layout, question, roles(), rows, count(rows, Result.shown), count(rows, Result.refused),
                    count(rows, Result.hidden));
        }

        /** Returns the name and type under which Kitsu lists the action. */
        private static TakenNames.Label label(Action action) {
            return new TakenNames.Label(action.id, KitsuFields.name(action.name, action.enabled), action.entityType);
        }

        private static long count(List<Row> rows, Result result) {
            return rows.stream().filter(row -> row.result() == result).count();
        }

        private Roles roles() {
            List<String> elsewhere = new ArrayList<>();
            productions.forEach((id, name) -> {
                Role role = known.in().get(id);
                if (role != null && !id.equals(here) && role != known.person().role()) {
                    elsewhere.add(word(role) + " in " + name);
                }
            });
            known.elsewhere().forEach(role -> elsewhere.add(word(role) + " in another production"));
            Role role = known.in().get(here);
            return new Roles(known.person().name(), word(known.person().role()), productions.get(here),
                    role == null ? null : word(role), elsewhere, known.complete());
        }

        private Row row(Action action, PressCheck check, List<TakenNames.Label> labels) {
            boolean whole = action.visibleTo(asker);
            TakenNames.Label label = label(action);
            return new Row(action.name, check.result(),
                    check.result() != Result.hidden
                            && labels.stream().anyMatch(other -> !other.id().equals(label.id()) && other.meets(label)),
                    whole ? action.updatedAt : null, cut(new Rule(check.enabled(), enabled(action)), whole),
                    cut(new Rule(check.role() && check.roleHere(), role(action, check)), whole),
                    cut(new Rule(check.production(), inProductions(action, productions)), whole),
                    new Rule(check.entityType(), ofTypes(action)));
        }

        private static Rule cut(Rule rule, boolean whole) {
            return whole || !rule.yes() ? rule : null;
        }

        private String enabled(Action action) {
            return action.enabled ? ""
                    : known.person().is(Role.admin) ? "Disabled. Kitsu shows it as \"" + label(action).name() + "\"."
                            : "Disabled.";
        }

        private String role(Action action, PressCheck check) {
            Role role = known.in().get(here);
            String whom = forRoles(action);
            boolean you = asker.id().equals(known.person().id());
            String is = (you ? "You are " : known.person().name() + " is ");
            if (!check.role()) {
                return whom + " " + is + a(known.person().role()) + ".";
            }
            if (role == null) {
                return whom + " " + is + "not in the team of "
                        + (here == null ? "a production that Kitsu shows you." : productions.get(here) + ".");
            }
            return check.roleHere() ? whom : whom + " " + is + a(role) + " in " + productions.get(here) + ".";
        }
    }

    // ---- Words

    /** Returns the rules of an action, without an answer for a person. */
    private static Row rules(Action action) {
        return new Row(action.name, null, false, action.updatedAt,
                new Rule(action.enabled, action.enabled ? "" : "Disabled."), new Rule(null, forRoles(action)),
                new Rule(null, inProductions(action, null)), new Rule(null, ofTypes(action)));
    }

    private static String forRoles(Action action) {
        return action.roles.isEmpty() ? "For everybody except clients and vendors."
                : "For " + list(action.roles.stream().map(role -> word(role) + "s").toList()) + ".";
    }

    /** @param names the names of the productions that the asker may know; null to give ids, because there are no names */
    private static String inProductions(Action action, Map<UUID, String> names) {
        if (action.projectIds.isEmpty()) {
            return "All productions.";
        }
        List<String> known = new ArrayList<>(action.projectIds.stream().filter(id -> names == null || names.containsKey(id))
                .map(id -> names == null ? id.toString() : names.get(id)).sorted(String.CASE_INSENSITIVE_ORDER).toList());
        int unknown = action.projectIds.size() - known.size();
        if (unknown > 0) {
            known.add(unknown == 1 ? "another production" : unknown + " other productions");
        }
        return "Only " + list(known) + ".";
    }

    private static String ofTypes(Action action) {
        return action.entityType == EntityType.all ? "All types." : "For " + action.entityType + "s.";
    }

    private static String list(List<String> words) {
        int last = words.size() - 1;
        return last == 0 ? words.get(0) : String.join(", ", words.subList(0, last)) + " and " + words.get(last);
    }

    /** Returns the role as Kitsu's pages call it. */
    private static String word(Role role) {
        return role == Role.user ? "artist" : role.name();
    }

    private static String a(Role role) {
        return (role == Role.admin || role == Role.user ? "an " : "a ") + word(role);
    }
}
