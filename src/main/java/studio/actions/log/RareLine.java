package studio.actions.log;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

import org.jboss.logging.Logger;

/** A log line that clients can cause any number of times. Logged at most once a minute, with the number of omitted lines. */
public final class RareLine {

    private static final long MINUTE = Duration.ofMinutes(1).toNanos();

    private final Logger log;
    private final Logger.Level level;
    private final AtomicLong next = new AtomicLong(System.nanoTime());
    private final AtomicLong leftOut = new AtomicLong();

    public RareLine(Logger log, Logger.Level level) {
        this.log = log;
        this.level = level;
    }

    /** Logs a line at this object's level, but at DEBUG if it has logged at that level within the last minute. */
    public void log(String line) {
        long now = System.nanoTime();
        long due = next.get();
        if (now - due < 0 || !next.compareAndSet(due, now + MINUTE)) {
            leftOut.incrementAndGet();
            log.debug(line);
            return;
        }
        long before = leftOut.getAndSet(0);
        log.log(level, before == 0 ? line : line + " (and " + before + " more since the last such line)");
    }
}
