package studio.actions.run;

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

/**
 * The processes that send. Each counts in a row of its own, and is believed dead once another has seen it stand still for the
 * length of a lease, by that one's own monotonic clock: neither a clock that jumps nor a database that was away kills anybody.
 */
@Singleton
class Replicas {

    private static final Logger LOG = Logger.getLogger(Replicas.class);

    /** Finds a replica that is among the living, where it then stays until the transaction ends. */
    static final String ALIVE = "SELECT id FROM replica WHERE id = ? FOR KEY SHARE";

    /** How far another had counted, and since when it stands there. */
    private record Seen(long beat, long sinceNanos) {
    }

    /** Within one beat, each on another connection. */
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
        this.lease = config.run().lease();
    }

    /** The name under which this process owns deliveries. */
    UUID own() {
        return own;
    }

    /** A name for this process, which has none or whose name others have buried. */
    void register() {
        UUID name = UUID.randomUUID();
        QuarkusTransaction.requiringNew().run(() -> entities.createNativeQuery("INSERT INTO replica (id, beat) VALUES (:id, 0)")
                .setParameter("id", name).executeUpdate());
        own = name;
    }

    /**
     * Shows that this process lives, and looks who does not.
     *
     * @return those who stand still
     */
    synchronized List<UUID> beat() {
        long now = System.nanoTime();
        if (now - lastLook >= lease.toNanos()) {
            // While nobody looked, nobody stood still.
            others.clear();
        }
        Map<UUID, Long> counts = countAgain(TRIES);
        lastLook = now;
        if (!counts.containsKey(own)) {
            LOG.warnf("Another replica took this one for dead, since it showed no sign of life for %s s", lease.toSeconds());
            register();
        }
        counts.remove(own);
        others.keySet().retainAll(counts.keySet());
        counts.forEach((id, beat) -> others.compute(id,
                (same, seen) -> seen == null || seen.beat != beat ? new Seen(beat, now) : seen));
        return others.entrySet().stream().filter(other -> now - other.getValue().sinceNanos >= lease.toNanos())
                .map(Map.Entry::getKey).toList();
    }

    /** A connection that is cut without a word would hang for as long as others need to believe this process dead. */
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
     * Writes as much as a press does, and takes it back. On a disk that is full, the few bytes of a sign of life may still find
     * room.
     *
     * @throws IllegalStateException if the database does not take it
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

    /** How far everybody has come, this process one further. */
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

    /** Locks a replica that stands still; false where it has moved in the meantime, or another has buried it. */
    boolean standsStill(UUID replica) {
        Seen seen = others.get(replica);
        return seen != null && !entities.createNativeQuery("SELECT id FROM replica WHERE id = :id AND beat = :beat "
                + "FOR UPDATE SKIP LOCKED", UUID.class)
                .setParameter("id", replica).setParameter("beat", seen.beat).getResultList().isEmpty();
    }

    /** Strikes off a replica that owns nothing any more. */
    void forget(UUID replica) {
        entities.createNativeQuery("DELETE FROM replica WHERE id = :id").setParameter("id", replica).executeUpdate();
    }
}
