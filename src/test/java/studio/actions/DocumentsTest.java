package studio.actions;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** README and guides: their form, their links, and the classes and packages that they name. */
class DocumentsTest {

    private static final Path README = Path.of("README.md");

    private static final Pattern FENCED = Pattern.compile("(?ms)^```.*?^```$");

    private static final Pattern CODE = Pattern.compile("`([^`\n]+)`");

    /** The name of a class, and perhaps of a method. */
    private static final Pattern CLASS = Pattern.compile("([A-Z][a-z]\\w*)(?:\\.\\w+)?");

    /** Words in code that look like classes of ours: headers, columns of Kitsu's CSV, and an option of the JVM. */
    private static final Set<String> NO_CLASSES = Set.of("Attempts", "Authorization", "Description", "Enabled",
            "ExitOnOutOfMemoryError", "Headers", "Location", "Name", "Projects", "Roles", "Type");

    private static final Path PACKAGES = Path.of("src/main/java/studio/actions");

    /** A row of the README's table of packages: name, sentence, classes. */
    private static final Pattern PACKAGE = Pattern.compile("(?m)^\\| `([a-z]+)` \\| (.+) \\| ((?:`\\w+`(?:, )?)+) \\|$");

    private static final Pattern IMPORT = Pattern.compile("(?m)^import (?:static )?studio\\.actions\\.([a-z]+)\\.");

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

    @ParameterizedTest
    @MethodSource("documents")
    void namesClassesThatExist(Path document) throws IOException {
        assertThat(code(FENCED.matcher(Files.readString(document)).replaceAll("")).map(CLASS::matcher)
                .filter(Matcher::matches).map(name -> name.group(1)).filter(name -> !NO_CLASSES.contains(name)))
                .isSubsetOf(classes(Path.of("src")));
    }

    @Test
    void describesEachPackageAsThePackageItself() throws IOException {
        List<MatchResult> rows = packages();
        try (Stream<Path> folders = Files.list(PACKAGES)) {
            assertThat(rows).extracting(row -> row.group(1))
                    .containsExactlyInAnyOrderElementsOf(folders.map(folder -> folder.getFileName().toString()).toList());
        }
        for (MatchResult row : rows) {
            Path folder = PACKAGES.resolve(row.group(1));
            assertThat(code(row.group(3))).as(row.group(1)).isSubsetOf(classes(folder));
            Path info = folder.resolve("package-info.java");
            if (Files.exists(info)) {
                assertThat(info).hasContent("/** " + row.group(2) + " */\npackage studio.actions." + row.group(1) + ";\n");
            } else {
                assertThat(classes(folder)).as("there is no room for " + info).hasSize(15);
            }
        }
    }

    @Test
    void listsPackagesFromTopToBottom() throws IOException {
        List<String> packages = packages().stream().map(row -> row.group(1)).toList();
        for (String name : packages) {
            List<String> below = packages.subList(packages.indexOf(name), packages.size());
            try (Stream<Path> files = Files.list(PACKAGES.resolve(name))) {
                assertThat(files).isNotEmpty().allSatisfy(file -> assertThat(
                        IMPORT.matcher(Files.readString(file)).results().map(found -> found.group(1))).isSubsetOf(below));
            }
        }
    }

    private static List<MatchResult> packages() throws IOException {
        return PACKAGE.matcher(Files.readString(README)).results().toList();
    }

    private static Stream<String> code(String text) {
        return CODE.matcher(text).results().map(code -> code.group(1));
    }

    private static Set<String> classes(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".java"))
                    .map(name -> name.replace(".java", "")).collect(Collectors.toSet());
        }
    }

    /** As GitHub makes them from headings. */
    private static List<String> anchors(Path document) throws IOException {
        return FENCED.matcher(Files.readString(document)).replaceAll("").lines().filter(line -> line.startsWith("#"))
                .map(line -> line.replaceFirst("#+ ", "").toLowerCase(Locale.ROOT).replaceAll("[^\\w -]", "").replace(' ', '-'))
                .toList();
    }
}
