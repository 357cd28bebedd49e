package studio.actions.run;

import java.time.Clock;
import java.time.Instant;
import java.util.List;

import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.scheduler.Scheduled;
import io.quarkus.scheduler.Scheduler;

/**
 * Keeps the leases of the runs that this process sends, and takes over those whose process died: what was on its way is lost
 * and says so, what was not sent yet is sent.
 */
@Singleton
class Recovery {

    private static final Logger LOG = Logger.getLogger(Recovery.class);

    private static final int RUNS_AT_ONCE = 20;

    private final Runner runner;
    private final Leases leases;
    private final RunConfig.Run config;
    private final Clock clock;
    private volatile boolean stopping;

    Recovery(Runner runner, Leases leases, RunConfig config, Clock clock) {
        this.runner = runner;
        this.leases = leases;
        this.config = config.run();
        this.clock = clock;
    }

    void begin(@Observes StartupEvent start, Scheduler scheduler) {
        scheduler.newJob("leases").setInterval(config.lease().dividedBy(3).toString())
                .setConcurrentExecution(Scheduled.ConcurrentExecution.SKIP)
                .setTask(due -> tick()).schedule();
    }

    void end(@Observes ShutdownEvent stop) {
        stopping = true;
    }

    private void tick() {
        try {
            keepAndTakeOver();
        } catch (RuntimeException e) {
            if (!stopping) {
                LOG.warnf("The database did not take the leases of %d runs: %s. Tried again in %s.", leases.held().size(),
                        e.getMessage(), config.lease().dividedBy(3));
            }
        }
    }

    private void keepAndTakeOver() {
        Instant now = clock.instant();
        var held = leases.held();
        List<Run> left = QuarkusTransaction.requiringNew().call(() -> {
            if (!held.isEmpty()) {
                Run.renew(held, now.plus(config.lease()));
            }
            return Run.takeOver(held, now, now.plus(config.lease()), RUNS_AT_ONCE);
        });
        left.forEach(this::goOn);
    }

    private void goOn(Run run) {
        List<Delivery> pending = QuarkusTransaction.requiringNew().call(() -> {
            Delivery.lose(run.id);
            Run.recount(run.id, clock.instant());
            return Delivery.list("runId = ?1 and state = ?2 order by position", run.id, Delivery.State.pending);
        });
        LOG.infof("Took over run %s, which its process left: %d deliveries go on", run.id, pending.size());
        runner.goOn(run, pending);
    }
}
