package studio.actions.run;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.random.RandomGenerator;

import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.runtime.ApplicationConfig;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import studio.actions.action.Action;
import studio.actions.action.Secrets;
import studio.actions.audit.AuditEntry;
import studio.actions.egress.AddressPolicy;
import studio.actions.egress.Egress;
import studio.actions.egress.EgressConfig;
import studio.actions.egress.FailureKind;
import studio.actions.egress.Outbound;
import studio.actions.egress.Refusals;
import studio.actions.egress.Reply;
import studio.actions.egress.Visible;
import studio.actions.identity.Asker;
import studio.actions.identity.Caller;
import studio.actions.zou.Production;

/**
 * Pressing the button, in reading order: look up what is selected, plan what the press owes, write it down, send it a few at
 * a time, write each outcome as it comes, tell it in Kitsu. No transaction is open while a receiver is waited for.
 */
@Singleton
public class Runner {

    private static final Logger LOG = Logger.getLogger(Runner.class);

    /** How long an outcome that the database does not take is offered again before it is left to {@link Recovery}. */
    private static final int WRITE_AGAIN = 5;

    /** Bytes of why a delivery failed: a redirect's address is the receiver's, and may be as long as all its headers. */
    private static final int SHOWN = 600;

    private final Lookup lookup;
    private final Production kitsu;
    private final AddressPolicy policy;
    private final Egress egress;
    private final Refusals refusals;
    private final Secrets secrets;
    private final Leases leases;
    private final RunConfig.Run config;
    private final EgressConfig.Egress egressConfig;
    private final Clock clock;
    private final RandomGenerator random;
    private final String userAgent;
    private final Executor workers = Infrastructure.getDefaultWorkerPool();

    Runner(Lookup lookup, Production kitsu, AddressPolicy policy, Egress egress, Refusals refusals, Secrets secrets,
            Leases leases, RunConfig config, EgressConfig egressConfig, Clock clock, RandomGenerator random,
            ApplicationConfig application) {
        this.lookup = lookup;
        this.kitsu = kitsu;
        this.policy = policy;
        this.egress = egress;
        this.refusals = refusals;
        this.secrets = secrets;
        this.leases = leases;
        this.config = config.run();
        this.egressConfig = egressConfig.egress();
        this.clock = clock;
        this.random = random;
        this.userAgent = "kitsu-actions/" + application.version().orElse("unknown");
    }

    /** A run that is on disk and on its way. The stage completes when every delivery of it has an outcome. */
    private record Started(Run run, List<Delivery> deliveries, CompletionStage<Void> ended) {
    }

    /** What all deliveries of a run have in common while they are on their way. */
    private record Flight(Run run, Report report, Refusals.Of refusals) {
    }

    /** What a press would send: the same plan, and nothing is written or sent. */
    Uni<RunJson.Preview> preview(Asker asker, Action action, Selection selection) {
        return plan(asker, action, selection).invoke(owed -> note(owed, refusals.of("previewing action \"" + action.name
                + "\"", asker.caller().id(), asker.caller().name(), asker.caller().email())))
                .map(owed -> preview(action, owed));
    }

    /**
     * Presses the button. The run goes on whether or not somebody waits for it.
     *
     * @param patience how long to wait for its end
     * @return the run as it is by then; fails as {@link Lookup} does, and then nothing was written or sent
     */
    public Uni<RunJson.View> press(Asker asker, Action action, Selection selection, Duration patience) {
        return plan(asker, action, selection).map(owed -> run(asker, action, owed))
                // A stage of its own: whoever hangs up cancels this one, never the run.
                .onItem().transformToUni(started -> Uni.createFrom()
                        .completionStage(() -> started.ended().thenApply(ended -> true)).ifNoItem().after(patience)
                        .recoverWithItem(false)
                        .emitOn(workers).map(ended -> view(started)));
    }

    /**
     * What the browser is to open, which leaves from there and not from here; that it was asked for is written down.
     *
     * @param from the address of the browser
     * @return fails as {@link Lookup} does
     */
    public Uni<Opening> open(Asker asker, Action action, Selection selection, String from) {
        return plan(asker, action, selection).map(owed -> {
            Opening opening = Opening.of(owed);
            QuarkusTransaction.requiringNew().run(() -> AuditEntry.opened(action.id, action.name, asker.caller(), from,
                    opening.links().size(), opening.refused().size(), now()).persist());
            return opening;
        });
    }

    private RunJson.Preview preview(Action action, List<Plan.Owed> planned) {
        return new RunJson.Preview(planned.stream().map(owed -> {
            Map<String, String> headers = Map.of();
            if (action.isAjax && !owed.refused()) {
                headers = headers(action.headers, owed.body() != null);
                headers.replaceAll((name, value) -> secrets.hide(value));
                for (String name : List.of("webhook-id", "webhook-timestamp", "Idempotency-Key", "traceparent")) {
                    headers.put(name, "(made when it is sent)");
                }
                if (!secrets.signingKeys(action.signingSecret).isEmpty()) {
                    headers.put("webhook-signature", "(made when it is sent)");
                }
            }
            return new RunJson.Preview.Would(owed.target(), action.isAjax ? action.method : Action.Method.GET, owed.url(),
                    headers, owed.body(), owed.refused() ? new RunJson.Preview.Trouble(owed.refusal(), owed.why()) : null);
        }).toList());
    }

    private Uni<List<Plan.Owed>> plan(Asker asker, Action action, Selection selection) {
        return lookup.look(asker.credential(), action, selection).emitOn(workers)
                .map(seen -> plan(asker.caller(), action, seen));
    }

    private List<Plan.Owed> plan(Caller caller, Action action, Selection seen) {
        List<Plan.Owed> owed = Plan.of(action, caller, seen, now(), policy, egressConfig.maxRequest().asLongValue());
        return action.isAjax ? lacking(action.headers, action.signingSecret)
                .map(why -> owed.stream().map(one -> one.refused() ? one : one.refuse(FailureKind.missing_variable, why))
                        .toList())
                .orElse(owed) : owed;
    }

    /** Why nothing can be sent with these: a secret that was there when the action was saved is not there now. */
    private Optional<String> lacking(Map<String, String> headers, String signingSecret) {
        Optional<String> name = headers.values().stream().map(secrets::missing).flatMap(Optional::stream).findFirst()
                .or(() -> Optional.ofNullable(signingSecret).filter(signer -> secrets.signingKeys(signer).isEmpty()));
        return name.map(Secrets::missingSentence);
    }

    /** When this returns, the run is on disk and its first requests are going out. */
    private Started run(Asker asker, Action action, List<Plan.Owed> owed) {
        Instant now = now();
        Caller caller = asker.caller();
        Run run = Run.of(action, caller, now, config.lease());
        List<Delivery> deliveries = new ArrayList<>();
        Map<UUID, List<UUID>> tasks = new HashMap<>();
        for (int i = 0; i < owed.size(); i++) {
            deliveries.add(Delivery.of(run, i, owed.get(i)));
            tasks.put(deliveries.get(i).id, owed.get(i).tasks());
        }
        Report report = asker.credential() == null ? Report.NONE
                : new Report(action.report, action.name, asker.credential(), tasks, kitsu);
        List<Delivery> pending = deliveries.stream().filter(delivery -> delivery.state == Delivery.State.pending).toList();
        run.unfinished = pending.size();
        // What has a place is claimed in the transaction that writes it; the rest when its turn comes.
        Map<UUID, Egress.Place> places = new HashMap<>();
        for (Delivery delivery : pending.subList(0, Math.min(config.parallelism(), pending.size()))) {
            egress.placeNow(delivery.url).ifPresent(place -> {
                places.put(delivery.id, place);
                delivery.depart();
            });
        }
        try {
            QuarkusTransaction.requiringNew().run(() -> {
                run.persist();
                Delivery.persist(deliveries);
                if (pending.isEmpty()) {
                    Run.getEntityManager().flush();
                    Run.finishDeliveries(run.id, 0, now);
                }
            });
        } catch (RuntimeException e) {
            places.values().forEach(Egress.Place::leave);
            throw e;
        }
        LOG.debugf("Run %s of action %s by %s: %d deliveries, %d refused", run.id, action.id, caller.id(), deliveries.size(),
                deliveries.size() - pending.size());
        Flight flight = flight(run, report);
        note(owed, flight.refusals());
        return new Started(run, deliveries, deliver(flight, deliveries, places));
    }

    /** The run is on disk and goes on, so a database that is away by now must not look like a press that did not happen. */
    private static RunJson.View view(Started started) {
        UUID id = started.run().id;
        try {
            return QuarkusTransaction.requiringNew().call(() -> RunJson.View.of(Run.findById(id), Delivery.ofRun(id)));
        } catch (RuntimeException e) {
            LOG.warnf("Run %s was answered as it began, since it could not be read: %s", id, e.getMessage());
            return RunJson.View.of(started.run(), started.deliveries());
        }
    }

    /** Sends what another process has written down and not sent. */
    void goOn(Run run, List<Delivery> pending) {
        deliver(flight(run, Report.NONE), pending, Map.of());
    }

    private Flight flight(Run run, Report report) {
        return new Flight(run, report,
                refusals.of("run %s of action \"%s\" (%s)".formatted(run.id, run.actionName, run.actionId),
                        run.callerId, run.callerName, run.callerEmail));
    }

    private static void note(List<Plan.Owed> owed, Refusals.Of refusals) {
        owed.stream().filter(one -> one.guard() != null).forEach(one -> refusals.note(one.guard()));
    }

    /** Goes on whether or not somebody waits. */
    private CompletionStage<Void> deliver(Flight flight, List<Delivery> owed, Map<UUID, Egress.Place> places) {
        UUID run = flight.run().id;
        leases.hold(run);
        // Telling of those that are refused takes its time in Kitsu; the others have their places already.
        List<Delivery> refusedLast = owed.stream()
                .sorted(Comparator.comparing(delivery -> delivery.state == Delivery.State.refused)).toList();
        return Multi.createFrom().iterable(refusedLast)
                .onItem().transformToUni(delivery -> delivery.state == Delivery.State.refused
                        ? flight.report().tell(delivery.id, Reply.Refused.of(delivery.failureKind, delivery.failureMessage))
                        : send(flight, delivery, places.get(delivery.id)))
                .merge(config.parallelism())
                .onItem().ignoreAsUni()
                .onTermination().invoke(() -> leases.release(run))
                .subscribeAsCompletionStage();
    }

    private Uni<Void> send(Flight flight, Delivery delivery, Egress.Place place) {
        Uni<Void> sent = place != null ? send(place, flight, delivery)
                : egress.place(delivery.url).emitOn(workers).onItem().transformToUni(turn -> claim(turn, delivery)
                        ? send(turn, flight, delivery)
                        : Uni.createFrom().voidItem());
        return sent.onFailure().invoke(failure -> LOG.errorf("Delivery %s of run %s was left without an outcome: %s",
                delivery.id, flight.run().id, failure.getMessage())).onFailure().recoverWithNull();
    }

    /** False where another process has it by now; the place is then free again. */
    private static boolean claim(Egress.Place place, Delivery delivery) {
        boolean claimed = false;
        try {
            claimed = QuarkusTransaction.requiringNew().call(() -> Delivery.claim(delivery.id));
        } finally {
            if (!claimed) {
                place.leave();
            }
        }
        return claimed;
    }

    private Uni<Void> send(Egress.Place place, Flight flight, Delivery delivery) {
        Run run = flight.run();
        // Asked again: a run may be taken over by a process that was started without the secret.
        Uni<Reply> reply = Uni.createFrom().deferred(() -> lacking(run.headers, run.signingSecret).map(why -> {
            place.leave();
            return Uni.createFrom().<Reply> item(Reply.Refused.of(FailureKind.missing_variable, why));
        }).orElseGet(() -> egress.send(place, outbound(run, delivery))));
        return reply.onFailure().invoke(place::leave).emitOn(workers)
                .invoke(ended -> {
                    if (ended instanceof Reply.Refused refused && refused.guard() != null) {
                        flight.refusals().note(refused.guard());
                    }
                })
                .onItem().transformToUni(ended -> Uni.createFrom().voidItem().emitOn(workers)
                        .invoke(() -> write(run, delivery, ended))
                        .onFailure().invoke(failure -> LOG.warnf("The outcome of delivery %s was not written: %s", delivery.id,
                                failure.getMessage()))
                        .onFailure().retry().withBackOff(Duration.ofSeconds(1), Duration.ofSeconds(5)).atMost(WRITE_AGAIN)
                        .onItem().transformToUni(written -> flight.report().tell(delivery.id, ended)));
    }

    private Outbound outbound(Run run, Delivery delivery) {
        Map<String, String> headers = headers(run.headers, delivery.body != null);
        headers.replaceAll((name, value) -> secrets.fill(value));
        String id = "msg_" + delivery.id.toString().replace("-", "");
        long timestamp = now().getEpochSecond();
        headers.put("webhook-id", id);
        headers.put("webhook-timestamp", Long.toString(timestamp));
        headers.put("Idempotency-Key", id);
        headers.put("traceparent", "00-" + run.id.toString().replace("-", "") + "-"
                + String.format("%016x", random.nextLong(1, Long.MAX_VALUE)) + "-00");
        List<byte[]> keys = secrets.signingKeys(run.signingSecret);
        if (!keys.isEmpty()) {
            headers.put("webhook-signature",
                    Signature.sign(keys, id, timestamp, delivery.body == null ? "" : delivery.body));
        }
        return new Outbound(delivery.method.name(), delivery.url, headers, delivery.body, Duration.ofMillis(run.timeoutMs));
    }

    private Map<String, String> headers(Map<String, String> own, boolean body) {
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        if (body) {
            headers.put("Content-Type", "application/json");
        }
        headers.put("User-Agent", userAgent);
        headers.put("Accept-Encoding", "identity");
        headers.putAll(own);
        return headers;
    }

    private void write(Run run, Delivery delivery, Reply reply) {
        QuarkusTransaction.requiringNew().run(() -> {
            boolean first;
            int took = (int) reply.durationMs();
            if (reply instanceof Reply.Delivered delivered) {
                first = delivery.end(Delivery.State.delivered, delivered.status(), null, null, kept(delivered.response()),
                        took);
            } else if (reply instanceof Reply.Failed failed) {
                first = delivery.end(Delivery.State.failed, failed.status(), failed.kind(),
                        Visible.cut(secrets.mask(failed.message()), SHOWN),
                        kept(failed.response()), took);
            } else {
                Reply.Refused refused = (Reply.Refused) reply;
                first = delivery.end(Delivery.State.refused, null, refused.kind(), refused.message(), null, took);
            }
            if (first) {
                Run.finishDeliveries(run.id, 1, now());
            }
        });
    }

    /** Masked before it is cut: half a secret is one too. So is one that reading stopped in the middle of. */
    private String kept(String response) {
        long whole = Math.max(0, egressConfig.maxResponse().asLongValue() - secrets.longest());
        return response == null ? null
                : Visible.cut(secrets.mask(response), Math.min(egressConfig.keptResponse().asLongValue(), whole));
    }

    /** What PostgreSQL keeps: microseconds. */
    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MICROS);
    }
}
