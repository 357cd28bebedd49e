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
import java.util.Comparator;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import studio.actions.testing.Packaged;

/**
 * Checks the API's description with the tools of client authors: linters, client generators for three languages, each with
 * its default options, and gazu. Needs Node 20 with npm, Maven, and Python 3 with pydantic, python-dateutil and urllib3;
 * one test also needs gazu.
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
    void specificationPassesSpectral() throws Exception {
        passes("npm", "run", "spectral");
    }

    @Test
    void specificationPassesRedocly() throws Exception {
        passes("npm", "run", "redocly");
    }

    @Test
    void generatedTypesCompileUnderStrict() throws Exception {
        passes("npm", "run", "compile");
    }

    @Test
    void typeScriptProgramPresses() throws Exception {
        passes("npm", "run", "press");
    }

    @Test
    void pythonProgramPresses() throws Exception {
        assumeTrue(run(FOLDER, "python3", "-c", "import gazu").code() == 0,
                "python3 on the PATH has no gazu: pip install gazu");
        passes("python3", "press.py");
    }

    @ParameterizedTest
    @ValueSource(strings = { "7.12.0", "7.25.0" })
    void theGeneratedJavaClientPresses(String generator) throws Exception {
        Path client = generate(generator, "java");
        Files.copy(CLIENTS.resolve("Press.java"), client.resolve("src/main/java/Press.java"));

        passesIn(client, "mvn", "-B", "-q", "-DskipTests", "package", "dependency:copy-dependencies",
                "-DincludeScope=runtime", "-DoutputDirectory=target/lib");
        passesIn(client, "java", "-cp", "target/classes:target/lib/*", "Press");
    }

    @ParameterizedTest
    @ValueSource(strings = { "7.12.0", "7.25.0" })
    void theGeneratedPythonClientPresses(String generator) throws Exception {
        Path client = generate(generator, "python");
        Files.copy(CLIENTS.resolve("press_generated.py"), client.resolve("press_generated.py"));
        // The generator writes invalid code into this file for every webhook. Nothing in the package imports it.
        Files.delete(client.resolve("openapi_client/api/webhooks_api.py"));

        passesIn(client, "python3", "-m", "compileall", "-q", "openapi_client");
        passesIn(client, "python3", "press_generated.py");
    }

    @ParameterizedTest
    @ValueSource(strings = { "7.12.0", "7.25.0" })
    void theGeneratedTypeScriptClientPresses(String generator) throws Exception {
        Path client = generate(generator, "typescript-fetch");
        Path program = Files.createDirectories(FOLDER.resolve("generated-" + generator));
        Files.writeString(program.resolve("package.json"), "{\"type\": \"commonjs\"}");
        Files.copy(CLIENTS.resolve("press-generated.ts"), program.resolve("press.ts"), StandardCopyOption.REPLACE_EXISTING);
        Files.deleteIfExists(program.resolve("client"));
        Files.createSymbolicLink(program.resolve("client"), client.toAbsolutePath());

        passesIn(program, "../node_modules/.bin/tsc", "--strict", "--noEmitOnError", "--target", "es2022", "--module",
                "commonjs", "--moduleResolution", "node", "--esModuleInterop", "--skipLibCheck", "--typeRoots",
                "../node_modules/@types",
                "--preserveSymlinks", "press.ts");
        passesIn(program, "node", "--preserve-symlinks", "--preserve-symlinks-main", "press.js");
    }

    /** Generates a client with the default options of a language, and deletes an earlier one first. */
    private static Path generate(String generator, String language) throws Exception {
        Path client = FOLDER.resolve(language + "-" + generator);
        try (var old = Files.exists(client) ? Files.walk(client) : Stream.<Path> of()) {
            old.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        }
        passes("java", "-jar", "openapi-generator-cli-" + generator + ".jar", "generate", "-i", "openapi.yaml", "-g", language,
                "-o", client.getFileName().toString());
        return client;
    }

    private static void passes(String... command) throws Exception {
        passesIn(FOLDER, command);
    }

    private static void passesIn(Path folder, String... command) throws Exception {
        Ended ended = run(folder, command);
        assertThat(ended.code()).as("%s:%n%s", String.join(" ", command), ended.output()).isZero();
    }

    private record Ended(int code, String output) {
    }

    private static Ended run(Path folder, String... command) throws IOException, InterruptedException {
        Path output = Files.createTempFile(FOLDER, "output-", ".log");
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true)
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
