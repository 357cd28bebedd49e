package studio.actions.audit;

import java.util.concurrent.atomic.AtomicLong;

import jakarta.annotation.PreDestroy;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;

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

    private final EntityManager entities;
    private final DatabaseHealth database;
    private final RetentionConfig config;
    private final MeterRegistry meters;
    private final Gauge gauge;
    private final AtomicLong kept = new AtomicLong();

    AuditRetention(EntityManager entities, DatabaseHealth database, RetentionConfig config, MeterRegistry meters) {
        this.entities = entities;
        this.database = database;
        this.config = config;
        this.meters = meters;
        this.gauge = Gauge.builder("custom_actions.kept", kept, AtomicLong::get).tag("what", "audit_entries")
                .description("How many are in the database; counted once an hour.").register(meters);
    }

    /** Saves the retention period in the database, which itself refuses to remove younger entries. */
    void begin(@Observes StartupEvent start) {
        QuarkusTransaction.requiringNew().run(() -> entities
                .createNativeQuery("UPDATE audit_retention SET keep = make_interval(secs => :seconds)")
                .setParameter("seconds", (double) config.audit().toSeconds()).executeUpdate());
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
                some = QuarkusTransaction.requiringNew().call(this::remove);
            }
            if (removed > 0) {
                LOG.infof("Removed %d audit entries that were older than %d days", removed, config.audit().toDays());
            }
            for (int some = AT_ONCE; some == AT_ONCE;) {
                some = QuarkusTransaction.requiringNew().call(this::removeOutcomes);
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

    /** Removes a batch of old entries in the order of their index. Skips entries that another replica is removing. */
    private int remove() {
        return remove("""
                DELETE FROM audit_entry WHERE id IN (
                    SELECT id FROM audit_entry WHERE at < now() - :age
                     ORDER BY at, id LIMIT :most FOR UPDATE SKIP LOCKED)""");
    }

    private int removeOutcomes() {
        return remove("""
                DELETE FROM audit_outcome WHERE run_id IN (
                    SELECT run_id FROM audit_outcome WHERE at < now() - :age
                     ORDER BY at LIMIT :most FOR UPDATE SKIP LOCKED)""");
    }

    /**
     * Removes rows that are older than both the retention period in the database and this replica's. The periods differ if
     * another replica has another setting, or if this replica has not saved its own yet.
     */
    private int remove(String some) {
        return entities.createNativeQuery(some.replace(":age",
                "(SELECT greatest(keep, make_interval(secs => :seconds)) FROM audit_retention)"))
                .setParameter("seconds", (double) config.audit().toSeconds()).setParameter("most", AT_ONCE).executeUpdate();
    }
}
