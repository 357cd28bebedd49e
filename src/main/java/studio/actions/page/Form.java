package studio.actions.page;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import io.netty.handler.codec.http.QueryStringDecoder;

/** The fields of a submitted form, and the query of an address ({@code application/x-www-form-urlencoded}). */
record Form(Map<String, List<String>> fields) {

    /** The most fields that are read; a larger form is cut. */
    private static final int MOST = 2000;

    static Form parse(String body) {
        return new Form(new QueryStringDecoder(body == null ? "" : body, StandardCharsets.UTF_8, false, MOST)
                .parameters());
    }

    /**
     * Returns a query with its question mark; an empty text if no parameter has a value.
     *
     * @param parameters name, value, name, value …; parameters whose value is null are left out
     */
    static String query(Object... parameters) {
        List<String> query = new ArrayList<>();
        for (int i = 0; i < parameters.length; i += 2) {
            if (parameters[i + 1] != null) {
                query.add(parameters[i] + "=" + URLEncoder.encode(parameters[i + 1].toString(), StandardCharsets.UTF_8));
            }
        }
        return query.isEmpty() ? "" : "?" + String.join("&", query);
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
