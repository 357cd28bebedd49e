package studio.actions.run;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
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

import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.opentelemetry.api.trace.Span;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.smallrye.mutiny.Uni;
import studio.actions.egress.Egress;
import studio.actions.egress.EgressConfig;
import studio.actions.egress.FailureKind;
import studio.actions.egress.Refusals;
import studio.actions.egress.Reply;
import studio.actions.log.LogContext;
import studio.actions.news.Notifications;
import studio.actions.problem.DatabaseHealth;

/**
 * Sends what is owed: claims what has a place at its host and tokens now, sends it, and hands on how it ended. Whoever
 * pressed may have claimed some already; whatever else there is, of any replica's runs, is claimed here.
 */
@Singleton
class DeliveryWorker {

    private static final Logger LOG = Logger.getLogger(DeliveryWorker.class);

    /** Deliveries under way at once. Each has a connection, and an answer of up to 64 KB in memory. */
    private static final int AT_ONCE = 512;

    /** Runs that get a chance at a time. */
    private static final int RUNS = 50;

    /** The net under what nobody told. */
    private static final Duration POLL = Duration.ofSeconds(5);

    /** Whose turns are remembered. */
    private static final int TURNS = 10_000;

    private static final Duration AGAIN = Duration.ofSeconds(1);

    /** Between two looks for tokens. What has come meanwhile goes out together, so this is also how uneven it may be. */
    private static final Duration SIP = Duration.ofMillis(20);

    /** A delivery that this process has claimed, or is about to. */
    record InFlight(UUID delivery, UUID run, UUID action, RateLimits.Policy rate, RateLimits.Policy host, Egress.Slot slot) {

        List<RateLimits.Policy> tokens() {
            return List.of(rate, host);
        }
    }

    private final Egress egress;
    private final WebhookRequests requests;
    private final Refusals refusals;
    private final OutcomeWriter outcomes;
    private final Replicas replicas;
    private final RateLimits limits;
    private final RunMetrics metrics;
    private final Tracing tracing;
    private final DatabaseHealth database;
    private final RunConfig.Run config;
    private final int perHost;
    private final Map<UUID, InFlight> allInFlight = new ConcurrentHashMap<>();
    private final Map<UUID, Refusals.Of> logged = new ConcurrentHashMap<>();
    private final EmptyBuckets emptyBuckets = new EmptyBuckets();
    /** Some that have begun. What their deliveries are sent with does not change. */
    private final Map<UUID, Run> running = new HashMap<>();
    /** Actions and runs, by when they last had a turn. */
    private final Map<UUID, Long> turns = new HashMap<>();
    private long turn;
    private final Semaphore wakeUps = new Semaphore(0);
    private final Thread thread = new Thread(this::work, "deliveries");
    /** Whether something may wait for a place; else nobody need look when one becomes free. */
    private volatile boolean wanting = true;
    private volatile boolean changed;
    private volatile boolean stopping;

    DeliveryWorker(Egress egress, WebhookRequests requests, Refusals refusals, OutcomeWriter outcomes, Replicas replicas,
            RateLimits limits, RunMetrics metrics, Tracing tracing, Notifications notifications, DatabaseHealth database,
            RunConfig config,
            EgressConfig egressConfig) {
        this.egress = egress;
        this.requests = requests;
        this.refusals = refusals;
        this.outcomes = outcomes;
        this.replicas = replicas;
        this.limits = limits;
        this.metrics = metrics;
        this.tracing = tracing;
        this.database = database;
        this.config = config.run();
        this.perHost = egressConfig.egress().inFlightPerHost();
        notifications.subscribe(Notifications.Topic.delivery_due, nothing -> wake(), this::wake);
        // An action may have been enabled, or allowed more.
        notifications.subscribe(Notifications.Topic.action_changed, nothing -> changed(), this::changed);
    }

    /** Again does nothing. */
    synchronized void begin() {
        if (thread.getState() == Thread.State.NEW) {
            thread.setDaemon(true);
            thread.start();
        }
    }

    /** Nothing new begins; what flies goes on. */
    void stop() {
        stopping = true;
        wake();
    }

    /** There may be something to do. */
    void wake() {
        wakeUps.release();
    }

    private void changed() {
        changed = true;
        wake();
    }

    /** Whether it claims nothing any more. */
    boolean ended() {
        return stopping && !thread.isAlive();
    }

    Set<UUID> inFlightIds() {
        return Set.copyOf(allInFlight.keySet());
    }

    /**
     * Takes places for those of a new run that can go out at once; none where others go first. Then they are to be paid for,
     * by {@link #takeTokens}, written down, and sent, by {@link #send}; or their places left, by {@link #release}.
     */
    List<InFlight> claim(Run run, int ratePerMinute, List<Delivery> pending) {
        List<InFlight> claimed = new ArrayList<>();
        RateLimits.Policy rate = RateLimits.action(run.actionId, ratePerMinute);
        for (Delivery delivery : pending) {
            RateLimits.Policy host = limits.host(delivery.host);
            if (stopping || claimed.size() >= config.parallelism() || allInFlight.size() >= AT_ONCE
                    || emptyBuckets.contains(rate)
                    || emptyBuckets.contains(host)) {
                break;
            }
            egress.trySlot(delivery.url).ifPresent(slot -> claimed
                    .add(reserve(new InFlight(delivery.id, run.id, run.actionId, rate, host, slot))));
        }
        return claimed;
    }

    /**
     * Takes the tokens for what is to go out at once. What is not paid for is taken out of it, and leaves its place.
     *
     * @return whether all was paid for
     */
    boolean takeTokens(List<InFlight> chosen) {
        if (chosen.isEmpty()) {
            return true;
        }
        Map<RateLimits.Policy, RateLimits.Taken> taken;
        try {
            taken = limits.take(tokens(chosen));
        } catch (RuntimeException | Error e) {
            release(chosen);
            throw e;
        }
        emptyBuckets.update(taken.values());
        Map<RateLimits.Policy, Integer> granted = new HashMap<>();
        taken.forEach((policy, got) -> granted.put(policy, got.granted()));
        List<InFlight> unpaid = chosen.stream().filter(inFlight -> {
            boolean paid = granted.get(inFlight.rate()) > 0 && granted.get(inFlight.host()) > 0;
            if (paid) {
                inFlight.tokens().forEach(policy -> granted.merge(policy, -1, Integer::sum));
            }
            return !paid;
        }).toList();
        chosen.removeAll(unpaid);
        release(unpaid);
        giveBack(granted);
        return unpaid.isEmpty();
    }

    /** Gives back what was paid for what does not go out. */
    void refund(List<InFlight> paid) {
        giveBack(tokens(paid));
    }

    private static Map<RateLimits.Policy, Integer> tokens(List<InFlight> allInFlight) {
        Map<RateLimits.Policy, Integer> tokens = new HashMap<>();
        allInFlight.forEach(inFlight -> inFlight.tokens().forEach(policy -> tokens.merge(policy, 1, Integer::sum)));
        return tokens;
    }

    private void giveBack(Map<RateLimits.Policy, Integer> tokens) {
        emptyBuckets.update(limits.giveBack(tokens).values());
    }

    /** Before the claim is on disk: what is on disk under this replica's name and not here was lost on the way. */
    private InFlight reserve(InFlight inFlight) {
        allInFlight.put(inFlight.delivery(), inFlight);
        inFlight.slot().whenReleased(() -> {
            if (wanting) {
                wake();
            }
        });
        return inFlight;
    }

    void release(Collection<InFlight> claimed) {
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
                    LOG.warnf("The database does not say what is to be sent: %s. It is asked again each second.",
                            OutcomeWriter.reason(e));
                }
                failing = true;
                // Whatever happens meanwhile: the places that were just left would have it look again at once, and for ever.
                sleep();
            }
        }
    }

    private void sleep() {
        try {
            TimeUnit.MILLISECONDS.sleep(AGAIN.toMillis());
        } catch (InterruptedException e) {
            stopping = true;
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

    /** How long there is nothing to do, unless something happens. */
    private Duration claimSome() {
        wanting = true;
        if (allInFlight.size() >= AT_ONCE) {
            return POLL;
        }
        if (changed) {
            changed = false;
            emptyBuckets.forget();
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
                // Before anything is looked for: what fills meanwhile was left out.
                Optional<Duration> refill = emptyBuckets.untilNextToken();
                Map<String, Integer> free = egress.freeSlots();
                emptyBuckets.subjects(RateLimits.Kind.host).forEach(host -> free.put(host, 0));
                Map<UUID, Integer> room = room();
                Delivery.Offer offer = Delivery.offer(owner, free, room,
                        emptyBuckets.subjects(RateLimits.Kind.action).stream().map(UUID::fromString).toList(), RUNS,
                        Math.min(perHost, config.parallelism()));
                if (!offer.alive()) {
                    // Recovery gives this process a new name.
                    return AGAIN;
                }
                choose(offer.due(), chosen);
                boolean paid = takeTokens(chosen);
                claimed.addAll(chosen);
                List<UUID> ids = claimed.stream().map(InFlight::delivery).toList();
                if (ids.isEmpty()) {
                    wanting = !offer.due().isEmpty() || free.containsValue(0) || room.containsValue(0);
                    Stream<Duration> tokens = Stream
                            .of(refill,
                                    paid ? Optional.<Duration> empty() : Optional.of(emptyBuckets.untilNextToken().orElse(SIP)))
                            .flatMap(Optional::stream).map(sooner -> sooner.compareTo(SIP) < 0 ? SIP : sooner);
                    return Stream.concat(Delivery.nextDue().stream(), tokens).min(Comparator.naturalOrder())
                            .filter(next -> next.compareTo(POLL) < 0).orElse(POLL);
                }
                runs.putAll(runs(claimed));
                Delivery.claim(ids, owner).forEach(delivery -> deliveries.put(delivery.id, delivery));
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

    /** How many more of each run that has some under way may be. */
    private Map<UUID, Integer> room() {
        Map<UUID, Integer> room = new HashMap<>();
        sending().forEach(inFlight -> room.merge(inFlight.run(), config.parallelism() - 1, (left, one) -> left - 1));
        room.replaceAll((run, left) -> Math.max(0, left));
        return room;
    }

    /** Those under way, without those that have been answered and are being written: the receiver has done with them. */
    private Stream<InFlight> sending() {
        return allInFlight.values().stream().filter(inFlight -> !inFlight.slot().isReleased());
    }

    /** The runs of what is claimed. Those that waited run from now on. */
    private Map<UUID, Run> runs(List<InFlight> claimed) {
        Map<UUID, Run> runs = new HashMap<>();
        claimed.forEach(inFlight -> runs.put(inFlight.run(), running.get(inFlight.run())));
        List<UUID> unknown = runs.keySet().stream().filter(run -> runs.get(run) == null).toList();
        if (unknown.isEmpty()) {
            return runs;
        }
        Run.<Run> list("id in ?1", unknown).forEach(run -> runs.put(run.id, run));
        List<UUID> queued = unknown.stream().filter(run -> runs.get(run).state == Run.State.queued).toList();
        if (!queued.isEmpty()) {
            Run.start(queued);
        }
        if (running.size() > RUNS) {
            running.clear();
        }
        unknown.stream().filter(run -> !queued.contains(run)).forEach(run -> running.put(run, runs.get(run)));
        return runs;
    }

    /**
     * Whether others may have taken what was claimed since, because this process stood still. What they did not take, it takes
     * back.
     */
    boolean stale(long sinceNanos) {
        return System.nanoTime() - sinceNanos >= config.lease().toNanos();
    }

    /**
     * In turn: that action first of which the fewest are under way, and of its runs that of which the fewest are; but where it
     * or its host has run out of tokens the oldest run, for the others came later.
     */
    private void choose(List<Delivery.Due> due, List<InFlight> chosen) {
        Map<UUID, Deque<Delivery.Due>> waiting = new LinkedHashMap<>();
        due.forEach(one -> waiting.computeIfAbsent(one.runId(), run -> new ArrayDeque<>()).add(one));
        List<UUID> order = List.copyOf(waiting.keySet());
        Map<UUID, Long> inFlightCounts = new HashMap<>();
        sending().forEach(inFlight -> Stream.of(inFlight.run(), inFlight.action())
                .forEach(id -> inFlightCounts.merge(id, 1L, Long::sum)));
        Map<RateLimits.Policy, Integer> chosenOf = new HashMap<>();
        Comparator<UUID> least = Comparator.<UUID, Long> comparing(id -> inFlightCounts.getOrDefault(id, 0L))
                .thenComparing(id -> turns.getOrDefault(id, 0L));
        while (!waiting.isEmpty() && allInFlight.size() < AT_ONCE) {
            UUID run = waiting.keySet().stream().min(Comparator
                    .<UUID, UUID> comparing(id -> waiting.get(id).peek().actionId(), least)
                    .thenComparing(id -> waiting.get(id).peek().actionId())
                    .thenComparing((one, other) -> isShort(waiting.get(one).peek()) ? 0 : least.compare(one, other))
                    .thenComparing(order::indexOf)).orElseThrow();
            Delivery.Due next = waiting.get(run).poll();
            RateLimits.Policy rate = rate(next);
            RateLimits.Policy host = limits.host(next.host());
            boolean enough = inFlightCounts.getOrDefault(run, 0L) >= config.parallelism()
                    || chosenOf.getOrDefault(rate, 0) >= emptyBuckets.mostTokens(rate);
            if (enough || waiting.get(run).isEmpty()) {
                waiting.remove(run);
            }
            if (enough || chosenOf.getOrDefault(host, 0) >= emptyBuckets.mostTokens(host)
            // Taken from this process, which was thought dead and has not done with it.
                    || allInFlight.containsKey(next.id())) {
                continue;
            }
            egress.trySlot(next.url()).ifPresent(slot -> {
                chosen.add(reserve(new InFlight(next.id(), run, next.actionId(), rate, host, slot)));
                Stream.of(rate, host).forEach(policy -> chosenOf.merge(policy, 1, Integer::sum));
                turn++;
                Stream.of(run, next.actionId()).forEach(id -> {
                    inFlightCounts.merge(id, 1L, Long::sum);
                    turns.put(id, turn);
                });
            });
        }
        if (turns.size() > TURNS) {
            turns.clear();
        }
    }

    private boolean isShort(Delivery.Due due) {
        return emptyBuckets.contains(rate(due)) || emptyBuckets.contains(limits.host(due.host()));
    }

    private static RateLimits.Policy rate(Delivery.Due due) {
        return RateLimits.action(due.actionId(), due.ratePerMinute());
    }

    /**
     * What was claimed, once the claim is on disk.
     *
     * @param told what became of it, once that is on disk, too; not where another replica has taken it over
     */
    void send(InFlight inFlight, Run run, Delivery delivery, Consumer<Delivery.Outcome> told) {
        UUID owner = delivery.owner;
        int attempt = delivery.attempts;
        Span span = tracing.attempt(run, delivery);
        // Asked again: a run may be taken over by a process that was started without the secret.
        Uni<Reply> reply = Uni.createFrom().deferred(() -> requests.missingSecret(run.headers, run.signingSecret).map(why -> {
            inFlight.slot().release();
            return Uni.createFrom().<Reply> item(Reply.Refused.of(FailureKind.missing_variable, why));
        }).orElseGet(() -> egress.send(inFlight.slot(),
                requests.build(run, delivery, tracing.traceparent(run, span)))));
        reply.onFailure().invoke(inFlight.slot()::release)
                .onFailure().recoverWithItem(failure -> new Reply.Failed(FailureKind.protocol,
                        "The request could not be put together: " + failure.getClass().getSimpleName() + ".", null, null, 0,
                        null))
                .subscribe().with(ended -> {
                    // Before all that only watches: a delivery of which nobody writes how it ended is under way for ever.
                    outcomes.add(new OutcomeWriter.Ended(delivery.id, run.id, owner, attempt, ended, outcome -> {
                        allInFlight.remove(delivery.id);
                        if (wanting || outcome == null || !outcome.state().ended()) {
                            wake();
                        }
                        if (outcome != null) {
                            told.accept(outcome);
                        }
                    }));
                    metrics.attempted(ended);
                    Tracing.end(span, ended);
                    if (ended instanceof Reply.Refused refused && refused.guard() != null) {
                        LogContext.about(run.callerId, run.actionId, run.id, () -> refusals(run).note(refused.guard()));
                    }
                });
    }

    /** Those of one run that say the same are logged once. */
    private Refusals.Of refusals(Run run) {
        if (logged.size() > RUNS) {
            logged.clear();
        }
        return logged.computeIfAbsent(run.id,
                unseen -> refusals.of(run.description(), run.callerId, run.callerName, run.callerEmail));
    }
}
