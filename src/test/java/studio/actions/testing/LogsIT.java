package studio.actions.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;

/** Searches all that the service logged at DEBUG in the tests before this one for the tokens and secrets that they used. */
@Isolated("comes after all others, since classes that run alone are sorted by package and name")
class LogsIT {

    /** Text that the service prints on purpose; not a log line. */
    private static final String PRINTED = "export TOKEN=";

    @Test
    void noTokenAndNoSecretWasLogged() throws IOException {
        search();
    }

    @Test
    @Tag("survival")
    void noTokenAndNoSecretWasLoggedBySurvivalTests() throws IOException {
        search();
    }

    private static void search() throws IOException {
        // Each secret as plain text, and escaped as in JSON.
        List<String> confidential = Confidential.used().stream()
                .flatMap(used -> Stream.of(used, used.replace("\\", "\\\\").replace("\"", "\\\""))).distinct().toList();
        List<String> found = new ArrayList<>();
        long lines = 0;
        for (Path log : logs()) {
            // The log may quote receivers' answers, which can be in any charset.
            for (String line : Files.readAllLines(log, StandardCharsets.ISO_8859_1)) {
                lines++;
                if (!line.startsWith(PRINTED) && confidential.stream().anyMatch(line::contains)) {
                    found.add(log.getFileName() + ": " + line);
                }
            }
        }
        assertThat(found).isEmpty();
        assertThat(confidential).hasSizeGreaterThan(3);
        assertThat(lines).isGreaterThan(50);
    }

    private static List<Path> logs() throws IOException {
        try (Stream<Path> files = Files.list(Confidential.LOGS)) {
            return Stream.concat(files, Stream.of(Path.of("target/quarkus.log")))
                    .filter(file -> file.toString().endsWith(".log") && Files.exists(file)).toList();
        }
    }
}
