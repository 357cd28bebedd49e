package studio.actions.delivery;

import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.stream.Stream;

import com.github.benmanes.caffeine.cache.Caffeine;

import studio.actions.limit.RateLimit;

/**
 * Chooses the delivery to send next. Picks the action with the fewest deliveries in flight, then the run of that action with
 * the fewest. If several have equally few, picks the one that was picked longest ago. If the token bucket of the action or its
 * host ran out and is not full again, picks the action's oldest run, so that later presses do not overtake it. Not thread-safe.
 */
final class FairChoice {

    /** The most actions and runs whose last turn is kept in memory. */
    private static final int TURNS = 10_000;

    private final DeliveryTokens tokens;
    private final int parallelism;
    /** The number of the last pick of each action and run, by its id. Later picks have higher numbers. */
    private final Map<UUID, Long> turns = Caffeine.newBuilder().maximumSize(TURNS).<UUID, Long> build().asMap();
    private long turn;

    FairChoice(DeliveryTokens tokens, int parallelism) {
        this.tokens = tokens;
        this.parallelism = parallelism;
    }

    /**
     * Passes due deliveries to {@code take} in a fair order, as long as there is room.
     *
     * @param due the due deliveries, earliest press first
     * @param inFlight the deliveries in flight
     * @param room returns whether one more delivery may be in flight
     * @param take takes a delivery to send it; returns false if it cannot be sent now
     */
    void choose(List<DeliveryQueue.Due> due, Stream<InFlight> inFlight, BooleanSupplier room,
            Predicate<DeliveryQueue.Due> take) {
        Map<UUID, Deque<DeliveryQueue.Due>> waiting = new LinkedHashMap<>();
        due.forEach(one -> waiting.computeIfAbsent(one.runId(), run -> new ArrayDeque<>()).add(one));
        List<UUID> order = List.copyOf(waiting.keySet());
        Map<UUID, Long> inFlightCounts = new HashMap<>();
        inFlight.forEach(one -> Stream.of(one.run(), one.action()).forEach(id -> inFlightCounts.merge(id, 1L, Long::sum)));
        Map<RateLimit, Integer> chosen = new HashMap<>();
        Comparator<UUID> least = Comparator.<UUID, Long> comparing(id -> inFlightCounts.getOrDefault(id, 0L))
                .thenComparing(id -> turns.getOrDefault(id, 0L));
        while (!waiting.isEmpty() && room.getAsBoolean()) {
            UUID run = waiting.keySet().stream().min(Comparator
                    .<UUID, UUID> comparing(id -> waiting.get(id).peek().actionId(), least)
                    .thenComparing(id -> waiting.get(id).peek().actionId())
                    .thenComparing((one, other) -> isShort(waiting.get(one).peek()) ? 0 : least.compare(one, other))
                    .thenComparing(order::indexOf)).orElseThrow();
            DeliveryQueue.Due next = waiting.get(run).poll();
            RateLimit rate = DeliveryTokens.rate(next);
            RateLimit host = tokens.host(next.host());
            boolean enough = inFlightCounts.getOrDefault(run, 0L) >= parallelism
                    || chosen.getOrDefault(rate, 0) >= tokens.empty().mostTokens(rate);
            if (enough || waiting.get(run).isEmpty()) {
                waiting.remove(run);
            }
            if (enough || chosen.getOrDefault(host, 0) >= tokens.empty().mostTokens(host) || !take.test(next)) {
                continue;
            }
            Stream.of(rate, host).forEach(limit -> chosen.merge(limit, 1, Integer::sum));
            turn++;
            Stream.of(run, next.actionId()).forEach(id -> {
                inFlightCounts.merge(id, 1L, Long::sum);
                turns.put(id, turn);
            });
        }
    }

    private boolean isShort(DeliveryQueue.Due due) {
        return tokens.empty().contains(DeliveryTokens.rate(due)) || tokens.empty().contains(tokens.host(due.host()));
    }
}
