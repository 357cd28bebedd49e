package studio.actions.problem;

import java.time.Duration;
import java.util.Optional;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.quarkus.runtime.ShutdownDelayInitiatedEvent;
import io.quarkus.runtime.ShutdownEvent;

/**
 * How the database fares, as everybody who asks it finds. A failure that lasts is logged once, however many requests and
 * threads it meets; so is its end, which the next heartbeat finds.
 */
@Singleton
public class DatabaseHealth {

    private static final Logger LOG = Logger.getLogger(DatabaseHealth.class);

    /** A small write may still succeed on a disk that is full for others. */
    private static final Duration DOUBTED = Duration.ofSeconds(10);

    private DatabaseFailure failure;
    private long failedAt;
    private boolean stopping;

    /** To be told what went wrong. Returns whether it was the database's failure and nobody else need log it. */
    public synchronized boolean failed(Throwable thrown) {
        Optional<DatabaseFailure> found = DatabaseFailure.of(thrown).filter(DatabaseFailure::lasts);
        found.ifPresent(one -> {
            if (!stopping && !one.isLike(failure)) {
                LOG.errorf("%s (%s%s). Requests that need it are answered with 503, and what is owed waits, until it is back.",
                        one.sentence().replaceFirst("\\.$", ""), one.state() == null ? "" : one.state() + ": ",
                        one.message());
            }
            failure = one;
            failedAt = System.nanoTime();
        });
        return found.isPresent();
    }

    /** To be told that something was written. */
    public synchronized void wrote() {
        if (failure != null && System.nanoTime() - failedAt > DOUBTED.toNanos()) {
            LOG.info("The database is back.");
            failure = null;
        }
    }

    /** What keeps the database from taking what is written, while reading may go on. */
    public synchronized Optional<String> refusesWrites() {
        return Optional.ofNullable(failure).filter(DatabaseFailure::isOfWrites).map(DatabaseFailure::sentence);
    }

    void stopping(@Observes ShutdownDelayInitiatedEvent beginning) {
        stop();
    }

    void stopped(@Observes ShutdownEvent stop) {
        stop();
    }

    /** The pool is closed under whoever still asks. */
    private synchronized void stop() {
        stopping = true;
    }
}
