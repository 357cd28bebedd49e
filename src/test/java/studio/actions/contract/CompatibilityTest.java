package studio.actions.contract;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.module.ModuleDescriptor.Version;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;

/** Whoever built on the last release can go on. */
class CompatibilityTest {

    private static final YAMLMapper YAML = new YAMLMapper();

    private static final Path TODAY = Path.of("src/main/openapi/openapi.yaml");

    /** The document of each release, by its version. */
    private static final Path RELEASES = Path.of("src/test/resources/openapi");

    @Test
    void nobodyWhoBuiltOnTheLastReleaseBreaks() throws IOException {
        Path release = lastRelease();
        assertThat(Compatibility.breaks(YAML.readTree(release.toFile()), YAML.readTree(TODAY.toFile())))
                .as("What breaks since %s. Keep the old beside the new, or make it a new major version (before 1.0, a new "
                        + "minor one), say so in its notes, and copy %s to %s/<version>.yaml.", release, TODAY, RELEASES)
                .isEmpty();
    }

    private static Path lastRelease() throws IOException {
        try (Stream<Path> releases = Files.list(RELEASES)) {
            return releases.max(Comparator.comparing(
                    release -> Version.parse(release.getFileName().toString().replace(".yaml", "")))).orElseThrow();
        }
    }

    // ---- The check itself

    private static final String DOCUMENT = """
            openapi: 3.1.0
            security: [{token: []}]
            paths:
              /things:
                get:
                  operationId: listThings
                  tags: [Things]
                  parameters:
                  - {name: q, in: query, schema: {type: string, maxLength: 10}}
                  responses:
                    "200":
                      headers: {ETag: {required: true, schema: {type: string}}}
                      content:
                        application/json:
                          schema:
                            oneOf: [{type: array, items: {$ref: "#/components/schemas/Thing"}}, {$ref: "#/components/schemas/Page"}]
                        text/csv: {schema: {type: string}}
                    "404": {$ref: "#/components/responses/Problem"}
                post:
                  operationId: makeThing
                  tags: [Things]
                  security: [{token: [admin, manager]}]
                  requestBody:
                    content:
                      application/json: {schema: {$ref: "#/components/schemas/Draft"}}
                      text/csv: {schema: {type: string}}
                  responses:
                    "201": {content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}
            webhooks:
              ended:
                post:
                  operationId: ended
                  requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Event"}}}}
                  responses: {"204": {}, "410": {}}
            components:
              securitySchemes: {token: {type: http, scheme: bearer}}
              responses:
                Problem: {content: {application/problem+json: {schema: {type: object, properties: {code: {type: string}}}}}}
              schemas:
                Kind: {type: string, enum: [a, b]}
                UUID: {type: string, format: uuid}
                Draft:
                  type: object
                  required: [name]
                  properties:
                    name: {type: string, minLength: 1, maxLength: 80, pattern: "[a-z]*"}
                    note: {type: [string, "null"]}
                    kind: {$ref: "#/components/schemas/Kind", default: a}
                    size: {type: integer, maximum: 10}
                    owner: {anyOf: [{$ref: "#/components/schemas/UUID"}, {type: "null"}]}
                    to: {oneOf: [{type: string}, {type: integer}]}
                    extra: {type: object, additionalProperties: {type: string}}
                Thing:
                  allOf:
                  - {$ref: "#/components/schemas/Known"}
                  - type: object
                    required: [name, kind]
                    properties:
                      name: {type: string, maxLength: 80}
                      note: {type: [string, "null"]}
                      kind: {$ref: "#/components/schemas/Kind"}
                      parent: {$ref: "#/components/schemas/Thing"}
                      tags: {type: array, minItems: 1, items: {type: string}}
                      extra: {type: object, additionalProperties: {type: string}}
                Known: {type: object, required: [id], properties: {id: {$ref: "#/components/schemas/UUID"}}}
                Page: {type: object, properties: {data: {type: array, items: {$ref: "#/components/schemas/Thing"}}}}
                Tick: {type: object, properties: {at: {type: string}}}
                Event: {type: object, required: [id], properties: {id: {type: string}, kind: {$ref: "#/components/schemas/Kind"}}}
            """;

    private static final String THING = "/components/schemas/Thing/allOf/1";

    /** What stands there from now on, and what is said of it. */
    private static final String BREAKING = """
            /paths/~1things -> (gone) -> /paths/~1things: was there, is gone; it breaks those who call the service.
            /paths/~1things/post -> (gone) -> post: was there, is gone
            /paths/~1things/get/operationId -> listAll -> was "listThings", is "listAll"; it breaks those who call listThings.
            /paths/~1things/get/tags -> [Stuff] -> tags: was ["Things"], is ["Stuff"]
            /paths/~1things/get/security -> [{token: [admin]}] -> security: was {"token":[]}, is [{"token":["admin"]}]
            /paths/~1things/post/security -> [{token: [admin]}] -> security: was {"token":["admin","manager"]}
            /paths/~1things/post/security -> [{token: [admin, manager], other: []}] -> security: was
            /components/securitySchemes/token/scheme -> basic -> securitySchemes/token: was
            /paths/~1things/get/parameters -> [] -> parameters/query q: was there, is gone
            /paths/~1things/get/parameters -> [{name: q, in: header, schema: {type: string}}] -> query q: was there, is gone
            /paths/~1things/get/parameters/0/required -> true -> query q: was not required, is required
            /paths/~1things/get/parameters/0/explode -> false -> explode: was none, is false
            /paths/~1things/get/parameters/0/schema/maxLength -> 5 -> maxLength: was 10, is 5; it breaks those who call listThings.
            /paths/~1things/get/parameters/0/schema/minLength -> 2 -> minLength: was none, is 2
            /paths/~1things/parameters -> [{name: z, in: query, required: true}] -> query z: was not required, is required
            /paths/~1things/post/requestBody -> (gone) -> requestBody: was there, is gone
            /paths/~1things/post/requestBody/required -> true -> requestBody: was not required, is required
            /paths/~1things/post/requestBody/content/text~1csv -> (gone) -> text~1csv: was there, is gone; it breaks those who call makeThing.
            /paths/~1things/get/responses/200/content/text~1csv -> (gone) -> text~1csv: was there, is gone; it breaks those who read the answer of listThings.
            /paths/~1things/get/responses/200/headers/ETag -> (gone) -> headers/ETag: was there, is gone
            /paths/~1things/get/responses/200/headers/ETag/required -> false -> ETag: was required, is not required
            /paths/~1things/get/responses/404 -> (gone) -> responses/404: was there, is gone
            /paths/~1things/post/responses/202 -> {} -> responses/202: was not there, is an outcome of its own
            /components/responses/Problem/content/application~1problem+json/schema/properties/code -> (gone) -> code: was there, is gone
            /components/schemas/Kind/enum -> [a] -> /components/schemas/Kind/enum: was "b", is gone
            /components/schemas/UUID/format -> uri -> format: was "uuid", is "uri"
            /components/schemas/Draft/required -> [name, size] -> Draft/properties/size: was not required, is required; it breaks those who call makeThing.
            /components/schemas/Draft/required -> [name, new] -> Draft/properties/new: was not required, is required
            /components/schemas/Draft/properties/note -> (gone) -> Draft/properties/note: was there, is gone
            /components/schemas/Draft/properties/note/type -> string -> note: was null at times, is never null
            /components/schemas/Draft/properties/note/type -> [integer, "null"] -> note: was null or string, is integer or null
            /components/schemas/Draft/properties/owner/anyOf -> [{$ref: "#/components/schemas/UUID"}] -> owner: was null at times, is never null
            /components/schemas/Draft/properties/name/maxLength -> 40 -> maxLength: was 80, is 40
            /components/schemas/Draft/properties/name/minLength -> 2 -> minLength: was 1, is 2
            /components/schemas/Draft/properties/name/pattern -> "[a-f]*" -> pattern: was "[a-z]*", is "[a-f]*"
            /components/schemas/Draft/properties/name/enum -> [a, b] -> enum: was any, is one of
            /components/schemas/Draft/properties/name/not -> {const: a} -> not: was none
            /components/schemas/Draft/properties/size/maximum -> 5 -> maximum: was 10, is 5
            /components/schemas/Draft/properties/size/exclusiveMaximum -> 5 -> exclusiveMaximum: was none, is 5
            /components/schemas/Draft/properties/size/type -> number -> size: was integer, is number
            /components/schemas/Draft/properties/kind/default -> b -> kind/default: was "a", is "b"
            /components/schemas/Draft/properties/to/oneOf -> [{type: string}, {type: boolean}] -> to: was also {"type":"integer"}
            /components/schemas/Draft/properties/extra/additionalProperties -> false -> additionalProperties: was {"type":"string"}, is false
            /components/schemas/Draft/properties/extra/additionalProperties/type -> integer -> additionalProperties: was string, is integer
            /components/schemas/Draft/additionalProperties -> false -> additionalProperties: was none, is false
            /components/schemas/Known/properties/id -> (gone) -> Thing/properties/id: was there, is gone; it breaks those who read the answer of listThings.
            /components/schemas/Known/required -> [] -> Thing/properties/id: was required, is not required
            THING/properties/note -> (gone) -> Thing/properties/note: was there, is gone
            THING/properties/name/type -> [string, "null"] -> name: was never null, is null at times
            THING/properties/name/type -> integer -> name: was string, is integer
            THING/properties/name -> {} -> name: was string, is anything
            THING/required -> [name] -> kind: was required, is not required
            THING/properties/kind -> {type: string, enum: [a, b]} -> kind: was called Kind, is without a name
            THING/properties/kind -> {anyOf: [{$ref: "#/components/schemas/Kind"}, {type: "null"}]} -> kind: was never null, is null at times
            THING/properties/parent -> {$ref: "#/components/schemas/Page"} -> parent: was called Thing, is called Page
            THING/properties/tags/minItems -> 0 -> minItems: was 1, is 0
            THING/properties/tags/items/type -> integer -> tags/items: was string, is integer
            THING/properties/extra/additionalProperties/type -> integer -> additionalProperties: was string, is integer
            /components/schemas/Page/properties/data/items -> {$ref: "#/components/schemas/Known"} -> data/items: was called Thing, is called Known
            /paths/~1things/get/responses/200/content/application~1json/schema/oneOf/2 -> {type: boolean} -> schema: was one of
            /components/schemas/Tick/properties/at -> (gone) -> Tick/properties/at: was there, is gone; it breaks those who read it.
            /webhooks/ended -> (gone) -> /webhooks/ended: was there, is gone
            /webhooks/ended/post/requestBody/required -> false -> requestBody: was required, is not required; it breaks those who receive ended.
            /webhooks/ended/post/responses/410 -> (gone) -> responses/410: was there, is gone; it breaks those who answer ended.
            /components/schemas/Event/properties/id -> (gone) -> Event/properties/id: was there, is gone; it breaks those who receive ended.
            /components/schemas/Event/required -> [] -> Event/properties/id: was required, is not required
            """;

    @ParameterizedTest
    @CsvSource(quoteCharacter = '~', delimiterString = " -> ", textBlock = BREAKING)
    void breaks(String where, String now, String sentence) throws IOException {
        assertThat(Compatibility.breaks(document(), changed(where, now)))
                .anySatisfy(told -> assertThat(told).contains(sentence));
    }

    private static final String COMPATIBLE = """
            /info -> {description: Other words}
            /paths/~1others -> {get: {operationId: listOthers}}
            /paths/~1things/delete -> {operationId: deleteThings, responses: {"204": {}}}
            /paths/~1things/parameters -> [{name: z, in: query, schema: {type: string}}]
            /paths/~1things/get/deprecated -> true
            /paths/~1things/get/security -> []
            /paths/~1things/post/security -> [{token: [admin, manager, user]}]
            /paths/~1things/post/security -> [{token: []}]
            /paths/~1things/get/parameters/0/schema/maxLength -> 20
            /paths/~1things/post/requestBody/content/application~1xml -> {}
            /paths/~1things/get/responses/200/headers/Link -> {schema: {type: string}}
            /paths/~1things/get/responses/200/content/application~1xml -> {}
            /paths/~1things/get/responses/304 -> {}
            /paths/~1things/get/responses/429 -> {$ref: "#/components/responses/Problem"}
            /components/schemas/Kind/enum -> [b, c, a]
            /components/schemas/Draft/required -> []
            /components/schemas/Draft/properties/new -> {type: string}
            /components/schemas/Draft/properties/name/maxLength -> 100
            /components/schemas/Draft/properties/name/maxLength -> (gone)
            /components/schemas/Draft/properties/name/pattern -> (gone)
            /components/schemas/Draft/properties/name/type -> [string, "null"]
            /components/schemas/Draft/properties/name/description -> Other words
            /components/schemas/Draft/properties/note -> {anyOf: [{type: string}, {type: "null"}]}
            /components/schemas/Draft/properties/size/maximum -> 20
            /components/schemas/Draft/properties/size/default -> 5
            /components/schemas/Draft/properties/to/oneOf -> [{type: integer}, {type: boolean}, {type: string}]
            /components/schemas/Draft/properties/extra/additionalProperties -> {type: [string, "null"]}
            THING/properties/new -> {$ref: "#/components/schemas/Thing"}
            THING/required -> [name, kind, note, new]
            THING/properties/note/type -> string
            THING/properties/name/maxLength -> 100
            THING/properties/parent -> {allOf: [{$ref: "#/components/schemas/Thing"}], description: Other words}
            THING/properties/tags/minItems -> 2
            /webhooks/began -> {post: {operationId: began}}
            /webhooks/ended/post/parameters -> [{name: traceparent, in: header, required: true}]
            /webhooks/ended/post/responses/202 -> {}
            /components/schemas/Event/properties/new -> {type: string}
            """;

    @ParameterizedTest
    @CsvSource(quoteCharacter = '~', delimiterString = " -> ", textBlock = COMPATIBLE)
    void breaksNobody(String where, String now) throws IOException {
        assertThat(Compatibility.breaks(document(), changed(where, now))).isEmpty();
    }

    @Test
    void anotherNameOfASchemaIsAnotherTypeForGeneratedClients() throws IOException {
        assertThat(Compatibility.breaks(document(), YAML.readTree(DOCUMENT.replace("Draft", "Form")))).singleElement()
                .asString().contains("schema: was called Draft, is called Form");
    }

    @Test
    void tellsOfASharedSchemaOnceForEachSide() throws IOException {
        assertThat(Compatibility.breaks(document(), changed("/components/schemas/Kind/enum", "[a]"))).containsExactly(
                "/components/schemas/Kind/enum: was \"b\", is gone; it breaks those who read the answer of listThings.",
                "/components/schemas/Kind/enum: was \"b\", is gone; it breaks those who call makeThing.");
    }

    /** Of the service's own document; what the check passes over without a word would be found here. One in ten tells. */
    @Test
    void missesNothingThatIsTakenAway() throws IOException {
        JsonNode today = YAML.readTree(TODAY.toFile());
        assertThat(Compatibility.breaks(today, today)).isEmpty();
        List<JsonPointer> parts = new ArrayList<>();
        collect(today, JsonPointer.empty(), parts);
        assertThat(parts).hasSizeGreaterThan(500);
        assertThat(IntStream.range(0, parts.size()).filter(part -> part % 10 == 0).mapToObj(parts::get)).allSatisfy(part -> {
            JsonNode without = today.deepCopy();
            JsonNode parent = without.at(part.head());
            if (parent instanceof ArrayNode list) {
                list.remove(part.last().getMatchingIndex());
            } else {
                ((ObjectNode) parent).remove(part.last().getMatchingProperty());
            }
            assertThat(Compatibility.breaks(today, without)).as("without %s", part).isNotEmpty();
        });
    }

    /** What stands in a map by its name, or in a list, and is promised. */
    private static void collect(JsonNode node, JsonPointer at, List<JsonPointer> parts) {
        boolean fields = at.last() != null && at.last().getMatchingProperty().equals("properties");
        node.properties().forEach(child -> {
            String name = child.getKey();
            JsonPointer there = at.appendProperty(name);
            boolean promised = Set.of("paths", "webhooks", "responses", "headers", "content", "properties", "parameters",
                    "enum").contains(name) && !there.toString().startsWith("/components/" + name);
            if (promised && !fields) {
                child.getValue().fieldNames().forEachRemaining(part -> parts.add(there.appendProperty(part)));
                for (int i = 0; child.getValue().isArray() && i < child.getValue().size(); i++) {
                    parts.add(there.appendIndex(i));
                }
            }
            if (fields || !Set.of("example", "examples").contains(name)) {
                collect(child.getValue(), there, parts);
            }
        });
    }

    private static JsonNode document() throws IOException {
        return YAML.readTree(DOCUMENT);
    }

    private static JsonNode changed(String where, String now) throws IOException {
        ObjectNode document = (ObjectNode) document();
        JsonPointer at = JsonPointer.compile(where.replace("THING", THING));
        if (document.at(at.head()) instanceof ArrayNode list) {
            list.add(YAML.readTree(now));
        } else if (now.equals("(gone)")) {
            ((ObjectNode) document.at(at.head())).remove(at.last().getMatchingProperty());
        } else {
            document.withObject(at.head()).set(at.last().getMatchingProperty(), YAML.readTree(now));
        }
        return document;
    }
}
