package studio.actions.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URL;
import java.nio.charset.StandardCharsets;

/** A raw connection for requests that no HTTP client would send. */
public final class Raw implements AutoCloseable {

    private static final int PATIENCE = 10_000;

    private final Socket socket;

    public Raw(URL service) throws IOException {
        this(service.getHost(), service.getPort());
    }

    public Raw(String host, int port) throws IOException {
        socket = new Socket(host, port);
        socket.setSoTimeout(PATIENCE);
    }

    /** @param from the address of this machine from which to connect */
    public Raw(String host, int port, InetAddress from) throws IOException {
        socket = new Socket(host, port, from, 0);
        socket.setSoTimeout(PATIENCE);
    }

    /** Returns a request that announces a body of 1,000 bytes and contains one byte of it. */
    public static String slow(String path, String... headers) {
        return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
                + String.join("", headers) + "\r\n{";
    }

    public Raw send(String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
        return this;
    }

    /** Reads until the service closes the connection. Returns an empty text if the service sent nothing. */
    public String hear() throws IOException {
        ByteArrayOutputStream heard = new ByteArrayOutputStream();
        try {
            socket.getInputStream().transferTo(heard);
        } catch (SocketException closed) {
            // The service closed the connection while the test was still sending.
        }
        return heard.toString(StandardCharsets.UTF_8);
    }

    /** Returns the status of the next answer, or 0 if the service closes the connection instead. */
    public int status() throws IOException {
        try {
            byte[] line = socket.getInputStream().readNBytes("HTTP/1.1 200".length());
            return line.length < 12 ? 0 : Integer.parseInt(new String(line, 9, 3, StandardCharsets.US_ASCII));
        } catch (SocketException closed) {
            return 0;
        }
    }

    /** Returns whether the service neither sends anything nor closes the connection within this time. */
    public boolean quiet(int milliseconds) throws IOException {
        socket.setSoTimeout(milliseconds);
        try {
            return socket.getInputStream().read() < -1;
        } catch (SocketTimeoutException silence) {
            return true;
        } catch (SocketException closed) {
            return false;
        } finally {
            socket.setSoTimeout(PATIENCE);
        }
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
