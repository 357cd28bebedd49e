package studio.actions.delivery;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.run.RunConfig;

/**
 * The replicas that send deliveries. Each heartbeat increments a counter in the replica's row. A replica is taken for dead
 * once another one has seen its counter unchanged for a lease. The observer measures that by its own monotonic clock, so
 * neither a clock that jumps nor a database outage makes a replica look dead.
 */
@Singleton
public class Replicas {

    private static final Logger LOG = Logger.getLogger(Replicas.class);

    /** The counter of another replica, and since when it is unchanged. */
    private record Seen(long beat, long sinceNanos) {
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

    /** Returns the name under which this process owns deliveries. */
    public UUID own() {
        return own;
    }

    /** Registers this process under a new name, because it has none yet or another replica took it for dead. */
    void register() {
        UUID name = UUID.randomUUID();
        QuarkusTransaction.requiringNew().run(() -> store.add(name));
        own = name;
    }

    /**
     * Records a heartbeat of this replica, and looks for dead ones.
     *
     * @return the replicas without a heartbeat for a lease
     */
    synchronized List<UUID> beat() {
        long now = System.nanoTime();
        if (now - lastLook >= lease.toNanos()) {
            // This process did not look for a lease, so it cannot know whether the others stood still.
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

    /** Locks a replica that stands still. Returns false if it has counted since, or if another replica handles it. */
    boolean standsStill(UUID replica) {
        Seen seen = others.get(replica);
        return seen != null && store.lock(replica, seen.beat);
    }
}
