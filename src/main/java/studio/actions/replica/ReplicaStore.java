package studio.actions.replica;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import jakarta.inject.Singleton;
import jakarta.persistence.EntityManager;
import jakarta.persistence.Tuple;

import io.agroal.api.AgroalDataSource;

/** The store of replicas, the processes of this service: one row for each, with its heartbeat counter. */
@Singleton
public class ReplicaStore {

    /** Finds a replica not declared dead, and keeps other replicas from declaring it dead until the transaction ends. */
    public static final String ALIVE = "SELECT id FROM replica WHERE id = ? FOR KEY SHARE";

    /** The most tries for one heartbeat, each on another connection. */
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

    /** Returns the start of each replica, by its id. */
    @SuppressWarnings("unchecked")
    Map<UUID, Instant> starts() {
        Map<UUID, Instant> starts = new LinkedHashMap<>();
        ((List<Tuple>) entities.createNativeQuery("SELECT id, since FROM replica ORDER BY since, id", Tuple.class)
                .getResultList()).forEach(row -> starts.put(row.get("id", UUID.class), row.get("since", Instant.class)));
        return starts;
    }

    /** Deletes the row of a replica. The caller has made sure that the replica owns no deliveries any more. */
    public void remove(UUID replica) {
        entities.createNativeQuery("DELETE FROM replica WHERE id = :id").setParameter("id", replica).executeUpdate();
    }

    /**
     * Locks a replica if its heartbeat counter is still {@code beat}. Returns false if the counter has changed, or if another
     * transaction has the lock.
     */
    boolean lock(UUID replica, long beat) {
        return !entities.createNativeQuery("SELECT id FROM replica WHERE id = :id AND beat = :beat FOR UPDATE SKIP LOCKED",
                UUID.class).setParameter("id", replica).setParameter("beat", beat).getResultList().isEmpty();
    }

    /**
     * Increments the heartbeat counter of a replica, and returns the counters of all replicas.
     *
     * @param timeout the longest wait for the network; without it, a connection that is cut silently would hang until other
     *        replicas declare this one dead
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
     * Checks whether the database accepts writes: writes as much as a press does, and rolls it back. A heartbeat is no such
     * check, because its few bytes may fit even on a full disk.
     *
     * @throws IllegalStateException if the database refuses the write
     */
    public void tryToWrite() {
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
