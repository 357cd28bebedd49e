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
import studio.actions.replica.ReplicaStore;
import studio.actions.run.Run;
import studio.actions.run.RunStore;

/** Database queries of a press. They find the run of an equal earlier press, and read whether a new run may begin. */
@Singleton
class PressStore {

    private static final String KEYED = """
            SELECT id FROM run WHERE caller_id = ? AND idempotency_key = ?
                AND created_at > clock_timestamp() - interval '24 hours' ORDER BY created_at DESC LIMIT 1""";

    /** Finds the run of an equal press by an API client that was made at most three seconds before or after this press. */
    private static final String PRESSED = """
            SELECT id FROM run WHERE caller_id = ? AND fingerprint = ? AND action_version = ? AND idempotency_key IS NULL
                AND created_at BETWEEN clock_timestamp() - ? * interval '1 millisecond' - interval '3 seconds'
                    AND least(clock_timestamp(), clock_timestamp() - ? * interval '1 millisecond' + interval '3 seconds')
             ORDER BY created_at DESC LIMIT 1""";

    /**
     * Finds the run of an equal press in Kitsu that was made at most 60 seconds before this press. The run has not ended, or
     * ended at most three seconds before this press.
     */
    private static final String PRESSED_IN_KITSU = """
            SELECT id FROM run WHERE caller_id = ? AND fingerprint = ? AND action_version = ? AND idempotency_key IS NULL
                AND created_at BETWEEN clock_timestamp() - ? * interval '1 millisecond' - interval '60 seconds'
                    AND clock_timestamp()
                AND (finished_at IS NULL
                    OR finished_at > clock_timestamp() - ? * interval '1 millisecond' - interval '3 seconds')
             ORDER BY created_at DESC LIMIT 1""";

    /**
     * Excludes equal presses until the transaction ends. The later of two equal presses waits here, and then finds the run of
     * the earlier one.
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
     * @param same the id of the run of an equal earlier press; null if there is none. Presses are equal if they have the same
     *        {@code Idempotency-Key}. Without a key, the same press a moment ago is equal, because it was a double click or a
     *        browser's retry.
     * @param backlog the unfinished deliveries of the action
     * @param version the action's version; 0 if the action was deleted
     */
    record Before(UUID same, DeliveryQueue.Backlog backlog, int version) {
    }

    /** Reads everything in {@link Before} in one round trip to the database. */
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
     * What a press reads in the transaction that writes its run, while equal presses wait for that transaction.
     *
     * @param same the id of the run of an equal earlier press; null if there is none
     * @param enabled whether the action exists and is enabled; the action is locked against changes until the transaction ends
     * @param alive whether this replica may claim deliveries; no other replica can declare it dead until the transaction ends
     * @param now the database's time; null if the action was deleted
     */
    record Turn(UUID same, boolean enabled, boolean alive, Instant now) {
    }

    /** Waits until no transaction is writing an equal press, then reads the {@link Turn}. Takes one round trip. */
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
     * Adds the query for the run of an equal earlier press. The query counts from the time of this press, which is earlier than
     * now, because the targets were looked up in Kitsu since.
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
     * Returns whether a refused press with the same caller and fingerprint as this run was saved in the last minute. Takes a
     * lock until the transaction ends, so that two equal refusals cannot both be saved.
     */
    static boolean refusedLately(Run run) {
        Panache.getEntityManager().createNativeQuery("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(:press, 0))")
                .setParameter("press", run.callerId + " " + run.fingerprint).getSingleResult();
        return Run.count("callerId = ?1 and fingerprint = ?2 and createdAt > ?3", run.callerId, run.fingerprint,
                RunStore.now().minusSeconds(60)) > 0;
    }
}
