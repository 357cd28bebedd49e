package studio.actions.contract;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.BiConsumer;
import java.util.stream.Stream;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;

import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import studio.actions.draft.Method;
import studio.actions.testing.BesideKitsu;
import studio.actions.testing.FakeZou;
import studio.actions.testing.Receiver;

/** The OpenAPI document by itself: its schemas are exact, and its examples are valid by them. */
@QuarkusTest
@WithTestResource(BesideKitsu.class)
class ContractTest {

    private static final Set<String> NAMED = Set.of("properties", "schemas", "examples", "headers", "parameters");

    private final List<String> faults = new ArrayList<>();
    private Contract contract;
    private JsonNode document;

    @BeforeEach
    void read() {
        contract = Contract.ofService();
        document = contract.document();
    }

    @Test
    void everyExampleIsValid() {
        int[] seen = { 0 };
        walk("", document, (at, node) -> {
            JsonNode schema = node.path("schema").isObject() ? node.get("schema") : node;
            JsonNode examples = node.path("examples");
            boolean list = examples.isArray() && !at.endsWith("/properties");
            List<JsonNode> values = new ArrayList<>();
            if (list) {
                examples.forEach(values::add);
            } else if (node.has("schema")) {
                examples.forEach(example -> values.add(contract.resolve(example).path("value")));
            }
            if (node.has("example") && (node.has("schema") || node.has("type"))) {
                values.add(node.get("example"));
            }
            seen[0] += values.size();
            values.forEach(value -> contract.violations(schema, value)
                    .forEach(wrong -> faults.add(at + ": " + value + ": " + wrong)));
        });
        assertThat(seen[0]).isGreaterThan(20);
        assertThat(faults).isEmpty();
    }

    @Test
    void everyOperationHasIdSummaryAndDescription() {
        Set<String> ids = new HashSet<>();
        for (Map.Entry<String, JsonNode> path : document.get("paths").properties()) {
            path.getValue().properties().stream().filter(verb -> Contract.VERBS.contains(verb.getKey().toUpperCase()))
                    .forEach(verb -> {
                        JsonNode operation = verb.getValue();
                        String at = verb.getKey() + " " + path.getKey();
                        for (String field : List.of("operationId", "summary", "description")) {
                            require(!operation.path(field).asText().isBlank(), at + " lacks " + field);
                        }
                        require(ids.add(operation.path("operationId").asText()), at + ": its operationId is another's, too");
                        require(operation.path("tags").size() == 1, at + " has " + operation.path("tags").size() + " tags");
                    });
        }
        assertThat(document.get("security").toString()).isEqualTo("[{\"token\":[]},{\"cookie\":[]}]");
        for (Contract.Operation operation : contract.operations()) {
            JsonNode own = document.at("/paths/" + operation.path().replace("/", "~1") + "/" + operation.verb().toLowerCase());
            require(!own.has("security"), operation + " is signed in to otherwise than all others");
            operation.responses().properties().forEach(answer -> require(
                    !answer.getValue().path("description").asText().isBlank(),
                    operation + " does not describe its " + answer.getKey()));
            operation.parameters().forEach(parameter -> {
                String at = operation + ", " + parameter.get("name");
                require(!parameter.path("description").asText().isBlank(), at + " lacks a description");
                bounded(at, contract.flat(parameter.path("schema")));
            });
        }
        assertThat(faults).isEmpty();
    }

    @Test
    void everyBodyShowsAnExample() {
        int[] seen = { 0 };
        BiConsumer<String, JsonNode> shown = (at, content) -> content.properties().forEach(media -> {
            seen[0]++;
            require(!media.getValue().path("examples").isEmpty()
                    || !contract.flat(media.getValue().path("schema")).path("examples").isEmpty(),
                    at + " shows no example of its " + media.getKey());
        });
        for (Contract.Operation operation : contract.operations()) {
            shown.accept(operation.toString(), operation.body().path("content"));
            operation.responses().properties()
                    .forEach(answer -> shown.accept(operation + " " + answer.getKey(), answer.getValue().path("content")));
        }
        assertThat(seen[0]).isGreaterThan(300);
        assertThat(faults).isEmpty();
    }

    /** A receiver gets the request that the document describes, for each method that an action may have. */
    @ParameterizedTest
    @EnumSource(Method.class)
    void receiverGetsDocumentedRequest(Method method) {
        String name = "hears-" + UUID.randomUUID();
        String action = BesideKitsu.ajax(Receiver.shared().url("/" + name + "/ok"), "method", method.name());
        BesideKitsu.run(BesideKitsu.as("admin"), action, List.of(FakeZou.shared().shot("SH010").id())).then().statusCode(200);
        Receiver.Heard heard = Receiver.shared().heard(name).get(0);
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        headers.putAll(heard.headers());

        JsonNode delivery = document.at("/webhooks/delivery/" + method.name().toLowerCase());

        assertThat(heard.method()).isEqualTo(method.name());
        assertThat(document.at("/webhooks/delivery/parameters")).isNotEmpty().allSatisfy(parameter -> {
            String header = headers.get(parameter.get("name").asText());
            assertThat(header != null || !parameter.path("required").asBoolean()).as(parameter.toString()).isTrue();
            assertThat(header == null ? List.of() : contract.violations(parameter.get("schema"), new TextNode(header)))
                    .isEmpty();
        });
        JsonNode content = delivery.path("requestBody").path("content");
        assertThat(content.isMissingNode()).isEqualTo(heard.body().isEmpty());
        content.properties().forEach(media -> {
            assertThat(headers.get("Content-Type")).isEqualTo(media.getKey());
            assertThat(contract.violations(media.getValue().get("schema"), Contract.read(heard.body()))).isEmpty();
        });
    }

    private void bounded(String at, ObjectNode schema) {
        switch (schema.path("type").asText()) {
            case "string" -> require(Stream.of("maxLength", "format", "enum", "const", "pattern").anyMatch(schema::has),
                    at + " is a string of any kind and length");
            case "integer", "number" ->
                require(schema.has("minimum") && schema.has("maximum"), at + " is a number of any size");
            case "boolean" -> {
            }
            default -> require(false, at + " has no type");
        }
    }

    @Test
    void noSchemaIsUntypedOrContradictory() {
        walk("", document, (at, node) -> {
            String type = node.path("type").toString();
            boolean object = node.has("type") && type.contains("\"object\"");
            if (object && !at.contains("/examples/")) {
                require(Stream.of("properties", "anyOf", "oneOf", "allOf", "$ref").anyMatch(node::has)
                        || node.path("additionalProperties").isObject() && !node.get("additionalProperties").isEmpty(),
                        at + " is an object of anything");
            }
            if (node.has("type") && node.has("$ref")) {
                agree(at, node, node.get("type"), contract.flat(document.at(node.get("$ref").asText().substring(1))));
            }
            for (JsonNode branch : node.has("type") && node.path("anyOf").isArray() ? node.get("anyOf")
                    : List.<JsonNode> of()) {
                agree(at, node, node.get("type"), contract.flat(branch));
            }
        });
        assertThat(faults).isEmpty();
    }

    /**
     * Checks that a type includes the type of the schema beside it. Both apply, so that otherwise no value would be valid.
     */
    private void agree(String at, JsonNode node, JsonNode type, ObjectNode other) {
        List<String> outer = type.isArray() ? Contract.texts(type) : List.of(type.asText());
        List<String> inner = other.path("type").isArray() ? Contract.texts(other.get("type"))
                : List.of(other.path("type").asText());
        require(!other.has("type") || outer.containsAll(inner), at + ": " + type + " leaves out " + inner);
    }

    private void require(boolean fine, String otherwise) {
        if (!fine) {
            faults.add(otherwise);
        }
    }

    /** Visits every node that may be a schema or contain one. Skips examples and defaults, which are data. */
    private void walk(String at, JsonNode node, BiConsumer<String, JsonNode> visit) {
        if (node.isObject() && !NAMED.contains(at.substring(at.lastIndexOf('/') + 1))) {
            visit.accept(at, node);
        }
        node.properties().stream().filter(field -> !field.getKey().equals("example") && !field.getKey().equals("default")
                && !(field.getKey().equals("examples") && !at.endsWith("/properties")))
                .forEach(field -> walk(at + "/" + field.getKey(), field.getValue(), visit));
        if (node.isArray()) {
            for (int i = 0; i < node.size(); i++) {
                walk(at + "/" + i, node.get(i), visit);
            }
        }
    }
}
