package studio.actions.contract;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import studio.actions.testing.Packaged;

/**
 * What the service says of itself, read by those who write clients: linters, a generator of types, a program in TypeScript
 * and one in Python. Needs Node 20 with npm; and for the last one, Python 3 with gazu.
 */
@Tag("contract")
class ClientsIT {

    private static final Path CLIENTS = Path.of("src/test/clients");
    private static final Path FOLDER = Path.of("target/clients");

    private static Packaged service;

    @BeforeAll
    static void start(@TempDir Path folder) throws Exception {
        service = new Packaged(folder, Map.of());
        Files.createDirectories(FOLDER);
        try (var files = Files.list(CLIENTS)) {
            for (Path file : files.toList()) {
                Files.copy(file, FOLDER.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        service.ready();
        passes("npm", "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund");
        HttpResponse<Path> document = HttpClient.newHttpClient().send(
                HttpRequest.newBuilder(URI.create(url() + "/api/custom-actions/openapi")).build(),
                HttpResponse.BodyHandlers.ofFile(FOLDER.resolve("openapi.yaml"), CREATE, TRUNCATE_EXISTING, WRITE));
        assertThat(document.statusCode()).isEqualTo(200);
    }

    @AfterAll
    static void stop() {
        service.end();
    }

    @Test
    void isCleanBySpectral() throws Exception {
        passes("npm", "run", "spectral");
    }

    @Test
    void isCleanByRedocly() throws Exception {
        passes("npm", "run", "redocly");
    }

    @Test
    void makesTypesThatCompileUnderStrict() throws Exception {
        passes("npm", "run", "compile");
    }

    @Test
    void isCalledInTypeScript() throws Exception {
        passes("npm", "run", "press");
    }

    @Test
    void isCalledInPython() throws Exception {
        assumeTrue(run("python3", "-c", "import gazu").code() == 0, "python3 on the PATH has no gazu: pip install gazu");
        passes("python3", "press.py");
    }

    private static void passes(String... command) throws Exception {
        Ended ended = run(command);
        assertThat(ended.code()).as("%s:%n%s", String.join(" ", command), ended.output()).isZero();
    }

    private record Ended(int code, String output) {
    }

    private static Ended run(String... command) throws IOException, InterruptedException {
        Path output = Files.createTempFile(FOLDER, "output-", ".log");
        ProcessBuilder builder = new ProcessBuilder(command).directory(FOLDER.toFile()).redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment().putAll(Map.of("KITSU_URL", url(), "TOKEN", service.token(), "NO_COLOR", "1",
                "REDOCLY_TELEMETRY", "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE", "true"));
        Process process = builder.start();
        if (!process.waitFor(3, TimeUnit.MINUTES)) {
            process.destroyForcibly();
        }
        return new Ended(process.waitFor(), Files.readString(output));
    }

    private static String url() {
        return "http://127.0.0.1:" + service.port;
    }
}
