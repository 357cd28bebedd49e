package studio.actions.contract;

import static io.restassured.RestAssured.given;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.ValidationMessage;

import studio.actions.testing.Api;

/** The service's OpenAPI document, and checks of requests and answers against it. */
final class Contract {

    static final JsonMapper JSON = JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS, DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS).build();

    static final Set<String> VERBS = Set.of("GET", "PUT", "POST", "DELETE", "PATCH");

    private static final Set<String> FAILURES = Set.of("500", "503");

    /** An operation in the document's {@code paths}, with its references resolved. */
    record Operation(String id, String verb, String path, List<JsonNode> parameters, JsonNode body, JsonNode responses) {

        /** Returns the request body's schemas by media type; empty if the operation takes no body. */
        Map<String, JsonNode> takes() {
            return fields(body.path("content"), "schema");
        }

        List<JsonNode> parameters(String in) {
            return parameters.stream().filter(parameter -> parameter.get("in").asText().equals(in)).toList();
        }

        @Override
        public String toString() {
            return id;
        }
    }

    private final JsonNode document;
    private final Map<JsonNode, JsonSchema> schemas = new IdentityHashMap<>();
    private final List<Operation> operations = new ArrayList<>();

    Contract(JsonNode document) {
        this.document = document;
        document.path("paths").properties().forEach(path -> path.getValue().properties().stream()
                .filter(entry -> VERBS.contains(entry.getKey().toUpperCase())).forEach(entry -> {
                    JsonNode operation = entry.getValue();
                    List<JsonNode> parameters = new ArrayList<>();
                    path.getValue().path("parameters").forEach(parameter -> parameters.add(resolve(parameter)));
                    operation.path("parameters").forEach(parameter -> parameters.add(resolve(parameter)));
                    ObjectNode responses = JSON.createObjectNode();
                    operation.path("responses").properties()
                            .forEach(answer -> responses.set(answer.getKey(), resolve(answer.getValue())));
                    operations.add(new Operation(operation.path("operationId").asText(), entry.getKey().toUpperCase(),
                            path.getKey(), parameters, resolve(operation.path("requestBody")), responses));
                }));
    }

    /** Reads the document from the tested service. */
    static Contract ofService() {
        return new Contract(
                read(given().get(Api.ACTIONS + "/openapi?format=json").then().statusCode(200).extract().asString()));
    }

    static JsonNode read(String json) {
        try {
            return JSON.readTree(json);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    JsonNode document() {
        return document;
    }

    List<Operation> operations() {
        return operations;
    }

    /** Returns the methods that the document has for a path. */
    Set<String> verbs(String path) {
        return operations.stream().filter(operation -> operation.path.equals(path)).map(Operation::verb)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    JsonNode resolve(JsonNode node) {
        JsonNode found = node;
        while (found.has("$ref")) {
            found = document.at(found.get("$ref").asText().substring(1));
        }
        return found;
    }

    /**
     * Returns the schema in one piece, without {@code $ref} and {@code allOf}.
     * If a keyword occurs several times, the outermost one counts.
     */
    ObjectNode flat(JsonNode schema) {
        ObjectNode flat = JSON.createObjectNode();
        if (schema.has("$ref")) {
            flat.setAll(flat(document.at(schema.get("$ref").asText().substring(1))));
        }
        schema.path("allOf").forEach(part -> flat.setAll(flat(part)));
        schema.properties().stream().filter(keyword -> !Set.of("$ref", "allOf").contains(keyword.getKey()))
                .forEach(keyword -> flat.set(keyword.getKey(), keyword.getValue()));
        return flat;
    }

    /** Returns the errors of a value by a schema of this document; empty if the value is valid. */
    List<String> violations(JsonNode schema, JsonNode value) {
        return schemas.computeIfAbsent(schema, this::compiled).validate(value).stream().map(ValidationMessage::getMessage)
                .toList();
    }

    /** Compiles a schema as JSON Schema 2020-12, the default dialect of OpenAPI 3.1, with formats checked. */
    private JsonSchema compiled(JsonNode schema) {
        ObjectNode whole = JSON.createObjectNode();
        whole.putArray("allOf").add(schema);
        whole.set("components", document.get("components"));
        return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(whole,
                SchemaValidatorsConfig.builder().formatAssertionsEnabled(true).build());
    }

    /** Returns the differences between an answer and the document. */
    List<String> faults(Operation operation, Answer answer) {
        List<String> faults = new ArrayList<>();
        String status = Integer.toString(answer.status());
        if (FAILURES.contains(status)) {
            faults.add("failed with " + status + ": " + answer.text());
        }
        JsonNode response = operation.responses.path(status);
        if (response.isMissingNode()) {
            faults.add("status " + status + " is not documented: " + answer.text());
            return faults;
        }
        response.path("headers").properties().stream()
                .filter(header -> resolve(header.getValue()).path("required").asBoolean()
                        && !answer.headers().containsKey(header.getKey()))
                .forEach(header -> faults.add(status + " lacks the header " + header.getKey()));
        Map<String, JsonNode> content = fields(response.path("content"), "schema");
        if (content.isEmpty() && answer.body().length > 0) {
            faults.add(status + " is documented without a body, and has one: " + answer.text());
        } else if (!content.isEmpty() && !content.containsKey(answer.mediaType())) {
            faults.add(status + " is documented as " + content.keySet() + ", and was '" + answer.mediaType() + "'");
        } else if (!content.isEmpty()) {
            faults.addAll(bodyFaults(answer, content.get(answer.mediaType())));
        }
        return faults;
    }

    private List<String> bodyFaults(Answer answer, JsonNode schema) {
        List<String> faults = new ArrayList<>();
        boolean json = answer.mediaType().endsWith("json");
        try {
            JsonNode value = json ? JSON.readTree(answer.body()) : new TextNode(answer.text());
            violations(schema, value)
                    .forEach(wrong -> faults.add(answer.status() + " has a body against its schema: " + wrong));
            if (answer.mediaType().equals("application/problem+json") && value.path("status").asInt() != answer.status()) {
                faults.add("a problem of " + value.path("status") + " was answered with " + answer.status());
            }
        } catch (IOException e) {
            faults.add(answer.status() + " has a body that is no JSON: " + e.getMessage());
        }
        return faults;
    }

    static Map<String, JsonNode> fields(JsonNode object, String of) {
        Map<String, JsonNode> fields = new LinkedHashMap<>();
        object.properties().forEach(field -> fields.put(field.getKey(), field.getValue().path(of)));
        return fields;
    }

    static List<String> texts(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).map(JsonNode::asText).toList();
    }
}
