package studio.actions.address;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** URLs of server-side request forgery, which must be refused wherever an action's URL arrives. */
public final class SsrfVectors {

    private SsrfVectors() {
    }

    public static List<String> read() throws IOException {
        try (InputStream vectors = SsrfVectors.class.getResourceAsStream("/vectors/ssrf-refused.txt")) {
            return new String(vectors.readAllBytes(), StandardCharsets.UTF_8).lines()
                    .filter(line -> !line.startsWith("#") && !line.isBlank())
                    .map(line -> line.replace("\\t", "\t").replace("\\r", "\r").replace("\\n", "\n")).toList();
        }
    }
}
