package studio.actions.zou;

import java.util.UUID;

import com.fasterxml.jackson.databind.JsonNode;

import studio.actions.problem.StrictJson;

/** An object out of an answer of Zou's. */
record ZouObject(JsonNode json) {

    /** Returns its own id; null if it has none. */
    UUID id() {
        return id("id");
    }

    /** Returns the id that stands in a field; null if none does. */
    UUID id(String field) {
        return StrictJson.id(text(field));
    }

    /** Returns the id that must stand in a field; else the answer is none. */
    UUID required(String field) {
        UUID id = id(field);
        if (id == null) {
            throw Zou.away("its answer lacks '" + field + "'");
        }
        return id;
    }

    String name() {
        return text("name");
    }

    /** Returns a field's text; null for an empty one, since Zou writes some of what is not there so. */
    String text(String field) {
        String text = json.path(field).asText("");
        return text.isEmpty() || json.path(field).isNull() ? null : text;
    }

    /** Returns the object in a field; empty if there is none. */
    ZouObject in(String field) {
        return new ZouObject(json.path(field));
    }

    /** Refuses an answer about something else than was asked for. */
    ZouObject mustBe(UUID id) {
        if (!id.equals(id())) {
            throw Zou.away("it answered about something else than it was asked");
        }
        return this;
    }
}
