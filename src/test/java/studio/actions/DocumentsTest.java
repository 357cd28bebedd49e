package studio.actions;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** README and guides: their form and their links. */
class DocumentsTest {

    private static final Path README = Path.of("README.md");

    private static final Pattern FENCED = Pattern.compile("(?ms)^```.*?^```$");

    private static final Pattern LINK = Pattern.compile("\\]\\((?!https?://)([^)#]*)(?:#([^)]+))?\\)");

    static Stream<Path> documents() throws IOException {
        List<Path> documents = new ArrayList<>(List.of(README, Path.of("src/bench/README.md")));
        try (Stream<Path> guides = Files.walk(Path.of("src/docs"))) {
            guides.filter(file -> file.toString().endsWith(".md")).forEach(documents::add);
        }
        return documents.stream();
    }

    @Test
    void readmeIsShort() throws IOException {
        assertThat(Files.readAllLines(README)).hasSizeLessThanOrEqualTo(250);
    }

    @Test
    void readmeLeadsToEveryGuide() throws IOException {
        String readme = Files.readString(README);
        assertThat(documents().filter(document -> !document.equals(README) && !document.startsWith("src/docs/design")))
                .isNotEmpty().allSatisfy(guide -> assertThat(readme).contains(guide.getFileName().toString()));
    }

    @ParameterizedTest
    @MethodSource("documents")
    void wrapsAt120(Path document) throws IOException {
        assertThat(FENCED.matcher(Files.readString(document)).replaceAll("").lines())
                .filteredOn(line -> !line.startsWith("|"))
                .allSatisfy(line -> assertThat(line.length()).as(line).isLessThanOrEqualTo(120));
    }

    @ParameterizedTest
    @MethodSource("documents")
    void everyLinkLeadsSomewhere(Path document) throws IOException {
        Matcher link = LINK.matcher(FENCED.matcher(Files.readString(document)).replaceAll(""));
        while (link.find()) {
            Path target = link.group(1).isEmpty() ? document : document.resolveSibling(link.group(1)).normalize();
            assertThat(target).as(link.group()).exists();
            if (link.group(2) != null) {
                assertThat(anchors(target)).as(link.group()).contains(link.group(2));
            }
        }
    }

    /** As GitHub makes them from headings. */
    private static List<String> anchors(Path document) throws IOException {
        return FENCED.matcher(Files.readString(document)).replaceAll("").lines().filter(line -> line.startsWith("#"))
                .map(line -> line.replaceFirst("#+ ", "").toLowerCase(Locale.ROOT).replaceAll("[^\\w -]", "").replace(' ', '-'))
                .toList();
    }
}
