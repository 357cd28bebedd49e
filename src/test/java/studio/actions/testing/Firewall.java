package studio.actions.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A firewall that forgets idle connections: it drops everything sent afterwards, without an error on either side. */
public final class Firewall implements AutoCloseable {

    private final ServerSocket server;
    private final int port;
    private final long patience;
    private final AtomicInteger lost = new AtomicInteger();

    public Firewall(int port, Duration patience) throws IOException {
        this.port = port;
        this.patience = patience.toNanos();
        server = new ServerSocket(0, 100, InetAddress.getByName("127.0.0.1"));
        Wire.daemon("firewall", this::accept).start();
    }

    public int port() {
        return server.getLocalPort();
    }

    /** Returns how often data was sent over a forgotten connection. */
    public int lost() {
        return lost.get();
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket here = server.accept();
                Socket there = new Socket("127.0.0.1", port);
                AtomicLong last = new AtomicLong(System.nanoTime());
                Wire.daemon("firewall", () -> pass(here, there, last)).start();
                Wire.daemon("firewall", () -> pass(there, here, last)).start();
            } catch (IOException e) {
                // The firewall was closed.
            }
        }
    }

    private void pass(Socket from, Socket to, AtomicLong last) {
        byte[] bytes = new byte[64 * 1024];
        boolean forgotten = false;
        try (from; to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int read = in.read(bytes); read >= 0; read = in.read(bytes)) {
                forgotten |= System.nanoTime() - last.get() > patience;
                if (forgotten) {
                    lost.incrementAndGet();
                } else {
                    last.set(System.nanoTime());
                    out.write(bytes, 0, read);
                }
            }
        } catch (IOException e) {
            // One side hung up; the connection to the other side is closed as well.
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
