package studio.actions.statistics;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import jakarta.annotation.PreDestroy;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.scheduler.Scheduled;
import studio.actions.delivery.AttemptEnded;
import studio.actions.egress.FailureKind;
import studio.actions.egress.Reply;
import studio.actions.limit.RateLimit;
import studio.actions.log.LogContext;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.ProblemException;
import studio.actions.run.Delivery;
import studio.actions.run.Run;

/** Metrics of runs and deliveries for operators, and a log line for each ended run. */
@Singleton
public class RunMetrics {

    private static final Logger LOG = Logger.getLogger(RunMetrics.class);

    private static final Duration[] BUCKETS = Stream.of(25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000)
            .map(Duration::ofMillis).toArray(Duration[]::new);

    /** The states that the metric {@code custom_actions.queue.depth} shows. */
    private static final List<String> QUEUED = List.of("due", "later", "held", "in_flight");

    /**
     * The numbers of unfinished deliveries of all replicas.
     *
     * @param later pending deliveries that are due later
     * @param held pending deliveries of disabled actions
     * @param seconds for how long the oldest due delivery has been due
     */
    public record Queue(long due, long later, long held, long inFlight, long seconds) {
    }

    private final StatisticsStore store;
    private final MeterRegistry meters;
    private final Timer delivered;
    private final Timer failed;
    private final List<Gauge> gauges = new ArrayList<>();
    /** Numbers of deliveries by state; empty if the database did not answer. Then the gauges show NaN, not an empty queue. */
    private volatile Map<String, Double> depth = Map.of();
    private volatile double age = Double.NaN;

    RunMetrics(StatisticsStore store, MeterRegistry meters) {
        this.store = store;
        this.meters = meters;
        this.delivered = duration("delivered");
        this.failed = duration("failed");
        QUEUED.forEach(state -> gauges.add(Gauge.builder("custom_actions.queue.depth",
                () -> depth.getOrDefault(state, Double.NaN)).tag("state", state)
                .description("Deliveries of all replicas that have not ended: due now, later, held back since their action is "
                        + "disabled, in flight. Asked of the database every 10 s.")
                .register(meters)));
        gauges.add(Gauge.builder("custom_actions.queue.age", () -> age).baseUnit("seconds")
                .description("For how long the oldest delivery that is due has been so.").register(meters));
    }

    /** Registers all counters when the service starts: a rate can be computed only from a counter that began at 0. */
    void begin(@Observes StartupEvent start) {
        Stream.of(Run.State.succeeded, Run.State.partial, Run.State.failed, Run.State.cancelled).forEach(this::runs);
        deliveries(Delivery.State.delivered, null);
        for (FailureKind kind : FailureKind.values()) {
            states(kind).forEach(state -> deliveries(state, kind));
        }
        Stream.of(RateLimit.Kind.action, RateLimit.Kind.caller).forEach(limit -> refused(limit.name()));
    }

    /** Returns the states in which a delivery may end with this failure. */
    private static List<Delivery.State> states(FailureKind kind) {
        return switch (kind) {
            case forbidden_address, missing_variable, wrong_entity_type, not_visible, not_allowed ->
                List.of(Delivery.State.refused);
            // The request is too large and was not sent, or the answer is too large.
            case too_large -> List.of(Delivery.State.refused, Delivery.State.failed);
            case cancelled -> List.of(Delivery.State.cancelled);
            case lost -> List.of(Delivery.State.lost);
            default -> List.of(Delivery.State.failed);
        };
    }

    @PreDestroy
    void end() {
        gauges.forEach(meters::remove);
    }

    private Timer duration(String outcome) {
        return Timer.builder("custom_actions.delivery.duration").tag("outcome", outcome)
                .description("Attempts at deliveries, from a slot at the host to the last byte of the answer.")
                .serviceLevelObjectives(BUCKETS).register(meters);
    }

    private Counter runs(Run.State state) {
        return Counter.builder("custom_actions.runs").tag("state", state.name())
                .description("Runs that ended; counted once over all replicas.").register(meters);
    }

    private Counter deliveries(Delivery.State state, FailureKind kind) {
        return Counter.builder("custom_actions.deliveries").tag("state", state.name())
                .tag("kind", kind == null ? "none" : kind.name())
                .description("Deliveries that ended, counted with the end of their run, once over all replicas.")
                .register(meters);
    }

    private Counter refused(String limit) {
        return Counter.builder("custom_actions.limits.refused").tag("limit", limit)
                .description("Presses, replays and openings that were refused with 429.").register(meters);
    }

    /** Counts a press that was refused as a whole but saved as a run. {@link #runs} does not count this run. */
    public void refusedPress(Code code) {
        Counter.builder("custom_actions.presses.refused").tag("code", code.wire())
                .description("Presses in Kitsu that were refused as a whole and kept, by the problem's code; at most one a "
                        + "minute for each person, action and code.")
                .register(meters).increment();
    }

    void attempted(@Observes AttemptEnded attempt) {
        Reply reply = attempt.reply();
        if (!(reply instanceof Reply.Refused)) {
            (reply instanceof Reply.Delivered ? delivered : failed).record(Duration.ofMillis(reply.durationMs()));
        }
    }

    /** Counts a refused request for each rate limit that {@code refusal} names. Returns {@code refusal}. */
    public ProblemException refused(ProblemException refusal) {
        refusal.violated().forEach(limit -> refused(limit).increment());
        return refusal;
    }

    /** Counts and logs ended runs. To be called once for each run, after its end was committed. */
    void ended(List<StatisticsStore.Ended> parts) {
        Map<UUID, List<StatisticsStore.Ended>> byRun = new HashMap<>();
        parts.forEach(part -> byRun.computeIfAbsent(part.run(), run -> new ArrayList<>()).add(part));
        byRun.values().forEach(run -> {
            runs(run.get(0).state()).increment();
            run.forEach(part -> deliveries(part.delivery(), part.kind()).increment(part.count()));
            tell(run);
        });
    }

    private static void tell(List<StatisticsStore.Ended> parts) {
        StatisticsStore.Ended run = parts.get(0);
        String what = parts.stream().map(part -> part.count() + " " + part.delivery()
                + (part.kind() == null || part.kind().name().equals(part.delivery().name()) ? "" : " (" + part.kind() + ")"))
                .collect(Collectors.joining(", "));
        LogContext.about(run.caller(), run.action(), run.run(),
                () -> LOG.infof("Run %s of action \"%s\" %s: %s", run.run(), run.actionName(), run.state(), what));
    }

    /** Returns the queue as it was at most 10 s ago; empty if the database did not answer. */
    public Optional<Queue> queue() {
        Map<String, Double> now = depth;
        return now.isEmpty() ? Optional.empty()
                : Optional.of(new Queue(now.get("due").longValue(), now.get("later").longValue(), now.get("held").longValue(),
                        now.get("in_flight").longValue(), (long) age));
    }

    @Scheduled(every = "10s", delayed = "1s", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    void look() {
        try {
            Map<String, Double> counts = new HashMap<>();
            QUEUED.forEach(state -> counts.put(state, 0d));
            double oldest = 0;
            for (StatisticsStore.Queued queued : QuarkusTransaction.requiringNew().call(store::queue)) {
                counts.put(queued.state(), (double) queued.count());
                oldest = queued.state().equals("due") ? queued.seconds() : oldest;
            }
            depth = counts;
            age = oldest;
        } catch (RuntimeException e) {
            LOG.debugf(e, "Cannot read the queue for the metrics; retrying in 10 s.");
            depth = Map.of();
            age = Double.NaN;
        }
    }
}
