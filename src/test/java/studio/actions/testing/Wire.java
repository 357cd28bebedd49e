package studio.actions.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A proxy between the service and its database that counts round trips. {@link #hold} simulates a server that hangs or a
 * firewall that forgot its connections: old and new connections stay open, and nothing passes.
 */
public final class Wire implements AutoCloseable {

    private static final Pattern SERVER = Pattern.compile("//127\\.0\\.0\\.1:(\\d+)/");

    private final ServerSocket server;
    private final AtomicInteger turns = new AtomicInteger();
    /** Data passes under the read lock; the write lock stops all data. */
    private final ReadWriteLock flow = new ReentrantReadWriteLock();
    private volatile int port;

    public Wire() {
        try {
            server = new ServerSocket(0, 100, InetAddress.getByName("127.0.0.1"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        daemon("wire", this::accept).start();
    }

    /** Returns the JDBC URL of the same database through this proxy. */
    public String reroute(String jdbcUrl) {
        Matcher there = SERVER.matcher(jdbcUrl);
        if (!there.find()) {
            throw new IllegalArgumentException(jdbcUrl);
        }
        port = Integer.parseInt(there.group(1));
        return there.replaceFirst("//127.0.0.1:" + server.getLocalPort() + "/");
    }

    /** Returns the number of round trips so far, on all connections. */
    public int turns() {
        return turns.get();
    }

    /** Lets nothing through until {@link #release}, which the same thread has to call. */
    public void hold() {
        flow.writeLock().lock();
    }

    public void release() {
        flow.writeLock().unlock();
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket here = server.accept();
                Socket there = new Socket("127.0.0.1", port);
                here.setTcpNoDelay(true);
                there.setTcpNoDelay(true);
                AtomicBoolean speaks = new AtomicBoolean();
                daemon("wire", () -> pass(here, there, () -> {
                    if (speaks.compareAndSet(false, true)) {
                        turns.incrementAndGet();
                    }
                })).start();
                daemon("wire", () -> pass(there, here, () -> speaks.set(false))).start();
            } catch (IOException e) {
                // The proxy was closed, or the database is unavailable and a later connection may succeed.
            }
        }
    }

    private void pass(Socket from, Socket to, Runnable heard) {
        try (from; to; InputStream in = from.getInputStream(); OutputStream out = to.getOutputStream()) {
            byte[] said = new byte[64 * 1024];
            for (int length = in.read(said); length >= 0; length = in.read(said)) {
                heard.run();
                flow.readLock().lock();
                try {
                    out.write(said, 0, length);
                } finally {
                    flow.readLock().unlock();
                }
            }
        } catch (IOException e) {
            // One side hung up; the connection to the other side is closed as well.
        }
    }

    /** Returns a thread that does not keep the process alive. */
    static Thread daemon(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        return thread;
    }

    @Override
    public void close() {
        try {
            server.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
