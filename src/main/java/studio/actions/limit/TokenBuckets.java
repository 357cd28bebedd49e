package studio.actions.limit;

import static studio.actions.database.SqlBatch.each;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

import jakarta.inject.Singleton;

import org.hibernate.exception.DataException;

import io.agroal.api.AgroalDataSource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.database.SqlBatch;

/** The store of token buckets. The database's clock fills the buckets, so a wrong clock of a replica changes nothing. */
@Singleton
class TokenBuckets {

    /** The requested tokens, one row for each bucket. This SQL replaces the word {@code ASKED} in {@link #TAKE}. */
    private static final String ASKED = "unnest(?, ?, ?, ?, ?) AS asked (kind, subject, quota, seconds, wanted)";

    /**
     * Takes tokens from several buckets. Locks the buckets in a fixed order, so that two takes of the same buckets cannot
     * deadlock. Uses only the database's clock, because clocks of replicas differ. Reads an action's current rate from the
     * database, since the replica may have read an older one. A bucket fills at the lower of its old and its new rate, so that
     * a raised limit does not count for the time before.
     * <p>
     * A bucket counts as {@code short} from the moment it runs out until it is full again, or until nobody has requested tokens
     * for two seconds (or for the time in which two tokens arrive, if that is longer). Meanwhile tokens that have piled up are
     * given out evenly: in one second at most 102 % of the tokens that the bucket gains in a second, plus 3 % of them or 1.5
     * tokens, whichever is more ({@code pace}). A bucket of a caller never counts as {@code short}, so a caller who waited for
     * {@code Retry-After} is admitted.
     */
    private static final String TAKE = """
            INSERT INTO bucket AS b (kind, subject, quota, seconds, tokens, pace, short, granted, at)
            SELECT kind, subject, quota, seconds, least(quota, quota - wanted), greatest(1.5, quota / seconds * 0.03),
                   kind <> 'caller' AND wanted >= quota, least(wanted, quota), clock_timestamp()
              FROM (SELECT kind, subject, coalesce(action.rate_per_minute, quota) AS quota, seconds,
                           least(wanted, coalesce(action.rate_per_minute, quota)) AS wanted
                      FROM ASKED
                      LEFT JOIN action ON action.id = CASE WHEN kind = 'action' THEN CAST(subject AS uuid) END) asked
             ORDER BY kind, subject
            ON CONFLICT (kind, subject) DO UPDATE SET quota = excluded.quota, seconds = excluded.seconds,
                (tokens, pace, short, granted, at) = (
                    SELECT least(excluded.quota, tokens - granted), least(excluded.pace, greatest(0, pace - granted)),
                           b.kind <> 'caller' AND (short OR tokens - granted < 1), granted, at
                      FROM (SELECT *, least(excluded.granted, floor(CASE WHEN short THEN least(tokens, pace) ELSE tokens END))
                                          AS granted
                              FROM (SELECT at, least(excluded.quota, b.tokens + gained) AS tokens,
                                           least(excluded.pace, b.pace + gained * 1.02) AS pace,
                                           b.short AND b.tokens + gained < excluded.quota AND passed
                                               < greatest(2, 2 * excluded.seconds / excluded.quota) AS short
                                      FROM (SELECT *, passed * least(excluded.quota / excluded.seconds, b.quota / b.seconds)
                                                          AS gained
                                              FROM (SELECT at, greatest(0, extract(epoch FROM at - b.at)) AS passed
                                                      FROM (SELECT clock_timestamp() AS at) clock) since) filling) filled) given)
            RETURNING kind, subject, quota, granted, CASE WHEN short THEN least(tokens, pace) ELSE tokens END AS left_now""";

    /**
     * Takes tokens and commits without waiting for the disk: otherwise all takes from one bucket would wait for the disk in
     * turn. Deliveries are claimed after the take, and PostgreSQL writes the claim to disk after the take, too. So every sent
     * delivery has cost its tokens, even if the database crashes.
     */
    private static final String TAKE_AT_ONCE = TAKE.replace("ASKED",
            ASKED + " CROSS JOIN set_config('synchronous_commit', 'off', true)");

    private static final String TAKE_WITHIN = TAKE.replace("ASKED", ASKED);

    /** Divides by zero if the last take got no token. This error rolls back the whole transaction. */
    private static final String GRANTED = "SELECT 1 / granted FROM bucket WHERE kind = ? AND subject = ?";

    private static final String DIVISION_BY_ZERO = "22012";

    /**
     * Reads one bucket. Takes no array as a parameter, because PostgreSQL would plan such a query anew each time, which takes
     * longer than reading.
     */
    private static final String LOOK = """
            SELECT least(asked.quota, tokens + greatest(0, extract(epoch FROM clock_timestamp() - at))
                       * least(asked.quota / asked.seconds, b.quota / b.seconds)) AS left_now, b.quota
              FROM (SELECT CAST(? AS int4) AS quota, CAST(? AS float8) AS seconds) asked
              JOIN bucket b ON kind = ? AND subject = ?""";

    /**
     * Deletes buckets that are full by now, since a missing bucket counts as full. Skips buckets that a take has locked, so
     * that the sweep never waits.
     */
    private static final String SWEEP = """
            DELETE FROM bucket WHERE (kind, subject) IN (
                SELECT kind, subject FROM bucket WHERE at < clock_timestamp() - 2 * seconds * interval '1 second'
                   FOR UPDATE SKIP LOCKED)""";

    /**
     * Sets the time of a bucket's last take to now if it lies in the future, because the database's clock was set back.
     * Otherwise the bucket would not fill until that time.
     */
    private static final String MEND = """
            UPDATE bucket SET at = clock_timestamp() WHERE (kind, subject) IN (
                SELECT kind, subject FROM bucket WHERE at > clock_timestamp() FOR UPDATE SKIP LOCKED)""";

    private final AgroalDataSource database;

    TokenBuckets(AgroalDataSource database) {
        this.database = database;
    }

    /**
     * Takes from each bucket as many of the wanted tokens as it has. Needs one round trip. Uses a transaction of its own,
     * because a bucket stays locked until the transaction ends, and all other takes from it wait.
     */
    Map<RateLimit, Taken> take(Map<RateLimit, Integer> wanted) {
        return QuarkusTransaction.suspendingExisting().call(() -> new SqlBatch().add(TAKE_AT_ONCE, values(wanted))
                .ask(database, answers -> taken(answers.of(0), wanted)));
    }

    /**
     * Takes one token in the last statement of the open transaction, and commits. If the bucket is empty, the whole transaction
     * is rolled back. The bucket stays locked only until the commit, so other transactions wait for it no longer than the disk
     * needs.
     *
     * @param before the statements to execute before the take, in the same round trip
     * @return what the bucket granted; empty if it granted nothing
     */
    Optional<Taken> takeAndCommit(SqlBatch before, RateLimit limit) {
        Map<RateLimit, Integer> wanted = Map.of(limit, 1);
        int last = before.size();
        before.add(TAKE_WITHIN, values(wanted)).add(GRANTED, List.of(limit.kind().name(), limit.subject()));
        try {
            return Optional.of(before.askAndCommit(answers -> taken(answers.of(last), wanted)).get(limit));
        } catch (DataException none) {
            if (!DIVISION_BY_ZERO.equals(none.getSQLState())) {
                throw none;
            }
            return Optional.empty();
        }
    }

    /**
     * Reads the level of a limit's bucket without taking from it; empty if the quota saved with the bucket is not the limit's.
     */
    Optional<Taken> look(RateLimit limit) {
        List<?> asked = List.of(limit.quota(), seconds(limit), limit.kind().name(), limit.subject());
        return new SqlBatch().add(LOOK, asked).ask(database, answers -> {
            ResultSet bucket = answers.of(0);
            return !bucket.next() ? Optional.of(new Taken(limit, 0, limit.quota()))
                    : bucket.getInt("quota") != limit.quota() ? Optional.empty()
                            : Optional.of(new Taken(limit, 0, bucket.getDouble("left_now")));
        });
    }

    /** Deletes buckets that are full by now, and repairs buckets that do not fill because the database's clock was set back. */
    void sweep() {
        List.of(SWEEP, MEND).forEach(one -> new SqlBatch().add(one, List.of()).ask(database, answers -> null));
    }

    /** Returns the values of the question marks in {@link #ASKED}. */
    private static List<?> values(Map<RateLimit, Integer> wanted) {
        List<RateLimit> all = List.copyOf(wanted.keySet());
        return List.of(each(all, limit -> limit.kind().name(), String[]::new), each(all, RateLimit::subject, String[]::new),
                each(all, RateLimit::quota, Integer[]::new), each(all, TokenBuckets::seconds, Double[]::new),
                each(all, wanted::get, Integer[]::new));
    }

    private static Map<RateLimit, Taken> taken(ResultSet row, Map<RateLimit, Integer> wanted) throws SQLException {
        Map<String, RateLimit> buckets = wanted.keySet().stream()
                .collect(Collectors.toMap(RateLimit::bucket, Function.identity()));
        Map<RateLimit, Taken> taken = new HashMap<>();
        while (row.next()) {
            RateLimit asked = buckets.get(row.getString("kind") + " " + row.getString("subject"));
            RateLimit now = new RateLimit(asked.kind(), asked.subject(), row.getInt("quota"), asked.window());
            taken.put(asked, new Taken(now, row.getInt("granted"), row.getDouble("left_now")));
        }
        return taken;
    }

    private static double seconds(RateLimit limit) {
        return limit.window().toMillis() / 1000d;
    }
}
