package studio.actions.press;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.Supplier;

import jakarta.inject.Singleton;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.action.Action;
import studio.actions.action.Actions;
import studio.actions.identity.Requester;
import studio.actions.plan.PressPlanner;
import studio.actions.plan.Selection;
import studio.actions.plan.TargetLookup;
import studio.actions.press.RunStarter.Begun;
import studio.actions.problem.ProblemException;
import studio.actions.run.Delivery;
import studio.actions.run.Run;
import studio.actions.run.RunAccess;
import studio.actions.run.RunEvents;
import studio.actions.run.RunJson;

/**
 * Handles presses of actions that the service sends. It looks for the run of an equal earlier press, checks the rate limits,
 * plans the deliveries, begins the run and waits for its end. No database transaction is open while the service waits for
 * Kitsu, a receiver or the end of a run.
 */
@Singleton
public class PressService {

    private final Actions actions;
    private final PressPlanner planner;
    private final PressStore store;
    private final Admission admission;
    private final RunStarter starter;
    private final RefusedPresses refusedPresses;
    private final RunEvents events;
    private final RunAccess access;
    private final Executor workers = Infrastructure.getDefaultWorkerPool();

    PressService(Actions actions, PressPlanner planner, PressStore store, Admission admission, RunStarter starter,
            RefusedPresses refusedPresses, RunEvents events, RunAccess access) {
        this.actions = actions;
        this.planner = planner;
        this.store = store;
        this.admission = admission;
        this.starter = starter;
        this.refusedPresses = refusedPresses;
        this.events = events;
        this.access = access;
    }

    /**
     * Presses an action for an API client. Without an {@code Idempotency-Key}, an equal press (same caller, action and
     * selection) within three seconds of the first returns the first one's run and begins none.
     *
     * @param idempotencyKey the caller's key for this press, as {@link IdempotencyKey#fromHeader} returns it; null if there is
     *        none
     * @param patience how long to wait for the end of the run
     */
    Uni<RunJson.View> press(Requester requester, UUID id, Selection selection, String idempotencyKey, Duration patience) {
        return once(requester, IdempotencyKey.of(id, selection, idempotencyKey), patience,
                press -> press(press, actions.pressableAsBefore(id, requester.caller()), selection));
    }

    /**
     * Presses an action by its button in Kitsu. The run goes on even if the caller disconnects. An equal press (same caller,
     * action and selection) begins no new run: until three seconds after the end of the first run, but at most 60 seconds after
     * the first press, it returns the first run.
     *
     * @param selected supplies the selection; throws {@link ProblemException} if the selection is wrong
     * @param patience how long to wait for the end of the run
     * @return the run when it has ended or the patience is used up; fails like {@link Actions#pressable} and
     *         {@link TargetLookup}. After such a failure nothing was sent, and {@link RefusedPresses} saves the reason.
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
     * Sends deliveries of a run again, unchanged and with the same {@code webhook-id}, by which the receiver recognizes them.
     * Refuses deliveries whose targets the caller may no longer see, or on which the caller may no longer run the action.
     *
     * @param before the run to replay, which has ended
     * @param deliveries deliveries of that run, each with a URL
     */
    Uni<RunJson.View> replay(Requester requester, Run before, List<Delivery> deliveries, IdempotencyKey key,
            Duration patience) {
        return once(requester, key, patience, press -> {
            Action action = actions.pressable(before.actionId, requester.caller(), true);
            Run run = before.replay(requester.caller());
            PressStore.Before found = store.before(run, key);
            return admit(press, action, found, () -> planner.replayRefusals(requester, action, deliveries).map(refusals -> {
                List<Delivery> again = new ArrayList<>();
                for (Delivery delivery : deliveries) {
                    Delivery repeat = delivery.replay(run.id, again.size());
                    refusals.apply(delivery).ifPresent(refusal -> repeat.refuse(refusal.kind(), refusal.why()));
                    again.add(repeat);
                }
                return starter.begin(press, action, run, again, found.backlog().waits());
            }));
        });
    }

    private Uni<Begun> press(Press press, Action action, Selection selection) {
        Requester requester = press.requester;
        Run run = Run.of(action, requester.caller());
        PressStore.Before found = store.before(run, press.key);
        if (found.version() != action.version) {
            return press(press, actions.pressableNow(action.id, requester.caller()), selection);
        }
        return admit(press, action, found, () -> planner.plan(requester, action, selection).map(planned -> {
            List<Delivery> deliveries = new ArrayList<>();
            planned.forEach(one -> deliveries.add(one.delivery(run, deliveries.size())));
            Begun begun = starter.begin(press, action, run, deliveries, found.backlog().waits());
            if (begun.run() == run) {
                planner.logRefusals(planned, run.description(), requester.caller());
            }
            return begun;
        }));
    }

    /**
     * Returns the run of an earlier press with this {@code Idempotency-Key}, or else a new run, when it has ended or
     * {@code patience} is used up. An earlier run is returned even if its action was changed, disabled or deleted since.
     */
    private Uni<RunJson.View> once(Requester requester, IdempotencyKey key, Duration patience,
            Function<Press, Uni<Begun>> begin) {
        if (events.stopping()) {
            throw ProblemException.unavailable("The service is stopping, and takes no more runs. Try again in a moment.")
                    .with("Connection", "close");
        }
        Press press = new Press(requester, key, admission.quota(), events);
        Uni<Begun> begun = known(press).map(run -> Uni.createFrom().item(starter.join(press, run)))
                .orElseGet(() -> uncancelled(begin.apply(press)));
        return begun.onItem().transformToUni(run -> press.watch().untilEnd(key.left(patience)).emitOn(workers)
                // soon() does not fail if Kitsu does not answer. The run is committed, so the caller must not get an error now.
                .chain(end -> access.soon(requester).emitOn(workers).map(seen -> run.view(end, seen))))
                .onTermination().invoke(press::hangUp);
    }

    /**
     * Returns the run of an earlier press with the same {@code Idempotency-Key} as this press.
     *
     * @return empty if this press has no key or the key is new
     * @throws ProblemException {@code idempotency_key_reused} if the key was used for another action or selection,
     *         {@code still_running} if the earlier run has not ended
     */
    private Optional<Run> known(Press press) {
        return press.key.header() == null ? Optional.empty()
                : QuarkusTransaction.requiringNew().call(() -> store.keyed(press.key, press.requester.caller().id()))
                        .map(press.key::match);
    }

    /** Protects a press from cancellation: if the caller disconnects, only the wait for the end of the run is cancelled. */
    private static <T> Uni<T> uncancelled(Uni<T> press) {
        CompletionStage<T> stage = press.subscribeAsCompletionStage();
        return Uni.createFrom().completionStage(() -> stage.thenApply(Function.identity()));
    }

    /**
     * Begins a press unless it exceeds a rate limit. A refusal comes before the targets are looked up in Kitsu. No limit
     * applies to a press that repeats an earlier one: it gets the earlier run.
     *
     * @param begin begins the press; called only if it is not refused and repeats no earlier press
     */
    private Uni<Begun> admit(Press press, Action action, PressStore.Before found, Supplier<Uni<Begun>> begin) {
        if (found.same() != null) {
            Run same = QuarkusTransaction.requiringNew().call(() -> Run.findById(found.same()));
            return Uni.createFrom().item(starter.join(press, press.key.match(same)));
        }
        admission.queue(press.quota, action, found.backlog());
        return admission.admit(press.quota, begin);
    }
}
