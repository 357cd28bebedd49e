package studio.actions.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Passes TCP connections on to a port of this machine, until a test squeezes it: then all stay open, new ones as well, and
 * nothing comes through, as with a server that hangs or a firewall that forgot.
 */
public final class Hose implements AutoCloseable {

    private final ServerSocket server;
    private final int target;
    /** Each piece is passed on under the one lock; who holds the other stops them all. */
    private final ReentrantReadWriteLock flow = new ReentrantReadWriteLock();

    public Hose(int target) {
        this.target = target;
        try {
            server = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        daemon(this::accept);
    }

    public int port() {
        return server.getLocalPort();
    }

    /** Lets nothing through until {@link #release}, which the same thread has to call. */
    public void squeeze() {
        flow.writeLock().lock();
    }

    public void release() {
        flow.writeLock().unlock();
    }

    @Override
    public void close() throws IOException {
        server.close();
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket near = server.accept();
                daemon(() -> connect(near));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void connect(Socket near) {
        try {
            Socket far = new Socket(InetAddress.getLoopbackAddress(), target);
            daemon(() -> pass(far, near));
            pass(near, far);
        } catch (IOException e) {
            close(near);
        }
    }

    private void pass(Socket from, Socket to) {
        byte[] piece = new byte[8192];
        try {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int read = in.read(piece); read >= 0; read = in.read(piece)) {
                flow.readLock().lock();
                try {
                    out.write(piece, 0, read);
                    out.flush();
                } finally {
                    flow.readLock().unlock();
                }
            }
        } catch (IOException e) {
            // One side hung up; so does the other.
        } finally {
            close(from);
            close(to);
        }
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void daemon(Runnable work) {
        Thread thread = new Thread(work, "hose");
        thread.setDaemon(true);
        thread.start();
    }
}
