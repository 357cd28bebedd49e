package studio.actions.delivery;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

import jakarta.annotation.PreDestroy;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import org.hibernate.exception.DataException;
import org.jboss.logging.Logger;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.runtime.StartupEvent;
import studio.actions.database.DatabaseHealth;
import studio.actions.egress.Reply;
import studio.actions.log.Causes;
import studio.actions.log.PrintableText;
import studio.actions.run.Delivery;
import studio.actions.run.RunEvents;
import studio.actions.secret.Secrets;
import studio.actions.settings.EgressConfig;
import studio.actions.thread.Threads;

/**
 * The background thread that saves how attempts ended. Outcomes of about the same time share a transaction. The thread retries
 * until the database accepts them, so no outcome is lost while this process lives.
 */
@Singleton
class OutcomeWriter {

    private static final Logger LOG = Logger.getLogger(OutcomeWriter.class);

    private static final int AT_ONCE = 100;

    /** If this many outcomes are queued, more will follow at once and can share the transaction. */
    private static final int SEVERAL = 4;

    /**
     * How long to wait for more outcomes for the same transaction, because its commit is the main cost. The wait holds no
     * connection slot; it only delays the end of a run.
     */
    private static final Duration GATHER = Duration.ofMillis(5);

    private static final Duration OFFER_AGAIN = Duration.ofSeconds(1);

    /** The most bytes kept of a failure message. It may quote the receiver's {@code Location} header, which may be long. */
    private static final int SHOWN = 600;

    /**
     * An attempt that has ended.
     *
     * @param written receives the outcome after its commit. Receives null if this commit saved no outcome: another replica took
     *        the delivery over, or an earlier commit saved the outcome but seemed to fail
     */
    record Ended(UUID delivery, UUID run, UUID owner, int attempt, Reply reply, Consumer<Delivery.Outcome> written)
            implements
                OutcomeBatch.Attempted {

        /** Returns a copy without the receiver's texts: the database has rejected a text, but does not say which. */
        Ended wordless() {
            Reply plain = reply instanceof Reply.Delivered delivered
                    ? new Reply.Delivered(delivered.status(), null, delivered.truncated(), delivered.durationMs())
                    : reply instanceof Reply.Failed failed
                            ? new Reply.Failed(failed.kind(), "The receiver's answer cannot be saved.", failed.status(), null,
                                    failed.durationMs(), failed.retryAfter())
                            : Reply.Refused.of(((Reply.Refused) reply).kind(), "The reason of the refusal cannot be saved.");
            return new Ended(delivery, run, owner, attempt, plain, written);
        }
    }

    private final RunEvents events;
    private final Secrets secrets;
    private final EgressConfig config;
    private final RandomGenerator random;
    private final DatabaseHealth database;
    private final BlockingQueue<Ended> queue = new LinkedBlockingQueue<>();
    private final AtomicInteger unwritten = new AtomicInteger();
    private final Thread writer = Threads.daemon("outcomes", this::write);
    private volatile boolean ended;
    private volatile boolean refused;
    private final MeterRegistry meters;
    private final Gauge gauge;

    OutcomeWriter(RunEvents events, Secrets secrets, EgressConfig config, RandomGenerator random,
            DatabaseHealth database, MeterRegistry meters) {
        this.events = events;
        this.secrets = secrets;
        this.config = config;
        this.random = random;
        this.database = database;
        this.meters = meters;
        this.gauge = Gauge.builder("custom_actions.outcomes.unwritten", this, OutcomeWriter::unwritten)
                .description("Outcomes of this replica that the database does not take, and which are in memory only.")
                .register(meters);
    }

    @PreDestroy
    void removeGauge() {
        meters.remove(gauge);
    }

    void begin(@Observes StartupEvent start) {
        writer.start();
    }

    /** Returns how many outcomes wait because the database fails to save them; 0 while it works, even if some are queued. */
    int unwritten() {
        return refused ? unwritten.get() : 0;
    }

    void add(Ended ended) {
        unwritten.incrementAndGet();
        queue.add(ended);
    }

    /**
     * Stops saving outcomes. To be called after this process has handed its deliveries in flight back to the queue, and thus
     * may no longer report their outcomes.
     */
    void end() {
        ended = true;
    }

    private void write() {
        List<Ended> batch = new ArrayList<>();
        while (!ended) {
            try {
                if (batch.isEmpty()) {
                    batch.add(queue.take());
                    queue.drainTo(batch, AT_ONCE - 1);
                    if (batch.size() >= SEVERAL) {
                        TimeUnit.MILLISECONDS.sleep(GATHER.toMillis());
                        queue.drainTo(batch, AT_ONCE - batch.size());
                    }
                    continue;
                }
                write(batch, refused);
                batch.clear();
                refused = false;
            } catch (InterruptedException e) {
                return;
            } catch (RuntimeException | Error e) {
                if (Causes.find(e, DataException.class).isPresent()) {
                    batch.replaceAll(Ended::wordless);
                }
                if (!database.failed(e) && !refused) {
                    LOG.warnf("Cannot save %d outcomes of deliveries (%s); retrying every second.", unwritten.get(),
                            DatabaseHealth.reason(e));
                }
                refused = true;
                Threads.sleep(OFFER_AGAIN);
            }
        }
    }

    /** @param again whether an earlier try to save this batch failed, although it may have been committed */
    private void write(List<Ended> batch, boolean again) {
        OutcomeBatch written = QuarkusTransaction.requiringNew().call(() -> OutcomeBatch.ofAndCommit(batch, this::outcome));
        Map<UUID, Delivery.Outcome> settled = written.outcomes();
        List<Ended> late = batch.stream().filter(ended -> !settled.containsKey(ended.delivery())).toList();
        if (!late.isEmpty() && !again) {
            LOG.warnf("Another replica declared this one dead and took over %d attempts before they ended; dropping their "
                    + "outcomes (the first is for delivery %s).", late.size(), late.get(0).delivery());
        }
        batch.forEach(ended -> {
            unwritten.decrementAndGet();
            ended.written().accept(settled.get(ended.delivery()));
        });
        // Published after the callbacks: a press must have received all outcomes before it learns that its run has ended.
        written.publish(events);
    }

    private Delivery.Outcome outcome(OutcomeBatch.Terms terms, Ended ended) {
        int took = (int) ended.reply().durationMs();
        if (ended.reply() instanceof Reply.Delivered delivered) {
            return new Delivery.Outcome(Delivery.State.delivered, delivered.status(), null, null, kept(delivered.response()),
                    delivered.truncated(), took, null, false);
        }
        if (ended.reply() instanceof Reply.Failed failed) {
            Delivery.Outcome outcome = new Delivery.Outcome(Delivery.State.failed, failed.status(), failed.kind(),
                    PrintableText.cut(secrets.mask(failed.message()), SHOWN), kept(failed.response()), took);
            return terms.cancelled() ? outcome
                    : RetryPolicy.after(failed, ended.attempt(), terms.maxAttempts(), random).map(outcome::again)
                            .orElse(outcome);
        }
        Reply.Refused refused = (Reply.Refused) ended.reply();
        return new Delivery.Outcome(Delivery.State.refused, null, refused.kind(), refused.message(), null, took);
    }

    /**
     * Returns the part of a receiver's answer to save, with secrets masked. Masks before cutting, because half a secret is not
     * recognized. Always cuts an answer to less than the most bytes that are read of it, because reading may have stopped
     * within a secret.
     */
    private String kept(String response) {
        long whole = Math.max(0, config.maxResponse().asLongValue() - secrets.longest());
        return response == null ? null
                : PrintableText.cut(secrets.mask(response), Math.min(config.keptResponse().asLongValue(), whole));
    }
}
