package studio.actions.audit;

import java.util.concurrent.atomic.AtomicLong;

import jakarta.annotation.PreDestroy;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.scheduler.Scheduled;
import studio.actions.database.DatabaseHealth;

/** Scheduled job that removes old audit entries in batches, and counts the entries in the database. */
@Singleton
class AuditRetention {

    private static final Logger LOG = Logger.getLogger(AuditRetention.class);

    private static final int AT_ONCE = 1000;

    private final AuditStore store;
    private final DatabaseHealth database;
    private final RetentionConfig config;
    private final MeterRegistry meters;
    private final Gauge gauge;
    private final AtomicLong kept = new AtomicLong();

    AuditRetention(AuditStore store, DatabaseHealth database, RetentionConfig config, MeterRegistry meters) {
        this.store = store;
        this.database = database;
        this.config = config;
        this.meters = meters;
        this.gauge = Gauge.builder("custom_actions.kept", kept, AtomicLong::get).tag("what", "audit_entries")
                .description("How many are in the database; counted once an hour.").register(meters);
    }

    /** Saves the retention period in the database, whose trigger refuses to remove younger entries. */
    void begin(@Observes StartupEvent start) {
        QuarkusTransaction.requiringNew().run(() -> store.keep(config.audit()));
    }

    @PreDestroy
    void end() {
        meters.remove(gauge);
    }

    @Scheduled(every = "1h", delayed = "10s", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    void sweep() {
        try {
            long removed = 0;
            for (int some = AT_ONCE; some == AT_ONCE; removed += some) {
                some = QuarkusTransaction.requiringNew().call(() -> store.remove(config.audit(), AT_ONCE));
            }
            if (removed > 0) {
                LOG.infof("Removed %d audit entries that were older than %d days", removed, config.audit().toDays());
            }
            for (int some = AT_ONCE; some == AT_ONCE;) {
                some = QuarkusTransaction.requiringNew().call(() -> store.removeOutcomes(config.audit(), AT_ONCE));
            }
        } catch (RuntimeException e) {
            if (!database.failed(e)) {
                LOG.warnf("Cannot remove old audit entries (%s); retrying in an hour.", e.getMessage());
            }
        }
        count();
    }

    private void count() {
        try {
            kept.set(QuarkusTransaction.requiringNew().call(() -> AuditEntry.count()));
        } catch (RuntimeException e) {
            if (!database.failed(e)) {
                LOG.warnf("Cannot count audit entries for the metrics (%s); retrying in an hour.", e.getMessage());
            }
        }
    }
}
