package studio.actions.delivery;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;

import io.agroal.api.AgroalDataSource;

/** The store of replicas: one row for each, with the counter of its heartbeats. */
@Singleton
public class ReplicaStore {

    /** Finds a replica that is not taken for dead, and keeps it registered until the transaction ends. */
    public static final String ALIVE = "SELECT id FROM replica WHERE id = ? FOR KEY SHARE";

    /** Tries for one heartbeat, each on another connection. */
    private static final int TRIES = 3;

    private final EntityManager entities;
    private final AgroalDataSource database;

    ReplicaStore(EntityManager entities, AgroalDataSource database) {
        this.entities = entities;
        this.database = database;
    }

    void add(UUID replica) {
        entities.createNativeQuery("INSERT INTO replica (id, beat) VALUES (:id, 0)").setParameter("id", replica)
                .executeUpdate();
    }

    /** Deletes a replica that owns no deliveries any more. */
    void remove(UUID replica) {
        entities.createNativeQuery("DELETE FROM replica WHERE id = :id").setParameter("id", replica).executeUpdate();
    }

    /** Locks a replica if its counter still has this value. Returns false if it has not, or if another replica has the lock. */
    boolean lock(UUID replica, long beat) {
        return !entities.createNativeQuery("SELECT id FROM replica WHERE id = :id AND beat = :beat FOR UPDATE SKIP LOCKED",
                UUID.class).setParameter("id", replica).setParameter("beat", beat).getResultList().isEmpty();
    }

    /**
     * Increments the counter of a replica, and returns the counters of all replicas. A connection that is cut silently would
     * otherwise hang for as long as others need to take the replica for dead.
     *
     * @param timeout the longest wait for the network
     */
    Map<UUID, Long> beat(UUID replica, Duration timeout) {
        return beat(replica, timeout, TRIES);
    }

    private Map<UUID, Long> beat(UUID replica, Duration timeout, int tries) {
        try (Connection connection = database.getConnection()) {
            int usual = connection.getNetworkTimeout();
            connection.setNetworkTimeout(Runnable::run, (int) timeout.toMillis());
            try {
                return beat(replica, connection);
            } finally {
                connection.setNetworkTimeout(Runnable::run, usual);
            }
        } catch (SQLException e) {
            if (tries > 1) {
                return beat(replica, timeout, tries - 1);
            }
            throw new IllegalStateException(e);
        }
    }

    private static Map<UUID, Long> beat(UUID replica, Connection connection) throws SQLException {
        Map<UUID, Long> counts = new HashMap<>();
        try (PreparedStatement beat = connection.prepareStatement("UPDATE replica SET beat = beat + 1 WHERE id = ?");
                PreparedStatement all = connection.prepareStatement("SELECT id, beat FROM replica")) {
            beat.setObject(1, replica);
            beat.executeUpdate();
            try (ResultSet found = all.executeQuery()) {
                while (found.next()) {
                    counts.put(found.getObject("id", UUID.class), found.getLong("beat"));
                }
            }
        }
        return counts;
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
}
