package studio.actions.contract;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What breaks when one OpenAPI 3.1 document takes the place of another: for programs that talk to the service, and for
 * programs that were generated from the old document. What clients send may only be widened, what they read only narrowed;
 * fields, and values of an enum, may join on both sides. A keyword that is not known here counts as a constraint.
 */
final class Compatibility {

    private static final Set<String> METHODS = Set.of("get", "put", "post", "delete", "options", "head", "patch", "trace");

    private static final Set<String> ANY = Set.of("array", "boolean", "integer", "null", "number", "object", "string");

    private static final Set<String> UPPER = Set.of("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties");

    private static final Set<String> LOWER = Set.of("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties");

    /** What is read follows what may be sent: where a longer name is allowed, one will be read. */
    private static final Set<String> SIZES = Set.of("maxLength", "maxItems", "maxProperties");

    private static final Set<String> COMPARED_BY_THEMSELVES = Set.of("properties", "required", "enum", "const", "items",
            "additionalProperties", "format", "default");

    private static final Set<String> BIND_NOBODY = Set.of("title", "description", "example", "examples", "deprecated",
            "externalDocs", "xml", "$comment");

    private static final JsonNode ANYTHING = JsonNodeFactory.instance.objectNode();

    private final JsonNode before;
    private final JsonNode after;
    private final Set<List<Object>> compared;
    private final Set<String> met = new HashSet<>();
    /** By what changed: a schema that many operations share breaks once. */
    private final Map<List<Object>, String> breaks = new LinkedHashMap<>();

    private Compatibility(JsonNode before, JsonNode after, Set<List<Object>> compared) {
        this.before = before;
        this.after = after;
        this.compared = new HashSet<>(compared);
    }

    /** A sentence for each change that breaks somebody; none where all can go on as they are. */
    static List<String> breaks(JsonNode before, JsonNode after) {
        var comparison = new Compatibility(before, after, Set.of());
        comparison.documents();
        return List.copyOf(comparison.breaks.values());
    }

    /** As the other side sees it: a webhook's body is read by it, and the answer is what it sends. */
    private enum Side {
        SENT,
        READ
    }

    private record Place(String pointer, Side side, String who) {

        Place to(String step) {
            return new Place(pointer + "/" + step.replace("~", "~0").replace("/", "~1"), side, who);
        }

        Place as(Side side, String who) {
            return new Place(pointer, side, who);
        }

        Place at(String pointer) {
            return new Place(pointer, side, who);
        }
    }

    private interface Comparison {

        void compare(Place at, JsonNode was, JsonNode is);
    }

    private void documents() {
        var root = new Place("", Side.SENT, "call the service");
        each(root.to("paths"), before.path("paths"), after.path("paths"), (at, was, is) -> operations(at, was, is, true));
        each(root.to("webhooks"), before.path("webhooks"), after.path("webhooks"),
                (at, was, is) -> operations(at, was, is, false));
        String schemes = "/components/securitySchemes";
        each(root.at(schemes), before.at(schemes), after.at(schemes), (at, was, is) -> same(at, undescribed(was),
                undescribed(is)));
        strays(root.at("/components/schemas").as(Side.READ, "read it"));
    }

    /** Schemas that no operation refers to, such as those of a stream's events: read, if anything. */
    private void strays(Place at) {
        ObjectNode strays = before.at(at.pointer).deepCopy();
        each(at, strays.without(met), after.at(at.pointer), this::schema);
    }

    private void operations(Place at, JsonNode was, JsonNode is, boolean called) {
        ObjectNode old = was.deepCopy();
        each(at, old.retain(METHODS), is, (operation, wasOperation, isOperation) -> {
            String name = wasOperation.path("operationId").asText(operation.pointer);
            Place asked = operation.as(called ? Side.SENT : Side.READ, (called ? "call " : "receive ") + name);
            Place answered = operation.as(called ? Side.READ : Side.SENT,
                    (called ? "read the answer of " : "answer ") + name);
            same(asked.to("operationId"), wasOperation.path("operationId"), isOperation.path("operationId"));
            same(asked.to("tags"), wasOperation.path("tags"), isOperation.path("tags"));
            same(asked.to("callbacks"), wasOperation.path("callbacks"), isOperation.path("callbacks"));
            if (called) {
                security(asked.to("security"), wasOperation, isOperation);
            }
            parameters(asked.to("parameters"), parameters(before, was, wasOperation), parameters(after, is, isOperation));
            body(asked.to("requestBody"), resolve(before, wasOperation.path("requestBody")),
                    resolve(after, isOperation.path("requestBody")));
            responses(answered.to("responses"), wasOperation.path("responses"), isOperation.path("responses"));
        });
    }

    /** Roles beside a scheme are those of whom one is enough; none: everybody who is known. */
    private void security(Place at, JsonNode wasOperation, JsonNode isOperation) {
        JsonNode was = wasOperation.path("security").isArray() ? wasOperation.path("security") : before.path("security");
        JsonNode is = isOperation.path("security").isArray() ? isOperation.path("security") : after.path("security");
        if (is.isEmpty()) {
            return;
        }
        for (JsonNode held : was.isEmpty() ? List.of(ANYTHING) : was) {
            boolean enough = values(is).stream().anyMatch(asked -> names(asked).stream().allMatch(scheme -> held.has(scheme)
                    && (asked.path(scheme).isEmpty() || !held.path(scheme).isEmpty()
                            && values(asked.path(scheme)).containsAll(values(held.path(scheme))))));
            if (!enough) {
                broken(at, text(held), text(is));
            }
        }
    }

    private static ObjectNode parameters(JsonNode root, JsonNode item, JsonNode operation) {
        ObjectNode parameters = JsonNodeFactory.instance.objectNode();
        for (JsonNode from : List.of(item, operation)) {
            for (JsonNode each : from.path("parameters")) {
                JsonNode parameter = resolve(root, each);
                parameters.set(parameter.path("in").asText() + " " + parameter.path("name").asText(), parameter);
            }
        }
        return parameters;
    }

    private void parameters(Place at, ObjectNode was, ObjectNode is) {
        each(at, was, is, this::parameter);
        for (String name : names(is)) {
            if (!was.has(name)) {
                required(at.to(name), false, is.get(name).path("required").asBoolean());
            }
        }
    }

    /** Or a header of an answer. */
    private void parameter(Place at, JsonNode was, JsonNode is) {
        required(at, was.path("required").asBoolean(), is.path("required").asBoolean());
        for (String how : List.of("style", "explode", "allowReserved")) {
            same(at.to(how), was.path(how), is.path(how));
        }
        schema(at.to("schema"), was.path("schema"), is.path("schema"));
        each(at.to("content"), was.path("content"), is.path("content"), this::mediaType);
    }

    private void body(Place at, JsonNode was, JsonNode is) {
        if (!was.isMissingNode() && is.isMissingNode()) {
            broken(at, "there", "gone");
            return;
        }
        required(at, was.path("required").asBoolean(), is.path("required").asBoolean());
        each(at.to("content"), was.path("content"), is.path("content"), this::mediaType);
    }

    /**
     * An unknown refusal is understood by its class (RFC 9110, 15); an unknown success is taken for the one that was known. A
     * 304 comes only to those who asked for it.
     */
    private void responses(Place at, JsonNode was, JsonNode is) {
        each(at, was, is, (status, wasResponse, isResponse) -> {
            JsonNode old = resolve(before, wasResponse);
            JsonNode now = resolve(after, isResponse);
            each(status.to("headers"), old.path("headers"), now.path("headers"), (header, wasHeader,
                    isHeader) -> parameter(header, resolve(before, wasHeader), resolve(after, isHeader)));
            each(status.to("content"), old.path("content"), now.path("content"), this::mediaType);
        });
        for (String status : names(is)) {
            if (at.side == Side.READ && !was.has(status) && status.matches("[23]..") && !status.equals("304")) {
                broken(at.to(status), "not there", "an outcome of its own");
            }
        }
    }

    private void mediaType(Place at, JsonNode was, JsonNode is) {
        schema(at.to("schema"), was.path("schema"), is.path("schema"));
    }

    private void schema(Place at, JsonNode was, JsonNode is) {
        Shape old = Shape.of(before, was);
        Shape now = Shape.of(after, is);
        met.add(String.valueOf(old.name));
        if (!Objects.equals(old.name, now.name) && (old.isTypeOfClients() || now.isTypeOfClients())) {
            broken(at, "called " + old.name, now.name == null ? "without a name" : "called " + now.name);
        } else if (!old.isOfTypesOf(now)) {
            broken(at, old.typesAsText(), now.typesAsText());
        } else {
            if (at.side == Side.SENT ? old.isNullable() && !now.isNullable() : !old.isNullable() && now.isNullable()) {
                broken(at, old.isNullable() ? "null at times" : "never null",
                        now.isNullable() ? "null at times" : "never null");
            }
            if (at.side == Side.SENT && old.keywords.has("default")) {
                same(at.to("default"), old.keyword("default"), now.keyword("default"));
            }
            boolean shared = old.name != null && old.name.equals(now.name);
            if (old.name == null || compared.add(List.of(at.side, was, is))) {
                shapes(shared ? at.at("/components/schemas/" + old.name) : at, old, now);
            }
        }
    }

    private void shapes(Place at, Shape old, Shape now) {
        alternatives(at, old, now);
        if (old.alternatives.isEmpty() != now.alternatives.isEmpty()) {
            return;
        }
        fields(at, old, now);
        enums(at.to("enum"), old.allowed(), now.allowed());
        limits(at, old, now);
        same(at.to("format"), old.keyword("format"), now.keyword("format"));
        if (old.keywords.has("items") || now.keywords.has("items")) {
            schema(at.to("items"), old.keyword("items"), now.keyword("items"));
        }
    }

    /** Each one that may be sent must still be taken; each one that may be read must have been known. */
    private void alternatives(Place at, Shape old, Shape now) {
        if (old.alternatives.isEmpty() && now.alternatives.isEmpty()) {
            return;
        }
        List<JsonNode> were = old.alternatives.isEmpty() ? List.of(old.whole) : old.alternatives;
        List<JsonNode> are = now.alternatives.isEmpty() ? List.of(now.whole) : now.alternatives;
        for (JsonNode one : at.side == Side.SENT ? were : are) {
            List<Compatibility> attempts = new ArrayList<>();
            for (JsonNode other : at.side == Side.SENT ? are : were) {
                var attempt = new Compatibility(before, after, compared);
                attempt.schema(at, at.side == Side.SENT ? one : other, at.side == Side.SENT ? other : one);
                attempts.add(attempt);
                met.addAll(attempt.met);
            }
            if (attempts.stream().noneMatch(attempt -> attempt.breaks.isEmpty())) {
                List<Compatibility> close = attempts.stream()
                        .filter(attempt -> attempt.breaks.keySet().stream().noneMatch(what -> what.contains(at.pointer)))
                        .toList();
                if (close.size() == 1) {
                    close.get(0).breaks.forEach(breaks::putIfAbsent);
                } else {
                    broken(at, at.side == Side.SENT ? "also " + text(one) : "one of " + were,
                            at.side == Side.SENT ? "one of " + are : "also " + text(one));
                }
            }
        }
    }

    private void fields(Place at, Shape old, Shape now) {
        each(at.to("properties"), old.keyword("properties"), now.keyword("properties"), this::schema);
        Set<JsonNode> fields = new LinkedHashSet<>(values(old.keyword("required")));
        fields.addAll(values(now.keyword("required")));
        for (JsonNode field : fields) {
            boolean gone = old.keyword("properties").has(field.asText()) && !now.keyword("properties").has(field.asText());
            if (!gone) {
                required(at.to("properties").to(field.asText()), values(old.keyword("required")).contains(field),
                        values(now.keyword("required")).contains(field));
            }
        }
        Place others = at.to("additionalProperties");
        JsonNode was = old.keyword("additionalProperties");
        JsonNode is = now.keyword("additionalProperties");
        if (is.equals(BooleanNode.FALSE) && at.side == Side.SENT) {
            same(others, was, is);
        } else if (!was.equals(BooleanNode.FALSE) && (was.isObject() || is.isObject())) {
            schema(others, was, is);
        }
    }

    private void enums(Place at, Set<JsonNode> was, Set<JsonNode> is) {
        if (was.isEmpty() || is.isEmpty()) {
            if (at.side == Side.SENT ? !is.isEmpty() : !was.isEmpty()) {
                broken(at, was.isEmpty() ? "any" : "one of " + was, is.isEmpty() ? "any" : "one of " + is);
            }
            return;
        }
        for (JsonNode value : was) {
            if (!is.contains(value)) {
                broken(at, text(value), "gone");
            }
        }
    }

    private void limits(Place at, Shape old, Shape now) {
        Set<String> keywords = new TreeSet<>(names(old.keywords));
        keywords.addAll(names(now.keywords));
        keywords.removeAll(COMPARED_BY_THEMSELVES);
        keywords.removeAll(BIND_NOBODY);
        keywords.removeIf(keyword -> keyword.startsWith("x-") || at.side == Side.READ && SIZES.contains(keyword));
        for (String keyword : keywords) {
            JsonNode narrow = (at.side == Side.SENT ? old : now).keyword(keyword);
            JsonNode wide = (at.side == Side.SENT ? now : old).keyword(keyword);
            boolean holds = wide.isMissingNode() || wide.equals(narrow)
                    || narrow.isNumber() && (UPPER.contains(keyword) && narrow.asDouble() <= wide.asDouble()
                            || LOWER.contains(keyword) && narrow.asDouble() >= wide.asDouble());
            if (!holds) {
                broken(at.to(keyword), text(old.keyword(keyword)), text(now.keyword(keyword)));
            }
        }
    }

    private void each(Place at, JsonNode was, JsonNode is, Comparison comparison) {
        for (String name : names(was)) {
            if (is.has(name)) {
                comparison.compare(at.to(name), was.get(name), is.get(name));
            } else {
                broken(at.to(name), "there", "gone");
            }
        }
    }

    private void required(Place at, boolean was, boolean is) {
        if (at.side == Side.SENT ? !was && is : was && !is) {
            broken(at, was ? "required" : "not required", is ? "required" : "not required");
        }
    }

    private void same(Place at, JsonNode was, JsonNode is) {
        if (!was.equals(is)) {
            broken(at, text(was), text(is));
        }
    }

    private void broken(Place at, String was, String is) {
        breaks.putIfAbsent(List.of(at.pointer, at.side, was, is),
                at.pointer + ": was " + was + ", is " + is + "; it breaks those who " + at.who + ".");
    }

    private static JsonNode resolve(JsonNode root, JsonNode node) {
        return node.has("$ref") ? resolve(root, root.at(node.get("$ref").asText().substring(1))) : node;
    }

    private static JsonNode undescribed(JsonNode node) {
        return node.<ObjectNode> deepCopy().without("description");
    }

    private static String text(JsonNode node) {
        return node.isMissingNode() ? "none" : node.toString();
    }

    private static Set<String> names(JsonNode node) {
        Set<String> names = new LinkedHashSet<>();
        node.fieldNames().forEachRemaining(names::add);
        return names;
    }

    private static Set<JsonNode> values(JsonNode list) {
        Set<JsonNode> values = new LinkedHashSet<>();
        list.forEach(values::add);
        return values;
    }

    /** A schema with all that its references and its {@code allOf} add, and {@code null} as a type among others. */
    private static final class Shape {

        private final JsonNode whole;
        private String name;
        private Set<String> types = ANY;
        private final List<JsonNode> alternatives = new ArrayList<>();
        private final ObjectNode keywords = JsonNodeFactory.instance.objectNode();

        private Shape(JsonNode whole) {
            this.whole = whole;
        }

        static Shape of(JsonNode root, JsonNode schema) {
            var shape = new Shape(schema);
            shape.add(root, schema);
            return shape;
        }

        private void add(JsonNode root, JsonNode schema) {
            for (String keyword : names(schema)) {
                JsonNode value = schema.get(keyword);
                switch (keyword) {
                    case "$ref" -> {
                        String reference = value.asText();
                        name = name == null ? reference.substring(reference.lastIndexOf('/') + 1) : name;
                        add(root, root.at(reference.substring(1)));
                    }
                    case "allOf" -> value.forEach(part -> add(root, part));
                    case "anyOf", "oneOf" -> choose(root, values(value));
                    case "type" -> narrow(value.isArray() ? texts(value) : Set.of(value.asText()));
                    case "properties" -> names(value).forEach(property -> keywords.withObject("/properties").set(property,
                            value.get(property)));
                    case "required" -> value.forEach(keywords.withArray("required")::add);
                    default -> keywords.set(keyword, value);
                }
            }
        }

        private void choose(JsonNode root, Set<JsonNode> choices) {
            Set<String> chosen = new TreeSet<>();
            choices.forEach(choice -> chosen.addAll(of(root, choice).types));
            List<JsonNode> some = choices.stream().filter(choice -> !of(root, choice).types.equals(Set.of("null"))).toList();
            if (some.size() == 1) {
                Set<String> own = types;
                types = ANY;
                add(root, some.get(0));
                types = own;
            } else {
                alternatives.addAll(some);
            }
            narrow(chosen);
        }

        private void narrow(Set<String> to) {
            types = new TreeSet<>(types);
            types.retainAll(to);
        }

        private static Set<String> texts(JsonNode list) {
            Set<String> texts = new TreeSet<>();
            list.forEach(value -> texts.add(value.asText()));
            return texts;
        }

        /** Generators make a type of it, with its name. */
        boolean isTypeOfClients() {
            return keywords.has("properties") || keywords.has("enum") || !alternatives.isEmpty();
        }

        boolean isNullable() {
            return types.contains("null");
        }

        /** Null aside; of alternatives, each one is compared. */
        boolean isOfTypesOf(Shape other) {
            return !alternatives.isEmpty() && !other.alternatives.isEmpty() || typesButNull().equals(other.typesButNull());
        }

        private Set<String> typesButNull() {
            Set<String> some = new TreeSet<>(types);
            some.remove("null");
            return some;
        }

        String typesAsText() {
            return types.equals(ANY) ? "anything" : String.join(" or ", types);
        }

        Set<JsonNode> allowed() {
            return keywords.has("const") ? Set.of(keywords.get("const")) : Compatibility.values(keyword("enum"));
        }

        JsonNode keyword(String keyword) {
            return keywords.has(keyword) ? keywords.get(keyword) : MissingNode.getInstance();
        }
    }
}
