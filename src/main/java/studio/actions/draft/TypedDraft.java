package studio.actions.draft;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.stream.Collectors;

import studio.actions.identity.Role;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.StrictJson;
import studio.actions.template.Template;

/**
 * The fields of an action as an admin types them into a form. The texts may be invalid, so that a form can be shown again as it
 * was typed. Headers are text with one {@code Name: value} a line.
 *
 * @param fields the texts by the field's name in JSON; only fields with a text
 */
public record TypedDraft(Map<String, List<String>> fields) {

    /** The labels of the fields by their names, in the order of the form. */
    private static final Map<String, String> LABELS = labels("name", "Name", "url", "URL", "description", "Description",
            "entity_type", "Entity type", "project_ids", "Productions", "roles", "Roles", "is_ajax", "Sent by the service",
            "method", "Method", "headers", "Headers", "timeout_ms", "Timeout", "max_attempts", "Attempts", "rate_per_minute",
            "Rate", "signing_secret", "Signing secret", "enabled", "On");

    private static final String MASK = "••••";

    /** A field whose text differs from the text in another draft. */
    public record Difference(String label, String mine, String other) {
    }

    private static Map<String, String> labels(String... pairs) {
        Map<String, String> labels = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            labels.put(pairs[i], pairs[i + 1]);
        }
        return labels;
    }

    /** Returns the label of a field; null if there is no such field. */
    public static String label(String field) {
        return LABELS.get(field);
    }

    /** Returns what a submitted form holds. Ignores fields that are not an action's, and empty texts. */
    public static TypedDraft of(Map<String, List<String>> form) {
        Map<String, List<String>> fields = new LinkedHashMap<>();
        LABELS.keySet().forEach(field -> {
            List<String> texts = form.getOrDefault(field, List.of()).stream()
                    .map(text -> text.replace("\r\n", "\n").replace('\0', '\ufffd')).filter(text -> !text.isEmpty()).toList();
            if (!texts.isEmpty()) {
                fields.put(field, texts);
            }
        });
        return new TypedDraft(fields);
    }

    /** Returns the texts that stand for this draft. */
    public static TypedDraft of(Draft draft) {
        Map<String, List<String>> fields = new LinkedHashMap<>();
        put(fields, "name", draft.name());
        put(fields, "url", draft.url());
        put(fields, "description", draft.description());
        put(fields, "entity_type", draft.entityType());
        fields.put("project_ids", texts(draft.projectIds()));
        fields.put("roles", texts(draft.roles()));
        put(fields, "is_ajax", draft.isAjax());
        put(fields, "method", draft.method());
        put(fields, "headers", draft.headers() == null ? null
                : draft.headers().entrySet().stream().map(header -> header.getKey() + ": " + header.getValue())
                        .collect(Collectors.joining("\n")));
        put(fields, "timeout_ms", draft.timeoutMs());
        put(fields, "max_attempts", draft.maxAttempts());
        put(fields, "rate_per_minute", draft.ratePerMinute());
        put(fields, "signing_secret", draft.signingSecret());
        put(fields, "enabled", draft.enabled());
        return of(fields);
    }

    private static void put(Map<String, List<String>> fields, String field, Object value) {
        fields.put(field, value == null ? List.of() : List.of(value.toString()));
    }

    private static List<String> texts(List<?> values) {
        return values == null ? List.of() : values.stream().map(Object::toString).toList();
    }

    /** Returns the text of a field; an empty text if it has none. */
    public String text(String field) {
        return String.join("\n", all(field));
    }

    public List<String> all(String field) {
        return fields.getOrDefault(field, List.of());
    }

    public boolean has(String field, String text) {
        return all(field).contains(text);
    }

    public TypedDraft with(String field, String text) {
        Map<String, List<String>> changed = new LinkedHashMap<>(fields);
        changed.put(field, List.of(text));
        return of(changed);
    }

    /**
     * Reads the draft, without checking it.
     *
     * @param faults gets an error for each text that is no value of its field; in the draft that field is null
     */
    public Draft read(List<Fault> faults) {
        return new Draft(one("name"), one("url"), constant(EntityType.class, "entity_type", one("entity_type"), faults),
                has("is_ajax", "true"), one("description"), has("enabled", "true"),
                constant(Method.class, "method", one("method"), faults), headers(faults), number("timeout_ms", faults),
                number("max_attempts", faults), number("rate_per_minute", faults),
                one("signing_secret") == null ? null : one("signing_secret").strip(),
                all("roles").stream().map(role -> constant(Role.class, "roles", role, faults)).filter(Objects::nonNull)
                        .toList(),
                ids(faults));
    }

    private String one(String field) {
        String text = text(field);
        return text.isBlank() ? null : text;
    }

    private static <E extends Enum<E>> E constant(Class<E> type, String field, String text, List<Fault> faults) {
        if (text == null) {
            return null;
        }
        return Arrays.stream(type.getEnumConstants()).filter(one -> one.name().equals(text)).findFirst().orElseGet(() -> {
            faults.add(new Fault("/" + field, "invalid_value",
                    "'" + field + "' must be " + StrictJson.describe(type) + ", not \"" + text + "\"."));
            return null;
        });
    }

    private Integer number(String field, List<Fault> faults) {
        String text = text(field).strip();
        try {
            return text.isEmpty() ? null : Integer.valueOf(text);
        } catch (NumberFormatException e) {
            faults.add(new Fault("/" + field, "invalid_value",
                    "'" + field + "' must be a whole number, not \"" + text + "\"."));
            return null;
        }
    }

    private List<UUID> ids(List<Fault> faults) {
        List<UUID> ids = new ArrayList<>();
        for (String text : text("project_ids").split("[\\s,;]+")) {
            UUID id = StrictJson.id(text);
            if (id != null) {
                ids.add(id);
            } else if (!text.isEmpty()) {
                faults.add(new Fault("/project_ids", "invalid_value",
                        "'project_ids' must be ids of productions, one a line; \"" + text + "\" is none."));
            }
        }
        return ids;
    }

    private Map<String, String> headers(List<Fault> faults) {
        Map<String, String> headers = new LinkedHashMap<>();
        text("headers").lines().filter(line -> !line.isBlank()).forEach(line -> {
            int colon = line.indexOf(':');
            String name = colon < 0 ? line.strip() : line.substring(0, colon).strip();
            if (colon < 0) {
                faults.add(new Fault("/headers", "invalid_value", "Write each header as \"Name: value\"; \"" + name
                        + "\" has no colon."));
            } else if (headers.put(name, line.substring(colon + 1).strip()) != null) {
                faults.add(new Fault("/headers", "header_twice", "The header " + name + " is given twice; remove one."));
            }
        });
        return headers;
    }

    /**
     * Returns a copy to keep, with a mask in place of credentials in the URL and of header values that the rules refuse as
     * credentials.
     *
     * @param faults the errors that the rules found
     */
    public TypedDraft masked(List<Fault> faults) {
        List<String> refused = faults.stream().filter(fault -> fault.code().equals("plain_credential"))
                .map(fault -> fault.pointer().replaceFirst("^.*/headers/", "").replace("~1", "/").replace("~0", "~")).toList();
        return with("url", Template.masked(text("url"))).with("headers", text("headers").lines()
                .map(line -> line.indexOf(':') > 0 && refused.contains(line.substring(0, line.indexOf(':')).strip())
                        ? line.substring(0, line.indexOf(':')) + ": " + MASK
                        : line)
                .collect(Collectors.joining("\n")));
    }

    /** Returns the fields whose texts differ. */
    public List<Difference> differences(TypedDraft other) {
        return LABELS.keySet().stream().filter(field -> !all(field).equals(other.all(field)))
                .map(field -> new Difference(label(field), text(field), other.text(field))).toList();
    }
}
