package studio.actions.run;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.smallrye.mutiny.Uni;
import studio.actions.egress.Egress;
import studio.actions.egress.EgressConfig;
import studio.actions.egress.FailureKind;
import studio.actions.egress.Refusals;
import studio.actions.egress.Reply;
import studio.actions.news.News;

/**
 * Sends what is owed: claims what has a place at its host now, sends it, and hands its outcome on to be written. Whoever
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

    private static final Duration AGAIN = Duration.ofSeconds(1);

    /** A delivery that this process has claimed, or is about to. */
    record Flight(UUID delivery, UUID run, Egress.Place place) {
    }

    private final Egress egress;
    private final Envelope envelope;
    private final Refusals refusals;
    private final Outcomes outcomes;
    private final Replicas replicas;
    private final RunConfig.Run config;
    private final int perHost;
    private final Map<UUID, Flight> flights = new ConcurrentHashMap<>();
    private final Map<UUID, Refusals.Of> told = new ConcurrentHashMap<>();
    private final Semaphore news = new Semaphore(0);
    private final Thread thread = new Thread(this::work, "deliveries");
    private volatile boolean stopping;

    DeliveryWorker(Egress egress, Envelope envelope, Refusals refusals, Outcomes outcomes, Replicas replicas, News hearing,
            RunConfig config, EgressConfig egressConfig) {
        this.egress = egress;
        this.envelope = envelope;
        this.refusals = refusals;
        this.outcomes = outcomes;
        this.replicas = replicas;
        this.config = config.run();
        this.perHost = egressConfig.egress().inFlightPerHost();
        hearing.read(News.Topic.delivery_due, nothing -> wake(), this::wake);
        // An action may have been enabled.
        hearing.read(News.Topic.action_changed, nothing -> wake(), this::wake);
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
        news.release();
    }

    /** Whether it claims nothing any more. */
    boolean ended() {
        return stopping && !thread.isAlive();
    }

    Set<UUID> underWay() {
        return Set.copyOf(flights.keySet());
    }

    /**
     * Takes places for those of a new run that can go out at once, and claims them, as far as that is not on disk yet. Whoever
     * writes it down says {@link #send} then, or {@link #leave}.
     */
    List<Flight> claim(List<Delivery> pending, UUID owner) {
        List<Flight> claimed = new ArrayList<>();
        for (Delivery delivery : pending) {
            if (stopping || claimed.size() >= config.parallelism() || flights.size() >= AT_ONCE) {
                break;
            }
            egress.placeNow(delivery.url).ifPresent(place -> {
                claimed.add(board(delivery.id, delivery.runId, place));
                delivery.depart(owner);
            });
        }
        return claimed;
    }

    /** Before the claim is on disk: what is on disk under this replica's name and not here was lost on the way. */
    private Flight board(UUID delivery, UUID run, Egress.Place place) {
        Flight flight = new Flight(delivery, run, place);
        flights.put(delivery, flight);
        place.whenLeft(this::wake);
        return flight;
    }

    void leave(Collection<Flight> claimed) {
        claimed.forEach(flight -> {
            flights.remove(flight.delivery());
            flight.place().leave();
        });
    }

    private void work() {
        boolean failing = false;
        while (!stopping) {
            try {
                await(claimSome());
                failing = false;
            } catch (RuntimeException | Error e) {
                if (!failing && !stopping) {
                    LOG.warnf("The database does not say what is to be sent: %s. It is asked again each second.",
                            Outcomes.reason(e));
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
            if (news.tryAcquire(pause.toMillis(), TimeUnit.MILLISECONDS)) {
                news.drainPermits();
            }
        } catch (InterruptedException e) {
            stopping = true;
        }
    }

    /** How long there is nothing to do, unless something happens. */
    private Duration claimSome() {
        if (flights.size() >= AT_ONCE) {
            return POLL;
        }
        List<Flight> claimed = new ArrayList<>();
        Map<UUID, Delivery> deliveries = new HashMap<>();
        Map<UUID, Run> runs = new HashMap<>();
        Duration pause;
        UUID owner = replicas.own();
        long since = System.nanoTime();
        try {
            pause = QuarkusTransaction.requiringNew().call(() -> {
                if (!replicas.alive(owner)) {
                    // Recovery gives this process a new name.
                    return AGAIN;
                }
                choose(Delivery.due(egress.fullHosts(), RUNS, perHost), claimed);
                List<UUID> ids = claimed.stream().map(Flight::delivery).toList();
                if (ids.isEmpty()) {
                    return Delivery.nextDue().filter(next -> next.compareTo(POLL) < 0).orElse(POLL);
                }
                Delivery.claim(ids, owner);
                Delivery.<Delivery> list("id in ?1", ids).forEach(delivery -> deliveries.put(delivery.id, delivery));
                Run.<Run> list("id in ?1", deliveries.values().stream().map(delivery -> delivery.runId).distinct().toList())
                        .forEach(run -> runs.put(run.id, run));
                List<UUID> queued = runs.values().stream().filter(run -> run.state == Run.State.queued).map(run -> run.id)
                        .toList();
                if (!queued.isEmpty()) {
                    Run.start(queued);
                }
                return Duration.ZERO;
            });
        } catch (RuntimeException | Error e) {
            leave(claimed);
            throw e;
        }
        if (stale(since)) {
            leave(claimed);
            return pause;
        }
        claimed.forEach(flight -> send(flight, runs.get(flight.run()), deliveries.get(flight.delivery())));
        return pause;
    }

    /**
     * Whether others may have taken what was claimed since, because this process stood still. What they did not take, it takes
     * back.
     */
    boolean stale(long sinceNanos) {
        return System.nanoTime() - sinceNanos >= config.lease().toNanos();
    }

    /** In turn, that run first of which the fewest are under way. */
    private void choose(List<Delivery.Due> due, List<Flight> chosen) {
        Map<UUID, Iterator<Delivery.Due>> waiting = new LinkedHashMap<>();
        due.stream().collect(Collectors.groupingBy(Delivery.Due::runId, LinkedHashMap::new, Collectors.toList()))
                .forEach((run, its) -> waiting.put(run, its.iterator()));
        Map<UUID, Long> underWay = flights.values().stream().collect(Collectors.groupingBy(Flight::run, Collectors.counting()));
        Set<UUID> runs = new LinkedHashSet<>(waiting.keySet());
        while (!runs.isEmpty() && flights.size() < AT_ONCE) {
            UUID run = runs.stream().min(Comparator.comparing(id -> underWay.getOrDefault(id, 0L))).orElseThrow();
            if (!waiting.get(run).hasNext() || underWay.getOrDefault(run, 0L) >= config.parallelism()) {
                runs.remove(run);
                continue;
            }
            Delivery.Due next = waiting.get(run).next();
            if (flights.containsKey(next.id())) {
                // Taken from this process, which was thought dead and has not done with it.
                continue;
            }
            egress.placeNow(next.url()).ifPresent(place -> {
                chosen.add(board(next.id(), run, place));
                underWay.merge(run, 1L, Long::sum);
            });
        }
    }

    /** What was claimed, once the claim is on disk. */
    void send(Flight flight, Run run, Delivery delivery) {
        UUID owner = delivery.owner;
        int attempt = delivery.attempts;
        // Asked again: a run may be taken over by a process that was started without the secret.
        Uni<Reply> reply = Uni.createFrom().deferred(() -> envelope.lacking(run.headers, run.signingSecret).map(why -> {
            flight.place().leave();
            return Uni.createFrom().<Reply> item(Reply.Refused.of(FailureKind.missing_variable, why));
        }).orElseGet(() -> egress.send(flight.place(), envelope.seal(run, delivery))));
        reply.onFailure().invoke(flight.place()::leave)
                .onFailure().recoverWithItem(failure -> new Reply.Failed(FailureKind.protocol,
                        "The request could not be put together: " + failure.getClass().getSimpleName() + ".", null, null, 0,
                        null))
                .subscribe().with(ended -> {
                    if (ended instanceof Reply.Refused refused && refused.guard() != null) {
                        refusals(run).note(refused.guard());
                    }
                    outcomes.add(new Outcomes.Ended(delivery.id, run.id, owner, attempt, ended, () -> {
                        flights.remove(delivery.id);
                        wake();
                    }));
                });
    }

    /** Those of one run that say the same are logged once. */
    private Refusals.Of refusals(Run run) {
        if (told.size() > RUNS) {
            told.clear();
        }
        return told.computeIfAbsent(run.id, unseen -> refusals.of(run.told(), run.callerId, run.callerName, run.callerEmail));
    }
}
