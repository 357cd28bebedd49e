package studio.actions.egress;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

class PlacesTest {

    @Test
    void givesAPlaceAtOnceWhileThereIsOne() {
        Places places = new Places(2);
        List<String> ran = new ArrayList<>();

        places.enter("a", () -> ran.add("first"));
        places.enter("a", () -> ran.add("second"));
        places.enter("a", () -> ran.add("third"));

        assertThat(ran).containsExactly("first", "second");
    }

    @Test
    void handsAPlaceOnInTheOrderOfTheLine() {
        Places places = new Places(1);
        List<Integer> ran = new ArrayList<>();
        IntStream.range(0, 5).forEach(i -> places.enter("a", () -> ran.add(i)));

        IntStream.range(0, 4).forEach(i -> places.leave("a"));

        assertThat(ran).containsExactly(0, 1, 2, 3, 4);
    }

    @Test
    void lendsEachPlaceToOneAtATime() {
        Places places = new Places(1);
        List<String> ran = new ArrayList<>();
        places.enter("a", () -> ran.add("first"));
        places.enter("a", () -> ran.add("second"));

        places.leave("a");
        places.enter("a", () -> ran.add("third"));

        assertThat(ran).containsExactly("first", "second");
    }

    @Test
    void hasAPlaceNowOnlyWhileOneIsFree() {
        Places places = new Places(1);

        assertThat(places.tryEnter("a")).isTrue();
        assertThat(places.tryEnter("a")).isFalse();
        places.leave("a");
        assertThat(places.tryEnter("a")).isTrue();
    }

    @Test
    void countsEachHostForItself() {
        Places places = new Places(1);
        List<String> ran = new ArrayList<>();

        places.enter("a", () -> ran.add("a"));
        places.enter("b", () -> ran.add("b"));
        places.leave("b");
        places.enter("a", () -> ran.add("never"));

        assertThat(ran).containsExactly("a", "b");
    }

    @Test
    void hasAllItsPlacesAgainWhenEverybodyHasLeft() {
        Places places = new Places(2);
        List<Integer> ran = new ArrayList<>();
        IntStream.range(0, 3).forEach(i -> places.enter("a", () -> ran.add(i)));
        IntStream.range(0, 3).forEach(i -> places.leave("a"));

        IntStream.range(3, 6).forEach(i -> places.enter("a", () -> ran.add(i)));

        assertThat(ran).containsExactly(0, 1, 2, 3, 4);
    }

    @Test
    void neverLendsMoreThanItHasAndForgetsNobody() throws InterruptedException {
        int turns = 4000;
        Places places = new Places(3);
        AtomicInteger now = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        CountDownLatch ran = new CountDownLatch(turns);
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            for (int i = 0; i < turns; i++) {
                threads.execute(() -> places.enter("a", () -> {
                    most.accumulateAndGet(now.incrementAndGet(), Math::max);
                    threads.execute(() -> {
                        now.decrementAndGet();
                        ran.countDown();
                        places.leave("a");
                    });
                }));
            }
            assertThat(ran.await(20, TimeUnit.SECONDS)).isTrue();
        } finally {
            threads.shutdown();
        }
        assertThat(threads.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
        assertThat(most.get()).isBetween(1, 3);
    }
}
