package studio.actions.kitsu;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.eclipse.microprofile.openapi.annotations.media.Schema;

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
@Schema(name = "KitsuPress", description = "What Kitsu's action panel sends. Fields that are not listed are ignored.",
        additionalProperties = Schema.True.class)
@JsonIgnoreProperties(ignoreUnknown = true)
record KitsuPress(
        @Schema(required = true, minItems = 1, description = "Task ids.") List<UUID> selection,
        @Schema(nullable = true, maxLength = 2000, examples = "shot", description = "Of the page.") String entitytype,
        @Schema(nullable = true, maxLength = 2000,
                examples = "/productions/42368e00-09e1-4c4e-9a16-0d9891200536/shots") String originurl,
        @Schema(nullable = true, maxLength = 2000, examples = "kitsu.studio.com") String originserver) {

    /** Read by {@link #ofForm}. */
    @Schema(name = "KitsuForm", description = "What Kitsu's form sends. Fields that are not listed are ignored.",
            additionalProperties = Schema.True.class)
    interface Form {

        @Schema(required = true, description = "Task ids, with commas between them.",
                pattern = "^[\\s,]*" + ID + "(\\s*,[\\s,]*" + ID + ")*[\\s,]*$",
                examples = "a496f819-a923-4da2-b05d-cf472ab3b2f3")
        String selection();

        @Schema(maxLength = 2000, examples = "shot", description = "Of the page.")
        String entitytype();

        @Schema(maxLength = 2000, examples = "/productions/42368e00-09e1-4c4e-9a16-0d9891200536/shots")
        String currentpath();

        @Schema(maxLength = 2000, examples = "kitsu.studio.com")
        String currentserver();
    }

    private static final String ID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
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
        claim("entitytype", entitytype);
        claim("originurl", originurl);
        claim("originserver", originserver);
        return Selection.ofTasks(selection, new Selection.Origin(entitytype, originurl, originserver), limit);
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
