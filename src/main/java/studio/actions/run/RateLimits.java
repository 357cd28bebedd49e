package studio.actions.run;

import static studio.actions.database.SqlBatch.each;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.Collectors;

import jakarta.inject.Singleton;

import org.hibernate.exception.DataException;
import org.jboss.logging.Logger;

import io.agroal.api.AgroalDataSource;
import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.action.Action;
import studio.actions.database.SqlBatch;
import studio.actions.identity.Caller;
import studio.actions.run.RunConfig.Limits.Standing;

/**
 * Token buckets in PostgreSQL, which limit deliveries and presses. All replicas share the buckets and the database's clock
 * fills them, so a wrong clock of a replica changes nothing. A bucket holds what its limit allows in one window, fills evenly
 * and starts full.
 */
@Singleton
class RateLimits {

    private static final Logger LOG = Logger.getLogger(RateLimits.class);

    /** Kinds of limit, spelled like the policies in the API. */
    enum Kind {
        action,
        caller,
        host
    }

    /**
     * The limit of one action, caller or host.
     *
     * @param subject the id of the action or the caller, or the host
     * @param quota tokens that the bucket holds
     * @param window how long an empty bucket takes to fill
     */
    record Policy(Kind kind, String subject, int quota, Duration window) {

        /** Returns the key of the bucket, which does not depend on the quota. */
        String bucket() {
            return kind + " " + subject;
        }

        double perSecond() {
            return quota * 1000d / window.toMillis();
        }

        /** Returns how long the bucket takes to gain so many tokens. */
        Duration worth(double tokens) {
            return Duration.ofNanos((long) Math.ceil(Math.max(0, tokens) / perSecond() * 1e9));
        }
    }

    /**
     * The result of a take.
     *
     * @param policy the limit at that moment, which may differ from the requested one
     * @param granted tokens taken
     * @param left tokens that are there now
     */
    record Taken(Policy policy, int granted, double left) {

        /** Returns whether the take got no token and the bucket is empty. */
        boolean spent() {
            return granted == 0 && left < 1;
        }

        /** Returns how long it takes until the bucket has so many tokens, if nobody takes any. */
        Duration until(int tokens) {
            return policy.worth(tokens - left);
        }
    }

    /** Minutes' worth of waiting deliveries above which an action accepts no more presses. */
    static final int LONGEST_QUEUE = 10;

    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final Duration SECOND = Duration.ofSeconds(1);

    /** The requested tokens, one row for each bucket. */
    private static final String ASKED = "unnest(?, ?, ?, ?, ?) AS asked (kind, subject, quota, seconds, wanted)";

    /**
     * Takes tokens from several buckets. The order is fixed, so that two takes of the same buckets cannot deadlock. There is
     * one clock, the database's, so that no moment counts twice. An action's rate is read here, since the replica may have
     * read an older one. A bucket fills at the lower of its old and its new rate, so that a raised limit does not count for
     * the time before.
     * <p>
     * A bucket is {@code short} from the moment it runs out until it is full, or until nobody has asked for two seconds (or
     * for the time of two tokens, if that is longer). Meanwhile the tokens that piled up go out evenly: in one second 102 % of
     * a second's filling, plus 3 % of it or 1.5 tokens, whichever is more ({@code pace}). Callers' buckets are never short, so
     * a caller who waited for {@code Retry-After} is admitted.
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
            RETURNING kind, subject, quota, granted, CASE WHEN short THEN least(tokens, pace) ELSE tokens END""";

    /**
     * Commits without waiting for the disk: otherwise all takes from one bucket would wait for the disk in turn. A claim that
     * is made afterwards is written to disk after its tokens, so every sent delivery was paid for, even if the database
     * crashes.
     */
    private static final String TAKE_AT_ONCE = TAKE.replace("ASKED",
            ASKED + " CROSS JOIN set_config('synchronous_commit', 'off', true)");

    private static final String TAKE_WITHIN = TAKE.replace("ASKED", ASKED);

    /** Fails with a division by zero if the last take got no token, which undoes the whole batch. */
    private static final String GRANTED = "SELECT 1 / granted FROM bucket WHERE kind = ? AND subject = ?";

    private static final String DIVISION_BY_ZERO = "22012";

    /**
     * Reads one bucket, without an array: PostgreSQL would plan a query with arrays anew each time, and planning takes longer
     * than reading.
     */
    private static final String LOOK = """
            SELECT least(asked.quota, tokens + greatest(0, extract(epoch FROM clock_timestamp() - at))
                       * least(asked.quota / asked.seconds, b.quota / b.seconds)) AS left_now, b.quota
              FROM (SELECT CAST(? AS int4) AS quota, CAST(? AS float8) AS seconds) asked
              JOIN bucket b ON kind = ? AND subject = ?""";

    /**
     * Deletes buckets that are full by now, since a new bucket starts full. Skips buckets that are locked by a take, so that
     * the sweep waits for nobody.
     */
    private static final String SWEEP = """
            DELETE FROM bucket WHERE (kind, subject) IN (
                SELECT kind, subject FROM bucket WHERE at < clock_timestamp() - 2 * seconds * interval '1 second'
                   FOR UPDATE SKIP LOCKED)""";

    /**
     * Moves times in the future to now. After the database's clock was set back, such a time would keep a bucket from filling.
     */
    private static final String MEND = """
            UPDATE bucket SET at = clock_timestamp() WHERE (kind, subject) IN (
                SELECT kind, subject FROM bucket WHERE at > clock_timestamp() FOR UPDATE SKIP LOCKED)""";

    /** How long a remembered level of a bucket is used, provided that the bucket was more than half full. */
    private static final Duration BELIEVED = SECOND;

    /** Number of buckets whose level is remembered, at most. */
    private static final int REMEMBERED = 1000;

    private record Seen(Taken taken, long sinceNanos) {

        boolean plenty(Policy policy) {
            return taken.policy().equals(policy) && taken.left() > policy.quota() / 2d
                    && System.nanoTime() - sinceNanos < BELIEVED.toNanos();
        }
    }

    private final AgroalDataSource database;
    private final RunConfig.Limits config;
    private final Map<String, Seen> seen = new ConcurrentHashMap<>();

    RateLimits(AgroalDataSource database, RunConfig config) {
        this.database = database;
        this.config = config.limits();
    }

    /** Returns the limit of a caller: runs a minute. */
    Policy caller(Caller caller) {
        Map<Standing, Integer> exceptions = config.perCallerByRole();
        Integer ofRole = exceptions.getOrDefault(Standing.valueOf(caller.role().name()), config.perCaller());
        return new Policy(Kind.caller, caller.id().toString(),
                caller.bot() ? exceptions.getOrDefault(Standing.bot, ofRole) : ofRole, MINUTE);
    }

    /** Returns the limit of an action: deliveries a minute. */
    static Policy action(UUID id, int ratePerMinute) {
        return new Policy(Kind.action, id.toString(), ratePerMinute, MINUTE);
    }

    /** Returns the limit of a host: deliveries a second. */
    Policy host(String host) {
        return new Policy(Kind.host, host, config.perHost(), SECOND);
    }

    /**
     * Takes from each bucket as many of the wanted tokens as it has. Needs one round trip, and a transaction of its own: a
     * bucket that stays locked blocks all other takes from it.
     */
    Map<Policy, Taken> take(Map<Policy, Integer> wanted) {
        return QuarkusTransaction.suspendingExisting().call(() -> new SqlBatch().add(TAKE_AT_ONCE, values(wanted))
                .ask(database, answers -> taken(answers.of(0), wanted)));
    }

    /**
     * Gives back tokens that were taken but not used.
     *
     * @return what the buckets hold now; empty if that failed, and then the buckets fill by themselves
     */
    Map<Policy, Taken> giveBack(Map<Policy, Integer> unused) {
        Map<Policy, Integer> wanted = new HashMap<>(unused);
        wanted.values().removeIf(tokens -> tokens == 0);
        wanted.replaceAll((policy, tokens) -> -tokens);
        try {
            return wanted.isEmpty() ? Map.of() : take(wanted);
        } catch (RuntimeException e) {
            LOG.debugf(e, "Cannot give back unused tokens (%s); the buckets refill by themselves.", unused);
            return Map.of();
        }
    }

    /**
     * Takes one token as the last statement and commits the open transaction. If the bucket is empty, the whole batch is
     * rolled back. Other takes from the bucket wait for this commit, which takes no longer than the disk needs.
     *
     * @param before the statements to execute before the take, in the same round trip
     * @return what the bucket granted; if it granted nothing, {@code left} is 0, since the gain towards the next token is not
     *         known
     */
    Taken takeLast(SqlBatch before, Policy policy) {
        Map<Policy, Integer> wanted = Map.of(policy, 1);
        int last = before.size();
        before.add(TAKE_WITHIN, values(wanted)).add(GRANTED, List.of(policy.kind().name(), policy.subject()));
        Taken taken;
        try {
            taken = before.askLast(answers -> taken(answers.of(last), wanted)).get(policy);
        } catch (DataException none) {
            if (!DIVISION_BY_ZERO.equals(none.getSQLState())) {
                throw none;
            }
            // The rollback also undid a change of the limit: from now on the bucket has to fill at the rate that is answered.
            take(Map.of(policy, 0));
            return new Taken(policy, 0, 0);
        }
        if (seen.size() >= REMEMBERED) {
            seen.clear();
        }
        seen.put(policy.bucket(), new Seen(taken, System.nanoTime()));
        return taken;
    }

    /**
     * Returns how many tokens there are, without taking any. If this process took a token a moment ago and plenty was left,
     * returns that level without a query.
     */
    Taken look(Policy policy) {
        Seen lately = seen.get(policy.bucket());
        if (lately != null && lately.plenty(policy)) {
            return lately.taken();
        }
        List<?> asked = List.of(policy.quota(), seconds(policy), policy.kind().name(), policy.subject());
        Optional<Taken> found = new SqlBatch().add(LOOK, asked).ask(database, answers -> {
            ResultSet bucket = answers.of(0);
            return !bucket.next() ? Optional.of(new Taken(policy, 0, policy.quota()))
                    : bucket.getInt("quota") != policy.quota() ? Optional.empty()
                            : Optional.of(new Taken(policy, 0, bucket.getDouble("left_now")));
        });
        // The limit was changed. Taking zero tokens makes the bucket fill at the new rate from now on, as the headers will
        // say.
        return found.orElseGet(() -> take(Map.of(policy, 0)).get(policy));
    }

    /**
     * Returns how many more presses an action accepts: none with more than ten minutes' worth of waiting deliveries.
     * Deliveries for which there are tokens do not count, since they are about to go out.
     *
     * @return empty if the queue is far from that limit
     */
    Optional<Taken> queue(Action action, Delivery.Backlog backlog) {
        // All deliveries of an action are for one host, which may be slower than the action.
        int longest = LONGEST_QUEUE * Math.min(action.ratePerMinute, 60 * config.perHost());
        if (backlog.unfinished() <= longest) {
            return Optional.empty();
        }
        Delivery.Waiting waiting = Delivery.waiting(action.id);
        Policy slower = action.ratePerMinute <= 60 * config.perHost() || waiting.host() == null
                ? action(action.id, action.ratePerMinute)
                : host(waiting.host());
        Policy queue = new Policy(Kind.action, action.id.toString(), longest, MINUTE.multipliedBy(LONGEST_QUEUE));
        return Optional.of(new Taken(queue, 0, longest + 1 - waiting.count() + look(slower).left()));
    }

    /** Returns the parameters of {@link #ASKED}. */
    private static List<?> values(Map<Policy, Integer> wanted) {
        List<Policy> all = List.copyOf(wanted.keySet());
        return List.of(each(all, policy -> policy.kind().name(), String[]::new), each(all, Policy::subject, String[]::new),
                each(all, Policy::quota, Integer[]::new), each(all, RateLimits::seconds, Double[]::new),
                each(all, wanted::get, Integer[]::new));
    }

    private static Map<Policy, Taken> taken(ResultSet row, Map<Policy, Integer> wanted) throws SQLException {
        Map<String, Policy> buckets = wanted.keySet().stream().collect(Collectors.toMap(Policy::bucket, Function.identity()));
        Map<Policy, Taken> taken = new HashMap<>();
        while (row.next()) {
            Policy asked = buckets.get(row.getString(1) + " " + row.getString(2));
            Policy now = new Policy(asked.kind(), asked.subject(), row.getInt(3), asked.window());
            taken.put(asked, new Taken(now, row.getInt(4), row.getDouble(5)));
        }
        return taken;
    }

    private static double seconds(Policy policy) {
        return policy.window().toMillis() / 1000d;
    }

    /** Deletes buckets that are full by now, and corrects times that lie in the future. */
    void sweep() {
        List.of(SWEEP, MEND).forEach(one -> new SqlBatch().add(one, List.of()).ask(database, answers -> null));
    }
}
