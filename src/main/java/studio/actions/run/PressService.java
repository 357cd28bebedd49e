package studio.actions.run;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;

import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.agroal.api.AgroalDataSource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.action.Action;
import studio.actions.action.Actions;
import studio.actions.audit.AuditEntry;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.draft.Method;
import studio.actions.egress.AddressPolicy;
import studio.actions.egress.EgressConfig;
import studio.actions.egress.FailureKind;
import studio.actions.egress.Refusals;
import studio.actions.identity.Caller;
import studio.actions.identity.Requester;
import studio.actions.identity.Role;
import studio.actions.log.LogContext;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;

/**
 * Service for presses. In reading order it looks up the selection, plans the deliveries, commits the run, sends the first
 * deliveries and waits for the end. {@link DeliveryWorker} sends the other deliveries, in this replica or another. No
 * transaction is open while the service waits for Kitsu, a receiver or the end of a run.
 */
@Singleton
public class PressService {

    private static final Logger LOG = Logger.getLogger(PressService.class);

    private static final Duration REFUSAL = Duration.ofMillis(200);

    private final Actions actions;
    private final TargetLookup lookup;
    private final AddressPolicy policy;
    private final Refusals refusals;
    private final WebhookRequests requests;
    private final DeliveryWorker worker;
    private final Replicas replicas;
    private final RateLimits limits;
    private final RunWriter writer;
    private final Quota quota;
    private final RunMetrics metrics;
    private final RunEvents events;
    private final RunAccess access;
    private final RefusedPresses refusedPresses;
    private final RunStatistics statistics;
    private final EgressConfig.Egress egressConfig;
    private final Clock clock;
    private final AgroalDataSource database;
    private final Executor workers = Infrastructure.getDefaultWorkerPool();

    PressService(Actions actions, TargetLookup lookup, AddressPolicy policy, Refusals refusals, WebhookRequests requests,
            DeliveryWorker worker,
            Replicas replicas, RateLimits limits, RunWriter writer, Quota quota, RunMetrics metrics, RunEvents events,
            RunAccess access,
            RefusedPresses refusedPresses, RunStatistics statistics, EgressConfig egressConfig, Clock clock,
            AgroalDataSource database) {
        this.actions = actions;
        this.lookup = lookup;
        this.policy = policy;
        this.refusals = refusals;
        this.requests = requests;
        this.worker = worker;
        this.replicas = replicas;
        this.limits = limits;
        this.writer = writer;
        this.quota = quota;
        this.metrics = metrics;
        this.events = events;
        this.access = access;
        this.refusedPresses = refusedPresses;
        this.statistics = statistics;
        this.egressConfig = egressConfig.egress();
        this.clock = clock;
        this.database = database;
    }

    /** Returns what a press would send. The plan is the plan of a press, but nothing is written or sent. */
    Uni<RunJson.Preview> preview(Requester requester, Action action, Selection selection) {
        return plan(requester, action, selection).invoke(planned -> note(planned, "previewing action \"" + action.name + "\"",
                requester.caller())).map(planned -> {
                    Map<String, String> headers = !requester.caller().is(Role.admin) ? null
                            : action.isAjax ? requests.preview(action) : Map.of();
                    return new RunJson.Preview(planned.stream().map(one -> would(action, headers, one)).toList());
                });
    }

    /**
     * Presses a button through our API. Without a key, a repeated press (same caller, action and selection) within three
     * seconds joins the existing run.
     *
     * @param idempotencyKey the caller's key for this press, as {@link IdempotencyKey#fromHeader} returns it; null if there is
     *        none
     * @param patience how long to wait for the end of the run
     */
    Uni<RunJson.View> press(Requester requester, UUID id, Selection selection, String idempotencyKey, Duration patience) {
        IdempotencyKey key = IdempotencyKey.of(id, selection, idempotencyKey);
        return once(requester, key, patience,
                press -> press(press, actions.pressableAsBefore(id, requester.caller()), selection));
    }

    private Uni<Begun> press(Waiting press, Action action, Selection selection) {
        Requester requester = press.requester;
        Run run = Run.of(action, requester.caller(), press.key);
        Run.Before before = run.before(database, press.key);
        if (before.version() != action.version) {
            return press(press, actions.pressableNow(action.id, requester.caller()), selection);
        }
        return admit(press, action, before, () -> plan(requester, action, selection).map(planned -> {
            List<Delivery> deliveries = new ArrayList<>();
            planned.forEach(one -> deliveries.add(Delivery.of(run, deliveries.size(), one)));
            Begun begun = begin(press, action, run, deliveries);
            if (begun.run() == run) {
                note(planned, run.description(), requester.caller());
            }
            return begun;
        }));
    }

    /**
     * Presses a button in Kitsu. The run goes on whether or not somebody waits for it. A repeated press (same caller, action
     * and selection) joins the existing run until three seconds after the run's end, for sixty seconds at most.
     *
     * @param selected supplies the selection; throws {@link ProblemException} if the selection is wrong
     * @param patience how long to wait for the end of the run
     * @return the run, ended or as it stands when the patience is used up; fails like {@link Actions#pressable} and
     *         {@link TargetLookup}, and then nothing was sent and {@link RefusedPresses} keeps the reason
     */
    public Uni<RunJson.View> pressInKitsu(Requester requester, UUID action, Supplier<Selection> selected, Duration patience) {
        Selection selection;
        try {
            selection = selected.get();
        } catch (ProblemException refusal) {
            refusedPresses.keep(requester.caller(), action, refusal);
            throw refusal;
        }
        return once(requester, IdempotencyKey.inKitsu(action, selection), patience,
                press -> refusedPresses.keeping(requester.caller(), action,
                        () -> press(press, actions.pressableAsBefore(action, requester.caller()), selection)));
    }

    /**
     * Sends deliveries of a run again, unchanged and under the webhook ids that the receiver knows. Refuses deliveries whose
     * targets Kitsu no longer shows to the caller.
     *
     * @param before the run to replay; has ended
     * @param deliveries deliveries of that run, each with a URL
     */
    Uni<RunJson.View> replay(Requester requester, Run before, List<Delivery> deliveries, IdempotencyKey key,
            Duration patience) {
        return once(requester, key, patience, press -> {
            Action action = actions.pressable(before.actionId, requester.caller(), true);
            Run run = before.replay(requester.caller(), key);
            return admit(press, action, run.before(database, key),
                    () -> hidden(requester, action, deliveries).map(hidden -> {
                        List<Delivery> again = new ArrayList<>();
                        deliveries.forEach(one -> again.add(one.replay(run, again.size(), hidden.apply(one))));
                        return begin(press, action, run, again);
                    }));
        });
    }

    /**
     * Returns the URLs that the browser is to open. The browser sends the requests; the service records the opening in the
     * audit and the statistics.
     *
     * @return the URLs and the refused targets; fails like {@link TargetLookup}
     */
    public Uni<Opening> open(Requester requester, Action action, Selection selection) {
        Quota left = quota.itself();
        return admit(left, () -> plan(requester, action, selection)).map(planned -> {
            Opening opening = Opening.of(planned);
            RateLimits.Policy runs = limits.caller(requester.caller());
            left.show(limits.take(Map.of(runs, 1)).get(runs));
            refuse(left);
            QuarkusTransaction.requiringNew().run(() -> {
                AuditEntry.of(Verb.opened, requester, opening.state().name()).about(action.id, action.name)
                        .with("urls", opening.links().size()).with("refused", opening.refused().size()).persist();
                statistics.opened(action.id, opening.state());
            });
            statistics.wake();
            return opening;
        });
    }

    private Uni<List<PlannedDelivery>> plan(Requester requester, Action action, Selection selection) {
        return lookup.look(requester, action, selection).map(seen -> plan(requester.caller(), action, seen));
    }

    private List<PlannedDelivery> plan(Caller caller, Action action, Selection seen) {
        List<PlannedDelivery> planned = DeliveryPlan.of(action, caller, seen, now(), policy,
                egressConfig.maxRequest().asLongValue());
        return action.isAjax ? requests.missingSecret(action.headers, action.signingSecret)
                .map(why -> planned.stream().map(one -> one.refused() ? one : one.refuse(FailureKind.missing_variable, why))
                        .toList())
                .orElse(planned) : planned;
    }

    private static RunJson.Preview.Would would(Action action, Map<String, String> headers, PlannedDelivery planned) {
        return new RunJson.Preview.Would(planned.target(), action.isAjax ? action.method : Method.GET, planned.url(),
                planned.refused() && headers != null ? Map.of() : headers, planned.refused() ? null : planned.body(),
                planned.refused() ? new RunJson.Preview.Trouble(planned.refusal(), planned.why()) : null);
    }

    /**
     * Returns a function that gives the reason why a delivery must not be replayed: the caller may no longer see its targets,
     * or the action is no longer for them. It gives empty if the delivery may be replayed.
     */
    private Uni<Function<Delivery, Optional<Selection.Refusal>>> hidden(Requester requester, Action action,
            List<Delivery> deliveries) {
        Set<Target> targets = new HashSet<>();
        deliveries.forEach(delivery -> targets.addAll(subjects(delivery)));
        return lookup.refused(requester, action, targets)
                .map(hidden -> delivery -> DeliveryPlan.elsewhere(action, delivery.target())
                        .or(() -> subjects(delivery).stream().map(hidden::get).filter(Objects::nonNull).findFirst()));
    }

    private static List<Target> subjects(Delivery delivery) {
        return delivery.taskIds.isEmpty() ? List.of(delivery.target()) : delivery.taskIds.stream().map(Target::task).toList();
    }

    /**
     * A committed run.
     *
     * @param deliveries the deliveries as they began; null if another press began the run
     * @param outcomes the committed outcomes of deliveries that this press has sent, by delivery id
     */
    private record Begun(Run run, List<Delivery> deliveries, Map<UUID, Delivery.Outcome> outcomes) {

        /**
         * Returns whether this press saw every delivery end at its first attempt. Then nothing is left to read from the
         * database.
         */
        boolean sawAll() {
            return deliveries.stream().allMatch(delivery -> delivery.state == Delivery.State.refused
                    || outcomes.containsKey(delivery.id) && outcomes.get(delivery.id).state().ended());
        }

        void end(RunEvents.End how) {
            run.state = how.state();
            run.finishedAt = how.at();
            deliveries.stream().filter(delivery -> outcomes.containsKey(delivery.id))
                    .forEach(delivery -> delivery.end(outcomes.get(delivery.id)));
        }
    }

    /** A press in progress and the caller who waits for its end. The caller may hang up before the run is committed. */
    private final class Waiting {
        private final Requester requester;
        private final IdempotencyKey key;
        private final Quota quota;
        /** Whether due deliveries of earlier presses of this action are still pending. */
        private volatile boolean inQueue;
        private volatile RunEvents.Watch watch;
        private volatile boolean gone;
        private final String traceparent = Tracing.current();

        Waiting(Requester requester, IdempotencyKey key, Quota quota) {
            this.requester = requester;
            this.key = key;
            this.quota = quota;
        }

        RunEvents.Watch on(UUID run) {
            close(watch);
            watch = events.watch(run);
            if (gone) {
                watch.close();
            }
            return watch;
        }

        /** Joins a run that another press began. */
        Begun joins(Run run) {
            on(run.id);
            if (run.finishedAt != null || watch.over()) {
                watch.hear(true);
            }
            return new Begun(run, null, Map.of());
        }

        void hangUp() {
            gone = true;
            close(watch);
        }

        private static void close(RunEvents.Watch watch) {
            if (watch != null) {
                watch.close();
            }
        }
    }

    /**
     * Returns the run of an earlier press with this {@code Idempotency-Key}, or else begins the press. An earlier run is
     * returned even if its action was changed, disabled or deleted since.
     */
    private Uni<RunJson.View> once(Requester requester, IdempotencyKey key, Duration patience,
            Function<Waiting, Uni<Begun>> begin) {
        if (events.stopping()) {
            throw ProblemException.unavailable("The service is stopping, and takes no more runs. Try again in a moment.")
                    .with("Connection", "close");
        }
        Waiting press = new Waiting(requester, key, quota.itself());
        Uni<Begun> begun = known(press).map(run -> Uni.createFrom().item(press.joins(run)))
                .orElseGet(() -> uncancelled(begin.apply(press)));
        return begun.onItem().transformToUni(run -> press.watch.untilEnd(key.left(patience)).emitOn(workers)
                .chain(end -> access(requester).map(seen -> view(run, end, seen))))
                .onTermination().invoke(press::hangUp);
    }

    /** Shields a press from cancellation: a caller who hangs up ends the wait, never the press. */
    private static <T> Uni<T> uncancelled(Uni<T> press) {
        CompletionStage<T> stage = press.subscribeAsCompletionStage();
        return Uni.createFrom().completionStage(() -> stage.thenApply(Function.identity()));
    }

    /**
     * Returns the run that was made earlier with this press's {@code Idempotency-Key}.
     *
     * @return empty if the press has no key or the key is new
     * @throws ProblemException {@code idempotency_key_reused} if the key was used for another action or selection,
     *         {@code still_running} if its run has not ended
     */
    private static Optional<Run> known(Waiting press) {
        return press.key.header() == null ? Optional.empty()
                : QuarkusTransaction.requiringNew().call(() -> Run.keyed(press.key, press.requester.caller().id()))
                        .map(press.key::match);
    }

    /**
     * Refuses a press beyond a limit before anything is looked up for it. A repeat of a committed press joins that run and is
     * not subject to limits. The press that took the last token is committed, too, so its repeats are found here.
     */
    private Uni<Begun> admit(Waiting press, Action action, Run.Before before, Supplier<Uni<Begun>> begin) {
        if (before.same() != null) {
            Run same = QuarkusTransaction.requiringNew().call(() -> Run.findById(before.same()));
            return Uni.createFrom().item(press.joins(press.key.match(same)));
        }
        press.inQueue = before.backlog().waits();
        if (press.quota.refusal().isEmpty()) {
            limits.queue(action, before.backlog()).ifPresent(press.quota::show);
        }
        return admit(press.quota, begin);
    }

    /** Refuses with a delay of {@link #REFUSAL}, so that a client that loops without a pause gets one. */
    private <T> Uni<T> admit(Quota quota, Supplier<Uni<T>> next) {
        return quota.refusal().map(metrics::refused)
                .map(refusal -> Uni.createFrom().<T> nullItem().onItem().delayIt().by(REFUSAL)
                        .onItem().<T> failWith(() -> refusal))
                .orElseGet(next);
    }

    private void refuse(Quota quota) {
        quota.refusal().ifPresent(refusal -> {
            throw metrics.refused(refusal);
        });
    }

    /**
     * Begins the run. When this method returns, the run is committed and its first requests are going out. Joins the existing
     * run instead if the same press was committed in the meantime.
     */
    private Begun begin(Waiting press, Action action, Run run, List<Delivery> deliveries) {
        List<Delivery> pending = deliveries.stream().filter(delivery -> delivery.state == Delivery.State.pending).toList();
        run.unfinished = pending.size();
        run.host = pending.isEmpty() ? null : pending.get(0).host;
        run.productionIds = deliveries.stream()
                .map(delivery -> Objects.requireNonNullElse(delivery.productionId, Run.UNKNOWN_PRODUCTION)).distinct().toList();
        run.tracedBy(press.traceparent);
        LogContext.run(run.id);
        // Watch before the run is written: another replica may end it at once.
        RunEvents.Watch watch = press.on(run.id);
        long since = System.nanoTime();
        UUID own = replicas.own();
        List<DeliveryWorker.InFlight> claimed = press.inQueue ? new ArrayList<>()
                : worker.claim(run, action.ratePerMinute, pending);
        worker.takeTokens(claimed);
        List<DeliveryWorker.InFlight> paid = List.copyOf(claimed);
        Optional<Run> twin;
        try {
            twin = QuarkusTransaction.requiringNew().call(() -> write(press, run, deliveries, pending, claimed, own));
        } catch (RuntimeException | Error e) {
            worker.release(claimed);
            worker.refund(paid);
            throw e;
        }
        if (twin.isPresent()) {
            worker.release(claimed);
            worker.refund(paid);
            return press.joins(twin.get());
        }
        LOG.debugf("Run %s of action %s by %s: %d deliveries, %d refused", run.id, run.actionId, run.callerId,
                deliveries.size(), deliveries.size() - pending.size());
        if (run.finishedAt != null) {
            watch.hear(true);
            statistics.wake();
        }
        Begun begun = new Begun(run, deliveries, new ConcurrentHashMap<>());
        if (worker.stale(since)) {
            worker.release(claimed);
            return begun;
        }
        Map<UUID, Delivery> byId = new HashMap<>();
        pending.forEach(delivery -> byId.put(delivery.id, delivery));
        claimed.forEach(inFlight -> worker.send(inFlight, run, byId.get(inFlight.delivery()),
                outcome -> begun.outcomes.put(inFlight.delivery(), outcome)));
        return begun;
    }

    /**
     * Writes the run and, in the same transaction, claims the deliveries that can be sent at once. The other deliveries are
     * claimed when their turn comes.
     *
     * @return the run of the same press, if one was committed in the meantime; then nothing was written
     */
    private Optional<Run> write(Waiting press, Run run, List<Delivery> deliveries, List<Delivery> pending,
            List<DeliveryWorker.InFlight> claimed, UUID own) {
        // Read the age before the database's time. A later age would be too long and date this press before presses that have
        // already been answered.
        Duration age = press.key.age();
        Run.Turn turn = run.turn(press.key, own);
        if (turn.same() != null) {
            return Optional.of(press.key.match(Run.findById(turn.same())));
        }
        if (!turn.enabled()) {
            throw new ProblemException(Code.ACTION_DISABLED, "This action was disabled or deleted a moment ago.");
        }
        if (!turn.alive()) {
            worker.release(claimed);
            claimed.clear();
        }
        run.createdAt = turn.now().minus(age).truncatedTo(ChronoUnit.MICROS);
        run.state = claimed.isEmpty() ? Run.State.queued : Run.State.running;
        Set<UUID> going = claimed.stream().map(DeliveryWorker.InFlight::delivery).collect(Collectors.toSet());
        for (Delivery delivery : deliveries) {
            if (going.contains(delivery.id)) {
                delivery.markInFlight(own);
            }
            delivery.dueAt = delivery.state == Delivery.State.pending ? run.createdAt : null;
            delivery.event = delivery.state == Delivery.State.refused ? Integer.valueOf(++run.events) : null;
        }
        run.count(0, turn.now(), () -> Map.of(Delivery.State.refused, (long) deliveries.size()));
        AuditEntry entry = entry(press.requester, run, deliveries.size(), deliveries.size() - pending.size());
        press.quota.show(writer.write(run, deliveries, entry, claimed.size() < pending.size(),
                limits.caller(press.requester.caller())));
        refuse(press.quota);
        return Optional.empty();
    }

    private static AuditEntry entry(Requester requester, Run run, int deliveries, int refused) {
        AuditEntry entry = AuditEntry.of(run.replayOf == null ? Verb.ran : Verb.replayed, requester, run.state.name())
                .about(run.actionId, run.actionName).ofRun(run.id).with("deliveries", deliveries).with("refused", refused);
        return run.replayOf == null ? entry : entry.with("replay_of", run.replayOf);
    }

    /**
     * Returns how much of the run the caller may see. Does not fail if Kitsu does not answer, since the run goes on anyway.
     */
    private Uni<RunAccess.Access> access(Requester requester) {
        return access.soon(requester).emitOn(workers);
    }

    /**
     * Returns the run for the answer. If the database cannot be read by now, returns the run as this press began it. The run
     * is committed and goes on, so the answer must not look like a press that did not happen.
     */
    private RunJson.View view(Begun begun, Optional<RunEvents.End> end, RunAccess.Access access) {
        Run run = begun.run();
        List<Delivery> deliveries = begun.deliveries();
        if (deliveries == null) {
            return QuarkusTransaction.requiringNew().call(() -> RunJson.View.of(Run.findById(run.id), access));
        }
        if (end.isPresent() && begun.sawAll()) {
            begun.end(end.get());
            return RunJson.View.of(run, DeliveryPage.first(deliveries, RunJson.SHOWN), Map.of(), access);
        }
        try {
            return QuarkusTransaction.requiringNew().call(() -> RunJson.View.of(Run.findById(run.id), access));
        } catch (RuntimeException e) {
            LOG.warnf("Cannot read run %s (%s); answering with its state at the press.", run.id, e.getMessage());
            return RunJson.View.of(run, DeliveryPage.first(deliveries, RunJson.SHOWN), Map.of(), access);
        }
    }

    private void note(List<PlannedDelivery> planned, String what, Caller caller) {
        Refusals.Of told = refusals.of(what, caller.id(), caller.name(), caller.email());
        planned.stream().filter(one -> one.guard() != null).forEach(one -> told.note(one.guard()));
    }

    /** Returns the current time in microseconds, the precision that PostgreSQL keeps. */
    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MICROS);
    }
}
