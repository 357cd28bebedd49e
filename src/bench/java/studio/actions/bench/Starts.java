package studio.actions.bench;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import studio.actions.testing.Postgres;

/** The time from the start of the process to its first 200, on a database whose tables exist already. */
final class Starts implements Case {

    private static final Row START = Row.atMost(1.5, "start to first 200, migrated database",
            "a bare Quarkus REST and Hibernate app", "ms");

    private final String database;
    private final String other;

    Starts(Postgres postgres) throws Exception {
        buildBare();
        database = postgres.another();
        other = postgres.another();
    }

    private static void buildBare() throws Exception {
        List<String> command = new ArrayList<>(List.of("mvn", "--batch-mode", "--quiet", "package",
                "--file", Path.of("src/bench/bare/pom.xml").toString(), "-Dfolder=" + Bench.FOLDER.resolve("bare"),
                "-Dquarkus.platform.version=" + System.getProperty("bench.quarkus")));
        if (Bench.NATIVE) {
            command.add("-Dnative");
        }
        if (new ProcessBuilder(command).inheritIO().start().waitFor() != 0) {
            throw new IllegalStateException("The bare app could not be built: " + String.join(" ", command));
        }
    }

    @Override
    public void warmUp(Duration time) {
        // Nothing to warm up, since each start is a new process.
    }

    @Override
    public Map<Row, Pair> round() throws Exception {
        try (Service ours = Service.start(database, Map.of()); Service bare = Service.startBare(other)) {
            return Map.of(START, new Pair(ours.started.toMillis(), bare.started.toMillis()));
        }
    }

    @Override
    public void close() {
        // Each round stops its own processes.
    }
}
