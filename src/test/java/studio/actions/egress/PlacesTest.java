package studio.actions.egress;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Test;

class PlacesTest {

    @Test
    void hasAPlaceOnlyWhileOneIsFree() {
        Places places = new Places(2);

        assertThat(places.tryEnter("a")).isTrue();
        assertThat(places.tryEnter("a")).isTrue();
        assertThat(places.tryEnter("a")).isFalse();
        places.leave("a");
        assertThat(places.tryEnter("a")).isTrue();
        assertThat(places.tryEnter("a")).isFalse();
    }

    @Test
    void countsEachHostForItself() {
        Places places = new Places(1);

        assertThat(places.tryEnter("a")).isTrue();
        assertThat(places.tryEnter("b")).isTrue();
        places.leave("b");

        assertThat(places.tryEnter("a")).isFalse();
        assertThat(places.tryEnter("b")).isTrue();
    }

    @Test
    void saysHowManyAreFreeWhereSomeAreTaken() {
        Places places = new Places(2);
        places.tryEnter("a");
        places.tryEnter("a");
        places.tryEnter("b");

        assertThat(places.free()).containsOnly(Map.entry("a", 0), Map.entry("b", 1));
        places.leave("a");
        places.leave("b");
        assertThat(places.free()).containsOnly(Map.entry("a", 1));
    }

    @Test
    void hasNoMorePlacesThanBeforeWhenEverybodyHasLeft() {
        Places places = new Places(2);
        places.tryEnter("a");
        places.leave("a");
        places.leave("a");

        assertThat(places.tryEnter("a")).isTrue();
        assertThat(places.tryEnter("a")).isTrue();
        assertThat(places.tryEnter("a")).isFalse();
    }

    @Test
    void neverLendsMoreThanItHas() throws InterruptedException {
        int turns = 4000;
        Places places = new Places(3);
        AtomicInteger now = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        CountDownLatch ran = new CountDownLatch(turns);
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            for (int i = 0; i < turns; i++) {
                threads.execute(() -> {
                    while (!places.tryEnter("a")) {
                        Thread.onSpinWait();
                    }
                    most.accumulateAndGet(now.incrementAndGet(), Math::max);
                    now.decrementAndGet();
                    places.leave("a");
                    ran.countDown();
                });
            }
            assertThat(ran.await(20, TimeUnit.SECONDS)).isTrue();
        } finally {
            threads.shutdown();
        }
        assertThat(threads.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
        assertThat(most.get()).isBetween(1, 3);
        assertThat(places.free()).isEmpty();
    }
}
