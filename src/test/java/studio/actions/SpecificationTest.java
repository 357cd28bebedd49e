package studio.actions;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

/** Checks that each row of the specification's table names tests that exist. */
class SpecificationTest {

    private static final Pattern NAME = Pattern.compile("`(\\w+(?:Test|IT))`");

    @Test
    void namesTestsThatExistInEachRow() throws IOException {
        Set<String> tests;
        try (Stream<Path> java = Stream.concat(Files.walk(Path.of("src/test/java")), Files.walk(Path.of("src/browser/java")))) {
            tests = java.map(path -> path.getFileName().toString()).filter(name -> name.endsWith(".java"))
                    .map(name -> name.substring(0, name.length() - ".java".length())).collect(Collectors.toSet());
        }
        List<String[]> rows = Files.readAllLines(Path.of("src/docs/specification.md")).stream()
                .filter(line -> line.startsWith("| ") && !line.startsWith("| **")).skip(1)
                .map(line -> line.substring(2, line.length() - 2).split(" \\| ", -1)).toList();

        assertThat(rows).hasSizeGreaterThan(100).allSatisfy(row -> {
            assertThat(row).as(row[0]).hasSize(3);
            List<String> named = NAME.matcher(row[2]).results().map(name -> name.group(1)).toList();
            assertThat(named.isEmpty()).as(row[0]).isEqualTo(row[2].equals("Kitsu's doing"));
            assertThat(tests).as(row[0]).containsAll(named);
        });
    }
}
