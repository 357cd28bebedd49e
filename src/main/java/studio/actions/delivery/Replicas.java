package studio.actions.delivery;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;

import org.jboss.logging.Logger;

import io.agroal.api.AgroalDataSource;
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

    /** Finds a replica that is not taken for dead, and keeps it registered until the transaction ends. */
    public static final String ALIVE = "SELECT id FROM replica WHERE id = ? FOR KEY SHARE";

    /** The counter of another replica, and since when it is unchanged. */
    private record Seen(long beat, long sinceNanos) {
    }

    /** Tries for one heartbeat, each on another connection. */
    private static final int TRIES = 3;

    private final EntityManager entities;
    private final AgroalDataSource database;
    private final Duration lease;
    private final Map<UUID, Seen> others = new ConcurrentHashMap<>();
    private long lastLook = System.nanoTime();
    private volatile UUID own;

    Replicas(EntityManager entities, AgroalDataSource database, RunConfig config) {
        this.entities = entities;
        this.database = database;
        this.lease = config.lease();
    }

    /** Returns the name under which this process owns deliveries. */
    public UUID own() {
        return own;
    }

    /** Registers this process under a new name, because it has none yet or another replica took it for dead. */
    void register() {
        UUID name = UUID.randomUUID();
        QuarkusTransaction.requiringNew().run(() -> entities.createNativeQuery("INSERT INTO replica (id, beat) VALUES (:id, 0)")
                .setParameter("id", name).executeUpdate());
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
        Map<UUID, Long> counts = countAgain(TRIES);
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

    /**
     * Counts with a short network timeout. A connection that is cut silently would otherwise hang for as long as others
     * need to take this one for dead.
     */
    private Map<UUID, Long> countAgain(int tries) {
        try (Connection connection = database.getConnection()) {
            int usual = connection.getNetworkTimeout();
            connection.setNetworkTimeout(Runnable::run, (int) lease.dividedBy(10).toMillis());
            try {
                return count(connection);
            } finally {
                connection.setNetworkTimeout(Runnable::run, usual);
            }
        } catch (SQLException e) {
            if (tries > 1) {
                return countAgain(tries - 1);
            }
            throw new IllegalStateException(e);
        }
    }

    /**
     * Writes as much as a press does, and rolls it back. On a full disk, the few bytes of a heartbeat may still find room.
     *
     * @throws IllegalStateException if the database refuses the write
     */
    void tryToWrite() {
        try (Connection connection = database.getConnection(); Statement rows = connection.createStatement()) {
            connection.setAutoCommit(false);
            try {
                rows.executeUpdate(
                        "INSERT INTO bucket (kind, subject, quota, seconds, tokens, pace, short, granted, at) SELECT 'probe', "
                                + "gen_random_uuid(), 1, 1, 1, 1, false, 0, now() FROM generate_series(1, 500)");
            } finally {
                connection.rollback();
            }
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Increments the counter of this replica, and returns the counters of all replicas. */
    private Map<UUID, Long> count(Connection connection) throws SQLException {
        Map<UUID, Long> counts = new HashMap<>();
        try (PreparedStatement beat = connection.prepareStatement("UPDATE replica SET beat = beat + 1 WHERE id = ?");
                PreparedStatement all = connection.prepareStatement("SELECT id, beat FROM replica")) {
            beat.setObject(1, own);
            beat.executeUpdate();
            try (ResultSet found = all.executeQuery()) {
                while (found.next()) {
                    counts.put(found.getObject(1, UUID.class), found.getLong(2));
                }
            }
        }
        return counts;
    }

    /** Locks a replica that stands still. Returns false if it has counted since, or if another replica handles it. */
    boolean standsStill(UUID replica) {
        Seen seen = others.get(replica);
        return seen != null && !entities.createNativeQuery("SELECT id FROM replica WHERE id = :id AND beat = :beat "
                + "FOR UPDATE SKIP LOCKED", UUID.class)
                .setParameter("id", replica).setParameter("beat", seen.beat).getResultList().isEmpty();
    }

    /** Deletes a replica that owns no deliveries any more. */
    void forget(UUID replica) {
        entities.createNativeQuery("DELETE FROM replica WHERE id = :id").setParameter("id", replica).executeUpdate();
    }
}
