package studio.actions.press;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

import jakarta.inject.Singleton;

import io.agroal.api.AgroalDataSource;
import io.quarkus.hibernate.orm.panache.Panache;
import studio.actions.database.SqlBatch;
import studio.actions.delivery.DeliveryQueue;
import studio.actions.delivery.ReplicaStore;
import studio.actions.run.Run;
import studio.actions.run.RunStore;

/** The queries of a press. They find an earlier run of the same press and read whether a run may begin. */
@Singleton
class PressStore {

    private static final String KEYED = """
            SELECT id FROM run WHERE caller_id = ? AND idempotency_key = ?
                AND created_at > clock_timestamp() - interval '24 hours' ORDER BY created_at DESC LIMIT 1""";

    /** Finds the run of the same press through our API, if the two were made at most three seconds apart. */
    private static final String PRESSED = """
            SELECT id FROM run WHERE caller_id = ? AND fingerprint = ? AND action_version = ? AND idempotency_key IS NULL
                AND created_at BETWEEN clock_timestamp() - ? * interval '1 millisecond' - interval '3 seconds'
                    AND least(clock_timestamp(), clock_timestamp() - ? * interval '1 millisecond' + interval '3 seconds')
             ORDER BY created_at DESC LIMIT 1""";

    /**
     * Finds the run of the same press in Kitsu. The run was pressed at most 60 seconds before the second press, and has not
     * ended or ended at most three seconds before it.
     */
    private static final String PRESSED_IN_KITSU = """
            SELECT id FROM run WHERE caller_id = ? AND fingerprint = ? AND action_version = ? AND idempotency_key IS NULL
                AND created_at BETWEEN clock_timestamp() - ? * interval '1 millisecond' - interval '60 seconds'
                    AND clock_timestamp()
                AND (finished_at IS NULL
                    OR finished_at > clock_timestamp() - ? * interval '1 millisecond' - interval '3 seconds')
             ORDER BY created_at DESC LIMIT 1""";

    /**
     * Locks a press until the transaction ends, so that of two equal presses the later one finds the run of the earlier one.
     */
    private static final String LOCK = "SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(?, 0))";

    private static final String READY = "SELECT enabled, (" + ReplicaStore.ALIVE
            + ") IS NOT NULL AS alive, clock_timestamp() AS now FROM action WHERE id = ? FOR SHARE";

    private final AgroalDataSource database;

    PressStore(AgroalDataSource database) {
        this.database = database;
    }

    /** Finds the run that the caller began with this {@code Idempotency-Key} in the last 24 hours. */
    Optional<Run> keyed(IdempotencyKey key, UUID caller) {
        UUID keyed = new SqlBatch().add(KEYED, List.of(caller, key.header())).ask(answers -> id(answers.of(0)));
        return Optional.ofNullable(keyed).map(id -> Run.findById(id));
    }

    /**
     * What a press reads from the database before it looks up its targets in Kitsu.
     *
     * @param same the id of the earlier run of this press; null if there is none. It has the same {@code Idempotency-Key} or,
     *        without one, began a moment ago: a double click or a retry by a browser means one press.
     * @param backlog the unfinished deliveries of the action
     * @param version the action's version; 0 if the action was deleted
     */
    record Before(UUID same, DeliveryQueue.Backlog backlog, int version) {
    }

    /** Reads the earlier run of this press, the action's backlog and the action's version in one round trip. */
    Before before(Run run, IdempotencyKey key) {
        SqlBatch all = same(new SqlBatch(), run, key).add(DeliveryQueue.BACKLOG, List.of(run.actionId, run.actionId));
        return all.add("SELECT version FROM action WHERE id = ?", List.of(run.actionId)).ask(database, answers -> {
            UUID same = id(answers.of(0));
            DeliveryQueue.Backlog backlog = DeliveryQueue.Backlog.of(answers.of(1));
            ResultSet version = answers.of(2);
            return new Before(same, backlog, version.next() ? version.getInt("version") : 0);
        });
    }

    /**
     * What a press reads once it has the lock on itself, in the transaction that writes its run.
     *
     * @param same the id of the earlier run of this press; null if there is none
     * @param enabled whether the action may be run; the action is locked against changes until the transaction ends
     * @param alive whether this replica may claim deliveries; no other replica can declare it dead until the transaction ends
     * @param now the database's time
     */
    record Turn(UUID same, boolean enabled, boolean alive, Instant now) {
    }

    /** Waits until no equal press is being written, then reads the {@link Turn}. Takes one round trip. */
    Turn turn(Run run, IdempotencyKey key, UUID replica) {
        SqlBatch all = same(new SqlBatch().add(LOCK, List.of(key.lock(run.callerId))), run, key);
        return all.add(READY, List.of(replica, run.actionId)).ask(answers -> {
            UUID same = id(answers.of(1));
            ResultSet ready = answers.of(2);
            return ready.next() ? new Turn(same, ready.getBoolean("enabled"), ready.getBoolean("alive"),
                    ready.getObject("now", OffsetDateTime.class).toInstant()) : new Turn(same, false, false, null);
        });
    }

    /**
     * Adds the query for an earlier run of this press. The query gets the press's age, since the press was made before its
     * targets were looked up in Kitsu.
     */
    private static SqlBatch same(SqlBatch all, Run run, IdempotencyKey key) {
        long age = key.age().toMillis();
        return key.header() != null ? all.add(KEYED, List.of(run.callerId, key.header()))
                : all.add(key.inKitsu() ? PRESSED_IN_KITSU : PRESSED,
                        List.of(run.callerId, key.fingerprint(), run.actionVersion, age, age));
    }

    private static UUID id(ResultSet found) throws SQLException {
        return found.next() ? found.getObject("id", UUID.class) : null;
    }

    /**
     * Returns whether a refused press with the fingerprint and caller of this run was saved in the last minute. Takes a lock,
     * so that two equal refusals cannot both be saved.
     */
    static boolean refusedLately(Run run) {
        Panache.getEntityManager().createNativeQuery("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(:press, 0))")
                .setParameter("press", run.callerId + " " + run.fingerprint).getSingleResult();
        return Run.count("callerId = ?1 and fingerprint = ?2 and createdAt > ?3", run.callerId, run.fingerprint,
                RunStore.now().minusSeconds(60)) > 0;
    }
}
