package studio.actions.webhook;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.opentest4j.TestAbortedException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;

class SignatureTest {

    static Stream<JsonNode> vectors() throws IOException {
        try (InputStream file = SignatureTest.class.getResourceAsStream("/vectors/standard-webhooks.json")) {
            JsonNode vectors = new ObjectMapper().readTree(file).get("symmetric");
            return StreamSupport.stream(vectors.spliterator(), false);
        }
    }

    @Test
    void readsTheTestVectors() throws IOException {
        assertThat(vectors()).hasSizeGreaterThanOrEqualTo(3);
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void signsAsStandardWebhooksDo(JsonNode vector) {
        assertThat(sign(List.of(key(vector)), vector)).isEqualTo(vector.get("signature").textValue());
    }

    @Test
    void signsWithEachKeyWhileASecretIsRotated() throws IOException {
        JsonNode present = vectors().toList().get(0);
        JsonNode previous = vectors().toList().get(1);
        String byPrevious = sign(List.of(key(previous)), present);

        assertThat(sign(List.of(key(present), key(previous)), present))
                .isEqualTo(present.get("signature").textValue() + " " + byPrevious);
        assertThat(byPrevious).startsWith("v1,").isNotEqualTo(present.get("signature").textValue());
    }

    @Test
    void coversIdTimeAndBody() throws IOException {
        JsonNode vector = vectors().toList().get(0);
        List<byte[]> keys = List.of(key(vector));

        assertThat(Stream.of(Signature.sign(keys, "msg_a", 1, "x"), Signature.sign(keys, "msg_b", 1, "x"),
                Signature.sign(keys, "msg_a", 2, "x"), Signature.sign(keys, "msg_a", 1, "y"),
                Signature.sign(keys, "msg_a", 1, "é"), Signature.sign(keys, "msg_a", 1, "?"))).doesNotHaveDuplicates();
    }

    /** Runs the guide's example for receivers without a library. Skipped on machines without Python. */
    @Test
    void isVerifiedByThePythonExampleOfTheGuide() throws Exception {
        String lines = Files.readString(Path.of("src/docs/receivers.md")).split("With no library, in Python:\\s+```python\n")[1]
                .split("```")[0];
        byte[] key = "the present signing key!".getBytes(StandardCharsets.UTF_8);
        byte[] before = "the previous signing key".getBytes(StandardCharsets.UTF_8);
        long now = Instant.now().getEpochSecond();
        String body = "{\"name\": \"Größe €\"}";
        String script = lines + """
                import json, sys
                for headers, secret, body in json.load(sys.stdin):
                    print(verified(secret, headers, body.encode()))
                """;
        String both = Signature.sign(List.of(key, before), "msg_1", now, body);

        List<String> said = python(script, JsonNodeFactory.instance.arrayNode()
                .add(given("msg_1", now, both, key, body)).add(given("msg_1", now, both, before, body))
                .add(given("msg_2", now, both, key, body)).add(given("msg_1", now, both, key, body + " "))
                .add(given("msg_1", now, both, new byte[24], body)).add(given("msg_1", now, "", key, body))
                .add(given("msg_1", now - 400, Signature.sign(List.of(key), "msg_1", now - 400, body), key, body)));

        assertThat(said).containsExactly("True", "True", "False", "False", "False", "False", "False");
    }

    private static ArrayNode given(String id, long timestamp, String signature, byte[] key, String body) {
        ArrayNode given = JsonNodeFactory.instance.arrayNode();
        given.addObject().put("webhook-id", id).put("webhook-timestamp", Long.toString(timestamp)).put("webhook-signature",
                signature);
        return given.add("whsec_" + Base64.getEncoder().encodeToString(key)).add(body);
    }

    private static List<String> python(String script, JsonNode input) throws Exception {
        Process python;
        try {
            python = new ProcessBuilder("python3", "-c", script).redirectErrorStream(true).start();
        } catch (IOException e) {
            throw new TestAbortedException("There is no python3", e);
        }
        try (var in = python.outputWriter(StandardCharsets.UTF_8)) {
            in.write(input.toString());
        }
        List<String> lines = python.inputReader(StandardCharsets.UTF_8).lines().toList();
        assertThat(python.waitFor()).as(lines.toString()).isZero();
        return lines;
    }

    private static String sign(List<byte[]> keys, JsonNode vector) {
        return Signature.sign(keys, vector.get("id").textValue(), vector.get("timestamp").longValue(),
                vector.get("body").textValue());
    }

    private static byte[] key(JsonNode vector) {
        return Base64.getDecoder().decode(vector.get("secret").textValue().substring("whsec_".length()));
    }
}
