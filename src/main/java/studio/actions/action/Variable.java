package studio.actions.action;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/** What a template can be filled with; spelled as between the braces. */
public enum Variable {
    task_id(Scope.TASK),
    task_type_name(Scope.TASK),
    entity_id(Scope.ENTITY),
    entity_type(Scope.ENTITY),
    entity_name(Scope.ENTITY),
    sequence_name(Scope.ENTITY),
    episode_name(Scope.ENTITY),
    asset_type_name(Scope.ENTITY),
    production_id(Scope.PRODUCTION),
    project_id(Scope.PRODUCTION),
    production_name(Scope.PRODUCTION),
    user_id(Scope.PRODUCTION),
    user_email(Scope.PRODUCTION),
    user_name(Scope.PRODUCTION),
    /** Task ids, the one value that is a list. */
    selection(Scope.PRODUCTION);

    /** What shares a value, the narrowest first: a template makes one delivery for each of the narrowest that it names. */
    public enum Scope {
        TASK,
        ENTITY,
        PRODUCTION
    }

    private final Scope scope;

    Variable(Scope scope) {
        this.scope = scope;
    }

    public Scope scope() {
        return scope;
    }

    /** The variable of exactly that name. */
    public static Optional<Variable> named(String name) {
        return Arrays.stream(values()).filter(variable -> variable.name().equals(name)).findFirst();
    }

    /** The one that was probably meant: misspelt, shortened, or with the word that Kitsu or Zou has for it. */
    static Optional<Variable> nearest(String name) {
        String plain = name.toLowerCase(Locale.ROOT).replaceAll("[^a-z]", "")
                .replaceFirst("^(shot|asset|edit)(?=(id|name)$)|^(sequence|episode)(?=id$)", "entity")
                .replaceFirst("^person(?=id|email|name)", "user").replaceFirst("^project(?=name$)", "production");
        // At most two letters in a row differ, or the rest is missing.
        Pattern alike = Pattern.compile("([a-z]*)[a-z]{0,2}([a-z]*) \\1[a-z]{0,2}\\2|([a-z]{4,})[a-z]* \\3");
        return Arrays.stream(values())
                .filter(variable -> alike.matcher(variable.name().replace("_", "") + " " + plain).matches()).findFirst();
    }
}
