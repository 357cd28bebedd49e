package studio.actions.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

import studio.actions.testing.Json;
import studio.actions.testing.Packaged;
import studio.actions.testing.Postgres;
import studio.actions.testing.SmallDisk;

/** The jar with its embedded database, as a newcomer starts it. The native binary has no embedded database. */
@Execution(ExecutionMode.CONCURRENT)
class EmbeddedDatabaseIT {

    private static final String TARGETS = "{\"targets\": [{\"entity_id\": \"63f8a332-e209-4f8c-b384-747d5eda4b57\"}]}";

    @TempDir
    Path folder;

    private final List<Packaged> started = new ArrayList<>();

    @AfterEach
    void stop() throws IOException {
        started.forEach(Packaged::end);
        Path binaries = folder.resolve("data/binaries");
        if (Files.isSymbolicLink(binaries)) {
            Files.delete(binaries);
        }
    }

    @Test
    void keepsActionsAndRunsAfterAKill() throws Exception {
        Packaged first = start(Map.of()).ready();
        assertThat(first.lines()).as("the log fits on a screen").hasSizeLessThanOrEqualTo(20);
        assertThat(first.output()).contains("API: http://127.0.0.1:" + first.port + "/api/custom-actions")
                .contains("Documentation: http://127.0.0.1:" + first.port + "/api/custom-actions/docs");
        String token = first.token();
        String action = first.ajax(token, "http://127.0.0.1:" + first.port + "/api/custom-actions/echo?e={entity_id}", "name",
                "Echo");
        Json run = first.post("/" + action + "/run", token, TARGETS);
        assertThat(run.getString("state")).isEqualTo("succeeded");
        assertThat(run.getString("deliveries[0].response")).contains("63f8a332-e209-4f8c-b384-747d5eda4b57");

        Packaged second = start(Map.of());
        assertThat(second.exit()).isEqualTo(1);
        assertThat(second.output()).contains("Another Kitsu Actions is running on the data folder " + folder.toRealPath());

        first.process.destroyForcibly().waitFor();
        assertThat(postgres()).as("PostgreSQL outlives a kill").isNotEmpty();

        Packaged again = start(Map.of()).ready();
        String newToken = again.token();
        assertThat(newToken).as("a token for each start").isNotEqualTo(token);
        assertThat(again.get("/" + action, newToken).getString("name")).isEqualTo("Echo");
        Json kept = again.get("/runs/" + run.getString("id"), newToken);
        assertThat(kept.getMap("")).isEqualTo(run.getMap(""));
        assertThat(postgres()).as("one PostgreSQL on the folder").hasSize(1);

        again.process.destroy();
        assertThat(again.exit()).isIn(0, 143);
        await().atMost(Duration.ofSeconds(10)).untilAsserted(() -> assertThat(postgres()).isEmpty());
    }

    @Test
    void refusesTheDataFolderOfAnEarlierBuild() throws Exception {
        Postgres.shareBinaries(folder.resolve("data"));
        try (EmbeddedDatabase earlier = EmbeddedDatabase.open(folder.resolve("data"))) {
            Postgres.migratedByAnEarlierBuild(earlier.jdbcUrl());
        }

        Packaged service = start(Map.of());

        assertThat(service.exit()).isEqualTo(1);
        assertThat(service.output()).contains(folder.toRealPath() + "/data/postgresql-17 was made by another build")
                .contains("delete that folder").doesNotContain("\tat ");
    }

    @Test
    void failsAtOnceWhenTheDiskIsFull() throws Exception {
        try (SmallDisk disk = new SmallDisk(folder.resolve("disk"), 10)) {
            Packaged service = new Packaged(disk.folder(), Map.of());
            long began = System.nanoTime();
            started.add(service);

            assertThat(service.exit()).isEqualTo(1);
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(5));
            assertThat(service.output()).contains("PostgreSQL needs 200 MB").contains("CUSTOM_ACTIONS_DATA_DIR")
                    .doesNotContain("\tat ");
        }
    }

    @Test
    @Tag("survival")
    void restartsItsDatabaseWhenItEnds() throws Exception {
        Packaged service = startUnpacked(Map.of("CUSTOM_ACTIONS_LOCAL_TOKEN", Packaged.TOKEN)).ready();
        Json action = service.post("", Packaged.TOKEN, "{\"name\": \"Kept\", \"url\": \"https://tool.studio.com/\"}");

        ProcessHandle.of(postgres().get(0)).orElseThrow().destroyForcibly();

        await().atMost(Duration.ofSeconds(60)).untilAsserted(() -> assertThat(
                service.get("/" + action.getString("id"), Packaged.TOKEN).getString("name")).isEqualTo("Kept"));
        assertThat(service.output()).contains("PostgreSQL had stopped; restarted it.");
    }

    @Test
    @Tag("survival")
    void startsAfterAnInterruptedStartWithoutEndingOtherProcesses() throws Exception {
        Path data = folder.resolve("data");
        Packaged first = start(Map.of()).ready();
        first.end();
        try (Stream<Path> unpacked = Files.list(data.resolve("binaries"))) {
            Files.delete(unpacked.findFirst().orElseThrow().resolve(".exists"));
        }
        Process stranger = new ProcessBuilder("sleep", "600").start();
        try {
            Files.writeString(data.resolve("postgresql-17/postmaster.pid"), stranger.pid() + "\n");
            Packaged second = start(Map.of()).ready();
            assertThat(stranger.isAlive()).isTrue();
            second.end();

            Files.delete(data.resolve("postgresql-17.made"));
            start(Map.of()).ready();
            try (Stream<Path> files = Files.list(data)) {
                assertThat(files.map(Path::getFileName).map(Path::toString))
                        .as("moved aside, not deleted").anyMatch(name -> name.startsWith("postgresql-17.unfinished-"));
            }
        } finally {
            stranger.destroyForcibly();
        }
    }

    /** Returns the process ids of the servers on the folder, without their child processes of the same name. */
    private List<Long> postgres() {
        return ProcessHandle.allProcesses().filter(this::servesFolder)
                .filter(process -> process.parent().map(parent -> !servesFolder(parent)).orElse(true))
                .map(ProcessHandle::pid).toList();
    }

    private boolean servesFolder(ProcessHandle process) {
        return process.info().commandLine().map(line -> line.contains("postgres") && line.contains(folder.toString()))
                .orElse(false);
    }

    /** Starts a service whose PostgreSQL binaries are unpacked already. */
    private Packaged startUnpacked(Map<String, String> environment) throws IOException {
        if (Files.notExists(folder.resolve("data"))) {
            Postgres.shareBinaries(folder.resolve("data"));
        }
        return start(environment);
    }

    private Packaged start(Map<String, String> environment) throws IOException {
        Packaged service = new Packaged(folder, environment);
        started.add(service);
        return service;
    }
}
