package studio.actions.run;

import static studio.actions.run.SqlBatch.each;

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
import studio.actions.identity.Caller;
import studio.actions.run.RunConfig.Limits.Standing;

/**
 * How much may go out, and how often may be pressed: token buckets in PostgreSQL, filled by its clock. All replicas take from
 * the same ones, and a clock that is wrong here changes nothing. A bucket holds what its limit allows in one window and fills
 * evenly; it starts full.
 */
@Singleton
class RateLimits {

    private static final Logger LOG = Logger.getLogger(RateLimits.class);

    /** Spelled as policies are named on the wire. */
    enum Kind {
        action,
        caller,
        host
    }

    /**
     * A limit and whom it is for.
     *
     * @param quota tokens that the bucket holds
     * @param window how long it takes to fill
     */
    record Policy(Kind kind, String subject, int quota, Duration window) {

        /** Whom it is for, however much. */
        String bucket() {
            return kind + " " + subject;
        }

        double perSecond() {
            return quota * 1000d / window.toMillis();
        }

        /** How long it takes to get so many. */
        Duration worth(double tokens) {
            return Duration.ofNanos((long) Math.ceil(Math.max(0, tokens) / perSecond() * 1e9));
        }
    }

    /**
     * What a take got, and what is there now.
     *
     * @param policy as it was at that moment, which may be another than was asked for
     */
    record Taken(Policy policy, int granted, double left) {

        /** Whether it got nothing, and there was nothing. */
        boolean spent() {
            return granted == 0 && left < 1;
        }

        /** How long until there are so many, if nobody takes any. */
        Duration until(int tokens) {
            return policy.worth(tokens - left);
        }
    }

    /** An action with more minutes' worth waiting takes no more presses. */
    static final int LONGEST_QUEUE = 10;

    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final Duration SECOND = Duration.ofSeconds(1);

    /** What is asked for, bucket by bucket. */
    private static final String ASKED = "unnest(?, ?, ?, ?, ?) AS asked (kind, subject, quota, seconds, wanted)";

    /**
     * In one order, so that two who want several do not wait for each other; by one clock, so that no moment counts twice; by
     * what an admin says of an action now, whatever the one who asks has read; and at the lower of two rates, so that a limit
     * which was raised does not count for the time before.
     * <p>
     * A bucket is short from when it runs out until it is full, or nobody has asked for two seconds. Meanwhile what piled up
     * goes out evenly: in a second 102 % of what fills in one, and 3 % or one and a half more. Those of callers are never
     * short: who waited as long as told is let in.
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
     * The commit waits for no disk, or all who take from a bucket would wait for it in turn. A claim that is made afterwards is
     * written behind it, so what was sent was paid for, whenever the database dies.
     */
    private static final String TAKE_AT_ONCE = TAKE.replace("ASKED",
            ASKED + " CROSS JOIN set_config('synchronous_commit', 'off', true)");

    private static final String TAKE_WITHIN = TAKE.replace("ASKED", ASKED);

    /** Fails where the last take got nothing, and with it all that was sent with it. */
    private static final String GRANTED = "SELECT 1 / granted FROM bucket WHERE kind = ? AND subject = ?";

    private static final String DIVISION_BY_ZERO = "22012";

    /** Of one bucket, and with no array: PostgreSQL would plan it anew each time, which takes longer than to look. */
    private static final String LOOK = """
            SELECT least(asked.quota, tokens + greatest(0, extract(epoch FROM clock_timestamp() - at))
                       * least(asked.quota / asked.seconds, b.quota / b.seconds)) AS left_now, b.quota
              FROM (SELECT CAST(? AS int4) AS quota, CAST(? AS float8) AS seconds) asked
              JOIN bucket b ON kind = ? AND subject = ?""";

    /**
     * What is full by now need not be remembered. Whoever takes from one at this moment is passed over: it waits for nobody.
     */
    private static final String SWEEP = """
            DELETE FROM bucket WHERE (kind, subject) IN (
                SELECT kind, subject FROM bucket WHERE at < clock_timestamp() - 2 * seconds * interval '1 second'
                   FOR UPDATE SKIP LOCKED)""";

    /** After the database's clock was set back, what is yet to come would keep a bucket from filling. */
    private static final String MEND = """
            UPDATE bucket SET at = clock_timestamp() WHERE (kind, subject) IN (
                SELECT kind, subject FROM bucket WHERE at > clock_timestamp() FOR UPDATE SKIP LOCKED)""";

    /** How long what was seen of a bucket is believed, as long as more than half of it was there. */
    private static final Duration BELIEVED = SECOND;

    /** Buckets of which it is remembered. */
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

    /** Runs a minute. */
    Policy caller(Caller caller) {
        Map<Standing, Integer> exceptions = config.perCallerByRole();
        Integer ofRole = exceptions.getOrDefault(Standing.valueOf(caller.role().name()), config.perCaller());
        return new Policy(Kind.caller, caller.id().toString(),
                caller.bot() ? exceptions.getOrDefault(Standing.bot, ofRole) : ofRole, MINUTE);
    }

    /** Deliveries a minute. */
    static Policy action(UUID id, int ratePerMinute) {
        return new Policy(Kind.action, id.toString(), ratePerMinute, MINUTE);
    }

    /** Deliveries a second. */
    Policy host(String host) {
        return new Policy(Kind.host, host, config.perHost(), SECOND);
    }

    /**
     * Takes of each bucket as many tokens as are wanted and there. In one round trip, and a transaction of its own:
     * whoever holds on to a bucket holds up everybody.
     */
    Map<Policy, Taken> take(Map<Policy, Integer> wanted) {
        return QuarkusTransaction.suspendingExisting().call(() -> new SqlBatch().add(TAKE_AT_ONCE, values(wanted))
                .ask(database, answers -> taken(answers.of(0), wanted)));
    }

    /**
     * Gives back what was taken and not used.
     *
     * @return what there is now; empty if that failed, and then the bucket fills by itself
     */
    Map<Policy, Taken> giveBack(Map<Policy, Integer> unused) {
        Map<Policy, Integer> wanted = new HashMap<>(unused);
        wanted.values().removeIf(tokens -> tokens == 0);
        wanted.replaceAll((policy, tokens) -> -tokens);
        try {
            return wanted.isEmpty() ? Map.of() : take(wanted);
        } catch (RuntimeException e) {
            LOG.debugf(e, "Not given back: %s", unused);
            return Map.of();
        }
    }

    /**
     * The same for one token, with which the transaction that is open ends: well if there is one, else with none of what was
     * asked in it. Others wait for that end, but no longer than the disk takes.
     *
     * @param before what else is sent, and done before it
     * @return where there was none, 0, for what has been gained towards the next one is not known
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
            return new Taken(policy, 0, 0);
        }
        if (seen.size() >= REMEMBERED) {
            seen.clear();
        }
        seen.put(policy.bucket(), new Seen(taken, System.nanoTime()));
        return taken;
    }

    /** Returns how much there is, without taking any; where there was plenty when this process took some a moment ago, that. */
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
        // The limit was changed: taking none has the bucket fill at the new rate from now on, as it is about to be told.
        return found.orElseGet(() -> take(Map.of(policy, 0)).get(policy));
    }

    /**
     * How many more presses an action takes: with more than ten minutes' worth waiting, none. What there are tokens for
     * does not count, for it is about to go out.
     *
     * @return empty where it is far from that
     */
    Optional<Taken> queue(Action action, Delivery.Backlog backlog) {
        // All that an action owes is for one host, which may be slower than the action.
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

    /** For {@link #ASKED}. */
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

    /** What is full by now need not be remembered, and no time that is yet to come. */
    void sweep() {
        List.of(SWEEP, MEND).forEach(one -> new SqlBatch().add(one, List.of()).ask(database, answers -> null));
    }
}
