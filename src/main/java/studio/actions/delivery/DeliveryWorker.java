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
 * The background thread that claims and sends due deliveries of any replica's runs. It claims deliveries that have a free slot
 * at their host and tokens, and passes their outcomes on. A press may have claimed deliveries of its own run before.
 */
@Singleton
public class DeliveryWorker {

    private static final Logger LOG = Logger.getLogger(DeliveryWorker.class);

    /** Most deliveries in flight at once. Each has a connection, and an answer of up to 64 KB in memory. */
    private static final int AT_ONCE = 512;

    /** Most runs from which one search offers deliveries. */
    private static final int RUNS = 50;

    /** Polls every 5 s in case a notification was lost. */
    private static final Duration POLL = Duration.ofSeconds(5);

    private static final Duration AGAIN = Duration.ofSeconds(1);

    /** The shortest wait for tokens. Tokens of one wait are used together, so this also bounds how uneven the rate is. */
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
    /** A cache of started runs. The fields from which requests are built never change. */
    private final Cache<UUID, Run> running = Caffeine.newBuilder().maximumSize(RUNS).build();
    private final Semaphore wakeUps = new Semaphore(0);
    private final Thread thread = Threads.daemon("deliveries", this::work);
    /** Whether a delivery may be waiting for a slot. If not, a slot that becomes free need not wake this thread. */
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
        // An action may have been enabled, or its rate raised.
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
     * Takes slots for the deliveries of a new run that can go out at once. Stops at a bucket that is known to be empty,
     * because earlier deliveries go first. The caller then pays with {@link #takeTokens}, saves the claims and calls
     * {@link #send}; or it gives the slots back with {@link #release}.
     */
    public List<InFlight> claim(Run run, int ratePerMinute, List<Delivery> pending) {
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
     * Takes the tokens for the chosen deliveries. Removes unpaid deliveries from the list and releases their slots.
     *
     * @param chosen the deliveries that are to go out at once; changed by this method
     * @return whether all deliveries were paid for
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

    /** Gives back the tokens of paid deliveries that do not go out. */
    public void refund(List<InFlight> paid) {
        tokens.giveBack(paid);
    }

    /** Registers a delivery before its claim is on disk, so that a claim on disk that is not registered was never sent. */
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
                // Not await(): the slots just released have woken this thread, which would retry at once and for ever.
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
                // Read before the search, which leaves out empty buckets: one of them may get a token meanwhile.
                Optional<Duration> refill = tokens.empty().untilNextToken();
                Map<String, Integer> free = egress.freeSlots();
                tokens.empty().subjects(RateLimit.Kind.host).forEach(host -> free.put(host, 0));
                Map<UUID, Integer> room = room();
                DeliveryQueue.Offer offer = DeliveryQueue.offer(owner, free, room,
                        tokens.empty().subjects(RateLimit.Kind.action).stream().map(UUID::fromString).toList(), RUNS,
                        Math.min(perHost, config.parallelism()));
                if (!offer.alive()) {
                    // Another replica took this one for dead. Recovery registers it under a new name.
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
                DeliveryQueue.claim(ids, owner).forEach(delivery -> deliveries.put(delivery.id, delivery));
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

    /** Returns how many more deliveries may be in flight, for each run that has some in flight. */
    private Map<UUID, Integer> room() {
        Map<UUID, Integer> room = new HashMap<>();
        sending().forEach(inFlight -> room.merge(inFlight.run(), config.parallelism() - 1, (left, one) -> left - 1));
        room.replaceAll((run, left) -> Math.max(0, left));
        return room;
    }

    /** Returns the deliveries in flight, without answered ones whose outcome is being saved: their receiver is done. */
    private Stream<InFlight> sending() {
        return allInFlight.values().stream().filter(inFlight -> !inFlight.slot().isReleased());
    }

    /** Returns the runs of the claimed deliveries. Marks queued runs as running. */
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
     * Returns whether other replicas may have taken over claims made since then, because this process stood still for a lease.
     * {@link Recovery} takes back the claims that they did not take over.
     */
    public boolean stale(long sinceNanos) {
        return System.nanoTime() - sinceNanos >= config.lease().toNanos();
    }

    private void choose(List<DeliveryQueue.Due> due, List<InFlight> chosen) {
        choice.choose(due, sending(), () -> allInFlight.size() < AT_ONCE, next -> {
            // Taken over from this process, which was taken for dead and still sends it.
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
     * Sends a claimed delivery. To be called once the claim is on disk.
     *
     * @param told receives the outcome once it is on disk; not called if another replica has taken the delivery over
     */
    public void send(InFlight inFlight, Run run, Delivery delivery, Consumer<Delivery.Outcome> told) {
        UUID owner = delivery.owner;
        int attempt = delivery.attempts;
        Span span = tracing.attempt(run, delivery);
        // Checked again, because a run may be taken over by a replica that was started without the secret.
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
                    // Before metrics, traces and logs: a delivery whose outcome is not saved stays in flight for ever.
                    outcomes.add(new OutcomeWriter.Ended(delivery.id, run.id, owner, attempt, ended, outcome -> {
                        allInFlight.remove(delivery.id);
                        if (wanting || outcome == null || !outcome.state().ended()) {
                            wake();
                        }
                        if (outcome != null) {
                            told.accept(outcome);
                        }
                    }));
                    ends.fire(new AttemptEnded(ended));
                    Tracing.end(span, ended);
                    if (ended instanceof Reply.Refused refused && refused.guard() != null) {
                        LogContext.about(run.callerId, run.actionId, run.id, () -> refusals(run).note(refused.guard()));
                    }
                });
    }

    /** Returns the refusals of a run, which log equal refusals once. */
    private Refusals.Of refusals(Run run) {
        return logged.get(run.id,
                unseen -> refusals.of(run.description(), run.callerId, run.callerName, run.callerEmail));
    }
}
