package studio.actions.database;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.quarkus.runtime.ShutdownDelayInitiatedEvent;
import io.quarkus.runtime.ShutdownEvent;
import studio.actions.log.Causes;

/**
 * The state of the database, as all parts of the service report it. A lasting failure is logged once, however many requests it
 * affects. The recovery is logged at the first later heartbeat, which each replica writes to the database regularly.
 */
@Singleton
public class DatabaseHealth {

    private static final Logger LOG = Logger.getLogger(DatabaseHealth.class);

    /** A failure lasts at least this long, even if a heartbeat is written: its few bytes may still fit on a full disk. */
    private static final Duration SHORTEST_OUTAGE = Duration.ofSeconds(10);

    private DatabaseFailure failure;
    private long failedAt;
    private boolean stopping;

    /** Records a failure. Returns true if it is a lasting failure of the database, which the caller then need not log. */
    public synchronized boolean failed(Throwable thrown) {
        Optional<DatabaseFailure> found = DatabaseFailure.of(thrown).filter(DatabaseFailure::lasts);
        found.ifPresent(one -> {
            if (!stopping && !one.isLike(failure)) {
                LOG.errorf("%s (%s%s). Answering 503 and holding deliveries back until it recovers.",
                        one.sentence().replaceFirst("\\.$", ""), one.state() == null ? "" : one.state() + ": ",
                        one.message());
            }
            failure = one;
            failedAt = System.nanoTime();
        });
        return found.isPresent();
    }

    /** Records a successful write. It ends a failure that was recorded more than {@link #SHORTEST_OUTAGE} ago. */
    public synchronized void wrote() {
        if (failure != null && System.nanoTime() - failedAt > SHORTEST_OUTAGE.toNanos()) {
            LOG.info("The database is back; sending deliveries again.");
            failure = null;
        }
    }

    /** Returns why the database refuses writes; empty if it accepts them. Reads may still work while it refuses. */
    public synchronized Optional<String> refusesWrites() {
        return Optional.ofNullable(failure).filter(DatabaseFailure::isOfWrites).map(DatabaseFailure::sentence);
    }

    void stopping(@Observes ShutdownDelayInitiatedEvent beginning) {
        stop();
    }

    void stopped(@Observes ShutdownEvent stop) {
        stop();
    }

    /** Logs no further failures: they are expected in a shutdown, because the pool closes while some code still uses it. */
    private synchronized void stop() {
        stopping = true;
    }

    /** Returns the message of the innermost cause. The messages of the outer exceptions repeat the SQL statement. */
    public static String reason(Throwable failure) {
        String reason = Causes.of(failure).map(Throwable::getMessage).filter(Objects::nonNull)
                .reduce(failure.getClass().getSimpleName(), (outer, inner) -> inner);
        return reason.replaceFirst("\\.$", "");
    }
}
