package studio.actions.problem;

import static java.util.stream.Collectors.joining;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

import studio.actions.problem.Problem.Code;
import studio.actions.testing.Guide;
import studio.actions.testing.Javadocs;

/** The table of {@code errors.md}: status, code and title of each {@link Code}, and its Javadoc. */
class ErrorGuideTest {

    @Test
    void theGuideHasTheCodesOfTheCode() throws IOException {
        Map<String, String> texts = Javadocs.of(Code.class).members();

        Guide.check(Path.of("src/docs/errors.md"), "| Status | `code` | `title` | Meaning |\n|---|---|---|---|\n"
                + Stream.of(Code.values()).filter(code -> code.name().equalsIgnoreCase(code.wire()))
                        .sorted(Comparator.comparingInt(code -> code == Code.OTHER ? 600 : code.status))
                        .map(code -> "| " + (code == Code.OTHER ? "other" : code.status) + " | `" + code.wire() + "` | "
                                + code.title + " | " + texts.get(code.name()) + " |")
                        .collect(joining("\n")));
    }
}
