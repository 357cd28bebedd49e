package studio.actions.press;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.action.Action;
import studio.actions.audit.AuditEntry;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.delivery.Sender;
import studio.actions.identity.Requester;
import studio.actions.log.LogContext;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.replica.Replicas;
import studio.actions.run.Delivery;
import studio.actions.run.Run;
import studio.actions.run.RunAccess;
import studio.actions.run.RunEvents;
import studio.actions.run.RunJson;

/**
 * Begins runs: reserves the deliveries that can be sent at once for this replica, commits the run with all its deliveries, and
 * sends the reserved ones. {@code DeliveryWorker} sends the other deliveries later, in this replica or another.
 */
@Singleton
class RunStarter {

    private static final Logger LOG = Logger.getLogger(RunStarter.class);

    private final Sender sender;
    private final Replicas replicas;
    private final PressStore store;
    private final RunWriter writer;
    private final Admission admission;
    private final RunEvents events;

    RunStarter(Sender sender, Replicas replicas, PressStore store, RunWriter writer, Admission admission,
            RunEvents events) {
        this.sender = sender;
        this.replicas = replicas;
        this.store = store;
        this.writer = writer;
        this.admission = admission;
        this.events = events;
    }

    /**
     * A committed run, and what this press knows about its deliveries without a query.
     *
     * @param deliveries the deliveries as this press wrote them; null if another press began the run
     * @param outcomes the committed outcomes of deliveries that this press has sent, by delivery id
     */
    record Begun(Run run, List<Delivery> deliveries, Map<UUID, Delivery.Outcome> outcomes) {

        /**
         * Returns whether this press saw every delivery end, refused or at its first attempt. Then the answer needs no query.
         */
        private boolean sawAll() {
            return deliveries.stream().allMatch(delivery -> delivery.state == Delivery.State.refused
                    || outcomes.containsKey(delivery.id) && outcomes.get(delivery.id).state().ended());
        }

        private void end(RunEvents.End how) {
            run.state = how.state();
            run.finishedAt = how.at();
            deliveries.stream().filter(delivery -> outcomes.containsKey(delivery.id))
                    .forEach(delivery -> delivery.end(outcomes.get(delivery.id)));
        }

        /**
         * Returns the run for the HTTP answer. If this press began the run and the database cannot be read now, returns the run
         * as this press wrote it instead of an error: the run is committed, and its deliveries are sent anyway.
         */
        RunJson.View view(Optional<RunEvents.End> end, RunAccess.Access access) {
            if (deliveries == null) {
                return read(access);
            }
            if (end.isPresent() && sawAll()) {
                end(end.get());
                return RunJson.View.ofNew(run, deliveries, access);
            }
            try {
                return read(access);
            } catch (RuntimeException e) {
                LOG.warnf("Cannot read run %s (%s); answering with its state at the press.", run.id, e.getMessage());
                return RunJson.View.ofNew(run, deliveries, access);
            }
        }

        private RunJson.View read(RunAccess.Access access) {
            return QuarkusTransaction.requiringNew().call(() -> RunJson.View.of(Run.findById(run.id), access));
        }
    }

    /** Makes a press watch for the end of a run that another press began. */
    Begun join(Press press, Run run) {
        RunEvents.Watch watch = press.on(run);
        if (run.finishedAt != null || watch.over()) {
            watch.hear(true);
        }
        return new Begun(run, null, Map.of());
    }

    /**
     * Begins the run. When this method returns, the run is committed, and the requests that can be sent at once are being sent.
     * If an equal press has committed its run in the meantime, returns that run and writes nothing.
     *
     * @param inQueue whether due deliveries of the action's earlier runs are still pending; if so, no delivery of this run is
     *        sent at once
     */
    Begun begin(Press press, Action action, Run run, List<Delivery> deliveries, boolean inQueue) {
        List<Delivery> pending = deliveries.stream().filter(delivery -> delivery.state == Delivery.State.pending).toList();
        run.unfinished = pending.size();
        run.host = pending.isEmpty() ? null : pending.get(0).host;
        run.productionIds = deliveries.stream()
                .map(delivery -> Objects.requireNonNullElse(delivery.productionId, Run.UNKNOWN_PRODUCTION)).distinct().toList();
        run.fingerprint = press.key.fingerprint();
        run.idempotencyKey = press.key.header();
        run.traceparent = press.traceparent;
        LogContext.run(run.id);
        // Watch the run before it is committed. As soon as it is committed, another replica may finish it.
        press.on(run);
        try (Sender.Claim claim = inQueue ? sender.claim() : sender.claim(run, action.ratePerMinute, pending)) {
            Optional<Run> twin = QuarkusTransaction.requiringNew().call(() -> write(press, run, deliveries, pending, claim));
            if (twin.isPresent()) {
                return join(press, twin.get());
            }
            LOG.debugf("Run %s of action %s by %s: %d deliveries, %d refused", run.id, run.actionId, run.callerId,
                    deliveries.size(), deliveries.size() - pending.size());
            if (run.finishedAt != null) {
                events.changed(run.id, true);
            }
            Begun begun = new Begun(run, deliveries, new ConcurrentHashMap<>());
            claim.send(Map.of(run.id, run), pending.stream().collect(Collectors.toMap(one -> one.id, one -> one)),
                    begun.outcomes::put);
            return begun;
        }
    }

    /**
     * Writes the run and, in the same transaction, claims for this replica the deliveries that can be sent at once. The other
     * deliveries are saved as pending, and a {@code DeliveryWorker} claims them later.
     *
     * @return the run of an equal press that was committed in the meantime, in which case nothing was written; else empty
     */
    private Optional<Run> write(Press press, Run run, List<Delivery> deliveries, List<Delivery> pending,
            Sender.Claim claim) {
        // The run's creation time is the database's time minus this age, so the age is read first. If it were read later, it
        // would be longer, and the run would seem to be older than runs of presses that have already been answered.
        Duration age = press.key.age();
        UUID own = replicas.own();
        PressStore.Turn turn = store.turn(run, press.key, own);
        if (turn.same() != null) {
            return Optional.of(press.key.match(Run.findById(turn.same())));
        }
        if (!turn.enabled()) {
            throw new ProblemException(Code.ACTION_DISABLED, "This action was disabled or deleted a moment ago.");
        }
        if (!turn.alive()) {
            claim.close();
        }
        run.createdAt = turn.now().minus(age).truncatedTo(ChronoUnit.MICROS);
        run.state = claim.isEmpty() ? Run.State.queued : Run.State.running;
        Set<UUID> going = Set.copyOf(claim.ids());
        for (Delivery delivery : deliveries) {
            if (going.contains(delivery.id)) {
                delivery.markInFlight(own);
            }
            delivery.dueAt = delivery.state == Delivery.State.pending ? run.createdAt : null;
            delivery.event = delivery.state == Delivery.State.refused ? Integer.valueOf(++run.events) : null;
        }
        run.count(0, turn.now(), () -> Map.of(Delivery.State.refused, (long) deliveries.size()));
        AuditEntry entry = entry(press.requester, run, deliveries.size(), deliveries.size() - pending.size());
        press.quota.show(writer.writeAndCommit(run, deliveries, entry, going.size() < pending.size(),
                admission.of(press.requester.caller())));
        admission.check(press.quota);
        return Optional.empty();
    }

    private static AuditEntry entry(Requester requester, Run run, int deliveries, int refused) {
        AuditEntry entry = AuditEntry.of(run.replayOf == null ? Verb.ran : Verb.replayed, requester, run.state.name())
                .about(run.actionId, run.actionName).ofRun(run.id).with("deliveries", deliveries).with("refused", refused);
        return run.replayOf == null ? entry : entry.with("replay_of", run.replayOf);
    }
}
