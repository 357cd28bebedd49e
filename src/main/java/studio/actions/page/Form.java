package studio.actions.page;

import java.util.List;
import java.util.Map;

import io.netty.handler.codec.http.QueryStringDecoder;

/** The fields of a submitted form ({@code application/x-www-form-urlencoded}). */
record Form(Map<String, List<String>> fields) {

    /** The most fields that are read; a larger form is cut. */
    private static final int MOST = 2000;

    static Form parse(String body) {
        return new Form(new QueryStringDecoder(body == null ? "" : body, java.nio.charset.StandardCharsets.UTF_8, false, MOST)
                .parameters());
    }

    /** Returns the first value of a field; null if the form does not have the field. */
    String text(String name) {
        List<String> values = all(name);
        return values.isEmpty() ? null : values.get(0);
    }

    List<String> all(String name) {
        return fields.getOrDefault(name, List.of());
    }
}
