package studio.actions.run;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.text.Normalizer;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

import jakarta.persistence.Tuple;

import io.quarkus.hibernate.orm.panache.Panache;
import io.quarkus.panache.common.Sort;
import studio.actions.database.SqlBatch;
import studio.actions.draft.Method;
import studio.actions.egress.FailureKind;

/** Reads the deliveries of runs from the database, in the caller's open transaction. */
public final class DeliveryStore {

    private static final int FAILURES_SHOWN = 20;

    /** The columns of a delivery that the API shows. Leaves out the request's body, which has up to 256 KB by default. */
    private static final String SHOWN = "SELECT id, entity_id, entity_type, production_id, task_id, entity_name, sequence_name, "
            + "episode_name, asset_type_name, task_type_name, production_name, task_ids, method, url, state, status, "
            + "attempts, duration_ms, failure_kind, failure_message, response, truncated, due_at, event, position FROM ";

    private static final String PAGE = SHOWN + """
            (SELECT *, sum(coalesce(octet_length(response), 0) + coalesce(octet_length(url), 0) + 1024) OVER (ORDER BY position)
                    AS bytes, row_number() OVER (ORDER BY position) AS turn
               FROM (SELECT * FROM delivery WHERE run_id = ? AND position > ? AND (CAST(? AS text) IS NULL OR state = ?)
                      ORDER BY position LIMIT ?) next) sized
             WHERE turn = 1 OR bytes <= ? ORDER BY position""";

    private static final String LAST = "SELECT max(position) AS last FROM delivery WHERE run_id = ? "
            + "AND (CAST(? AS text) IS NULL OR state = ?)";

    /**
     * The approximate limit in bytes for the URLs and answers of one page. A page of a hundred usual deliveries is smaller. The
     * limit saves memory when many clients read large runs.
     */
    private static final int PAGE_BYTES = 1024 * 1024;

    private static final String FAILURES = SHOWN + """
            delivery WHERE run_id = ? AND state IN ('failed', 'lost', 'refused') ORDER BY position LIMIT ?""";

    private static final String OUTCOMES = SHOWN + """
            (SELECT *, sum(coalesce(octet_length(response), 0) + coalesce(octet_length(url), 0) + 1024) OVER (ORDER BY event)
                    AS bytes, row_number() OVER (ORDER BY event) AS turn
               FROM (SELECT * FROM delivery WHERE run_id = ? AND event > ? ORDER BY event LIMIT ?) next) sized
             WHERE turn = 1 OR bytes <= ? ORDER BY event""";

    private DeliveryStore() {
    }

    /**
     * A page of a run's deliveries, in the order in which their targets were selected. One response cannot hold all deliveries
     * of a large run.
     *
     * @param next the position after which the next page begins; null on the last page
     * @param failures the first failed, lost or refused deliveries of the whole run, not only of this page
     * @param counts the number of the whole run's deliveries in each state
     */
    public record Page(List<Delivery> deliveries, Integer next, List<Delivery> failures, Map<Delivery.State, Long> counts) {

        /** Returns the first page, given all deliveries of a run. */
        static Page first(List<Delivery> all, int limit) {
            Map<Delivery.State, Long> counts = new EnumMap<>(Delivery.State.class);
            all.forEach(delivery -> counts.merge(delivery.state, 1L, Long::sum));
            return of(all.subList(0, Math.min(limit, all.size())), all.size() - 1,
                    all.stream().filter(delivery -> delivery.state.isFailure()).limit(FAILURES_SHOWN).toList(), counts);
        }

        /** @param last the position of the last delivery that matches the query, on any page */
        private static Page of(List<Delivery> shown, int last, List<Delivery> failures, Map<Delivery.State, Long> counts) {
            int end = shown.isEmpty() ? last : shown.get(shown.size() - 1).position;
            return new Page(shown, end < last ? end : null, failures, counts);
        }
    }

    public static List<Delivery> ofRun(UUID run) {
        return Delivery.list("runId", Sort.by("position"), run);
    }

    /**
     * Reads a page of a run's deliveries. Long URLs or answers can make the page shorter than the limit.
     *
     * @param after the position of the last delivery before the page; -1 for the first page
     * @param state the state of the deliveries to read; null for all states
     */
    static Page read(UUID run, int after, Delivery.State state, int limit) {
        String only = state == null ? null : state.name();
        return new SqlBatch().add(PAGE, Arrays.asList(run, after, only, only, limit, PAGE_BYTES))
                .add(LAST, Arrays.asList(run, only, only)).add(FAILURES, List.of(run, FAILURES_SHOWN)).ask(answers -> {
                    List<Delivery> shown = allShown(answers.of(0));
                    ResultSet last = answers.of(1);
                    last.next();
                    return Page.of(shown, last.getInt("last"), allShown(answers.of(2)), counts(run));
                });
    }

    /**
     * Reads the deliveries whose latest outcome has a higher number than the given one, in the order of these numbers.
     *
     * @param behind the given number, see {@link Delivery#event}; 0 to read all outcomes
     * @param bytes the approximate limit for the URLs and answers together; the first delivery is read even if it is larger
     */
    public static List<Delivery> outcomes(UUID run, int behind, int limit, int bytes) {
        return new SqlBatch().add(OUTCOMES, List.of(run, behind, limit, bytes)).ask(answers -> allShown(answers.of(0)));
    }

    /** Reads why deliveries of a run failed, were lost, refused or cancelled; each kind once. */
    public static Set<FailureKind> failureKinds(UUID run) {
        return Set.copyOf(Panache.getEntityManager()
                .createQuery("select distinct failureKind from Delivery where runId = :run "
                        + "and failureKind is not null and state not in (delivered, pending, in_flight)", FailureKind.class)
                .setParameter("run", run).getResultList());
    }

    public static Map<Delivery.State, Long> counts(UUID run) {
        return counts(List.of(run)).get(run);
    }

    /** Returns for each run the number of its deliveries in each state. */
    static Map<UUID, Map<Delivery.State, Long>> counts(List<UUID> runs) {
        Map<UUID, Map<Delivery.State, Long>> counts = new HashMap<>();
        runs.forEach(run -> counts.put(run, new EnumMap<>(Delivery.State.class)));
        Panache.getEntityManager()
                .createQuery(
                        "select d.runId as run, d.state as state, count(d) as count from Delivery d where d.runId in :runs "
                                + "group by d.runId, d.state",
                        Tuple.class)
                .setParameter("runs", runs).getResultList()
                .forEach(row -> counts.get(row.get("run", UUID.class)).put(row.get("state", Delivery.State.class),
                        row.get("count", Long.class)));
        return counts;
    }

    /**
     * A few deliveries of a run, for a list of runs.
     *
     * @param first the first delivery; null if the run has none
     * @param failure the first delivery that failed, was lost or was refused; null if there is none
     * @param named the first delivery whose entity has the name that was searched for; null if there is none
     */
    public record Sample(Delivery first, Delivery failure, Delivery named) {
    }

    /** LATERAL and LIMIT make PostgreSQL read one delivery of each run, by the index on run and position. */
    private static final String ONE_OF_EACH = "SELECT d.* FROM unnest(?) AS asked (run) CROSS JOIN LATERAL ("
            + SHOWN.replace("SELECT ", "SELECT run_id, ") + "delivery WHERE run_id = asked.run %s LIMIT 1) d";

    private static final String FIRST = ONE_OF_EACH.formatted("ORDER BY position");

    private static final String FIRST_FAILURE = ONE_OF_EACH
            .formatted("AND state IN ('failed', 'lost', 'refused') ORDER BY position");

    private static final String FIRST_NAMED = ONE_OF_EACH
            .formatted("AND lower(left(entity_name, 200)) LIKE lower(?) ESCAPE '!' "
                    + "ORDER BY state IN ('failed', 'lost', 'refused') DESC, position");

    /**
     * Returns a sample of each run's deliveries.
     *
     * @param name the first characters of the name of an entity to search for; null or blank to search for none
     */
    static Map<UUID, Sample> samples(List<UUID> runs, String name) {
        UUID[] ids = runs.toArray(UUID[]::new);
        boolean searched = name != null && !name.isBlank();
        SqlBatch all = new SqlBatch().add(FIRST, List.of((Object) ids)).add(FIRST_FAILURE, List.of((Object) ids));
        if (searched) {
            all.add(FIRST_NAMED, List.of(ids, pattern(name)));
        }
        return all.ask(answers -> {
            Map<UUID, Delivery> first = byRun(answers.of(0));
            Map<UUID, Delivery> failures = byRun(answers.of(1));
            Map<UUID, Delivery> named = searched ? byRun(answers.of(2)) : Map.of();
            return runs.stream().collect(Collectors.toMap(run -> run,
                    run -> new Sample(first.get(run), failures.get(run), named.get(run))));
        });
    }

    /** Returns an SQL LIKE pattern for texts that begin with {@code beginning}. The query ignores case. */
    static String pattern(String beginning) {
        return Normalizer.normalize(beginning.strip().replace('\0', '\ufffd'), Normalizer.Form.NFC).replaceAll("[!%_]", "!$0")
                + "%";
    }

    private static Map<UUID, Delivery> byRun(ResultSet rows) throws SQLException {
        Map<UUID, Delivery> byRun = new HashMap<>();
        while (rows.next()) {
            Delivery delivery = shown(rows);
            byRun.put(rows.getObject("run_id", UUID.class), delivery);
        }
        return byRun;
    }

    /** Returns, by delivery id, the failed attempts after which another attempt was planned, in the order of the attempts. */
    public static Map<UUID, List<Attempt>> attempts(List<Delivery> deliveries) {
        List<UUID> several = deliveries.stream().filter(one -> one.attempts > 1 || one.attempts == 1
                && (one.state == Delivery.State.pending || one.state == Delivery.State.cancelled))
                .map(one -> one.id).toList();
        return several.isEmpty() ? Map.of()
                : Attempt.<Attempt> list("deliveryId in ?1 order by number", several).stream()
                        .collect(Collectors.groupingBy(attempt -> attempt.deliveryId));
    }

    private static List<Delivery> allShown(ResultSet rows) throws SQLException {
        List<Delivery> shown = new ArrayList<>();
        while (rows.next()) {
            shown.add(shown(rows));
        }
        return shown;
    }

    /** Returns the delivery in the current row. */
    private static Delivery shown(ResultSet rows) throws SQLException {
        Delivery delivery = new Delivery();
        delivery.id = rows.getObject("id", UUID.class);
        delivery.entityId = rows.getObject("entity_id", UUID.class);
        delivery.entityType = constant(Target.Kind.class, rows.getString("entity_type"));
        delivery.productionId = rows.getObject("production_id", UUID.class);
        delivery.taskId = rows.getObject("task_id", UUID.class);
        delivery.entityName = rows.getString("entity_name");
        delivery.sequenceName = rows.getString("sequence_name");
        delivery.episodeName = rows.getString("episode_name");
        delivery.assetTypeName = rows.getString("asset_type_name");
        delivery.taskTypeName = rows.getString("task_type_name");
        delivery.productionName = rows.getString("production_name");
        delivery.taskIds = List.of((UUID[]) rows.getArray("task_ids").getArray());
        delivery.method = Method.valueOf(rows.getString("method"));
        delivery.url = rows.getString("url");
        delivery.state = Delivery.State.valueOf(rows.getString("state"));
        delivery.status = rows.getObject("status", Integer.class);
        delivery.attempts = rows.getInt("attempts");
        delivery.durationMs = rows.getObject("duration_ms", Integer.class);
        delivery.failureKind = constant(FailureKind.class, rows.getString("failure_kind"));
        delivery.failureMessage = rows.getString("failure_message");
        delivery.response = rows.getString("response");
        delivery.truncated = rows.getBoolean("truncated");
        OffsetDateTime due = rows.getObject("due_at", OffsetDateTime.class);
        delivery.dueAt = due == null ? null : due.toInstant();
        delivery.event = rows.getObject("event", Integer.class);
        delivery.position = rows.getInt("position");
        return delivery;
    }

    private static <E extends Enum<E>> E constant(Class<E> type, String name) {
        return name == null ? null : Enum.valueOf(type, name);
    }
}
