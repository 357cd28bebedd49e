package studio.actions.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.GZIPOutputStream;

import javax.net.ServerSocketFactory;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/**
 * A real receiver on a real socket. The first segment of the path is a name that a test picks to find its own requests
 * ({@link #heard}). The second segment is the behaviour of the receiver:
 *
 * <pre>
 * /{name}/ok              200 {"ok": true}
 * /{name}/status/{code}   that status, with a body
 * /{name}/redirect        302 to /{name}/ok
 * /{name}/drip            200, then one byte a second, for a minute
 * /{name}/silent          reads, and never answers
 * /{name}/close           closes in the middle of the body
 * /{name}/gone            closes without an answer
 * /{name}/garbage         answers something that is not HTTP
 * /{name}/endless         200, a body that does not end
 * /{name}/binary          200, control characters and bytes that are no UTF-8
 * /{name}/long/{bytes}    200, this many times an x
 * /{name}/say/{text}      200, that text (percent-encoding left as it is)
 * /{name}/gzip            200, a kilobyte that would inflate to a megabyte
 * /{name}/headers         200, the request's headers, one a line
 * /{name}/held            200 once {@link #release} was called with the name
 * /{name}/scripted        what {@link #script} was given for the name
 * </pre>
 *
 * The shared receiver speaks no TLS. A TLS client gets an answer in plain HTTP, as from a server on a wrong port.
 */
public final class Receiver implements AutoCloseable {

    private static final Receiver SHARED = at("127.0.0.1");

    /**
     * The name in the certificate of {@link #sharedWithTls}. The tests' hosts file maps this name, and others, to 127.0.0.1.
     */
    public static final String TLS_NAME = "farm.studio.test";

    private static final Receiver SHARED_WITH_TLS = withTls("127.0.0.1",
            Certificates.shared().of("DNS:" + TLS_NAME, "IP:127.0.0.1"));

    /** The statuses without a body: RFC 9110, sections 15.3.5 and 15.4.5. */
    private static final List<String> BODILESS = List.of("204", "304");

    /** The first byte of a TLS client hello: RFC 8446, section 5.1. */
    private static final int TLS_HANDSHAKE = 22;

    /**
     * A request as it arrived.
     *
     * @param serverName the server name of the TLS handshake (RFC 6066, section 3); null if there was none
     * @param at when the request had arrived, by {@link System#nanoTime}
     */
    public record Heard(String method, String uri, Map<String, String> headers, String body, String serverName, long at) {

        public Json json() {
            return Json.of(body);
        }
    }

    /** An answer, byte by byte. An {@link IOException} closes the connection; after a normal return the client may keep it. */
    public interface Script {
        void play(OutputStream out) throws IOException, InterruptedException;
    }

    private final ServerSocket server;
    private final Duration hesitation;
    private final Map<String, List<Heard>> heard = new ConcurrentHashMap<>();
    private final Map<String, CountDownLatch> gates = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> now = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> most = new ConcurrentHashMap<>();
    private final Map<String, Script> scripts = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> open = new ConcurrentHashMap<>();
    private final AtomicInteger accepted = new AtomicInteger();

    private Receiver(String address, int port, ServerSocketFactory sockets, Duration hesitation) {
        this.hesitation = hesitation;
        try {
            server = sockets.createServerSocket(port, 1000, InetAddress.getByName(address));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Wire.daemon("receiver", this::accept).start();
    }

    public static Receiver shared() {
        return SHARED;
    }

    /** Returns the shared receiver with TLS and a certificate from the studio's own authority. */
    public static Receiver sharedWithTls() {
        return SHARED_WITH_TLS;
    }

    public static Receiver at(String address) {
        return at(address, 0);
    }

    public static Receiver at(String address, int port) {
        return new Receiver(address, port, ServerSocketFactory.getDefault(), Duration.ZERO);
    }

    public static Receiver withTls(String address, SSLContext certificate) {
        return withTls(address, certificate, Duration.ZERO);
    }

    /** @param hesitation how long the receiver waits before its part of the TLS handshake */
    public static Receiver withTls(String address, SSLContext certificate, Duration hesitation) {
        return new Receiver(address, 0, certificate.getServerSocketFactory(), hesitation);
    }

    public int port() {
        return server.getLocalPort();
    }

    public String url(String path) {
        return "http://127.0.0.1:" + port() + path;
    }

    /** Returns the requests under a name, in order of arrival. */
    public List<Heard> heard(String name) {
        return heard.computeIfAbsent(name, unheard -> new CopyOnWriteArrayList<>());
    }

    /** Returns the request under a name, after a check that it is the only one. */
    public Heard only(String name) {
        assertThat(heard(name)).hasSize(1);
        return heard(name).get(0);
    }

    /** Returns the webhook ids of the requests under a name, in order of arrival. */
    public List<String> webhookIds(String name) {
        return heard(name).stream().map(request -> request.headers().get("webhook-id")).toList();
    }

    /** Returns the most requests under a name that were ever being answered at once. */
    public int mostAtOnce(String name) {
        return most.getOrDefault(name, new AtomicInteger()).get();
    }

    /** Sets the answer of {@code /{name}/scripted}. */
    public void script(String name, Script script) {
        scripts.put(name, script);
    }

    /** Returns the number of connections so far, including connections without a request. */
    public int accepted() {
        return accepted.get();
    }

    /** Returns the number of open connections under a name. */
    public int open(String name) {
        return open.getOrDefault(name, new AtomicInteger()).get();
    }

    @Override
    public void close() throws IOException {
        server.close();
    }

    /** Answers the requests to {@code /{name}/held}, including future ones. */
    public void release(String name) {
        gate(name).countDown();
    }

    /** Answers all held requests, so that a failed test leaves no request in the slots of this host. */
    public void releaseAll() {
        gates.values().forEach(CountDownLatch::countDown);
    }

    private CountDownLatch gate(String name) {
        return gates.computeIfAbsent(name, shut -> new CountDownLatch(1));
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket socket = server.accept();
                accepted.incrementAndGet();
                Wire.daemon("receiver", () -> serve(socket)).start();
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(Socket socket) {
        AtomicInteger connections = null;
        try (socket) {
            Thread.sleep(hesitation.toMillis());
            InputStream in = new BufferedInputStream(socket.getInputStream());
            in.mark(1);
            if (in.read() == TLS_HANDSHAKE) {
                reply(socket.getOutputStream(), "400", "", "This port speaks plain HTTP.");
                return;
            }
            in.reset();
            for (Heard request = read(in, socket); request != null; request = read(in, socket)) {
                String[] path = request.uri().split("[?]")[0].split("/", 4);
                String name = path.length > 1 ? path[1] : "";
                if (connections == null) {
                    connections = open.computeIfAbsent(name, none -> new AtomicInteger());
                    connections.incrementAndGet();
                }
                heard(name).add(request);
                int atOnce = now.computeIfAbsent(name, none -> new AtomicInteger()).incrementAndGet();
                most.computeIfAbsent(name, none -> new AtomicInteger()).accumulateAndGet(atOnce, Math::max);
                try {
                    answer(request, name, path.length > 2 ? path[2] : "ok", path.length > 3 ? path[3] : "",
                            socket.getOutputStream());
                } finally {
                    now.get(name).decrementAndGet();
                }
            }
        } catch (IOException | InterruptedException e) {
            // The client hung up, which it may do.
        } finally {
            if (connections != null) {
                connections.decrementAndGet();
            }
        }
    }

    private void answer(Heard request, String name, String behaviour, String detail, OutputStream out)
            throws IOException, InterruptedException {
        switch (behaviour) {
            case "status" -> reply(out, detail, "", BODILESS.contains(detail) ? "" : "{\"status\": " + detail + "}");
            case "redirect" -> reply(out, "302", "Location: /" + name + "/ok\r\n", "");
            case "say" -> reply(out, "200", "", detail);
            case "gzip" -> {
                ByteArrayOutputStream body = new ByteArrayOutputStream();
                try (GZIPOutputStream gzip = new GZIPOutputStream(body)) {
                    gzip.write(new byte[1024 * 1024]);
                }
                write(out, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + body.size() + "\r\n\r\n");
                body.writeTo(out);
                out.flush();
            }
            case "headers" -> reply(out, "200", "", String.join("\n", request.headers().values()));
            case "held" -> {
                gate(name).await();
                reply(out, "200", "", "{\"held\": true}");
            }
            case "scripted" -> scripts.get(name).play(out);
            case "long" -> reply(out, "200", "", "x".repeat(Integer.parseInt(detail)));
            case "gone" -> throw new IOException("as ordered");
            case "silent" -> Thread.sleep(60_000);
            case "close" -> {
                write(out, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly the beginning");
                throw new IOException("as ordered");
            }
            case "garbage" -> {
                write(out, "SSH-2.0-OpenSSH_9.2p1\r\n\r\n");
                throw new IOException("as ordered");
            }
            case "drip" -> {
                write(out, "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n");
                for (int i = 0; i < 60; i++) {
                    write(out, ".");
                    Thread.sleep(1000);
                }
            }
            case "endless" -> {
                write(out, "HTTP/1.1 200 OK\r\n\r\n");
                while (true) {
                    write(out, "0123456789abcdef".repeat(64));
                }
            }
            case "binary" -> {
                byte[] body = { 'a', 0, 7, 27, '[', '3', '1', 'm', (byte) 0xff, (byte) 0xfe, '\r', '\n', 'z' };
                write(out, "HTTP/1.1 200 OK\r\nContent-Length: " + body.length + "\r\n\r\n");
                out.write(body);
                out.flush();
            }
            default -> reply(out, "200", "Content-Type: application/json\r\n", "{\"ok\": true}");
        }
    }

    private static void reply(OutputStream out, String status, String headers, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        String length = BODILESS.contains(status) ? "" : "Content-Length: " + bytes.length + "\r\n";
        write(out, "HTTP/1.1 " + status + " As Ordered\r\n" + headers + length + "\r\n" + body);
    }

    /** Sends a whole answer with status 200. */
    public static void ok(OutputStream out) throws IOException {
        write(out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }

    public static void write(OutputStream out, String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.UTF_8));
        out.flush();
    }

    private static Heard read(InputStream in, Socket socket) throws IOException {
        String first = line(in);
        if (first == null || first.isEmpty()) {
            return null;
        }
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (String line = line(in); line != null && !line.isEmpty(); line = line(in)) {
            headers.put(line.substring(0, line.indexOf(':')), line.substring(line.indexOf(':') + 1).strip());
        }
        byte[] body = in.readNBytes(Integer.parseInt(headers.getOrDefault("Content-Length", "0")));
        String[] words = first.split(" ");
        return new Heard(words[0], words[1], headers, new String(body, StandardCharsets.UTF_8), serverName(socket),
                System.nanoTime());
    }

    private static String serverName(Socket socket) {
        return socket instanceof SSLSocket tls
                && tls.getSession() instanceof ExtendedSSLSession session && !session.getRequestedServerNames().isEmpty()
                        ? ((SNIHostName) session.getRequestedServerNames().get(0)).getAsciiName()
                        : null;
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                return line.size() == 0 ? null : line.toString(StandardCharsets.UTF_8);
            }
            if (c != '\r') {
                line.write(c);
            }
        }
        return line.toString(StandardCharsets.UTF_8);
    }
}
