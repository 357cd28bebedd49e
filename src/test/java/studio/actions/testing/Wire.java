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
 * Stands between the service and its database, and counts how often it is the service's turn to speak. It can be held, as by a
 * server that hangs or a firewall that forgot: connections stay open, new ones as well, and nothing comes through.
 */
public final class Wire implements AutoCloseable {

    private static final Pattern SERVER = Pattern.compile("//127\\.0\\.0\\.1:(\\d+)/");

    private final ServerSocket server;
    private final AtomicInteger turns = new AtomicInteger();
    /** Pieces pass under the one lock; the other holds them all. */
    private final ReadWriteLock flow = new ReentrantReadWriteLock();
    private volatile int port;

    public Wire() {
        try {
            server = new ServerSocket(0, 100, InetAddress.getByName("127.0.0.1"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        start(this::accept);
    }

    /** The same database, by this way. */
    public String reroute(String jdbcUrl) {
        Matcher there = SERVER.matcher(jdbcUrl);
        if (!there.find()) {
            throw new IllegalArgumentException(jdbcUrl);
        }
        port = Integer.parseInt(there.group(1));
        return there.replaceFirst("//127.0.0.1:" + server.getLocalPort() + "/");
    }

    /** Round trips so far, on all connections. */
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
                start(() -> pass(here, there, () -> {
                    if (speaks.compareAndSet(false, true)) {
                        turns.incrementAndGet();
                    }
                }));
                start(() -> pass(there, here, () -> speaks.set(false)));
            } catch (IOException e) {
                // Closed, or the database is gone: who tries again will see.
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
            // One side hung up, and so does the other.
        }
    }

    private static void start(Runnable work) {
        Thread thread = new Thread(work, "wire");
        thread.setDaemon(true);
        thread.start();
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
