package studio.actions.plan;

import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

import jakarta.inject.Singleton;

import io.smallrye.mutiny.Uni;
import studio.actions.action.Action;
import studio.actions.address.AddressPolicy;
import studio.actions.address.Refusals;
import studio.actions.egress.FailureKind;
import studio.actions.identity.Caller;
import studio.actions.identity.Requester;
import studio.actions.run.Delivery;
import studio.actions.run.Target;
import studio.actions.settings.EgressConfig;
import studio.actions.webhook.WebhookRequests;

/** Plans what a press sends: looks up its selection in Kitsu and fills the action's template for it. Writes nothing. */
@Singleton
public class PressPlanner {

    private final TargetLookup lookup;
    private final AddressPolicy policy;
    private final Refusals refusals;
    private final WebhookRequests requests;
    private final EgressConfig config;
    private final Clock clock;

    PressPlanner(TargetLookup lookup, AddressPolicy policy, Refusals refusals, WebhookRequests requests, EgressConfig config,
            Clock clock) {
        this.lookup = lookup;
        this.policy = policy;
        this.refusals = refusals;
        this.requests = requests;
        this.config = config;
        this.clock = clock;
    }

    /** Returns the planned deliveries of a press, including refused deliveries. Fails if {@link TargetLookup#look} fails. */
    public Uni<List<PlannedDelivery>> plan(Requester requester, Action action, Selection selection) {
        return lookup.look(requester, action, selection).map(seen -> plan(requester.caller(), action, seen));
    }

    private List<PlannedDelivery> plan(Caller caller, Action action, Selection seen) {
        List<PlannedDelivery> planned = DeliveryPlan.of(action, caller, seen, now(), policy,
                config.maxRequest().asLongValue());
        return action.isAjax ? requests.missingSecret(action.headers, action.signingSecret)
                .map(why -> planned.stream().map(one -> one.refused() ? one : one.refuse(FailureKind.missing_variable, why))
                        .toList())
                .orElse(planned) : planned;
    }

    /**
     * Logs and counts the planned deliveries whose URL the address policy refuses.
     *
     * @param what the run or the action, in words
     */
    public void logRefusals(List<PlannedDelivery> planned, String what, Caller caller) {
        Refusals.Of log = refusals.of(what, caller.id(), caller.name(), caller.email());
        planned.stream().filter(one -> one.guard() != null).forEach(one -> log.note(one.guard()));
    }

    /**
     * Returns a function that gives the reason why a delivery must not be sent again: the caller may no longer see its
     * targets, or may no longer run the action on them. The function gives empty if the delivery may be sent again.
     */
    public Uni<Function<Delivery, Optional<Selection.Refusal>>> replayRefusals(Requester requester, Action action,
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

    /** Returns the current time, cut to whole microseconds, because PostgreSQL stores no finer times. */
    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MICROS);
    }
}
