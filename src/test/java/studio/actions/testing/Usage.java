package studio.actions.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;

/**
 * The resources that a process uses at a moment.
 *
 * @param memory the resident memory in KB
 * @param files the number of open files and sockets
 * @param connections the number of connections to the database
 */
public record Usage(long memory, long threads, long files, long connections) {

    public static Usage of(Process service, Postgres database) throws IOException, SQLException {
        Path process = Path.of("/proc", Long.toString(service.pid()));
        String status = Files.readString(process.resolve("status"));
        try (var files = Files.list(process.resolve("fd"))) {
            return new Usage(number(status, "VmRSS"), number(status, "Threads"), files.count(),
                    database.backends().size());
        }
    }

    private static long number(String status, String name) {
        return status.lines().filter(line -> line.startsWith(name + ":")).map(line -> line.replaceAll("\\D", ""))
                .mapToLong(Long::parseLong).findFirst().orElseThrow();
    }
}
