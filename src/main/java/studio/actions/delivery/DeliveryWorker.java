package studio.actions.delivery;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;

import jakarta.enterprise.event.Event;
import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;

import io.opentelemetry.api.trace.Span;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.smallrye.mutiny.Uni;
import studio.actions.address.Refusals;
import studio.actions.database.DatabaseHealth;
import studio.actions.database.Notifications;
import studio.actions.egress.Egress;
import studio.actions.egress.FailureKind;
import studio.actions.egress.Reply;
import studio.actions.limit.RateLimit;
import studio.actions.limit.RateLimits;
import studio.actions.log.LogContext;
import studio.actions.run.Delivery;
import studio.actions.run.Run;
import studio.actions.run.RunConfig;
import studio.actions.run.RunStore;
import studio.actions.settings.EgressConfig;
import studio.actions.thread.Threads;

/**
 * The background thread that claims and sends due deliveries, also of other replicas' runs. A claim takes a free connection
 * slot and rate limit tokens. A press may claim the first deliveries of its own run itself ({@link #reserveSlots}).
 */
@Singleton
public class DeliveryWorker {

    private static final Logger LOG = Logger.getLogger(DeliveryWorker.class);

    /** The most deliveries in flight at this process. Each has a connection, and an answer of up to 64 KB in memory. */
    private static final int AT_ONCE = 512;

    /** The most runs whose deliveries one search of the queue returns. */
    private static final int RUNS = 50;

    /** The longest pause between two searches for due deliveries, in case a notification was lost. */
    private static final Duration POLL = Duration.ofSeconds(5);

    private static final Duration AGAIN = Duration.ofSeconds(1);

    /** The shortest wait for tokens. All tokens gained in a wait are used at once, so a longer wait means larger bursts. */
    private static final Duration SIP = Duration.ofMillis(20);

    private final Egress egress;
    private final WebhookRequests requests;
    private final Refusals refusals;
    private final OutcomeWriter outcomes;
    private final Replicas replicas;
    private final DeliveryTokens tokens;
    private final FairChoice choice;
    private final Event<AttemptEnded> ends;
    private final Tracing tracing;
    private final DatabaseHealth database;
    private final RunConfig config;
    private final int perHost;
    private final Map<UUID, InFlight> allInFlight = new ConcurrentHashMap<>();
    private final Cache<UUID, Refusals.Of> logged = Caffeine.newBuilder().maximumSize(RUNS).build();
    /** A cache of runs in progress. Entries may be outdated, but requests are built only from fields that never change. */
    private final Cache<UUID, Run> running = Caffeine.newBuilder().maximumSize(RUNS).build();
    private final Semaphore wakeUps = new Semaphore(0);
    private final Thread thread = Threads.daemon("deliveries", this::work);
    /** Whether a due delivery may lack a connection slot. If false, the release of a slot need not wake the thread. */
    private volatile boolean wanting = true;
    private volatile boolean changed;
    private volatile boolean stopping;

    DeliveryWorker(Egress egress, WebhookRequests requests, Refusals refusals, OutcomeWriter outcomes, Replicas replicas,
            DeliveryTokens tokens, Event<AttemptEnded> ends, Tracing tracing, Notifications notifications,
            DatabaseHealth database, RunConfig config, EgressConfig egressConfig) {
        this.egress = egress;
        this.requests = requests;
        this.refusals = refusals;
        this.outcomes = outcomes;
        this.replicas = replicas;
        this.tokens = tokens;
        this.ends = ends;
        this.tracing = tracing;
        this.database = database;
        this.config = config;
        this.choice = new FairChoice(tokens, this.config.parallelism());
        this.perHost = egressConfig.inFlightPerHost();
        notifications.subscribe(Notifications.Topic.delivery_due, nothing -> wake(), this::wake);
        // Due deliveries may have become sendable: their action was enabled, or its rate limit was raised.
        notifications.subscribe(Notifications.Topic.action_changed, nothing -> changed(), this::changed);
    }

    /** Starts the thread. Later calls do nothing. */
    synchronized void begin() {
        if (thread.getState() == Thread.State.NEW) {
            thread.start();
        }
    }

    /** Stops claiming. Deliveries in flight continue. */
    void stop() {
        stopping = true;
        wake();
    }

    /** Wakes the thread, because a delivery may be due. */
    void wake() {
        wakeUps.release();
    }

    private void changed() {
        changed = true;
        wake();
    }

    /** Returns whether the thread was stopped and has ended, so that it claims nothing more. */
    boolean ended() {
        return stopping && !thread.isAlive();
    }

    Set<UUID> inFlightIds() {
        return Set.copyOf(allInFlight.keySet());
    }

    /**
     * Takes a connection slot for each delivery of a new run that can be sent at once. Takes none if a token bucket that they
     * need ran out and is not full again, because earlier deliveries wait for its tokens. Afterwards call {@link #takeTokens},
     * save the claims and call {@link #send}; or give the slots back with {@link #release}.
     */
    public List<InFlight> reserveSlots(Run run, int ratePerMinute, List<Delivery> pending) {
        List<InFlight> claimed = new ArrayList<>();
        RateLimit rate = RateLimits.action(run.actionId, ratePerMinute);
        for (Delivery delivery : pending) {
            RateLimit host = tokens.host(delivery.host);
            if (stopping || claimed.size() >= config.parallelism() || allInFlight.size() >= AT_ONCE
                    || tokens.empty().contains(rate)
                    || tokens.empty().contains(host)) {
                break;
            }
            egress.trySlot(delivery.url).ifPresent(slot -> claimed
                    .add(reserve(new InFlight(delivery.id, run.id, run.actionId, rate, host, slot))));
        }
        return claimed;
    }

    /**
     * Takes rate limit tokens for the chosen deliveries. Removes deliveries that get none, and releases their slots.
     *
     * @param chosen the deliveries to send at once; this method changes the list
     * @return whether all deliveries got their tokens
     */
    public boolean takeTokens(List<InFlight> chosen) {
        if (chosen.isEmpty()) {
            return true;
        }
        List<InFlight> unpaid;
        try {
            unpaid = tokens.take(chosen);
        } catch (RuntimeException | Error e) {
            release(chosen);
            throw e;
        }
        chosen.removeAll(unpaid);
        release(unpaid);
        return unpaid.isEmpty();
    }

    /** Gives back the tokens of deliveries that are not sent after all. */
    public void refund(List<InFlight> paid) {
        tokens.giveBack(paid);
    }

    /** Adds a delivery to {@code allInFlight} before its claim is saved. So a saved claim missing there was never sent. */
    private InFlight reserve(InFlight inFlight) {
        allInFlight.put(inFlight.delivery(), inFlight);
        inFlight.slot().whenReleased(() -> {
            if (wanting) {
                wake();
            }
        });
        return inFlight;
    }

    public void release(Collection<InFlight> claimed) {
        claimed.forEach(inFlight -> {
            allInFlight.remove(inFlight.delivery());
            inFlight.slot().release();
        });
    }

    private void work() {
        boolean failing = false;
        while (!stopping) {
            try {
                await(claimSome());
                failing = false;
            } catch (RuntimeException | Error e) {
                if (!stopping && !database.failed(e) && !failing) {
                    LOG.warnf("Cannot read due deliveries (%s); retrying every second.", DatabaseHealth.reason(e));
                }
                failing = true;
                // Not await(), which would return at once: the failure released slots, which has already woken this thread.
                stopping |= !Threads.sleep(AGAIN);
            }
        }
    }

    private void await(Duration pause) {
        try {
            if (wakeUps.tryAcquire(pause.toNanos(), TimeUnit.NANOSECONDS)) {
                wakeUps.drainPermits();
            }
        } catch (InterruptedException e) {
            stopping = true;
        }
    }

    /**
     * Claims and sends some due deliveries.
     *
     * @return how long to wait before the next call, unless the thread is woken
     */
    private Duration claimSome() {
        wanting = true;
        if (allInFlight.size() >= AT_ONCE) {
            return POLL;
        }
        if (changed) {
            changed = false;
            tokens.empty().forget();
        }
        List<InFlight> chosen = new ArrayList<>();
        List<InFlight> claimed = new ArrayList<>();
        Map<UUID, Delivery> deliveries = new HashMap<>();
        Map<UUID, Run> runs = new HashMap<>();
        Duration pause;
        UUID owner = replicas.own();
        long since = System.nanoTime();
        try {
            pause = QuarkusTransaction.requiringNew().call(() -> {
                // Read before the search, so that a bucket that gets a token during the search causes another search soon.
                Optional<Duration> refill = tokens.empty().untilNextToken();
                Map<String, Integer> free = egress.freeSlots();
                tokens.empty().subjects(RateLimit.Kind.host).forEach(host -> free.put(host, 0));
                Map<UUID, Integer> room = room();
                DeliveryQueue.Offer offer = DeliveryQueue.offer(owner, free, room,
                        tokens.empty().subjects(RateLimit.Kind.action).stream().map(UUID::fromString).toList(), RUNS,
                        Math.min(perHost, config.parallelism()));
                if (!offer.alive()) {
                    // Another replica has declared this one dead. Wait until Recovery registers this one under a new id.
                    return AGAIN;
                }
                choose(offer.due(), chosen);
                boolean paid = takeTokens(chosen);
                claimed.addAll(chosen);
                List<UUID> ids = claimed.stream().map(InFlight::delivery).toList();
                if (ids.isEmpty()) {
                    wanting = !offer.due().isEmpty() || free.containsValue(0) || room.containsValue(0);
                    Stream<Duration> refills = Stream
                            .of(refill,
                                    paid ? Optional.<Duration> empty()
                                            : Optional.of(tokens.empty().untilNextToken().orElse(SIP)))
                            .flatMap(Optional::stream).map(sooner -> sooner.compareTo(SIP) < 0 ? SIP : sooner);
                    return Stream.concat(DeliveryQueue.nextDue().stream(), refills).min(Comparator.naturalOrder())
                            .filter(next -> next.compareTo(POLL) < 0).orElse(POLL);
                }
                runs.putAll(runs(claimed));
                DeliveryQueue.claimAndCommit(ids, owner).forEach(delivery -> deliveries.put(delivery.id, delivery));
                return Duration.ZERO;
            });
        } catch (RuntimeException | Error e) {
            release(chosen);
            refund(claimed);
            throw e;
        }
        if (stale(since)) {
            release(claimed);
            return pause;
        }
        claimed.forEach(inFlight -> send(inFlight, runs.get(inFlight.run()), deliveries.get(inFlight.delivery()),
                outcome -> {
                }));
        return pause;
    }

    /** Returns how many more deliveries of a run may be in flight, for each run that has any in flight. */
    private Map<UUID, Integer> room() {
        Map<UUID, Integer> room = new HashMap<>();
        sending().forEach(inFlight -> room.merge(inFlight.run(), config.parallelism() - 1, (left, one) -> left - 1));
        room.replaceAll((run, left) -> Math.max(0, left));
        return room;
    }

    /** Returns the deliveries that hold a connection slot. Answered deliveries, whose outcome is being saved, hold none. */
    private Stream<InFlight> sending() {
        return allInFlight.values().stream().filter(inFlight -> !inFlight.slot().isReleased());
    }

    /** Returns the runs of the claimed deliveries by id, and changes runs in state queued to running. */
    private Map<UUID, Run> runs(List<InFlight> claimed) {
        Map<UUID, Run> runs = new HashMap<>();
        claimed.forEach(inFlight -> runs.put(inFlight.run(), running.getIfPresent(inFlight.run())));
        List<UUID> unknown = runs.keySet().stream().filter(run -> runs.get(run) == null).toList();
        if (unknown.isEmpty()) {
            return runs;
        }
        RunStore.byId(unknown).forEach(run -> runs.put(run.id, run));
        List<UUID> queued = unknown.stream().filter(run -> runs.get(run).state == Run.State.queued).toList();
        if (!queued.isEmpty()) {
            RunStore.start(queued);
        }
        unknown.stream().filter(run -> !queued.contains(run)).forEach(run -> running.put(run, runs.get(run)));
        return runs;
    }

    /**
     * Returns whether the lease has passed since the given time. If so, claims made then must not be sent: other replicas may
     * have declared this one dead and taken the claims over. {@link Recovery} takes back the remaining claims.
     */
    public boolean stale(long sinceNanos) {
        return System.nanoTime() - sinceNanos >= config.lease().toNanos();
    }

    private void choose(List<DeliveryQueue.Due> due, List<InFlight> chosen) {
        choice.choose(due, sending(), () -> allInFlight.size() < AT_ONCE, next -> {
            // Another replica declared this one dead and requeued the delivery, but this replica is still sending it.
            if (allInFlight.containsKey(next.id())) {
                return false;
            }
            Optional<Egress.Slot> slot = egress.trySlot(next.url());
            slot.ifPresent(free -> chosen.add(reserve(new InFlight(next.id(), next.runId(), next.actionId(),
                    DeliveryTokens.rate(next), tokens.host(next.host()), free))));
            return slot.isPresent();
        });
    }

    /**
     * Sends a claimed delivery. To be called after the claim was committed.
     *
     * @param saved receives the outcome after its commit; not called if another replica took the delivery over, or if a commit
     *        that seemed to fail has saved the outcome
     */
    public void send(InFlight inFlight, Run run, Delivery delivery, Consumer<Delivery.Outcome> saved) {
        UUID owner = delivery.owner;
        int attempt = delivery.attempts;
        Span span = tracing.attempt(run, delivery);
        // Secrets are checked again: the press may have been handled by a replica with a secret that is missing here.
        Uni<Reply> reply = Uni.createFrom().deferred(() -> requests.missingSecret(run.headers, run.signingSecret).map(why -> {
            inFlight.slot().release();
            return Uni.createFrom().<Reply> item(Reply.Refused.of(FailureKind.missing_variable, why));
        }).orElseGet(() -> egress.send(inFlight.slot(),
                requests.build(run, delivery, tracing.traceparent(run, span)))));
        reply.onFailure().invoke(inFlight.slot()::release)
                .onFailure().recoverWithItem(failure -> new Reply.Failed(FailureKind.protocol,
                        "The request could not be built: " + failure.getClass().getSimpleName() + ".", null, null, 0,
                        null))
                .subscribe().with(ended -> {
                    // Save before metrics and logs, which may fail: a delivery without an outcome stays in flight for ever.
                    outcomes.add(new OutcomeWriter.Ended(delivery.id, run.id, owner, attempt, ended, outcome -> {
                        allInFlight.remove(delivery.id);
                        if (wanting || outcome == null || !outcome.state().ended()) {
                            wake();
                        }
                        if (outcome != null) {
                            saved.accept(outcome);
                        }
                    }));
                    AttemptEnded.fire(ends, ended);
                    Tracing.end(span, ended);
                    if (ended instanceof Reply.Refused refused && refused.guard() != null) {
                        LogContext.about(run.callerId, run.actionId, run.id, () -> refusals(run).note(refused.guard()));
                    }
                });
    }

    /** Returns the run's log of addresses that this service refused to call. It logs equal refusals once. */
    private Refusals.Of refusals(Run run) {
        return logged.get(run.id,
                unseen -> refusals.of(run.description(), run.callerId, run.callerName, run.callerEmail));
    }
}
