package studio.actions.thread;

import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/** The service's own threads. They are daemons, so that none keeps the process from exiting. */
public final class Threads {

    private Threads() {
    }

    /** Returns a new daemon thread, not yet started. */
    public static Thread daemon(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        return thread;
    }

    /** Returns a factory of daemon threads that all have the same name. */
    public static ThreadFactory daemons(String name) {
        return work -> daemon(name, work);
    }

    /**
     * Sleeps for the given time.
     *
     * @return true if the whole time has passed; false if the thread was interrupted, and then its interrupt flag is set
     */
    public static boolean sleep(Duration time) {
        try {
            TimeUnit.NANOSECONDS.sleep(time.toNanos());
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Waits until the running tasks of an executor that was shut down have ended, or until the time is up. */
    public static void awaitEnd(ExecutorService executor, Duration patience) {
        try {
            executor.awaitTermination(patience.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
