package studio.actions.kitsu;

import java.text.Normalizer;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Predicate;

import jakarta.ws.rs.core.MultivaluedMap;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import studio.actions.action.Action;
import studio.actions.draft.KitsuFields;
import studio.actions.problem.ProblemException;
import studio.actions.problem.StrictJson;

/**
 * The filters in a query for Zou's list of custom actions. A filter names a field and gives a value, or a JSON array of values.
 * If no action matches, the list must be empty: {@code fetch_first} of gazu, Zou's Python client, takes the first action of the
 * list without a check.
 */
final class KitsuFilters {

    private static final Set<String> TRUE = Set.of("true", "1", "on");
    private static final Set<String> FALSE = Set.of("false", "0", "off");

    private static final List<String> FIELDS = List.of("name", "url", "entity_type", "is_ajax", "id", "created_at",
            "updated_at");

    private final ObjectMapper json;

    KitsuFilters(ObjectMapper json) {
        this.json = json;
    }

    /**
     * Returns a predicate for actions that match all filters of a query. Ignores parameters that are no filters, and all but
     * the first value of a repeated parameter.
     *
     * @throws ProblemException {@code invalid_parameter} if the value of a filter is malformed
     */
    Predicate<Action> of(MultivaluedMap<String, String> query) {
        return FIELDS.stream().filter(query::containsKey).map(field -> of(field, query.getFirst(field)))
                .reduce(action -> true, Predicate::and);
    }

    private Predicate<Action> of(String field, String value) {
        return switch (field) {
            case "name" -> named(Normalizer.normalize(value, Normalizer.Form.NFC));
            case "url" -> any(field, value, text -> action -> text.equals(action.url) || text.equals(action.triggerLink()));
            case "entity_type" -> any(field, value, text -> action -> text.equals(action.entityType.name()));
            case "is_ajax" -> any(field, value, text -> truth(text));
            case "id" -> any(field, value, text -> id(text));
            case "created_at" -> any(field, value, text -> at(field, text, action -> action.createdAt));
            case "updated_at" -> any(field, value, text -> at(field, text, action -> action.updatedAt));
            default -> throw new IllegalArgumentException(field);
        };
    }

    private static Predicate<Action> named(String name) {
        return action -> name.equalsIgnoreCase(action.name)
                || name.equalsIgnoreCase(KitsuFields.name(action.name, action.enabled));
    }

    /** Returns a predicate for actions that match one of the values. An empty value matches no action, as in Zou. */
    private Predicate<Action> any(String field, String value, Function<String, Predicate<Action>> one) {
        return values(field, value).stream().map(text -> text.isEmpty() ? (Predicate<Action>) action -> false : one.apply(text))
                .reduce(action -> false, Predicate::or);
    }

    private List<String> values(String field, String value) {
        if (!value.startsWith("[")) {
            return List.of(value);
        }
        try {
            List<String> values = new ArrayList<>();
            JsonNode array = json.readTree(value);
            array.forEach(one -> values.add(one.asText()));
            return values;
        } catch (JsonProcessingException e) {
            throw ProblemException.parameter(field, "invalid_value",
                    "The list in '" + field + "' is malformed. Give a value, or a "
                            + "JSON array of values, such as [\"shot\", \"asset\"].");
        }
    }

    private static Predicate<Action> truth(String text) {
        String word = text.toLowerCase(Locale.ROOT);
        if (!TRUE.contains(word) && !FALSE.contains(word)) {
            throw ProblemException.parameter("is_ajax", "invalid_value", "'is_ajax' must be true or false.");
        }
        return action -> action.isAjax == TRUE.contains(word);
    }

    private static Predicate<Action> id(String text) {
        UUID id = StrictJson.id(text);
        if (id == null) {
            throw ProblemException.parameter("id", "invalid_value", "'id' must be a UUID, or a JSON array of UUIDs.");
        }
        return action -> id.equals(action.id);
    }

    private static Predicate<Action> at(String field, String text, Function<Action, Instant> time) {
        try {
            LocalDateTime at = LocalDateTime.parse(text.replaceFirst("Z$", ""));
            return action -> at
                    .equals(LocalDateTime.ofInstant(time.apply(action).truncatedTo(ChronoUnit.SECONDS), ZoneOffset.UTC));
        } catch (DateTimeParseException e) {
            throw ProblemException.parameter(field, "invalid_value",
                    "'" + field + "' must be a time in UTC, such as 2026-11-23T17:41:13.");
        }
    }
}
