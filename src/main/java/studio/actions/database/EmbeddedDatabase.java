package studio.actions.database;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Comparator;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

import org.jboss.logging.Logger;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import studio.actions.thread.Threads;

/**
 * PostgreSQL for a first run and for tests: a separate process with its own data folder. The native image does not contain it.
 */
public final class EmbeddedDatabase implements AutoCloseable {

    private static final Logger LOG = Logger.getLogger(EmbeddedDatabase.class);
    private static final String DATA = "postgresql-17";
    private static final int START_AGAIN = 30;

    private static final long MEGABYTE = 1024 * 1024;
    /** Free bytes on disk that a first start needs, for PostgreSQL's programs, data files and logs. */
    private static final long ROOM_TO_BEGIN = 200 * MEGABYTE;
    /** Free bytes on disk that a later start needs. */
    private static final long ROOM_TO_START = 32 * MEGABYTE;

    private final Path root;
    private final RandomAccessFile lockFile;
    private volatile EmbeddedPostgres postgres;
    private volatile boolean closing;

    private EmbeddedDatabase(Path root, RandomAccessFile lockFile) throws IOException {
        this.root = root;
        this.lockFile = lockFile;
        this.postgres = start(root, 0);
        watch();
    }

    /**
     * Starts PostgreSQL on a folder, and creates the folder if it is missing. If a killed service has left its PostgreSQL
     * running on the folder, stops that PostgreSQL first. No data is lost, because its commits are on disk.
     *
     * @throws IllegalStateException if another process uses this folder, or PostgreSQL does not start
     */
    public static EmbeddedDatabase open(Path folder) throws IOException {
        Path root;
        RandomAccessFile lockFile;
        try {
            root = privately(folder.toAbsolutePath().normalize());
            lockFile = new RandomAccessFile(root.resolve("lock").toFile(), "rw");
        } catch (IOException e) {
            throw new IllegalStateException("The data folder " + folder
                    + " cannot be created or written to. Set CUSTOM_ACTIONS_DATA_DIR to a folder that this user may write to.");
        }
        long needed = Files.exists(root.resolve(DATA + ".made")) ? ROOM_TO_START : ROOM_TO_BEGIN;
        long free = Files.getFileStore(root).getUsableSpace();
        if (free < needed) {
            lockFile.close();
            throw new IllegalStateException("The data folder %s has %d MB free, and PostgreSQL needs %d MB. Make room, or set "
                    .formatted(root, free / MEGABYTE, needed / MEGABYTE) + "CUSTOM_ACTIONS_DATA_DIR to a folder elsewhere.");
        }
        FileLock lock = lockFile.getChannel().tryLock();
        if (lock == null) {
            lockFile.close();
            throw new IllegalStateException("Another Kitsu Actions is running on the data folder " + root
                    + ". Stop that one, or set CUSTOM_ACTIONS_DATA_DIR to another folder.");
        }
        try {
            return new EmbeddedDatabase(root, lockFile);
        } catch (IOException | RuntimeException | ExceptionInInitializerError e) {
            lockFile.close();
            throw new IllegalStateException("PostgreSQL does not start on the data folder " + root + ": " + e.getMessage()
                    + ". The service can use another server instead: set QUARKUS_DATASOURCE_JDBC_URL.", e);
        }
    }

    private static EmbeddedPostgres start(Path root, int port) throws IOException {
        Path data = root.resolve(DATA);
        Path made = root.resolve(DATA + ".made");
        if (Files.exists(data) && Files.notExists(made)) {
            Path aside = root.resolve(DATA + ".unfinished-" + System.currentTimeMillis());
            Files.move(data, aside);
            LOG.warnf("The first start on %s did not finish; moved its files to %s, creating a new database.", root, aside);
        }
        deleteHalfUnpacked(root.resolve("binaries"));
        endLeftBehind(data);
        EmbeddedPostgres postgres = EmbeddedPostgres.builder()
                .setDataDirectory(data)
                .setPort(port)
                .setCleanDataDirectory(false)
                .setOverrideWorkingDirectory(root.resolve("binaries").toFile())
                .setRegisterShutdownHook(false)
                .setPGStartupWait(Duration.ofSeconds(60))
                // An accepted run must survive a crash, so its commit must be on disk.
                // The library's defaults are for tests and do not ensure that.
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("fsync", "on")
                .setServerConfig("full_page_writes", "on")
                .setServerConfig("listen_addresses", "127.0.0.1")
                .setLocaleConfig("locale", "C")
                .start();
        Files.writeString(made, "PostgreSQL made its files here and they are whole.\n");
        return postgres;
    }

    /**
     * Deletes PostgreSQL's programs if they were unpacked only in part, that is, if the marker file that the library writes
     * after unpacking is missing. The library would use the programs all the same.
     */
    private static void deleteHalfUnpacked(Path binaries) throws IOException {
        if (Files.exists(binaries)) {
            try (Stream<Path> versions = Files.list(binaries)) {
                for (Path version : versions.filter(path -> Files.notExists(path.resolve(".exists"))).toList()) {
                    delete(version);
                }
            }
        }
    }

    private static void endLeftBehind(Path data) throws IOException {
        Path pidFile = data.resolve("postmaster.pid");
        if (Files.notExists(pidFile)) {
            return;
        }
        Optional<ProcessHandle> left = postmaster(data);
        if (left.isEmpty()) {
            Files.delete(pidFile);
            return;
        }
        LOG.infof("A killed service has left PostgreSQL running (process %d); stopping it.", left.get().pid());
        try {
            left.get().destroy();
            left.get().onExit().get(10, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            left.get().destroyForcibly();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException("cannot stop the PostgreSQL of a killed service (process "
                    + left.get().pid() + ")", e);
        }
    }

    /**
     * Finds the running server of a data folder. Compares its command line, too, because after a reboot another process may
     * have the id that is in the pid file.
     */
    private static Optional<ProcessHandle> postmaster(Path data) throws IOException {
        String first = Files.readString(data.resolve("postmaster.pid"), StandardCharsets.ISO_8859_1).lines().findFirst()
                .orElse("").strip();
        if (!first.matches("[1-9][0-9]{0,9}")) {
            return Optional.empty();
        }
        return ProcessHandle.of(Long.parseLong(first)).filter(process -> process.info().commandLine()
                .map(line -> line.contains("postgres") && line.contains(data.toString())).orElse(false));
    }

    private void watch() throws IOException {
        postmaster(root.resolve(DATA)).ifPresent(process -> process.onExit().thenRun(this::startAgain));
    }

    /** Restarts PostgreSQL after its process has ended. Meanwhile the service answers 503, as with any other database. */
    private void startAgain() {
        int port = postgres.getPort();
        for (int attempt = 1; !closing && attempt <= START_AGAIN; attempt++) {
            try {
                postgres.close();
                postgres = start(root, port);
                watch();
                LOG.warn("PostgreSQL had stopped; restarted it.");
                return;
            } catch (IOException | RuntimeException e) {
                LOG.warnf("Cannot restart PostgreSQL (attempt %d of %d); retrying every second.", attempt, START_AGAIN);
                Threads.sleep(Duration.ofSeconds(1));
            }
        }
        if (!closing) {
            LOG.error("Cannot restart PostgreSQL; stopping the service.");
            System.exit(1);
        }
    }

    /**
     * Creates the folder with access for this user only: the embedded PostgreSQL has no password, and its programs are started
     * from this folder.
     */
    private static Path privately(Path folder) throws IOException {
        if (Files.notExists(folder) && folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            Files.createDirectories(folder.getParent());
            return Files.createDirectory(folder,
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
        return Files.createDirectories(folder);
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    public Path dataFolder() {
        return root.resolve(DATA);
    }

    public String jdbcUrl() {
        return "jdbc:postgresql://127.0.0.1:" + postgres.getPort() + "/postgres?user=postgres";
    }

    /** Stops PostgreSQL, which cuts all open connections. */
    @Override
    public void close() throws IOException {
        closing = true;
        postgres.close();
        lockFile.close();
    }
}
