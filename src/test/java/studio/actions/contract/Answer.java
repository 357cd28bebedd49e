package studio.actions.contract;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

import io.restassured.RestAssured;

/** The answer to a request that is written to the socket byte by byte, since HTTP clients do not send malformed requests. */
record Answer(int status, Map<String, String> headers, byte[] body) {

    private static final int PATIENCE_MS = 20_000;

    private static final byte[] GAP = "\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    /** @param target the request target exactly as written in the request line, encoded or not */
    static Answer to(String verb, String target, Map<String, String> headers, byte[] body) throws IOException {
        StringBuilder head = new StringBuilder(verb + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + RestAssured.port
                + "\r\nConnection: close\r\n");
        headers.forEach((name, value) -> head.append(name).append(": ").append(value).append("\r\n"));
        if (body.length > 0 || !verb.equals("GET")) {
            head.append("Content-Length: ").append(body.length).append("\r\n");
        }
        try (Socket socket = new Socket("127.0.0.1", RestAssured.port)) {
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(PATIENCE_MS);
            ByteArrayOutputStream request = new ByteArrayOutputStream();
            request.writeBytes(head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
            request.writeBytes(body);
            say(request, socket.getOutputStream());
            return read(socket.getInputStream().readAllBytes());
        }
    }

    /** Sends the request. The service may refuse it and close the connection before it has read all of it. */
    private static void say(ByteArrayOutputStream request, OutputStream out) throws IOException {
        try {
            request.writeTo(out);
            out.flush();
        } catch (SocketException e) {
            // The answer can still be read.
        }
    }

    private static Answer read(byte[] all) throws IOException {
        int gap = find(all, GAP, 0);
        if (gap < 0) {
            throw new IOException("This is no answer: '" + new String(all, StandardCharsets.ISO_8859_1) + "'");
        }
        String[] lines = new String(all, 0, gap, StandardCharsets.ISO_8859_1).split("\r\n");
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (String line : Arrays.copyOfRange(lines, 1, lines.length)) {
            headers.merge(line.substring(0, line.indexOf(':')), line.substring(line.indexOf(':') + 1).strip(),
                    (one, other) -> one + ", " + other);
        }
        byte[] rest = Arrays.copyOfRange(all, gap + GAP.length, all.length);
        boolean chunked = headers.getOrDefault("Transfer-Encoding", "").equalsIgnoreCase("chunked");
        return new Answer(Integer.parseInt(lines[0].split(" ")[1]), headers, chunked ? joined(rest) : rest);
    }

    private static byte[] joined(byte[] chunks) {
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        byte[] lineEnd = { '\r', '\n' };
        for (int at = 0; at < chunks.length;) {
            int end = find(chunks, lineEnd, at);
            int length = Integer.parseInt(new String(chunks, at, end - at, StandardCharsets.US_ASCII).strip(), 16);
            whole.write(chunks, end + 2, length);
            at = length == 0 ? chunks.length : end + 2 + length + 2;
        }
        return whole.toByteArray();
    }

    private static int find(byte[] in, byte[] what, int from) {
        for (int i = from; i <= in.length - what.length; i++) {
            if (Arrays.equals(in, i, i + what.length, what, 0, what.length)) {
                return i;
            }
        }
        return -1;
    }

    /** Returns the media type without its parameters; empty if the answer has none. */
    String mediaType() {
        return headers.getOrDefault("Content-Type", "").split(";")[0].strip().toLowerCase(Locale.ROOT);
    }

    String text() {
        return new String(body, StandardCharsets.UTF_8);
    }
}
