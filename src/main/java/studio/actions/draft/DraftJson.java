package studio.actions.draft;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

import jakarta.inject.Singleton;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/** Converts drafts to and from JSON, and compares them. */
@Singleton
public class DraftJson {

    private final ObjectMapper json;

    DraftJson(ObjectMapper json) {
        this.json = json;
    }

    /** Returns a draft as JSON; a JSON null if the draft is null. */
    public JsonNode write(Draft draft) {
        return json.valueToTree(draft);
    }

    /** Reads a draft from JSON that {@link #write} returned. */
    public Draft read(JsonNode draft) {
        try {
            return json.treeToValue(draft, Draft.class);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Returns the names of the fields that differ, in the order of {@code after}.
     *
     * @param before the previous draft; if it is a JSON null, all fields with a value differ
     */
    public static List<String> changed(JsonNode before, JsonNode after) {
        List<String> fields = new ArrayList<>();
        after.fieldNames().forEachRemaining(field -> {
            JsonNode was = before.path(field);
            JsonNode is = after.get(field);
            if (!is.equals(was) && !(nothing(was) && nothing(is))) {
                fields.add(field);
            }
        });
        return fields;
    }

    private static boolean nothing(JsonNode value) {
        return value.isMissingNode() || value.isNull() || value.isContainerNode() && value.isEmpty();
    }
}
