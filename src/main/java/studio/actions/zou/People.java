package studio.actions.zou;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

import jakarta.inject.Singleton;

import io.smallrye.mutiny.Uni;
import studio.actions.identity.Caller;
import studio.actions.identity.Credential;
import studio.actions.identity.Role;
import studio.actions.identity.TimeFormat;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/** People and productions as Zou shows them to a caller, with the roles of people in productions. */
@Singleton
public class People {

    /** The most productions whose teams are asked for one person's role. */
    private static final int MOST_TEAMS = 50;

    /**
     * The roles of a person.
     *
     * @param person the person, with all roles in productions that this service knows
     * @param in the roles by the id of the production; without productions in whose team the person is not
     * @param complete false if only the first of the productions were asked
     */
    public record Roles(Caller person, Map<UUID, Role> in, boolean complete) {

        /**
         * Returns the person's roles in productions that are not in {@link #in}, such as productions hidden from the caller.
         */
        public Set<Role> elsewhere() {
            Set<Role> roles = EnumSet.noneOf(Role.class);
            roles.addAll(person.projectRoles());
            roles.removeAll(in.values());
            roles.remove(person.role());
            return roles;
        }
    }

    private final Zou zou;
    private final ProjectRoles roles;
    private final ContextRoles known;

    People(Zou zou, ProjectRoles roles, ContextRoles known) {
        this.zou = zou;
        this.roles = roles;
        this.known = known;
    }

    /**
     * Returns the active people that Zou shows to the caller, ordered by name. Omits bots, and people with a role that this
     * service does not know.
     *
     * @return the people; fails with 403 if Zou refuses, else as {@link Zou#ask} does
     */
    public Uni<List<Caller>> of(Credential credential) {
        return all(credential, "persons", "full_name,role,active,is_bot").map(persons -> persons.stream()
                .filter(person -> person.json().path("active").asBoolean() && !person.json().path("is_bot").asBoolean())
                .map(this::person).flatMap(Optional::stream)
                .sorted(Comparator.comparing(Caller::name, String.CASE_INSENSITIVE_ORDER)).toList());
    }

    private Optional<Caller> person(ZouObject person) {
        String name = Objects.requireNonNullElse(person.text("full_name"), person.id().toString());
        return Arrays.stream(Role.values()).filter(role -> role.name().equals(person.text("role"))).findFirst()
                .map(role -> known.of(new Caller(person.id(), name, null, role, false, List.of(), Set.of(),
                        TimeFormat.DEFAULT)));
    }

    /**
     * Returns the names, by id, of the productions that Zou shows to the caller, ordered by name. Archived productions are
     * shown only to admins.
     *
     * @return the names; fails with 403 if Zou refuses, else as {@link Zou#ask} does
     */
    public Uni<Map<UUID, String>> productions(Credential credential) {
        return all(credential, "projects", "name").map(productions -> {
            Map<UUID, String> names = new LinkedHashMap<>();
            productions.forEach(one -> names.put(one.id(), Objects.requireNonNullElse(one.name(), one.id().toString())));
            List<Map.Entry<UUID, String>> sorted = new ArrayList<>(names.entrySet());
            sorted.sort(Map.Entry.comparingByValue(String.CASE_INSENSITIVE_ORDER));
            names.clear();
            sorted.forEach(one -> names.put(one.getKey(), one.getValue()));
            return names;
        });
    }

    private Uni<List<ZouObject>> all(Credential credential, String collection, String fields) {
        return zou.all(credential, collection, fields).onFailure(Denied.class)
                .transform(denied -> new ProblemException(Code.FORBIDDEN, "Kitsu says: " + denied.getMessage()));
    }

    /**
     * Returns a person's roles, asked with the caller's credential.
     *
     * @param here the production that is asked first; null for none
     * @param others more productions; only the first are asked if there are many
     * @return the roles; fails as {@link Zou#ask} does
     */
    public Uni<Roles> roles(Credential credential, Caller person, UUID here, Collection<UUID> others) {
        Set<UUID> asked = new LinkedHashSet<>();
        if (here != null) {
            asked.add(here);
        }
        others.stream().filter(production -> !production.equals(here)).limit(MOST_TEAMS).forEach(asked::add);
        return roles.in(credential, person, asked).map(in -> {
            Set<Role> all = EnumSet.noneOf(Role.class);
            all.addAll(person.projectRoles());
            all.addAll(in.values());
            return new Roles(person.withProjectRoles(all), in, asked.containsAll(others));
        });
    }
}
