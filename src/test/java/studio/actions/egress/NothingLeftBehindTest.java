package studio.actions.egress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Field;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import jakarta.inject.Inject;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

import com.sun.management.UnixOperatingSystemMXBean;

import io.netty.buffer.PoolArenaMetric;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.util.concurrent.AbstractScheduledEventExecutor;
import io.netty.util.concurrent.EventExecutor;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.impl.VertxByteBufAllocator;
import io.vertx.core.impl.VertxInternal;
import studio.actions.testing.Certificates;
import studio.actions.testing.Receiver;
import studio.actions.testing.Services;

/** Counts the sockets, timers and buffers that remain after ten thousand requests to misbehaving receivers. */
@Tag("survival")
@QuarkusTest
@WithTestResource(Services.class)
class NothingLeftBehindTest {

    private static final int REQUESTS = 10_000;
    private static final int AT_ONCE = 100;

    /** Addresses from 127.0.0.1 up; each counts as a host with slots of its own. */
    private static final int HOSTS = 40;

    /** Timers and sockets that other parts of the service may have open at the moment of counting. */
    private static final int OTHERS = 10;

    @Inject
    Doors doors;

    @Inject
    Vertx vertx;

    private enum Left {
        SOCKETS,
        TIMERS,
        SCHEDULED,
        BUFFERS
    }

    @Test
    void leavesNoSocketTimerOrBufferBehind() throws Exception {
        try (Receiver plain = Receiver.at("0.0.0.0");
                Receiver hesitant = Receiver.withTls("0.0.0.0", Certificates.shared().of(addresses()),
                        Duration.ofMillis(300));
                Receiver stranger = Receiver.withTls("0.0.0.0", Certificates.shared().ofNobody("DNS:stranger"));
                ServerSocket silent = new ServerSocket(0, 2000, InetAddress.getByName("0.0.0.0"));
                ServerSocket closed = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            closed.close();
            Map<String, FailureKind> expected = scripts(plain);
            List<String> allow = new ArrayList<>(List.of("127.0.0.1:" + closed.getLocalPort()));
            for (int i = 1; i <= HOSTS; i++) {
                allow.add("127.0.0." + i + ":" + plain.port());
                allow.add("127.0.0." + i + ":" + stranger.port());
                allow.add("127.0.0." + i + ":" + hesitant.port());
                allow.add("127.0.0." + i + ":" + silent.getLocalPort());
            }
            Egress egress = doors.allowing(allow);
            List<String> paths = List.copyOf(expected.keySet());
            send(egress, 500, plain, stranger, hesitant, closed, silent, paths, expected);
            Map<Left, Long> before = settled();

            Map<FailureKind, Long> kinds = send(egress, REQUESTS, plain, stranger, hesitant, closed, silent, paths, expected);

            assertThat(kinds.keySet()).as("what was met: " + kinds).contains(FailureKind.forbidden_address, FailureKind.dns,
                    FailureKind.connect_refused, FailureKind.tls, FailureKind.timeout, FailureKind.connection_lost,
                    FailureKind.protocol, FailureKind.too_large, FailureKind.redirect, FailureKind.server_error);
            await().atMost(Duration.ofSeconds(6)).untilAsserted(() -> {
                Map<Left, Long> after = left();
                for (Left one : Left.values()) {
                    assertThat(after.get(one)).as(one + " of " + after + ", before: " + before)
                            .isLessThanOrEqualTo(before.get(one) + OTHERS);
                }
            });
            egress.close();
        }
    }

    private static String[] addresses() {
        return IntStream.rangeClosed(1, HOSTS).mapToObj(i -> "IP:127.0.0." + i).toArray(String[]::new);
    }

    /** Returns the expected failure for each path; null if the delivery succeeds. */
    private static Map<String, FailureKind> scripts(Receiver plain) {
        String ok = "HTTP/1.1 200 OK\r\n";
        script(plain, "half", ok + "Content-Length: 1000\r\n\r\nhalf", false);
        script(plain, "lie", ok + "Content-Length: -7\r\n\r\n", true);
        script(plain, "mail", "220 mail ESMTP\r\n", true);
        script(plain, "away", "HTTP/1.1 307 Away\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", true);
        script(plain, "error", "HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nabc", true);
        script(plain, "large", ok + "\r\n" + "x".repeat(70_000), true);
        script(plain, "headers", ok + "X: " + "x".repeat(17_000), true);
        script(plain, "two", ok + "Content-Length: 0\r\n\r\n" + ok + "Content-Length: 5\r\n\r\nextra", true);
        script(plain, "switch", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nx", true);
        script(plain, "waits", ok + "Content-Length: 1000\r\n\r\nhalf", true);
        Map<String, FailureKind> kinds = new HashMap<>(
                Map.of("half", FailureKind.connection_lost, "lie", FailureKind.protocol, "mail", FailureKind.protocol,
                        "away", FailureKind.redirect, "error", FailureKind.server_error, "headers", FailureKind.too_large,
                        "switch", FailureKind.protocol, "waits", FailureKind.timeout));
        kinds.put("large", null);
        return kinds;
    }

    private static void script(Receiver receiver, String name, String answer, boolean stays) {
        receiver.script(name, out -> {
            Receiver.write(out, answer);
            if (!stays) {
                throw new IOException("as ordered");
            }
        });
    }

    private static Map<FailureKind, Long> send(Egress egress, int count, Receiver plain, Receiver stranger, Receiver hesitant,
            ServerSocket closed,
            ServerSocket silent,
            List<String> paths, Map<String, FailureKind> expected) {
        Map<FailureKind, Long> kinds = new EnumMap<>(FailureKind.class);
        Multi.createFrom().range(0, count).onItem().transformToUni(i -> {
            String host = "127.0.0." + (1 + (i + i / 20) % HOSTS);
            String path = paths.get(i / 20 % paths.size());
            String url = switch (i % 20) {
                case 0 -> "https://" + host + ":" + stranger.port() + "/";
                case 1 -> "http://127.0.0.200:" + plain.port() + "/";
                case 2 -> "https://nobody.studio.test/";
                case 3 -> "http://127.0.0.1:" + closed.getLocalPort() + "/";
                case 4 -> "http://" + host + ":" + plain.port() + "/two/scripted";
                case 5 -> "https://" + host + ":" + silent.getLocalPort() + "/";
                case 6 -> "https://" + host + ":" + hesitant.port() + "/ok/ok";
                case 7 -> "http://" + host + ":" + plain.port() + "/gone/gone";
                default -> "http://" + host + ":" + plain.port() + "/" + path + "/scripted";
            };
            int timeout = path.equals("waits") || i % 20 == 5 || i % 20 == 6 ? 100 : 60_000;
            return sending(egress, url, timeout).invoke(reply -> {
                if (i % 20 > 7) {
                    assertThat(reply instanceof Reply.Failed failed ? failed.kind() : null).as(path + ": " + reply)
                            .isEqualTo(expected.get(path));
                }
            });
        }).merge(AT_ONCE).collect().asList().await().atMost(Duration.ofMinutes(2)).forEach(reply -> {
            if (reply instanceof Reply.Failed failed) {
                kinds.merge(failed.kind(), 1L, Long::sum);
            } else if (reply instanceof Reply.Refused refused) {
                kinds.merge(refused.kind(), 1L, Long::sum);
            }
        });
        return kinds;
    }

    private static Uni<Reply> sending(Egress egress, String url, int timeout) {
        return Doors.send(egress, new Outbound("POST", url, Map.of(), "{}", Duration.ofMillis(timeout)));
    }

    private Map<Left, Long> settled() {
        Map<Left, Long> fewest = new EnumMap<>(left());
        await().pollInterval(Duration.ofMillis(200)).during(Duration.ofSeconds(4)).atMost(Duration.ofSeconds(20))
                .until(() -> {
                    Map<Left, Long> now = left();
                    boolean less = Arrays.stream(Left.values()).anyMatch(one -> now.get(one) < fewest.get(one));
                    now.forEach((one, count) -> fewest.merge(one, count, Math::min));
                    return !less;
                });
        return fewest;
    }

    private Map<Left, Long> left() {
        return new EnumMap<>(Map.of(
                Left.SOCKETS, ((UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                        .getOpenFileDescriptorCount(),
                Left.TIMERS, (long) ((Map<?, ?>) field(vertx, "timeouts")).size(),
                Left.SCHEDULED, scheduled(),
                Left.BUFFERS, Stream.of(PooledByteBufAllocator.DEFAULT, VertxByteBufAllocator.POOLED_ALLOCATOR)
                        .map(PooledByteBufAllocator.class::cast)
                        .flatMap(allocator -> Stream.concat(allocator.metric().directArenas().stream(),
                                allocator.metric().heapArenas().stream()))
                        .mapToLong(PoolArenaMetric::numActiveAllocations).sum()));
    }

    private long scheduled() {
        long count = 0;
        for (EventExecutor loop : ((VertxInternal) vertx).getEventLoopGroup()) {
            Object queue = field(loop, "scheduledTaskQueue");
            count += queue == null ? 0 : ((Collection<?>) queue).size();
        }
        return count;
    }

    private static Object field(Object of, String name) {
        for (Class<?> type = of.getClass(); type != null; type = type.getSuperclass()) {
            try {
                Field field = type.getDeclaredField(name);
                field.setAccessible(true);
                return field.get(of);
            } catch (NoSuchFieldException e) {
                // The field is in a superclass.
            } catch (IllegalAccessException e) {
                throw new IllegalStateException(e);
            }
        }
        throw new IllegalStateException(of.getClass() + " has no " + name + " in this version; "
                + AbstractScheduledEventExecutor.class.getSimpleName() + " or Vert.x was changed");
    }
}
