package studio.actions.zou;

import java.util.UUID;

import com.fasterxml.jackson.databind.JsonNode;

import studio.actions.problem.StrictJson;

/** A JSON object from an answer of Zou. */
record ZouObject(JsonNode json) {

    /** Returns the object's own id; null if it has none. */
    UUID id() {
        return id("id");
    }

    /** Returns the id in a field; null if there is none. */
    UUID id(String field) {
        return StrictJson.id(text(field));
    }

    /** Returns the id in a field. Fails with 503 if there is none, since Zou's answer is useless then. */
    UUID required(String field) {
        UUID id = id(field);
        if (id == null) {
            throw ZouFailures.away("its answer lacks '" + field + "'");
        }
        return id;
    }

    String name() {
        return text("name");
    }

    /** Returns a field's text; null if the field is missing or empty. Zou sends an empty text for some missing values. */
    String text(String field) {
        String text = json.path(field).asText("");
        return text.isEmpty() || json.path(field).isNull() ? null : text;
    }

    /** Returns the object in a field; an object without fields if the field has none. */
    ZouObject in(String field) {
        return new ZouObject(json.path(field));
    }

    /** Returns this object if it has the given id. Else fails with 503, because Zou answered about another object. */
    ZouObject mustBe(UUID id) {
        if (!id.equals(id())) {
            throw ZouFailures.away("its answer is about another object than requested");
        }
        return this;
    }
}
