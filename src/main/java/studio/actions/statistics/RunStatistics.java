package studio.actions.statistics;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.scheduler.Scheduled;
import studio.actions.database.DatabaseHealth;
import studio.actions.run.RunEvents;
import studio.actions.thread.Threads;

/**
 * Keeps statistics of presses and deliveries up to date. Each ended run is counted once, by any replica, soon after its end.
 * The count has its own transaction, so that nothing waits for it. Counts are kept for each action and for all actions, by the
 * day (UTC) of the press, by result and by duration. So every query reads only some hundred rows.
 */
@Singleton
public class RunStatistics {

    private static final Logger LOG = Logger.getLogger(RunStatistics.class);

    /** How long to wait for more ended runs before counting. Counting several runs together takes as long as counting one. */
    private static final Duration MOMENT = Duration.ofMillis(500);

    /** How long the shutdown waits until a count in progress is saved. */
    private static final Duration LAST = Duration.ofSeconds(1);

    /** The longest time between two counts, in case a notification of an ended run was lost. */
    private static final Duration NET = Duration.ofMinutes(1);

    private final StatisticsStore store;
    private final RunMetrics metrics;
    private final DatabaseHealth database;
    private final AtomicBoolean awake = new AtomicBoolean();
    private final ScheduledExecutorService counter = Executors.newSingleThreadScheduledExecutor(Threads.daemons("statistics"));

    RunStatistics(StatisticsStore store, RunMetrics metrics, DatabaseHealth database) {
        this.store = store;
        this.metrics = metrics;
        this.database = database;
    }

    void hear(@Observes RunEvents.Changed changed) {
        if (changed.ended() || changed.run() == null) {
            wake();
        }
    }

    void begin(@Observes StartupEvent start) {
        counter.scheduleWithFixedDelay(this::countAll, 0, NET.toSeconds(), TimeUnit.SECONDS);
    }

    void end(@Observes ShutdownEvent stop) {
        counter.shutdownNow();
        Threads.awaitEnd(counter, LAST);
    }

    /** Schedules a count. Called after a run has ended or a browser has opened the URLs of an action. */
    public void wake() {
        if (awake.compareAndSet(false, true)) {
            try {
                counter.schedule(this::countAll, MOMENT.toMillis(), TimeUnit.MILLISECONDS);
            } catch (RejectedExecutionException e) {
                LOG.debug("Not counting ended runs (the service is stopping); another replica or the next start will.", e);
            }
        }
    }

    private void countAll() {
        awake.set(false);
        try {
            StatisticsStore.Counted counted;
            do {
                counted = QuarkusTransaction.requiringNew().call(store::count);
                metrics.ended(counted.ended());
            } while (counted.runs() == StatisticsStore.RUNS_AT_ONCE && !counter.isShutdown());
            if (counted.runs() > 0) {
                // More runs may wait to be counted although this batch was not full: a batch has fewer runs if they have many
                // deliveries.
                wake();
            }
        } catch (RuntimeException | Error e) {
            if (counter.isShutdown() || database.failed(e)) {
                return;
            }
            LOG.warnf("Cannot update the statistics (%s); retrying in a minute.", DatabaseHealth.reason(e));
        }
    }

    /** Deletes the counts of days that are too old to be queried. */
    @Scheduled(every = "1h", delayed = "10s", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    void sweep() {
        try {
            QuarkusTransaction.requiringNew().run(store::sweep);
        } catch (RuntimeException e) {
            if (!database.failed(e)) {
                LOG.warnf("Cannot remove old statistics (%s); retrying in an hour.", DatabaseHealth.reason(e));
            }
        }
    }
}
