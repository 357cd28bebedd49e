package studio.actions.testing;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A disk of a few megabytes in memory. Tests that need one are skipped where mounting is not allowed. */
public final class SmallDisk implements AutoCloseable {

    private final Path folder;

    public SmallDisk(Path folder, int megabytes) throws IOException {
        this.folder = Files.createDirectories(folder);
        assumeTrue(run("mount", "-t", "tmpfs", "-o", "mode=0755,size=" + megabytes + "m", "tmpfs", folder.toString()) == 0,
                "this process may not mount a disk");
    }

    public Path folder() {
        return folder;
    }

    /** Fills the disk to the last byte. */
    public void fill() {
        try (OutputStream ballast = Files.newOutputStream(ballast())) {
            for (byte[] block = new byte[4096];;) {
                ballast.write(block);
            }
        } catch (IOException full) {
            // The disk is full.
        }
    }

    public void makeRoom() throws IOException {
        Files.delete(ballast());
    }

    private Path ballast() {
        return folder.resolve("ballast");
    }

    @Override
    public void close() {
        run("umount", "--lazy", folder.toString());
    }

    private static int run(String... command) {
        try {
            return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start()
                    .waitFor();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
