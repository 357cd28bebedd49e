package studio.actions.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** Each token and secret that a test uses, on disk, so that what is logged can be searched for it when all tests have run. */
public final class Confidential {

    /** Where all that the tests' services log goes. */
    public static final Path LOGS = Path.of("target/logs");

    private static final Path USED = LOGS.resolve("confidential.txt");

    /** A shorter one stands in many a word. */
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
