package studio.actions.delivery;

import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.database.DatabaseHealth;
import studio.actions.database.Notifications;
import studio.actions.egress.Egress;
import studio.actions.limit.RateLimit;
import studio.actions.replica.Replicas;
import studio.actions.run.Delivery;
import studio.actions.run.Run;
import studio.actions.run.RunConfig;
import studio.actions.run.RunStore;
import studio.actions.settings.EgressConfig;
import studio.actions.thread.Threads;

/**
 * The background thread that claims and sends due deliveries, also of other replicas' runs. A press may claim the first
 * deliveries of its own run itself ({@link Sender#claim(Run, int, List)}).
 */
@Singleton
class DeliveryWorker {

    private static final Logger LOG = Logger.getLogger(DeliveryWorker.class);

    /** The most runs whose deliveries one search of the queue returns. */
    private static final int RUNS = 50;

    /** The longest pause between two searches for due deliveries, in case a notification was lost. */
    private static final Duration POLL = Duration.ofSeconds(5);

    private static final Duration AGAIN = Duration.ofSeconds(1);

    /** The shortest wait for tokens. All tokens gained in a wait are used at once, so a longer wait means larger bursts. */
    private static final Duration SIP = Duration.ofMillis(20);

    private final Sender sender;
    private final Egress egress;
    private final Replicas replicas;
    private final DeliveryTokens tokens;
    private final WakeUps wakeUps;
    private final DatabaseHealth database;
    private final FairChoice choice;
    private final int parallelism;
    private final int perHost;
    /** A cache of runs in progress. Entries may be outdated, but requests are built only from fields that never change. */
    private final Cache<UUID, Run> running = Caffeine.newBuilder().maximumSize(RUNS).build();
    private final Thread thread = Threads.daemon("deliveries", this::work);
    private volatile boolean changed;
    private volatile boolean stopping;

    DeliveryWorker(Sender sender, Egress egress, Replicas replicas, DeliveryTokens tokens, WakeUps wakeUps,
            Notifications notifications, DatabaseHealth database, RunConfig config, EgressConfig egressConfig) {
        this.sender = sender;
        this.egress = egress;
        this.replicas = replicas;
        this.tokens = tokens;
        this.wakeUps = wakeUps;
        this.database = database;
        this.parallelism = config.parallelism();
        this.perHost = egressConfig.inFlightPerHost();
        this.choice = new FairChoice(tokens, parallelism);
        notifications.subscribe(Notifications.Topic.delivery_due, nothing -> wakeUps.wake(), wakeUps::wake);
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
        wakeUps.wake();
    }

    /** Returns whether the thread was stopped and has ended, so that it claims nothing more. */
    boolean ended() {
        return stopping && !thread.isAlive();
    }

    private void changed() {
        changed = true;
        wakeUps.wake();
    }

    private void work() {
        boolean failing = false;
        while (!stopping) {
            try {
                wakeUps.await(claimAndSend());
                failing = false;
            } catch (InterruptedException e) {
                stopping = true;
            } catch (RuntimeException | Error e) {
                if (!stopping && !database.failed(e) && !failing) {
                    LOG.warnf("Cannot read due deliveries (%s); retrying every second.", DatabaseHealth.reason(e));
                }
                failing = true;
                // Not WakeUps.await(), which would return at once: the failure released slots, which has woken this thread.
                stopping |= !Threads.sleep(AGAIN);
            }
        }
    }

    /**
     * Claims and sends some due deliveries.
     *
     * @return how long to wait before the next call, unless the thread is woken
     */
    private Duration claimAndSend() {
        wakeUps.wantSlot(true);
        if (sender.isFull()) {
            return POLL;
        }
        if (changed) {
            changed = false;
            tokens.empty().forget();
        }
        Map<UUID, Run> runs = new HashMap<>();
        Map<UUID, Delivery> deliveries = new HashMap<>();
        try (Sender.Claim claim = sender.claim()) {
            Duration pause = QuarkusTransaction.requiringNew().call(() -> claimAndCommit(claim, runs, deliveries));
            claim.send(runs, deliveries, (delivery, outcome) -> {
            });
            return pause;
        }
    }

    /**
     * Searches the queue, claims deliveries and commits the claim, all in the open transaction.
     *
     * @param claim gets the claimed deliveries
     * @param runs gets the runs of these deliveries, by id
     * @param deliveries gets the deliveries as they were committed, by id
     * @return how long to wait before the next search, unless the thread is woken
     */
    private Duration claimAndCommit(Sender.Claim claim, Map<UUID, Run> runs, Map<UUID, Delivery> deliveries) {
        UUID owner = replicas.own();
        // Read before the search, so that a bucket that gets a token during the search causes another search soon.
        Optional<Duration> refill = tokens.empty().untilNextToken();
        Map<String, Integer> free = egress.freeSlots();
        tokens.empty().subjects(RateLimit.Kind.host).forEach(host -> free.put(host, 0));
        Map<UUID, Integer> room = room();
        DeliveryQueue.Offer offer = DeliveryQueue.offer(owner, free, room,
                tokens.empty().subjects(RateLimit.Kind.action).stream().map(UUID::fromString).toList(), RUNS,
                Math.min(perHost, parallelism));
        if (!offer.alive()) {
            // Another replica has declared this one dead. Wait until the heartbeat registers this one under a new id.
            return AGAIN;
        }
        choice.choose(offer.due(), sender.sending(), () -> !sender.isFull(), next -> reserve(claim, next));
        boolean paid = claim.takeTokens();
        if (claim.isEmpty()) {
            wakeUps.wantSlot(!offer.due().isEmpty() || free.containsValue(0) || room.containsValue(0));
            Optional<Duration> unpaid = paid ? Optional.empty() : Optional.of(tokens.empty().untilNextToken().orElse(SIP));
            return pause(Stream.of(refill, unpaid).flatMap(Optional::stream));
        }
        runs.putAll(runs(claim.runs()));
        DeliveryQueue.claimAndCommit(claim.ids(), owner).forEach(delivery -> deliveries.put(delivery.id, delivery));
        return Duration.ZERO;
    }

    /** Returns the time until the next delivery becomes due or the first of the refills, within {@link #POLL}. */
    private static Duration pause(Stream<Duration> refills) {
        Stream<Duration> later = refills.map(sooner -> sooner.compareTo(SIP) < 0 ? SIP : sooner);
        return Stream.concat(DeliveryQueue.nextDue().stream(), later).min(Comparator.naturalOrder())
                .filter(next -> next.compareTo(POLL) < 0).orElse(POLL);
    }

    private boolean reserve(Sender.Claim claim, DeliveryQueue.Due next) {
        // If another replica declared this one dead and requeued the delivery, this replica may still be sending it.
        return !sender.hasInFlight(next.id()) && claim.reserve(next.id(), next.runId(), next.actionId(), next.url(),
                DeliveryTokens.rate(next), tokens.host(next.host()));
    }

    /** Returns how many more deliveries of a run may be in flight, for each run that has any in flight. */
    private Map<UUID, Integer> room() {
        Map<UUID, Integer> room = new HashMap<>();
        sender.sending().forEach(inFlight -> room.merge(inFlight.run(), parallelism - 1, (left, one) -> left - 1));
        room.replaceAll((run, left) -> Math.max(0, left));
        return room;
    }

    /** Returns the runs of the claimed deliveries by id, and changes runs in state queued to running. */
    private Map<UUID, Run> runs(List<UUID> claimed) {
        Map<UUID, Run> runs = new HashMap<>();
        claimed.forEach(run -> runs.put(run, running.getIfPresent(run)));
        List<UUID> unknown = claimed.stream().filter(run -> runs.get(run) == null).toList();
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
}
