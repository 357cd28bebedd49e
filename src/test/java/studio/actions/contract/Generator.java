package studio.actions.contract;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Function;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.DecimalNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;

/** Generates values that are valid by a schema, boundary values included, and values with one error. */
final class Generator {

    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final int TRIES = 200;
    private static final int MOST_ITEMS = 3;

    /** Parts of generated texts: ASCII, characters of two and three bytes in UTF-8, and surrogate pairs in UTF-16. */
    private static final List<String> LETTERS = List.of("a", "Z", "7", "-", "_", ".", "é", "ß", "\u0416", "日", "\u202e",
            "😀", "\ud835\udd4f");

    /** Returns the value of an existing object, such as an id, for a field or parameter name. Schemas do not have these. */
    private final Function<String, Optional<String>> known;
    private final Contract contract;
    private final Random random;

    /** A value that the document does not allow, and the reason. */
    record Invalid(JsonNode value, String why) {
    }

    Generator(Contract contract, Random random, Function<String, Optional<String>> known) {
        this.contract = contract;
        this.random = random;
        this.known = known;
    }

    boolean chance(int in) {
        return random.nextInt(in) == 0;
    }

    <T> T pick(List<T> among) {
        return among.get(random.nextInt(among.size()));
    }

    /** @param name the name of the field or parameter that gets the value */
    JsonNode valid(JsonNode schema, String name) {
        for (int i = 0; i < TRIES; i++) {
            JsonNode value = guess(schema, name);
            if (contract.violations(schema, value).isEmpty()) {
                return value;
            }
        }
        throw new AssertionError("No valid '" + name + "' comes to mind; an example in its schema would help: " + schema);
    }

    /** Returns a valid value with one error added; empty if the schema allows every change that was tried. */
    Optional<Invalid> invalid(JsonNode schema, String name) {
        for (int i = 0; i < TRIES / 4; i++) {
            JsonNode[] whole = { valid(schema, name) };
            List<Runnable> changes = new ArrayList<>();
            changes(contract.flat(schema), whole[0], changed -> whole[0] = changed, changes);
            pick(changes).run();
            List<String> wrong = contract.violations(schema, whole[0]);
            if (!wrong.isEmpty()) {
                return Optional.of(new Invalid(whole[0], wrong.toString()));
            }
        }
        return Optional.empty();
    }

    private JsonNode guess(JsonNode given, String name) {
        ObjectNode schema = contract.flat(given);
        for (String choice : List.of("anyOf", "oneOf")) {
            if (schema.has(choice)) {
                JsonNode branches = schema.remove(choice);
                ObjectNode one = contract.flat(branches.get(random.nextInt(branches.size())));
                schema.setAll(one);
                return guess(schema, name);
            }
        }
        List<JsonNode> listed = new ArrayList<>();
        schema.path("enum").forEach(listed::add);
        if (schema.has("const")) {
            listed.add(schema.get("const"));
        }
        if (!listed.isEmpty()) {
            return pick(listed);
        }
        List<JsonNode> examples = new ArrayList<>();
        schema.path("examples").forEach(examples::add);
        if (!examples.isEmpty() && chance(3)) {
            return pick(examples).deepCopy();
        }
        List<String> types = types(schema);
        String type = types.isEmpty() ? "string" : types.contains("null") && !chance(6) ? types.get(0) : pick(types);
        return switch (type) {
            case "null" -> NullNode.instance;
            case "boolean" -> BooleanNode.valueOf(random.nextBoolean());
            case "integer" -> LongNode.valueOf(known.apply(name).map(Long::valueOf).orElseGet(() -> integer(schema)));
            case "number" -> DecimalNode.valueOf(BigDecimal.valueOf(integer(schema)));
            case "array" -> array(schema, name);
            case "object" -> object(schema);
            default -> new TextNode(known.apply(name).orElseGet(() -> text(schema)));
        };
    }

    private static List<String> types(ObjectNode schema) {
        JsonNode type = schema.path("type");
        return type.isArray()
                ? Contract.texts(type).stream().sorted((a, b) -> Boolean.compare(a.equals("null"), b.equals("null")))
                        .toList()
                : type.isTextual() ? List.of(type.asText()) : schema.has("properties") ? List.of("object") : List.of();
    }

    private long integer(ObjectNode schema) {
        boolean wide = schema.path("format").asText().equals("int64");
        long from = schema.path("minimum").asLong(wide ? Long.MIN_VALUE : Integer.MIN_VALUE);
        long to = schema.path("maximum").asLong(wide ? Long.MAX_VALUE : Integer.MAX_VALUE);
        return switch (random.nextInt(4)) {
            case 0 -> from;
            case 1 -> to;
            default -> from + Math.floorMod(random.nextLong(), Math.max(1, to - from));
        };
    }

    private ArrayNode array(ObjectNode schema, String name) {
        int least = schema.path("minItems").asInt();
        int size = least + random.nextInt(MOST_ITEMS + 1);
        Set<JsonNode> items = new LinkedHashSet<>();
        for (int i = 0; i < TRIES && items.size() < size; i++) {
            items.add(guess(schema.path("items"), name));
        }
        return NODES.arrayNode().addAll(items);
    }

    private ObjectNode object(ObjectNode schema) {
        ObjectNode object = NODES.objectNode();
        List<String> required = Contract.texts(schema.path("required"));
        boolean sparse = chance(4);
        schema.path("properties").properties().stream().filter(property -> !property.getValue().path("readOnly").asBoolean())
                .filter(property -> required.contains(property.getKey()) || !sparse && random.nextBoolean())
                .forEach(property -> object.set(property.getKey(), guess(property.getValue(), property.getKey())));
        if (schema.path("additionalProperties").isObject()) {
            for (int i = random.nextInt(MOST_ITEMS + 1); i > 0; i--) {
                String key = schema.has("propertyNames") ? guess(schema.get("propertyNames"), "").asText() : "X-" + i;
                object.set(key, guess(schema.get("additionalProperties"), key));
            }
        }
        return object;
    }

    private String text(ObjectNode schema) {
        switch (schema.path("format").asText()) {
            case "uuid":
                return new UUID(random.nextLong(), random.nextLong()).toString();
            case "date-time":
                return Instant.ofEpochSecond(random.nextInt()).toString();
            case "date":
                return LocalDate.ofEpochDay(random.nextInt(40_000)).toString();
            default:
                break;
        }
        int least = schema.path("minLength").asInt();
        int most = Math.max(least, schema.path("maxLength").asInt(64));
        int length = switch (random.nextInt(5)) {
            case 0 -> least;
            case 1 -> most;
            default -> least + random.nextInt(Math.min(40, most - least + 1));
        };
        // Most patterns allow ASCII only.
        List<String> letters = random.nextBoolean() ? LETTERS.subList(0, 3) : LETTERS;
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            text.append(pick(letters));
        }
        return text.toString();
    }

    /** Collects all changes that may make a value, or a value nested in it, invalid. */
    private void changes(ObjectNode schema, JsonNode value, Consumer<JsonNode> set, List<Runnable> changes) {
        for (JsonNode other : others(schema, value)) {
            changes.add(() -> set.accept(other));
        }
        if (value instanceof ObjectNode object) {
            changes.add(() -> object.put("no_such_field", 1));
            changes.add(() -> object.put(object.isEmpty() ? "Name" : object.fieldNames().next() + " ", "x"));
            Contract.texts(schema.path("required")).forEach(name -> changes.add(() -> object.remove(name)));
            object.properties().forEach(field -> changes(
                    contract.flat(schema.path("properties").path(field.getKey())), field.getValue(),
                    changed -> object.set(field.getKey(), changed), changes));
            schema.path("properties").properties().stream().filter(property -> !object.has(property.getKey()))
                    .forEach(property -> others(contract.flat(property.getValue()), NullNode.instance)
                            .forEach(other -> changes.add(() -> object.set(property.getKey(), other))));
            if (schema.path("additionalProperties").isObject()) {
                changes.add(() -> object.put("X Y", 1));
                changes.add(() -> object.putNull("X-Null"));
            }
        } else if (value instanceof ArrayNode array) {
            JsonNode items = schema.path("items");
            for (int i = 0; i < array.size(); i++) {
                int at = i;
                changes(contract.flat(items), array.get(i), changed -> array.set(at, changed), changes);
            }
            changes.add(array::addNull);
            changes.add(() -> array.addObject().putArray("x"));
            changes.add(array::removeAll);
            if (schema.has("maxItems")) {
                changes.add(() -> {
                    while (array.size() <= schema.get("maxItems").asInt()) {
                        array.add(guess(items, ""));
                    }
                });
            }
        }
    }

    private List<JsonNode> others(ObjectNode schema, JsonNode value) {
        List<JsonNode> others = new ArrayList<>(List.of(NullNode.instance, new TextNode(""), new TextNode("no-such-value"),
                new TextNode("1-1-1-1-1"), new TextNode("2026-02-30T25:00:00Z"), BooleanNode.TRUE, LongNode.valueOf(7),
                DecimalNode.valueOf(new BigDecimal("1.5")), NODES.numberNode(BigInteger.TEN.pow(30)), NODES.arrayNode().add(1),
                NODES.objectNode().put("a", "b")));
        // Not for texts with a maximum length, since the service may trim these before it measures them.
        if (value.isTextual() && !schema.has("maxLength")) {
            others.add(new TextNode(value.asText().toUpperCase(Locale.ROOT) + " "));
            others.add(new TextNode("\n" + value.asText()));
        }
        if (schema.has("maxLength")) {
            others.add(new TextNode("x".repeat(schema.get("maxLength").asInt() + 1)));
            others.add(new TextNode("😀".repeat(schema.get("maxLength").asInt() + 1)));
        }
        if (schema.path("minLength").asInt() > 0) {
            others.add(new TextNode("x".repeat(schema.get("minLength").asInt() - 1)));
        }
        if (schema.has("minimum")) {
            others.add(LongNode.valueOf(schema.get("minimum").asLong() - 1));
        }
        if (schema.has("maximum")) {
            others.add(LongNode.valueOf(schema.get("maximum").asLong() + 1));
        }
        return others;
    }
}
