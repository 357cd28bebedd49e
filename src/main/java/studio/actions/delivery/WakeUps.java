package studio.actions.delivery;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

import jakarta.inject.Singleton;

/** Wakes the thread of {@link DeliveryWorker} before the pause between two searches for due deliveries is over. */
@Singleton
class WakeUps {

    private final Semaphore wakeUps = new Semaphore(0);
    /** Whether a due delivery may lack a connection slot. If false, the release of a slot need not wake the thread. */
    private volatile boolean slotWanted = true;

    /** Wakes the thread, because a delivery may be due. */
    void wake() {
        wakeUps.release();
    }

    /** Wakes the thread if a due delivery may lack the connection slot that was released. */
    void slotReleased() {
        if (slotWanted) {
            wake();
        }
    }

    void wantSlot(boolean wanted) {
        slotWanted = wanted;
    }

    /** Waits until the thread is woken, but at most as long as given. */
    void await(Duration pause) throws InterruptedException {
        if (wakeUps.tryAcquire(pause.toNanos(), TimeUnit.NANOSECONDS)) {
            wakeUps.drainPermits();
        }
    }
}
