package studio.actions.run;

import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;

import org.jboss.logging.Logger;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import studio.actions.database.DatabaseHealth;

/** Scheduled job that removes old ended runs in batches, and counts the runs and deliveries in the database. */
@Singleton
class RunRetention {

    private static final Logger LOG = Logger.getLogger(RunRetention.class);

    private static final int RUNS_AT_ONCE = 200;

    private static final int DELIVERIES_AT_ONCE = 1000;

    private final EntityManager entities;
    private final RunStatistics statistics;
    private final DatabaseHealth database;
    private final RunConfig.Retention config;
    private final MeterRegistry meters;
    private final List<Gauge> gauges;
    private final AtomicLong runs = new AtomicLong();
    private final AtomicLong deliveries = new AtomicLong();

    RunRetention(EntityManager entities, RunStatistics statistics, DatabaseHealth database, RunConfig config,
            MeterRegistry meters) {
        this.entities = entities;
        this.statistics = statistics;
        this.database = database;
        this.config = config.retention();
        this.meters = meters;
        this.gauges = List.of(gauge("runs", runs), gauge("deliveries", deliveries));
    }

    private Gauge gauge(String what, AtomicLong count) {
        return Gauge.builder("custom_actions.kept", count, AtomicLong::get).tag("what", what)
                .description("How many are in the database; counted once an hour.").register(meters);
    }

    @PreDestroy
    void end() {
        gauges.forEach(meters::remove);
    }

    @Scheduled(every = "1h", delayed = "10s", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    void sweep() {
        try {
            long removed = 0;
            for (int some = 1; some > 0; removed += some) {
                some = QuarkusTransaction.requiringNew().call(this::remove);
            }
            if (removed > 0) {
                LOG.infof("Removed %d runs that had ended more than %d days ago", removed, config.runs().toDays());
            }
            QuarkusTransaction.requiringNew().run(() -> statistics.sweep());
        } catch (RuntimeException e) {
            if (!database.failed(e)) {
                LOG.warnf("Cannot remove old runs (%s); retrying in an hour.", OutcomeWriter.reason(e));
            }
        }
        count();
    }

    private void count() {
        try {
            QuarkusTransaction.requiringNew().run(() -> {
                runs.set(Run.count());
                deliveries.set(Delivery.count());
            });
        } catch (RuntimeException e) {
            if (!database.failed(e)) {
                LOG.warnf("Cannot count runs for the metrics (%s); retrying in an hour.", OutcomeWriter.reason(e));
            }
        }
    }

    /**
     * Removes a batch of the oldest runs and returns their number. A batch has at most {@link #DELIVERIES_AT_ONCE} outcomes,
     * and so at most as many deliveries. A single larger run is a batch of its own. Skips runs that another replica is
     * removing.
     */
    private int remove() {
        return entities.createNativeQuery("""
                DELETE FROM run WHERE id IN (
                    SELECT id FROM (
                        SELECT id, row_number() OVER oldest AS place, sum(events) OVER oldest AS deliveries
                          FROM (SELECT id, finished_at, events FROM run
                                 WHERE finished_at < now() - make_interval(secs => :age)
                                   AND NOT EXISTS (SELECT FROM uncounted_run WHERE run_id = run.id)
                                 ORDER BY finished_at LIMIT :runs FOR UPDATE SKIP LOCKED) old
                        WINDOW oldest AS (ORDER BY finished_at, id)) counted
                     WHERE place = 1 OR deliveries <= :deliveries)""")
                .setParameter("age", (double) config.runs().toSeconds()).setParameter("runs", RUNS_AT_ONCE)
                .setParameter("deliveries", DELIVERIES_AT_ONCE).executeUpdate();
    }
}
