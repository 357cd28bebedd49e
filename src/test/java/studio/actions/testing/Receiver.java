package studio.actions.testing;

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
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.GZIPOutputStream;

/**
 * A real receiver on a real socket. The first segment of the path is the name that a test picks to find its own requests
 * again ({@link #heard}); the second is how it behaves:
 *
 * <pre>
 * /{name}/ok              200 {"ok": true}
 * /{name}/status/{code}   that status, with a body
 * /{name}/redirect        302 to /{name}/ok
 * /{name}/drip            200, then one byte a second, for a minute
 * /{name}/silent          reads, and never answers
 * /{name}/close           closes in mid-body
 * /{name}/gone            closes without an answer
 * /{name}/garbage         answers something that is not HTTP
 * /{name}/endless         200, a body that does not end
 * /{name}/binary          200, control characters and bytes that are no UTF-8
 * /{name}/long/{bytes}    200, so many times an x
 * /{name}/say/{text}      200, that text (percent-encoding left as it is)
 * /{name}/gzip            200, a kilobyte that would inflate to a megabyte
 * /{name}/headers         200, the request's headers, one a line
 * /{name}/held            200 once {@link #release} was called with the name
 * </pre>
 *
 * It speaks no TLS: who tries is answered in plain HTTP, as a server would whose port was mistaken.
 */
public final class Receiver {

    private static final Receiver SHARED = new Receiver();

    /** RFC 9110, sections 15.3.5 and 15.4.5. */
    private static final List<String> BODILESS = List.of("204", "304");

    /** RFC 8446, section 5.1: how a client hello begins. */
    private static final int TLS_HANDSHAKE = 22;

    /** A request as it arrived. */
    public record Heard(String method, String uri, Map<String, String> headers, String body) {
    }

    private final ServerSocket server;
    private final Map<String, List<Heard>> heard = new ConcurrentHashMap<>();
    private final Map<String, CountDownLatch> gates = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> now = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> most = new ConcurrentHashMap<>();

    private Receiver() {
        try {
            server = new ServerSocket(0, 200, InetAddress.getByName("127.0.0.1"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        daemon(this::accept);
    }

    public static Receiver shared() {
        return SHARED;
    }

    public int port() {
        return server.getLocalPort();
    }

    public String url(String path) {
        return "http://127.0.0.1:" + port() + path;
    }

    /** The requests under a name, in order of arrival. */
    public List<Heard> heard(String name) {
        return heard.computeIfAbsent(name, unheard -> new CopyOnWriteArrayList<>());
    }

    /** How many requests under a name were ever being answered at once. */
    public int mostAtOnce(String name) {
        return most.getOrDefault(name, new AtomicInteger()).get();
    }

    /** Lets the requests to {@code /{name}/held} be answered, those to come as well. */
    public void release(String name) {
        gate(name).countDown();
    }

    /** Lets all be answered that wait, so that a test which failed leaves nobody behind in the places of this host. */
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
                daemon(() -> serve(socket));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            InputStream in = new BufferedInputStream(socket.getInputStream());
            in.mark(1);
            if (in.read() == TLS_HANDSHAKE) {
                reply(socket.getOutputStream(), "400", "", "This port speaks plain HTTP.");
                return;
            }
            in.reset();
            for (Heard request = read(in); request != null; request = read(in)) {
                String[] path = request.uri().split("[?]")[0].split("/", 4);
                String name = path.length > 1 ? path[1] : "";
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
            // The other side hung up, which is its right.
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

    private static void write(OutputStream out, String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.UTF_8));
        out.flush();
    }

    private static Heard read(InputStream in) throws IOException {
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
        return new Heard(words[0], words[1], headers, new String(body, StandardCharsets.UTF_8));
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

    private static void daemon(Runnable work) {
        Thread thread = new Thread(work, "receiver");
        thread.setDaemon(true);
        thread.start();
    }
}
