package studio.actions.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import studio.actions.run.Target;

/** Reads the address of a page of Kitsu, as a browser copies it. */
final class KitsuLink {

    private static final Pattern TASK = Pattern.compile("tasks/(" + id() + ")");
    private static final Pattern ENTITY = Pattern.compile("/(?<kind>asset|shot|sequence|edit|episode)s/(?<id>" + id() + ")");
    private static final Pattern PRODUCTION = Pattern.compile("productions/(" + id() + ")");
    private static final Pattern ANY = Pattern.compile(id());

    private KitsuLink() {
    }

    private static String id() {
        return "\\p{XDigit}{8}(?:-\\p{XDigit}{4}){3}-\\p{XDigit}{12}";
    }

    /**
     * Returns the task, entity or production that a page of Kitsu is about. Reads an id alone as the id of a task.
     *
     * @return a target with ids only; empty if the text has no id
     */
    static Optional<Target> read(String text) {
        Matcher task = TASK.matcher(text);
        Matcher entity = ENTITY.matcher(text);
        Matcher production = PRODUCTION.matcher(text);
        if (task.find()) {
            return Optional.of(Target.task(UUID.fromString(task.group(1))));
        }
        if (entity.find()) {
            return Optional.of(Target.NONE.withEntity(UUID.fromString(entity.group("id")),
                    Target.Kind.valueOf(entity.group("kind"))));
        }
        if (production.find()) {
            return Optional.of(Target.NONE.withProduction(UUID.fromString(production.group(1))));
        }
        List<UUID> ids = new ArrayList<>();
        ANY.matcher(text).results().forEach(found -> ids.add(UUID.fromString(found.group())));
        return ids.isEmpty() ? Optional.empty() : Optional.of(Target.task(ids.get(ids.size() - 1)));
    }
}
