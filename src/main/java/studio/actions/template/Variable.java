package studio.actions.template;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/** A variable of an action's URL. The constant is spelled as between the braces. */
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
    /** The ids of the tasks that the delivery is about; the only value that is a list. */
    selection(Scope.PRODUCTION);

    /**
     * What a variable's value belongs to, the narrowest first. A press makes one delivery for each selected task, entity or
     * production, whichever is the narrowest scope among the variables in the URL.
     */
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

    /** Returns the variable of exactly this name. */
    public static Optional<Variable> named(String name) {
        return Arrays.stream(values()).filter(variable -> variable.name().equals(name)).findFirst();
    }

    /** Returns the variable that was probably meant by a misspelt or shortened name, or by a name from Kitsu or Zou. */
    static Optional<Variable> nearest(String name) {
        String plain = name.toLowerCase(Locale.ROOT).replaceAll("[^a-z]", "")
                .replaceFirst("^(shot|asset|edit)(?=(id|name)$)|^(sequence|episode)(?=id$)", "entity")
                .replaceFirst("^person(?=id|email|name)", "user").replaceFirst("^project(?=name$)", "production");
        // Matches if at most two adjacent letters differ, or if the given name is a beginning of four or more letters.
        Pattern alike = Pattern.compile("([a-z]*)[a-z]{0,2}([a-z]*) \\1[a-z]{0,2}\\2|([a-z]{4,})[a-z]* \\3");
        return Arrays.stream(values())
                .filter(variable -> alike.matcher(variable.name().replace("_", "") + " " + plain).matches()).findFirst();
    }
}
