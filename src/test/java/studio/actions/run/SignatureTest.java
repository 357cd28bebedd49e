package studio.actions.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

class SignatureTest {

    static Stream<JsonNode> vectors() throws IOException {
        try (InputStream file = SignatureTest.class.getResourceAsStream("/vectors/standard-webhooks.json")) {
            JsonNode vectors = new ObjectMapper().readTree(file).get("symmetric");
            return StreamSupport.stream(vectors.spliterator(), false);
        }
    }

    @Test
    void knowsTheVectors() throws IOException {
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

    private static String sign(List<byte[]> keys, JsonNode vector) {
        return Signature.sign(keys, vector.get("id").textValue(), vector.get("timestamp").longValue(),
                vector.get("body").textValue());
    }

    private static byte[] key(JsonNode vector) {
        return Base64.getDecoder().decode(vector.get("secret").textValue().substring("whsec_".length()));
    }
}
