package studio.actions.template;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/** A variable of an action's URL. The constant is spelled as between the braces. */
public enum Variable {
    task_id(Scope.TASK, "The task's id"),
    task_type_name(Scope.TASK, "The task's type, such as Lighting"),
    entity_id(Scope.ENTITY, "The id of the shot, asset or other entity"),
    entity_type(Scope.ENTITY, "asset, shot, sequence, edit or episode"),
    entity_name(Scope.ENTITY, "Its name, such as SH010"),
    sequence_name(Scope.ENTITY, "The sequence of a shot"),
    episode_name(Scope.ENTITY, "The episode, if there is one"),
    asset_type_name(Scope.ENTITY, "The type of an asset, such as Characters"),
    production_id(Scope.PRODUCTION, "The production's id"),
    project_id(Scope.PRODUCTION, "The same as production_id"),
    production_name(Scope.PRODUCTION, "The production's name"),
    user_id(Scope.PRODUCTION, "The id of the person who presses"),
    user_email(Scope.PRODUCTION, "That person's email"),
    user_name(Scope.PRODUCTION, "That person's name"),
    /** The ids of the tasks that the delivery is about; the only value that is a list. */
    selection(Scope.PRODUCTION, "The ids of the selected tasks, in one request");

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
    private final String meaning;

    Variable(Scope scope, String meaning) {
        this.scope = scope;
        this.meaning = meaning;
    }

    public Scope scope() {
        return scope;
    }

    /** Returns what the variable stands for, in a few words for admins. */
    public String meaning() {
        return meaning;
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
