package studio.actions.replica;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.run.RunConfig;

/**
 * The replicas that send deliveries. Each heartbeat increments a counter in the replica's row. A replica is declared dead once
 * another one has seen its counter unchanged for the configured lease. The observer measures this time by its own monotonic
 * clock, so neither a clock that jumps nor a database outage makes a replica look dead.
 */
@Singleton
public class Replicas {

    private static final Logger LOG = Logger.getLogger(Replicas.class);

    /** The heartbeat counter of another replica, and since when it is unchanged. */
    private record Seen(long beat, long sinceNanos) {
    }

    /**
     * A replica, as this one sees it.
     *
     * @param since when it started, or registered again
     * @param own whether it is this process
     * @param silentSeconds for how long this process has seen no heartbeat of it
     */
    public record Replica(UUID id, Instant since, boolean own, long silentSeconds) {
    }

    private final ReplicaStore store;
    private final Duration lease;
    private final Map<UUID, Seen> others = new ConcurrentHashMap<>();
    private long lastLook = System.nanoTime();
    private volatile UUID own;

    Replicas(ReplicaStore store, RunConfig config) {
        this.store = store;
        this.lease = config.lease();
    }

    /** Returns the id under which this process owns deliveries. */
    public UUID own() {
        return own;
    }

    /** Registers this process under a new id, because it has none yet or another replica has declared it dead. */
    public void register() {
        UUID name = UUID.randomUUID();
        QuarkusTransaction.requiringNew().run(() -> store.add(name));
        own = name;
    }

    /**
     * Records a heartbeat of this replica, and looks for dead ones.
     *
     * @return the replicas whose counter has not changed for a lease
     */
    public synchronized List<UUID> beat() {
        long now = System.nanoTime();
        if (now - lastLook >= lease.toNanos()) {
            // This process has read no counters for a whole lease: it cannot tell which other replicas had heartbeats.
            others.clear();
        }
        Map<UUID, Long> counts = store.beat(own, lease.dividedBy(10));
        lastLook = now;
        if (!counts.containsKey(own)) {
            LOG.warnf("Another replica declared this one dead (no heartbeat for %s s); registering it again under a new id.",
                    lease.toSeconds());
            register();
        }
        counts.remove(own);
        others.keySet().retainAll(counts.keySet());
        counts.forEach((id, beat) -> others.compute(id,
                (same, seen) -> seen == null || seen.beat != beat ? new Seen(beat, now) : seen));
        return others.entrySet().stream().filter(other -> now - other.getValue().sinceNanos >= lease.toNanos())
                .map(Map.Entry::getKey).toList();
    }

    /** Returns all replicas, the oldest first. */
    public List<Replica> list() {
        long now = System.nanoTime();
        return QuarkusTransaction.requiringNew().call(store::starts).entrySet().stream().map(one -> {
            Seen seen = others.get(one.getKey());
            return new Replica(one.getKey(), one.getValue(), one.getKey().equals(own),
                    seen == null ? 0 : Duration.ofNanos(Math.max(0, now - seen.sinceNanos)).toSeconds());
        }).toList();
    }

    /** Locks a replica that seems dead. Returns false if it had a heartbeat meanwhile, or another process has the lock. */
    public boolean standsStill(UUID replica) {
        Seen seen = others.get(replica);
        return seen != null && store.lock(replica, seen.beat);
    }
}
