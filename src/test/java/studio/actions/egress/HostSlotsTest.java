package studio.actions.egress;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Test;

class HostSlotsTest {

    @Test
    void givesASlotOnlyWhileOneIsFree() {
        HostSlots slots = new HostSlots(2);

        assertThat(slots.tryTake("a")).isTrue();
        assertThat(slots.tryTake("a")).isTrue();
        assertThat(slots.tryTake("a")).isFalse();
        slots.release("a");
        assertThat(slots.tryTake("a")).isTrue();
        assertThat(slots.tryTake("a")).isFalse();
    }

    @Test
    void countsEachHostSeparately() {
        HostSlots slots = new HostSlots(1);

        assertThat(slots.tryTake("a")).isTrue();
        assertThat(slots.tryTake("b")).isTrue();
        slots.release("b");

        assertThat(slots.tryTake("a")).isFalse();
        assertThat(slots.tryTake("b")).isTrue();
    }

    @Test
    void reportsFreeSlotsOfHostsInUse() {
        HostSlots slots = new HostSlots(2);
        slots.tryTake("a");
        slots.tryTake("a");
        slots.tryTake("b");

        assertThat(slots.free()).containsOnly(Map.entry("a", 0), Map.entry("b", 1));
        slots.release("a");
        slots.release("b");
        assertThat(slots.free()).containsOnly(Map.entry("a", 1));
    }

    @Test
    void gainsNoSlotFromAnExtraRelease() {
        HostSlots slots = new HostSlots(2);
        slots.tryTake("a");
        slots.release("a");
        slots.release("a");

        assertThat(slots.tryTake("a")).isTrue();
        assertThat(slots.tryTake("a")).isTrue();
        assertThat(slots.tryTake("a")).isFalse();
    }

    @Test
    void neverGivesMoreSlotsThanItHas() throws InterruptedException {
        int turns = 4000;
        HostSlots slots = new HostSlots(3);
        AtomicInteger now = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        CountDownLatch ran = new CountDownLatch(turns);
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            for (int i = 0; i < turns; i++) {
                threads.execute(() -> {
                    while (!slots.tryTake("a")) {
                        Thread.onSpinWait();
                    }
                    most.accumulateAndGet(now.incrementAndGet(), Math::max);
                    now.decrementAndGet();
                    slots.release("a");
                    ran.countDown();
                });
            }
            assertThat(ran.await(20, TimeUnit.SECONDS)).isTrue();
        } finally {
            threads.shutdown();
        }
        assertThat(threads.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
        assertThat(most.get()).isBetween(1, 3);
        assertThat(slots.free()).isEmpty();
    }
}
