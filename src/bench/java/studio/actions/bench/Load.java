package studio.actions.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;

/**
 * Load over persistent connections on loopback. As in {@code wrk}, each connection sends its next request after an answer.
 * Its own cost is small: it reads an answer's head only for the length, and only counts the bytes of the body.
 */
final class Load {

    private static final int THREADS = 2;
    private static final int BUFFER = 256 * 1024;
    private static final byte[] END = "\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] LENGTH = "\r\ncontent-length: ".getBytes(StandardCharsets.US_ASCII);
    private static final long CHUNKED = Long.MAX_VALUE;
    /** The end of a chunked body: {@code 0 CR LF CR LF}. */
    private static final long LAST_CHUNK = 0x30_0d0a_0d0aL;
    /** Latencies kept per thread. Later ones overwrite the oldest, which favours neither fast nor slow requests. */
    private static final int SAMPLES = 1_000_000;

    /** The figures of a load; latencies are in milliseconds. */
    record Result(long requests, double perSecond, double p50, double p99) {
    }

    private final int port;
    private final int connections;
    private final int status;
    private final Supplier<byte[]> request;

    /** @param status the status of every answer; any other ends the load with an {@link IllegalStateException} */
    Load(int port, int connections, int status, Supplier<byte[]> request) {
        this.port = port;
        this.connections = connections;
        this.status = status;
        this.request = request;
    }

    /** Returns the bytes of a GET request. */
    static byte[] get(String path, String... headers) {
        return request("GET", path, "", headers);
    }

    static byte[] request(String method, String path, String body, String... headers) {
        StringBuilder text = new StringBuilder(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n");
        for (int i = 0; i < headers.length; i += 2) {
            text.append(headers[i]).append(": ").append(headers[i + 1]).append("\r\n");
        }
        if (!method.equals("GET")) {
            text.append("Content-Type: application/json\r\nContent-Length: ")
                    .append(body.getBytes(StandardCharsets.UTF_8).length).append("\r\n");
        }
        return text.append("\r\n").append(body).toString().getBytes(StandardCharsets.UTF_8);
    }

    Result run(Duration time) throws Exception {
        int threads = Math.min(THREADS, connections);
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            long since = System.nanoTime();
            List<Future<Loop>> loops = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int share = connections / threads + (i < connections % threads ? 1 : 0);
                loops.add(pool.submit(() -> new Loop().run(share, since + time.toNanos())));
            }
            long count = 0;
            List<long[]> samples = new ArrayList<>();
            for (Future<Loop> loop : loops) {
                count += loop.get().count;
                samples.add(Arrays.copyOf(loop.get().nanos, (int) Math.min(loop.get().count, SAMPLES)));
            }
            double seconds = (System.nanoTime() - since) / 1e9;
            long[] all = samples.stream().flatMapToLong(Arrays::stream).sorted().toArray();
            return new Result(count, count / seconds, all[all.length / 2] / 1e6, all[(int) (all.length * 0.99)] / 1e6);
        } finally {
            pool.shutdownNow();
        }
    }

    private final class Loop {

        private final long[] nanos = new long[SAMPLES];
        private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        private long count;

        Loop run(int share, long until) throws IOException {
            try (Selector selector = Selector.open()) {
                for (int i = 0; i < share; i++) {
                    SocketChannel channel = SocketChannel
                            .open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
                    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
                    channel.configureBlocking(false);
                    Exchange exchange = new Exchange(channel);
                    channel.register(selector, SelectionKey.OP_READ, exchange);
                    exchange.send();
                }
                while (System.nanoTime() < until) {
                    selector.select(key -> ((Exchange) key.attachment()).read(), 100);
                }
                for (SelectionKey key : selector.keys()) {
                    key.channel().close();
                }
            }
            return this;
        }

        private final class Exchange {

            private final SocketChannel channel;
            private byte[] head = new byte[0];
            private long missing = -1;
            /** The last bytes so far of an answer without a length. */
            private long tail;
            private long sentAt;

            Exchange(SocketChannel channel) {
                this.channel = channel;
            }

            void send() {
                try {
                    ByteBuffer bytes = ByteBuffer.wrap(request.get());
                    sentAt = System.nanoTime();
                    while (bytes.hasRemaining()) {
                        channel.write(bytes);
                    }
                } catch (IOException e) {
                    throw new IllegalStateException("The connection was lost", e);
                }
            }

            void read() {
                try {
                    buffer.clear();
                    int got = channel.read(buffer);
                    if (got < 0) {
                        throw new IllegalStateException("The service closed the connection after " + count + " answers");
                    }
                    buffer.flip();
                    take(got);
                } catch (IOException e) {
                    throw new IllegalStateException("The connection was lost", e);
                }
            }

            private void take(int got) {
                if (missing < 0) {
                    byte[] before = head;
                    head = Arrays.copyOf(before, before.length + Math.min(got, 4096));
                    buffer.get(0, head, before.length, head.length - before.length);
                    int end = find(head, END, 0);
                    if (end < 0) {
                        return;
                    }
                    missing = length(end);
                    if (missing != CHUNKED) {
                        missing -= before.length + got - end - END.length;
                    }
                } else if (missing != CHUNKED) {
                    missing -= got;
                }
                if (missing == 0 || missing == CHUNKED && last(got)) {
                    done();
                }
            }

            /** Tells whether a chunked body has ended (RFC 9112, section 7.1). No JSON contains such a line. */
            private boolean last(int got) {
                for (int i = Math.max(0, got - Long.BYTES); i < got; i++) {
                    tail = tail << 8 | buffer.get(i) & 0xff;
                }
                return (tail & 0xff_ffff_ffffL) == LAST_CHUNK;
            }

            private long length(int end) {
                int code = (head[9] - '0') * 100 + (head[10] - '0') * 10 + head[11] - '0';
                if (code != status) {
                    throw new IllegalStateException("Answered " + new String(head, StandardCharsets.UTF_8));
                }
                int at = find(head, LENGTH, 0);
                if (at < 0 && status == 200) {
                    return CHUNKED;
                }
                long length = 0;
                for (int i = at + LENGTH.length; at >= 0 && at < end && head[i] >= '0' && head[i] <= '9'; i++) {
                    length = length * 10 + head[i] - '0';
                }
                return status == 304 ? 0 : length;
            }

            private void done() {
                nanos[(int) (count++ % SAMPLES)] = System.nanoTime() - sentAt;
                head = new byte[0];
                missing = -1;
                tail = 0;
                send();
            }
        }
    }

    /** Finds bytes regardless of case. The wanted letters must be lower case. */
    private static int find(byte[] in, byte[] wanted, int from) {
        for (int i = from; i <= in.length - wanted.length; i++) {
            int same = 0;
            while (same < wanted.length
                    && (in[i + same] == wanted[same] || Character.toLowerCase(in[i + same]) == wanted[same])) {
                same++;
            }
            if (same == wanted.length) {
                return i;
            }
        }
        return -1;
    }
}
