package studio.actions.stream;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

import jakarta.inject.Inject;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

import io.agroal.api.AgroalDataSource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import studio.actions.testing.Api;
import studio.actions.testing.Json;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** Hundreds of clients that watch a run at the same time. */
@QuarkusTest
@WithTestResource(Services.class)
class RunStreamsTest {

    private static final int MIB = 1024 * 1024;

    @Inject
    AgroalDataSource database;

    @Inject
    RunStreams runStreams;

    private final Receiver receiver = Receiver.shared();
    private final String name = "streams-" + UUID.randomUUID();
    private final List<SocketChannel> streams = new ArrayList<>();

    @AfterEach
    void letGo() throws IOException {
        receiver.releaseAll();
        for (SocketChannel stream : streams) {
            stream.close();
        }
    }

    @Test
    void idleStreamsDoNotQueryTheDatabase() throws Exception {
        String run = start(1, "/held");
        awaitHeard(1);
        long without = connectionsTaken();
        for (int i = 0; i < 200; i++) {
            watch(run);
        }
        readEach("\n:");

        long with = connectionsTaken();

        assertThat(with).as("connections taken with 200 idle streams, beside %d without", without)
                .isLessThan(without + 30);
    }

    @Test
    void sendsEveryEventToFiveHundredStreams() throws Exception {
        String run = start(100, "/held");
        awaitHeard(5);
        for (int i = 0; i < 500; i++) {
            watch(run);
        }
        readEach("\n:");
        long since = System.nanoTime();
        receiver.release(name);

        Map<SocketChannel, StringBuilder> heard = readEach("event:end\n");

        long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - since);
        assertThat(heard.values()).hasSize(500).allSatisfy(text -> assertThat(text.toString().split("event:delivery\n", -1))
                .as("100 deliveries, and what comes before the first").hasSize(101));
        assertThat(took).as("ms until all had seen the end").isLessThan(10_000);
    }

    @Test
    @Tag("survival")
    void dropsClientsThatDoNotRead() throws Exception {
        String run = start(1000, "/long/8192");
        Json ended = Api.awaitEnd(run, Duration.ofSeconds(60));
        assertThat(ended.getInt("counts.delivered")).isEqualTo(1000);
        long before = memory();

        for (int i = 0; i < 300; i++) {
            watch(run);
        }
        await().pollDelay(Duration.ofSeconds(5)).until(() -> true);
        assertThat(memory() - before).as("bytes held for 300 streams that do not read 8 MB").isLessThan(64L * MIB);

        // Ten streams soon fill the buffers of their connections and then take nothing for 20 s.
        for (SocketChannel stream : streams.subList(10, streams.size())) {
            stream.close();
        }
        streams.subList(10, streams.size()).clear();
        await().atMost(Duration.ofSeconds(60)).pollDelay(Duration.ofSeconds(25)).until(() -> true);
        runStreams.keepAlive();

        for (SocketChannel stream : streams) {
            assertThat(isCut(stream)).isTrue();
        }
    }

    /** Returns the bytes on the heap after a garbage collection, plus the buffers outside it. */
    private static long memory() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed()
                + ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                        .mapToLong(BufferPoolMXBean::getMemoryUsed)
                        .sum();
    }

    /**
     * Returns whether the service cut a stream before its end event. First reads the bytes that the kernels of both sides
     * still hold.
     */
    private static boolean isCut(SocketChannel stream) throws IOException {
        stream.configureBlocking(true);
        stream.socket().setSoTimeout(5000);
        try {
            return !new String(stream.socket().getInputStream().readAllBytes(), US_ASCII).contains("event:end");
        } catch (SocketTimeoutException open) {
            return false;
        } catch (SocketException reset) {
            return true;
        }
    }

    /** Returns how many database connections the service takes from its pool within three seconds. */
    private long connectionsTaken() {
        long before = database.getMetrics().acquireCount();
        await().pollDelay(Duration.ofSeconds(3)).until(() -> true);
        return database.getMetrics().acquireCount() - before;
    }

    private String start(int count, String behaviour) {
        String action = Api.ajax(receiver.url("/" + name + behaviour + "?e={entity_id}"), "rate_per_minute", 60_000);
        return Api.start(action, count);
    }

    private void awaitHeard(int count) {
        await().until(() -> receiver.heard(name).size() >= count);
    }

    /** Watches with a small receive window, so that the service soon notices that the client does not read. */
    private void watch(String run) throws IOException {
        SocketChannel stream = SocketChannel.open();
        streams.add(stream);
        stream.setOption(StandardSocketOptions.SO_RCVBUF, 4096);
        stream.connect(new InetSocketAddress("localhost", RestAssured.port));
        stream.write(ByteBuffer.wrap(("GET " + Api.RUNS + "/" + run + "/events HTTP/1.1\r\nHost: localhost\r\n"
                + "Authorization: Bearer " + Services.TOKEN + "\r\n\r\n").getBytes(US_ASCII)));
        stream.configureBlocking(false);
    }

    /** Reads from all streams until each has sent a text. */
    private Map<SocketChannel, StringBuilder> readEach(String text) throws IOException {
        Map<SocketChannel, StringBuilder> heard = new HashMap<>();
        ByteBuffer bytes = ByteBuffer.allocate(64 * 1024);
        try (Selector selector = Selector.open()) {
            for (SocketChannel stream : streams) {
                stream.register(selector, SelectionKey.OP_READ);
                heard.put(stream, new StringBuilder());
            }
            long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            for (int open = streams.size(); open > 0 && System.nanoTime() < until;) {
                selector.select(1000);
                for (SelectionKey key : selector.selectedKeys()) {
                    SocketChannel stream = (SocketChannel) key.channel();
                    int read = stream.read(bytes.clear());
                    StringBuilder all = heard.get(stream);
                    all.append(US_ASCII.decode(bytes.flip()));
                    if (read < 0 || all.indexOf(text) >= 0) {
                        key.cancel();
                        open--;
                    }
                }
                selector.selectedKeys().clear();
            }
        }
        assertThat(heard.values()).allSatisfy(all -> assertThat(all).contains(text));
        return heard;
    }
}
