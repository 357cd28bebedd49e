package studio.actions.press;

import static studio.actions.database.SqlBatch.each;

import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;

import jakarta.inject.Singleton;

import com.fasterxml.jackson.databind.ObjectMapper;

import studio.actions.audit.AuditEntry;
import studio.actions.audit.AuditStore;
import studio.actions.database.Notifications;
import studio.actions.database.SqlBatch;
import studio.actions.limit.RateLimit;
import studio.actions.limit.RateLimits;
import studio.actions.limit.Taken;
import studio.actions.run.Delivery;
import studio.actions.run.Run;

/**
 * Writer of new runs. One round trip to the database writes the run, all its deliveries and its audit entry, takes a token from
 * the caller's bucket, and commits the open transaction. The token is taken last, because the caller's other presses wait for
 * the bucket from then until the commit.
 */
@Singleton
class RunWriter {

    private static final String RUN = """
            INSERT INTO run (id, action_id, action_version, action_name, state, caller_id, caller_name, caller_email,
                caller_role, method, headers, timeout_ms, max_attempts, signing_secret, rate_per_minute, host, replay_of,
                production_ids, fingerprint, idempotency_key, traceparent, created_at, finished_at, unfinished, events)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS jsonb), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""";

    /**
     * Lists of task ids are passed as text, because {@code unnest} flattens an array of arrays. Times are passed as text,
     * because {@link SqlBatch} cannot build arrays of times.
     */
    private static final String DELIVERIES = """
            INSERT INTO delivery (run_id, method, id, position, entity_id, entity_type, production_id, task_id,
                entity_name, sequence_name, episode_name, asset_type_name, task_type_name, production_name,
                task_ids, url, host, body, webhook_id, state, owner, due_at, attempts, failure_kind, failure_message, event)
            SELECT ?, ?, id, position, entity_id, entity_type, production_id, task_id,
                   entity_name, sequence_name, episode_name, asset_type_name, task_type_name, production_name,
                   CAST(task_ids AS uuid[]), url, host, body, webhook_id, state, owner, CAST(due_at AS timestamptz), attempts, failure_kind, failure_message, event
              FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                AS owed (id, position, entity_id, entity_type, production_id, task_id, entity_name, sequence_name, episode_name,
                    asset_type_name, task_type_name, production_name, task_ids, url, host, body, webhook_id, state, owner, due_at, attempts, failure_kind, failure_message, event)""";

    private final RateLimits limits;
    private final AuditStore audit;
    private final ObjectMapper json;

    RunWriter(RateLimits limits, AuditStore audit, ObjectMapper json) {
        this.limits = limits;
        this.audit = audit;
        this.json = json;
    }

    /**
     * Writes the run and commits the open transaction.
     *
     * @param waits whether this replica leaves some deliveries unsent for now; if so, all replicas are notified that they may
     *        send them
     * @param cost the caller's limit, whose bucket pays one token for the run
     * @return what the bucket granted; if it granted no token, the transaction was rolled back
     */
    Taken writeAndCommit(Run run, List<Delivery> deliveries, AuditEntry entry, boolean waits, RateLimit cost) {
        SqlBatch all = audit.insert(new SqlBatch().add(RUN, values(run)).add(DELIVERIES, values(run, deliveries)), entry);
        if (waits) {
            all.add(Notifications.PUBLISH, List.of(Notifications.Topic.delivery_due.name(), new String[] { "" }));
        }
        return limits.takeAndCommit(all, cost);
    }

    private List<?> values(Run run) {
        return Arrays.asList(run.id, run.actionId, run.actionVersion, run.actionName, run.state.name(), run.callerId,
                run.callerName, run.callerEmail, run.callerRole.name(), run.method.name(),
                json.valueToTree(run.headers).toString(), run.timeoutMs, run.maxAttempts, run.signingSecret, run.ratePerMinute,
                run.host, run.replayOf, run.productionIds.toArray(UUID[]::new), run.fingerprint, run.idempotencyKey,
                run.traceparent,
                run.createdAt.atOffset(ZoneOffset.UTC),
                run.finishedAt == null ? null : run.finishedAt.atOffset(ZoneOffset.UTC), run.unfinished, run.events);
    }

    private static List<?> values(Run run, List<Delivery> deliveries) {
        return List.of(run.id, run.method.name(), each(deliveries, one -> one.id, UUID[]::new),
                each(deliveries, one -> one.position, Integer[]::new), each(deliveries, one -> one.entityId, UUID[]::new),
                texts(deliveries, one -> one.entityType), each(deliveries, one -> one.productionId, UUID[]::new),
                each(deliveries, one -> one.taskId, UUID[]::new), texts(deliveries, one -> one.entityName),
                texts(deliveries, one -> one.sequenceName), texts(deliveries, one -> one.episodeName),
                texts(deliveries, one -> one.assetTypeName), texts(deliveries, one -> one.taskTypeName),
                texts(deliveries, one -> one.productionName),
                texts(deliveries, one -> one.taskIds.stream().map(UUID::toString).collect(Collectors.joining(",", "{", "}"))),
                texts(deliveries, one -> one.url), texts(deliveries, one -> one.host), texts(deliveries, one -> one.body),
                texts(deliveries, one -> one.webhookId), texts(deliveries, one -> one.state),
                each(deliveries, one -> one.owner, UUID[]::new), texts(deliveries, one -> one.dueAt),
                each(deliveries, one -> one.attempts, Integer[]::new), texts(deliveries, one -> one.failureKind),
                texts(deliveries, one -> one.failureMessage), each(deliveries, one -> one.event, Integer[]::new));
    }

    private static String[] texts(List<Delivery> deliveries, Function<Delivery, Object> part) {
        return each(deliveries, one -> {
            Object value = part.apply(one);
            return value == null ? null : value.toString();
        }, String[]::new);
    }
}
