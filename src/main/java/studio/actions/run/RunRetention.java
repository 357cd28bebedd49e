package studio.actions.run;

import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.scheduler.Scheduled;
import studio.actions.audit.RetentionConfig;
import studio.actions.database.DatabaseHealth;

/** Scheduled job that removes old ended runs in batches, and counts the stored runs and deliveries for metrics. */
@Singleton
public class RunRetention {

    private static final Logger LOG = Logger.getLogger(RunRetention.class);

    private static final int RUNS_AT_ONCE = 200;

    private static final int DELIVERIES_AT_ONCE = 1000;

    private final DatabaseHealth database;
    private final RetentionConfig config;
    private final MeterRegistry meters;
    private final List<Gauge> gauges;
    private final AtomicLong runs = new AtomicLong();
    private final AtomicLong deliveries = new AtomicLong();

    RunRetention(DatabaseHealth database, RetentionConfig config,
            MeterRegistry meters) {
        this.database = database;
        this.config = config;
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
    public void sweep() {
        try {
            long removed = 0;
            for (int some = 1; some > 0; removed += some) {
                some = QuarkusTransaction.requiringNew()
                        .call(() -> RunStore.remove(config.runs(), RUNS_AT_ONCE, DELIVERIES_AT_ONCE));
            }
            if (removed > 0) {
                LOG.infof("Removed %d runs that had ended more than %d days ago", removed, config.runs().toDays());
            }
        } catch (RuntimeException e) {
            if (!database.failed(e)) {
                LOG.warnf("Cannot remove old runs (%s); retrying in an hour.", DatabaseHealth.reason(e));
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
                LOG.warnf("Cannot count runs for the metrics (%s); retrying in an hour.", DatabaseHealth.reason(e));
            }
        }
    }
}
