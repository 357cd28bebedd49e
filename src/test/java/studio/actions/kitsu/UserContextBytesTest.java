package studio.actions.kitsu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.vertx.core.buffer.Buffer;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/** Replaces one member of a JSON document and keeps every other byte. */
class UserContextBytesTest {

    private static final String OURS = "[{\"name\":\"Ours \\u00e9 é\"}]";
    /** Longer than the parser's buffer, so that byte offsets cross its edge. */
    private static final String LONG = "x".repeat(20_000);

    /** Returns documents in which {@code @} stands for Zou's own value. It may stand anywhere and be of any type. */
    static Stream<String> contexts() {
        return Stream.of(
                // First, last, only, in the middle.
                "{\"custom_actions\":@}",
                "{\"custom_actions\":@,\"projects\":[]}",
                "{\"projects\":[],\"custom_actions\":@}",
                "{\"projects\":[],\"custom_actions\":@,\"persons\":[]}",
                // White space.
                " \r\n\t{ \"custom_actions\" : @ }\n\n",
                "{\n  \"projects\" : [ ] ,\n\t\"custom_actions\"\r\n:\r\n@\r\n,\r\n\"persons\" :[\n]\r\n}   ",
                "{\"custom_actions\":@ ,\"a\":1}",
                // Similar names.
                "{\"projects\":[{\"custom_actions\":[1]}],\"custom_actions\":@,\"x\":{\"custom_actions\":{\"custom_actions\":2}}}",
                "{\"Custom_actions\":1,\"custom_actions \":2,\"customactions\":3,\"custom_actions2\":4,\"\":5,\"custom_actions\":@}",
                "{\"text\":\"\\\"custom_actions\\\":[1]\",\"custom_actions\":@,\"other\":\"custom_actions\"}",
                "{\"text\":\"{\\\"custom_actions\\\":[]}\\\\\",\"custom_actions\":@}",
                // The same name with an escape.
                "{\"custom\\u005factions\":@,\"a\":1}",
                // Escapes, non-ASCII characters, numbers, order.
                "{\"\\u00e9\":\"\\ud83d\\ude00\",\"é\":\"😀 \u2028\",\"/\":\"\\/\",\"custom_actions\":@,\"\\u0000\":\"\\u0000\"}",
                "{\"z\":1.0e5,\"a\":-0.0,\"m\":1E+02,\"big\":12345678901234567890.12345678901234567890,\"custom_actions\":@,\"b\":1.10}",
                "{\"b\":1,\"a\":2,\"b\":3,\"custom_actions\":@,\"a\":4}",
                "{\"deep\":" + "[".repeat(500) + "]".repeat(500) + ",\"custom_actions\":@}",
                // Across the edges of buffers.
                "{\"" + LONG + "\":\"" + LONG + "\",\"custom_actions\":@,\"" + LONG + "é\":[\"é" + LONG + "\"]}",
                " ".repeat(7_987) + "{\"custom_actions\":@}" + " ".repeat(9_000));
    }

    static Stream<String> values() {
        return Stream.of("[]", "[ ]", "[{\"id\":1,\"custom_actions\":[2]},[[]],\"]\"]", "null", "{}",
                "{\"custom_actions\":[3]}",
                "{\"a\":{\"b\":[]}}", "\"\"", "\"custom_actions\"", "\"a\\\"]}\\\\\"", "\"é😀\"", "0", "-1.50e+10", "true",
                "false",
                "\"" + LONG + "\"", "[\"" + LONG + "\",\"é" + LONG + "\"]", "1".repeat(900));
    }

    static Stream<Arguments> everyValueInEveryContext() {
        return contexts().flatMap(context -> values().map(value -> arguments(context, value)));
    }

    @ParameterizedTest(name = "{index}")
    @MethodSource("everyValueInEveryContext")
    void replacesOnlyCustomActionsMember(String context, String value) {
        assertThat(replaced(context.replace("@", value))).isEqualTo(context.replace("@", OURS));
    }

    /** The edge of a buffer may fall into a name, a character or a number. */
    @Test
    void replacesMemberAtAnyBufferOffset() {
        String context = "{\"a\":\"é😀\",\"custom_actions\":@,\"b\":1.0e5}";

        for (int pad = 7_900; pad < 8_100; pad++) {
            String padded = " ".repeat(pad) + context;
            assertThat(replaced(padded.replace("@", "[{\"é\":12}]"))).isEqualTo(padded.replace("@", OURS));
        }
    }

    @Test
    void replacesEveryOccurrenceOfMember() {
        assertThat(replaced("{\"custom_actions\":[1], \"a\":2, \"custom_actions\" :null}"))
                .isEqualTo("{\"custom_actions\":" + OURS + ", \"a\":2, \"custom_actions\" :" + OURS + "}");
    }

    @ParameterizedTest
    @ValueSource(strings = { "{}", " { } ", "{\"projects\":[{\"custom_actions\":[]}]}", "{\"a\":\"custom_actions\"}",
            "{\"custom_Actions\":[]}" })
    void leavesContextWithoutMemberUnchanged(String context) {
        assertThat(replaced(context)).isEqualTo(context);
    }

    @Test
    void keepsAByteOrderMark() {
        assertThat(replaced("\ufeff{\"custom_actions\":[1],\"a\":2}"))
                .isEqualTo("\ufeff{\"custom_actions\":" + OURS + ",\"a\":2}");
    }

    @Test
    void doesNotModifyItsInput() {
        Buffer context = Buffer.buffer("{\"custom_actions\":[1]}");

        replace(context);

        assertThat(context).hasToString("{\"custom_actions\":[1]}");
    }

    /** Compares the result for random documents with another parser's. */
    @Test
    void agreesWithAnotherParserOnAnyDocument() throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        Random random = new Random(20261123);

        for (int i = 0; i < 300; i++) {
            ObjectNode context = mapper.createObjectNode();
            for (int member = random.nextInt(6); member >= 0; member--) {
                context.set(random.nextInt(3) == 0 ? "custom_actions" : "k" + random.nextInt(9), any(mapper, random, 4));
            }
            String text = random.nextBoolean() ? context.toString() : context.toPrettyString();

            String result = replaced(text);

            if (context.has("custom_actions")) {
                context.set("custom_actions", mapper.readTree(OURS));
            }
            assertThat(mapper.readTree(result)).isEqualTo(context);
        }
    }

    private static JsonNode any(ObjectMapper mapper, Random random, int depth) {
        return switch (random.nextInt(depth == 0 ? 4 : 6)) {
            case 0 -> mapper.getNodeFactory().numberNode(random.nextInt());
            case 1 -> mapper.getNodeFactory().textNode("custom_actions\":[é" + "\"\\😀]}".substring(random.nextInt(3)));
            case 2 -> mapper.getNodeFactory().nullNode();
            case 3 -> mapper.getNodeFactory().numberNode(random.nextGaussian());
            case 4 -> {
                ArrayNode array = mapper.createArrayNode();
                for (int i = random.nextInt(4); i > 0; i--) {
                    array.add(any(mapper, random, depth - 1));
                }
                yield array;
            }
            default -> {
                ObjectNode object = mapper.createObjectNode();
                for (int i = random.nextInt(4); i > 0; i--) {
                    object.set(random.nextBoolean() ? "custom_actions" : "n" + i, any(mapper, random, depth - 1));
                }
                yield object;
            }
        };
    }

    // ---- Invalid contexts

    @ParameterizedTest
    @ValueSource(strings = { "", " ", "null", "true", "5", "\"custom_actions\"", "[]", "[{\"custom_actions\":[]}]", "nope",
            "<!DOCTYPE html><html></html>", "{", "{\"", "{\"custom_actions\"", "{\"custom_actions\":", "{\"custom_actions\":[",
            "{\"custom_actions\":[]", "{\"custom_actions\":[],", "{\"custom_actions\":[],}", "{\"custom_actions\":}",
            "{\"custom_actions\":1", "{\"custom_actions\":\"", "{\"custom_actions\":[}]", "{\"custom_actions\":tru}",
            "{\"custom_actions\":[1,]}", "{custom_actions:[]}", "{'custom_actions':[]}", "{\"a\":01,\"custom_actions\":[]}",
            "{\"a\":NaN,\"custom_actions\":[]}", "{\"custom_actions\":[]}}", "{\"custom_actions\":[]}{}",
            "{\"custom_actions\":[]},", "{\"custom_actions\":[]} x", "{\"custom_actions\":[]}]", "{\"custom_actions\":[]}null",
            "{\"custom_actions\":[]}<!-- -->", "{\"custom_actions\":[]}\u0000", "\u0000",
            "{\"a\":\"\n\",\"custom_actions\":[]}",
            "// c\n{\"custom_actions\":[]}", "{\"a\":\"\\x\",\"custom_actions\":[]}", "HTTP/1.1 200 OK\r\n\r\n{}" })
    void refusesInvalidContext(String body) {
        refused(body.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void refusesEveryTruncatedContext() {
        byte[] whole = "{\"é\":[1.5,{\"a\":\"\\u00e9\"}],\"custom_actions\":[{\"b\":null}],\"c\":true}"
                .getBytes(StandardCharsets.UTF_8);

        for (int length = 0; length < whole.length; length++) {
            refused(Arrays.copyOf(whole, length));
        }
        assertThat(replace(Buffer.buffer(whole)).length()).isPositive();
    }

    /** RFC 8259, section 8.1: JSON between systems is UTF-8. */
    @ParameterizedTest
    @ValueSource(strings = { "UTF-16LE", "UTF-16BE", "UTF-16", "UTF-32LE", "UTF-32BE" })
    void refusesEncodingsOtherThanUtf8(String charset) {
        refused("{\"a\":1,\"custom_actions\":[],\"b\":2}".getBytes(Charset.forName(charset)));
        refused("{\"a\":1}".getBytes(Charset.forName(charset)));
    }

    private static String replaced(String context) {
        return replace(Buffer.buffer(context)).toString();
    }

    private static void refused(byte[] body) {
        assertThatThrownBy(() -> replace(Buffer.buffer(body)))
                .as(new String(body, StandardCharsets.UTF_8))
                .asInstanceOf(type(ProblemException.class))
                .satisfies(problem -> {
                    assertThat(problem.code()).isEqualTo(Code.UNAVAILABLE);
                    assertThat(problem.headers()).containsKey("Retry-After");
                });
    }

    private static Buffer replace(Buffer context) {
        return UserContextResource.replace(context, projectRoles -> new UserContextResource.Ours(Buffer.buffer(OURS),
                UnaryOperator.identity()), new ObjectMapper());
    }
}
