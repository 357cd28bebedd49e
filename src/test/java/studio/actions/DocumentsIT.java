package studio.actions;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

import studio.actions.testing.Packaged;
import studio.actions.testing.Postgres;

/**
 * Runs the shell blocks of the README and the guides as they stand, one after the other, as a reader with one terminal does.
 * Only the two ports differ.
 */
@Execution(ExecutionMode.CONCURRENT)
class DocumentsIT {

    /** The beginnings of commands that cannot run here, and what they need. A block with such a command is left out. */
    private static final Map<String, String> LEFT_OUT = Map.of(
            "mvn ", "builds the service, and runs this test",
            "docker ", "needs Docker",
            "kubectl ", "needs a cluster",
            "nginx ", "needs Kitsu's nginx, and root",
            "systemctl ", "needs systemd, and root",
            "journalctl ", "needs systemd",
            "curl -s -w '\\n' -X POST \"$API/take-over?",
            "needs a Kitsu: KitsuImportTest and KitsuCopiesTest send this request");

    private static final Set<String> SHELLS = Set.of("sh", "bash");

    /** The languages of the other blocks. A new one has to be added, so that no shell stays out under another name. */
    private static final Set<String> NO_SHELLS = Set.of("mermaid", "nginx", "sql", "ini", "text", "yaml", "python", "js");

    private static final Pattern FENCE = Pattern.compile("(?m)^```(\\w*)\\n((?s:.*?))^```\\n");

    /** The output that directly follows a block: indented lines, or a block of text. */
    private static final Pattern OUTPUT = Pattern.compile("\\A\\n+(?:((?: {4}.*\\n)+)|```text\\n((?s:.*?))^```)",
            Pattern.MULTILINE);

    /** A part of the output, quoted in the paragraph that directly follows a block. */
    private static final Pattern QUOTED = Pattern.compile("`(\"[^`]+)`");

    /** The beginning of a refusal by the service, which curl takes for a success. */
    private static final String PROBLEM = "{\"type\":";

    /** Ids, times and counts, which differ from run to run. */
    private static final Pattern DIFFERENT = Pattern.compile("\\p{XDigit}{8}(-\\p{XDigit}{4}){3}-\\p{XDigit}{12}|\\d+");

    /** What each block begins and ends with, so that the next block has its variables and functions. */
    private static final String TERMINAL = "set -a; . ./.terminal\n%s\n{ declare -px; declare -f; } > .terminal\n";

    private static final long PATIENCE_SECONDS = 120;

    @TempDir
    static Path folder;

    /** The folder in which the reader is, with what the build made. */
    private static Path terminal;
    private static Postgres server;
    private static Packaged service;

    /** A shell block, where it stands, and the text up to the next block. */
    private record Block(String place, String language, String text, String following) {

        private boolean isLeftOut() {
            return text.lines().anyMatch(line -> LEFT_OUT.keySet().stream().anyMatch(line::startsWith));
        }

        /** Returns the lines and parts of lines that the output must contain. */
        private List<String> promised() {
            return OUTPUT.matcher(following).results().findFirst()
                    .map(output -> (output.group(1) == null ? output.group(2) : output.group(1)).lines().map(String::strip))
                    .orElseGet(() -> QUOTED.matcher(following.strip().split("\\n\\n")[0]).results().map(part -> part.group(1)))
                    .toList();
        }
    }

    @BeforeAll
    static void start() throws IOException {
        terminal = Files.createDirectory(folder.resolve("terminal"));
        Files.createSymbolicLink(terminal.resolve("target"), Path.of("target").toAbsolutePath());
        server = new Postgres(Files.createDirectory(folder.resolve("server")));
        // No test asks a real name server.
        service = new Packaged(folder, Map.of("QUARKUS_DATASOURCE_JDBC_URL", server.url(), "JAVA_TOOL_OPTIONS",
                "-Djdk.net.hosts.file=" + Path.of("src/test/resources/hosts").toAbsolutePath()));
        service.ready();
        Files.writeString(terminal.resolve(".terminal"), "export TOKEN=" + service.token() + "\n");
    }

    @AfterAll
    static void stop() throws IOException {
        Files.delete(terminal.resolve("target"));
        service.end();
        server.close();
    }

    @Test
    void runsEachShellBlock() throws Exception {
        List<Block> blocks = blocks().filter(block -> SHELLS.contains(block.language) && !block.isLeftOut()).toList();

        for (Block block : blocks) {
            String output = run(block);

            assertThat(output.lines()).as(block.place).noneMatch(line -> line.startsWith(PROBLEM));
            assertThat(block.promised()).as(block.place + " prints " + output)
                    .allSatisfy(promise -> assertThat(similar(output)).containsPattern(pattern(promise)));
        }
        assertThat(blocks).hasSizeGreaterThan(20);
        assertThat(service.troubles()).isEmpty();
    }

    @Test
    void knowsTheLanguageOfEachBlock() throws IOException {
        assertThat(blocks().map(Block::language)).isSubsetOf(Stream.concat(SHELLS.stream(), NO_SHELLS.stream()).toList());
    }

    @Test
    void leavesOutOnlyCommandsThatTheDocumentsHave() throws IOException {
        List<String> lines = blocks().filter(block -> SHELLS.contains(block.language)).flatMap(block -> block.text.lines())
                .toList();
        assertThat(LEFT_OUT.keySet()).allSatisfy(command -> assertThat(lines).anyMatch(line -> line.startsWith(command)));
    }

    private static Stream<Block> blocks() throws IOException {
        return DocumentsTest.documents().sorted().flatMap(DocumentsIT::blocks);
    }

    private static Stream<Block> blocks(Path document) {
        try {
            String text = Files.readString(document);
            return FENCE.matcher(text).results().map(block -> new Block(
                    document + ":" + (text.substring(0, block.start()).lines().count() + 1), block.group(1), block.group(2),
                    text.substring(block.end())));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String run(Block block) throws Exception {
        Path script = Files.writeString(terminal.resolve(".block"), TERMINAL.formatted(block.text
                .replace("127.0.0.1:8080", "127.0.0.1:" + service.port)
                .replace("127.0.0.1:9000", "127.0.0.1:" + service.managementPort)));
        ProcessBuilder builder = new ProcessBuilder("bash", "-eu", script.toString()).directory(terminal.toFile())
                .redirectErrorStream(true);
        builder.environment().keySet().removeIf(name -> name.startsWith("CUSTOM_ACTIONS_") || name.startsWith("QUARKUS_"));
        // A start takes half the time with a simpler compiler.
        builder.environment().put("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC");
        builder.environment().merge("PATH", System.getProperty("java.home") + "/bin", (path, java) -> java + ":" + path);
        Process process = builder.start();
        try {
            String output = CompletableFuture.supplyAsync(() -> read(process)).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            assertThat(process.waitFor()).as(block.place + " prints " + output).isZero();
            return output;
        } catch (TimeoutException e) {
            throw new AssertionError(block.place + " does not end", e);
        } finally {
            process.destroyForcibly();
        }
    }

    private static String read(Process process) {
        try {
            return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String similar(String text) {
        return DIFFERENT.matcher(text).replaceAll("0");
    }

    /** Returns a pattern for text in which {@code …} stands for anything. */
    private static Pattern pattern(String promise) {
        return Pattern
                .compile(Arrays.stream(similar(promise).split("…")).map(Pattern::quote).collect(Collectors.joining(".*")));
    }
}
