package studio.actions.kitsu;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

import io.netty.handler.codec.http.QueryStringDecoder;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;
import studio.actions.problem.StrictJson;
import studio.actions.run.Selection;

/**
 * A press in Kitsu's action panel, in both of its dialects: the JSON of its XHR, and the fields of its form. Who presses,
 * and in which production, they say as well; the caller is who Zou says, and so is the production.
 */
@JsonIgnoreProperties(ignoreUnknown = true)
record KitsuPress(
        List<UUID> selection,
        String entitytype,
        String originurl,
        String originserver) {

    /** Read by {@link #ofForm}. */
    interface Form {

        String selection();

        String entitytype();

        String currentpath();

        String currentserver();
    }

    private static final int LONGEST_CLAIM = 2000;
    private static final int MOST_FIELDS = 100;

    /** Reads {@code application/x-www-form-urlencoded}; the task ids stand in one field with commas between them. */
    static KitsuPress ofForm(String body) {
        Map<String, List<String>> fields;
        try {
            fields = new QueryStringDecoder(body == null ? "" : body, StandardCharsets.UTF_8, false, MOST_FIELDS, true)
                    .parameters();
        } catch (IllegalArgumentException e) {
            throw new ProblemException(Code.BAD_REQUEST, "The form cannot be read: write %25 for a percent sign.");
        }
        List<UUID> selection = new ArrayList<>();
        for (String id : first(fields, "selection", "").split(",", -1)) {
            if (!id.isBlank()) {
                UUID task = StrictJson.id(id.strip());
                if (task == null) {
                    throw ProblemException.invalid("/selection", "invalid_value",
                            "'selection' must be task ids (UUIDs) with commas between them.");
                }
                selection.add(task);
            }
        }
        return new KitsuPress(selection, first(fields, "entitytype", null), first(fields, "currentpath", null),
                first(fields, "currentserver", null));
    }

    /** @throws ProblemException {@code invalid_body} if nothing is selected, or more than the limit */
    Selection selection(int limit) {
        return Selection.ofTasks(selection, origin(), limit);
    }

    /** For an action that needs no selection. */
    Selection nothing() {
        return Selection.none(origin());
    }

    private Selection.Origin origin() {
        claim("entitytype", entitytype);
        claim("originurl", originurl);
        claim("originserver", originserver);
        return new Selection.Origin(entitytype, originurl, originserver);
    }

    private static void claim(String field, String text) {
        if (text != null && (text.codePointCount(0, text.length()) > LONGEST_CLAIM || text.indexOf(0) >= 0)) {
            throw ProblemException.invalid(
                    List.of(new Fault("/" + field, "too_long",
                            "'" + field + "' may have 2,000 characters, none of them NUL.")));
        }
    }

    private static String first(Map<String, List<String>> fields, String name, String otherwise) {
        return fields.getOrDefault(name, List.of()).stream().findFirst().orElse(otherwise);
    }
}
