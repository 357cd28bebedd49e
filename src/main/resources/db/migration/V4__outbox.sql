-- Every process that sends has a row here, and counts in it as long as it lives. Whether it lives is judged by others, who see
-- it count, and by no clock: one that jumps takes no delivery from anybody.
CREATE TABLE replica (
    id    uuid PRIMARY KEY,
    beat  bigint NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE run
    DROP COLUMN lease_until,
    ADD COLUMN action_version  integer NOT NULL DEFAULT 0,
    ADD COLUMN max_attempts    integer NOT NULL DEFAULT 1,
    ADD COLUMN replay_of       uuid,
    ADD COLUMN fingerprint     text NOT NULL DEFAULT '',
    ADD COLUMN idempotency_key text,
    ADD COLUMN cancelled_at    timestamptz,
    -- The outcomes of its deliveries so far. Each delivery has the number of its last one, so whoever watches can go on where
    -- they were.
    ADD COLUMN events          integer NOT NULL DEFAULT 0;
ALTER TABLE run
    ALTER COLUMN action_version DROP DEFAULT,
    ALTER COLUMN max_attempts DROP DEFAULT,
    ALTER COLUMN fingerprint DROP DEFAULT,
    ALTER COLUMN events DROP DEFAULT;
CREATE INDEX run_unfinished ON run (created_at) WHERE finished_at IS NULL;
CREATE INDEX run_pressed ON run (caller_id, fingerprint, created_at);
CREATE INDEX run_keyed ON run (caller_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

ALTER TABLE delivery
    -- Who has it under way; nobody else touches it.
    ADD COLUMN owner      uuid REFERENCES replica,
    -- Host and port as places are counted by; null where there is no URL.
    ADD COLUMN host       text,
    -- When it may go out, while it is pending.
    ADD COLUMN due_at     timestamptz,
    ADD COLUMN webhook_id text,
    -- Those that it stands for, so that a replay can ask Kitsu again whether they may be seen.
    ADD COLUMN task_ids   uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN event      integer;
UPDATE delivery SET webhook_id = 'msg_' || replace(id::text, '-', ''),
    host = substring(url FROM '^[^:]+://([^/?#]+)'),
    due_at = CASE WHEN state = 'pending' THEN now() END,
    task_ids = CASE WHEN task_id IS NULL THEN '{}' ELSE ARRAY[task_id] END,
    event = CASE WHEN state NOT IN ('pending', 'in_flight') THEN position + 1 END;
UPDATE run SET events = (SELECT coalesce(max(position), 0) + 1 FROM delivery WHERE run_id = run.id);
-- What is under way while this runs belongs to a process that does not count; it ends as that of any process that died.
WITH ghost AS (INSERT INTO replica (id, beat) SELECT gen_random_uuid(), 0
                WHERE EXISTS (SELECT 1 FROM delivery WHERE state = 'in_flight') RETURNING id)
UPDATE delivery SET owner = ghost.id FROM ghost WHERE state = 'in_flight';
ALTER TABLE delivery
    ALTER COLUMN webhook_id SET NOT NULL,
    ALTER COLUMN task_ids DROP DEFAULT,
    ADD CHECK ((state = 'in_flight') = (owner IS NOT NULL)),
    ADD CHECK ((state = 'pending') = (due_at IS NOT NULL));
CREATE INDEX delivery_pending ON delivery (run_id, position) WHERE state = 'pending';
CREATE INDEX delivery_due ON delivery (due_at) WHERE state = 'pending';
CREATE INDEX delivery_owned ON delivery (owner) WHERE owner IS NOT NULL;

-- An attempt that another one followed, or is to follow. The last one stands in its delivery.
CREATE TABLE attempt (
    id              uuid PRIMARY KEY,
    delivery_id     uuid NOT NULL REFERENCES delivery ON DELETE CASCADE,
    number          integer NOT NULL,
    ended_at        timestamptz NOT NULL,
    status          integer,
    duration_ms     integer,
    failure_kind    text NOT NULL,
    failure_message text NOT NULL,
    UNIQUE (delivery_id, number)
);
