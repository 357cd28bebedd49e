package studio.actions.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** The tokens and secrets that tests use, in a file, so that the logs can be searched for them after all tests have run. */
public final class Confidential {

    /** The folder with the logs of all services that the tests start. */
    public static final Path LOGS = Path.of("target/logs");

    private static final Path USED = LOGS.resolve("confidential.txt");

    /** The shortest secret to search for; a shorter one would also occur inside ordinary words. */
    private static final int SEARCHABLE = 8;

    private Confidential() {
    }

    public static synchronized String note(String secret) {
        if (secret.length() >= SEARCHABLE && secret.lines().count() == 1) {
            try {
                Files.createDirectories(LOGS);
                Files.writeString(USED, secret.strip() + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return secret;
    }

    public static List<String> used() throws IOException {
        return Files.readAllLines(USED).stream().distinct().toList();
    }
}
