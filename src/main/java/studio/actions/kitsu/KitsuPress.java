package studio.actions.kitsu;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

import io.netty.handler.codec.http.QueryStringDecoder;
import studio.actions.plan.Selection;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;
import studio.actions.problem.StrictJson;

/**
 * A press in Kitsu's action panel, sent as JSON by Kitsu's script or as fields by its HTML form. Kitsu also sends a user and a
 * production. Both are ignored, because this service asks Zou for the caller and the production.
 */
@JsonIgnoreProperties(ignoreUnknown = true)
record KitsuPress(
        List<UUID> selection,
        String entitytype,
        String originurl,
        String originserver) {

    private static final int LONGEST_CLAIM = 2000;
    private static final int MOST_FIELDS = 100;

    /** Parses a form ({@code application/x-www-form-urlencoded}). The task ids stand in one field, separated by commas. */
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

    /** @throws ProblemException {@code invalid_body} if the selection is empty or exceeds the limit */
    Selection selection(int limit) {
        return Selection.ofTasks(selection, origin(), limit);
    }

    /** Returns an empty selection, for an action that needs no selection. */
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
                            "'" + field + "' may have at most 2,000 characters, and no NUL.")));
        }
    }

    private static String first(Map<String, List<String>> fields, String name, String otherwise) {
        return fields.getOrDefault(name, List.of()).stream().findFirst().orElse(otherwise);
    }
}
