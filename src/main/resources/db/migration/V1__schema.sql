-- Until the release of 0.2 this file itself is changed. The service then refuses to start on a database of an earlier build.

-- ---------------------------------------------------------------------------------------------------------------------------
-- Actions
-- ---------------------------------------------------------------------------------------------------------------------------

-- An action is a button in Kitsu that an admin defines.
CREATE TABLE action (
    id              uuid PRIMARY KEY,
    name            text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 80),
    url             text NOT NULL,
    entity_type     text NOT NULL,
    is_ajax         boolean NOT NULL,
    description     text,
    enabled         boolean NOT NULL,
    method          text NOT NULL,
    headers         jsonb NOT NULL,
    timeout_ms      integer NOT NULL,
    max_attempts    integer NOT NULL,
    rate_per_minute integer NOT NULL,
    signing_secret  text,
    roles           text[] NOT NULL,
    project_ids     uuid[] NOT NULL,
    version         integer NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    created_by      uuid NOT NULL,
    updated_by      uuid NOT NULL
);
CREATE INDEX action_by_name ON action (lower(name), name, id);

-- Every replica keeps all actions in memory and reads them again after this notification.
CREATE FUNCTION tell_action_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('action_changed', pg_current_xact_id()::text);
    RETURN NULL;
END $$;
CREATE TRIGGER action_changed AFTER INSERT OR UPDATE OR DELETE ON action
    FOR EACH STATEMENT EXECUTE FUNCTION tell_action_changed();

-- Every version of each action, and its last state if it was deleted. An admin can restore a deleted action from here.
CREATE TABLE action_version (
    id           uuid PRIMARY KEY,
    action_id    uuid NOT NULL,
    version      integer NOT NULL,
    at           timestamptz NOT NULL,
    verb         text NOT NULL,
    caller_id    uuid NOT NULL,
    caller_name  text,
    caller_email text,
    caller_role  text,
    -- The request body with which an admin would create this version.
    draft        jsonb NOT NULL,
    -- Of the action's creation, for a restore.
    created_at   timestamptz NOT NULL,
    created_by   uuid NOT NULL,
    UNIQUE (action_id, version)
);

-- Custom actions of Kitsu that this service took over, saved before they are deleted there, so that they can be restored.
CREATE TABLE kitsu_copy (
    -- Its id in this service.
    id       uuid PRIMARY KEY,
    -- Its id in Kitsu: the same until a restore, in which Kitsu gives it a new id.
    kitsu_id uuid NOT NULL UNIQUE,
    state    text NOT NULL CHECK (state IN ('clearing', 'cleared', 'restored')),
    fields   jsonb NOT NULL,
    saved_at timestamptz NOT NULL
);

-- A lock with one row, so that only one request in all replicas deletes actions in Kitsu or puts them back. It expires.
CREATE TABLE kitsu_copy_turn (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    holder uuid,
    until  timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO kitsu_copy_turn DEFAULT VALUES;

-- Inputs of admins in Kitsu's own form that were refused and that Kitsu discards. Only the same admin sees them, for seven
-- days.
CREATE TABLE refused_form (
    id        uuid PRIMARY KEY,
    caller_id uuid NOT NULL,
    -- Null if the form was for a new action.
    action_id uuid,
    at        timestamptz NOT NULL,
    fields    jsonb NOT NULL,
    code      text NOT NULL,
    message   text NOT NULL,
    errors    jsonb
);
CREATE INDEX refused_form_of_caller ON refused_form (caller_id, at DESC);

-- ---------------------------------------------------------------------------------------------------------------------------
-- Runs
-- ---------------------------------------------------------------------------------------------------------------------------

-- One row for each process. Its heartbeat increments beat. Other replicas take it for dead if beat stands still, so that no
-- clocks of two machines are compared.
CREATE TABLE replica (
    id    uuid PRIMARY KEY,
    beat  bigint NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);

-- A run is one press with everything that it caused. It has copies of the action's fields that its deliveries need, so that a
-- later change of the action does not affect it.
CREATE TABLE run (
    id              uuid PRIMARY KEY,
    action_id       uuid NOT NULL,
    action_name     text NOT NULL,
    action_version  integer NOT NULL,
    state           text NOT NULL,
    caller_id       uuid NOT NULL,
    caller_name     text NOT NULL,
    caller_email    text,
    caller_role     text NOT NULL,
    method          text NOT NULL,
    headers         jsonb NOT NULL,
    timeout_ms      integer NOT NULL,
    max_attempts    integer NOT NULL,
    rate_per_minute integer NOT NULL,
    signing_secret  text,
    -- Host and port of the receiver of all of its deliveries; null if none has a URL.
    host            text,
    fingerprint     text NOT NULL,
    idempotency_key text,
    -- The trace context (W3C) of the press request; null if it was not traced.
    traceparent     text,
    replay_of       uuid,
    -- The productions of its targets, each once. Managers see a run only if they are in all of its productions. The nil UUID,
    -- which stands for an unknown production, has no managers.
    production_ids  uuid[] NOT NULL CHECK (cardinality(production_ids) > 0),
    created_at      timestamptz NOT NULL,
    cancelled_at    timestamptz,
    finished_at     timestamptz,
    unfinished      integer NOT NULL,
    -- The number of outcomes so far. delivery.event has the number of the delivery's latest one, after which a client that
    -- reconnects can resume.
    events          integer NOT NULL,
    -- Code and sentence of the problem if the press was refused as a whole; such a run has no deliveries. Else null.
    refusal_code    text,
    refusal_message text
);
CREATE INDEX run_newest ON run (created_at DESC, id DESC);
CREATE INDEX run_of_action ON run (action_id, created_at DESC, id DESC);
CREATE INDEX run_of_caller ON run (caller_id, created_at DESC, id DESC);
CREATE INDEX run_pressed ON run (caller_id, fingerprint, created_at);
CREATE INDEX run_keyed ON run (caller_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX run_unfinished ON run (action_id, created_at, id) WHERE finished_at IS NULL;
CREATE INDEX run_replayed ON run (replay_of) WHERE replay_of IS NOT NULL;
CREATE INDEX run_finished ON run (finished_at) WHERE finished_at IS NOT NULL;

-- A delivery is one HTTP request that a run has to make.
CREATE TABLE delivery (
    id              uuid PRIMARY KEY,
    run_id          uuid NOT NULL REFERENCES run ON DELETE CASCADE,
    position        integer NOT NULL,
    entity_id       uuid,
    entity_type     text,
    production_id   uuid,
    task_id         uuid,
    -- Names in Kitsu at the time of the press; null if unknown.
    entity_name     text,
    sequence_name   text,
    episode_name    text,
    asset_type_name text,
    task_type_name  text,
    production_name text,
    -- The tasks that the request is about. A replay asks Kitsu again whether the caller may see them.
    task_ids        uuid[] NOT NULL,
    method          text NOT NULL,
    url             text,
    body            text,
    webhook_id      text NOT NULL,
    -- Host and port, whose slots (connections) are limited; null without a URL.
    host            text,
    state           text NOT NULL,
    -- The replica that has it in flight; else null.
    owner           uuid REFERENCES replica,
    -- When a pending delivery may be sent; else null.
    due_at          timestamptz,
    status          integer,
    attempts        integer NOT NULL,
    duration_ms     integer,
    failure_kind    text,
    failure_message text,
    response        text,
    -- Whether the answer was longer than the part that is read of an answer.
    truncated       boolean NOT NULL DEFAULT false,
    event           integer,
    UNIQUE (run_id, position),
    CHECK ((state = 'in_flight') = (owner IS NOT NULL)),
    CHECK ((state = 'pending') = (due_at IS NOT NULL))
);
CREATE INDEX delivery_pending ON delivery (run_id, position) WHERE state = 'pending';
CREATE INDEX delivery_due ON delivery (due_at) WHERE state = 'pending';
-- Indexes only the beginning, because an entry of an index may have 2.7 kB at most.
CREATE INDEX delivery_named ON delivery (lower(left(entity_name, 200)) text_pattern_ops) WHERE entity_name IS NOT NULL;
CREATE INDEX delivery_owned ON delivery (owner) WHERE owner IS NOT NULL;
CREATE INDEX delivery_owned_of_run ON delivery (run_id) WHERE owner IS NOT NULL;

-- An attempt after which its delivery became pending again. The final attempt of a delivery stands only in its delivery row.
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

-- ---------------------------------------------------------------------------------------------------------------------------
-- Rate limits
-- ---------------------------------------------------------------------------------------------------------------------------

-- Token buckets of rate limits. The clock of this database fills them. A bucket without a row is full.
CREATE TABLE bucket (
    kind    text NOT NULL,
    subject text NOT NULL,
    -- The bucket's size, and the seconds in which it fills up.
    quota   integer NOT NULL,
    seconds double precision NOT NULL,
    tokens  double precision NOT NULL,
    -- Tokens of a second, small bucket, which limits takes while the first is short (it ran out and is not full again): tokens
    -- that pile up are not spent at once.
    pace    double precision NOT NULL,
    short   boolean NOT NULL,
    -- The number of tokens that the latest take got. INSERT … ON CONFLICT can return only columns of the new row.
    granted integer NOT NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (kind, subject)
) WITH (fillfactor = 50);

-- ---------------------------------------------------------------------------------------------------------------------------
-- Audit
-- ---------------------------------------------------------------------------------------------------------------------------

-- Who did what. Entries are never changed. The clock of this database gives their times, so that no replica's wrong clock can
-- make an entry look old enough to be deleted.
CREATE TABLE audit_entry (
    id           uuid PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    verb         text NOT NULL,
    -- The action's id; null for an entry about none or several, such as an import.
    subject      uuid,
    subject_name text,
    run_id       uuid,
    caller_id    uuid NOT NULL,
    caller_name  text NOT NULL,
    caller_email text,
    caller_role  text NOT NULL,
    from_address text,
    result       text NOT NULL,
    detail       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_entry_newest ON audit_entry (at DESC, id DESC);
CREATE INDEX audit_entry_of_subject ON audit_entry (subject, at DESC, id DESC);
CREATE INDEX audit_entry_of_caller ON audit_entry (caller_id, at DESC, id DESC);
CREATE INDEX audit_entry_of_verb ON audit_entry (verb, at DESC, id DESC);
CREATE INDEX audit_entry_of_run ON audit_entry (run_id) WHERE run_id IS NOT NULL;

-- How long an audit entry is kept at least: the value of retention.audit with which the service was last started.
CREATE TABLE audit_retention (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    keep   interval NOT NULL
);
INSERT INTO audit_retention (keep) VALUES ('365 days');

CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at < clock_timestamp() - (SELECT keep FROM audit_retention) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'The audit is append-only: no % of an entry that is younger than %', lower(TG_OP),
        (SELECT keep FROM audit_retention) USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER audit_whole BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();

-- The results of runs for their audit entries. They are kept as long as the entries; the runs themselves are removed earlier.
CREATE TABLE audit_outcome (
    run_id uuid PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    result text NOT NULL,
    -- The numbers of the run's deliveries by state.
    detail jsonb NOT NULL
);
CREATE INDEX audit_outcome_oldest ON audit_outcome (at);
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit_outcome FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER audit_whole BEFORE TRUNCATE ON audit_outcome FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();

-- ---------------------------------------------------------------------------------------------------------------------------
-- Statistics
-- ---------------------------------------------------------------------------------------------------------------------------

-- Counts of finished runs by the day (UTC) of the press. A moment after its end, a run is counted for its action and for the
-- subject 'all', so that statistics of a million deliveries read only some hundred rows.
CREATE TABLE press_count (
    subject text NOT NULL,
    day     date NOT NULL,
    kind    text NOT NULL,
    state   text NOT NULL,
    count   bigint NOT NULL,
    last    timestamptz NOT NULL,
    PRIMARY KEY (subject, day, kind, state)
) WITH (fillfactor = 50);
CREATE TABLE delivery_count (
    subject      text NOT NULL,
    day          date NOT NULL,
    state        text NOT NULL,
    -- The empty string for deliveries that did not fail.
    failure_kind text NOT NULL,
    count        bigint NOT NULL,
    PRIMARY KEY (subject, day, state, failure_kind)
) WITH (fillfactor = 50);
CREATE TABLE duration_count (
    subject text NOT NULL,
    day     date NOT NULL,
    -- The duration of a delivery's latest attempt, rounded by duration_bucket.
    took_ms integer NOT NULL,
    count   bigint NOT NULL,
    PRIMARY KEY (subject, day, took_ms)
) WITH (fillfactor = 50);

-- Rounds a duration down to its five leading bits, as HdrHistogram does: exact up to 31 ms, above that 16 buckets for each
-- doubling.
CREATE FUNCTION duration_bucket(ms integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT (ms >> greatest(0, length(ltrim(ms::bit(32)::text, '0')) - 5)) << greatest(0, length(ltrim(ms::bit(32)::text, '0')) - 5)
$$;

CREATE TABLE uncounted_opening (
    id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    action_id uuid NOT NULL,
    state     text NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Finished runs that are not yet counted. A trigger adds them, so that no code path can forget one. A column of run instead
-- would cost one more update for each run.
CREATE TABLE uncounted_run (
    run_id uuid PRIMARY KEY
);
CREATE FUNCTION count_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO uncounted_run (run_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER run_ended AFTER UPDATE OF finished_at ON run
    FOR EACH ROW WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL) EXECUTE FUNCTION count_run();
CREATE TRIGGER run_began_ended AFTER INSERT ON run
    FOR EACH ROW WHEN (NEW.finished_at IS NOT NULL AND NEW.state <> 'refused') EXECUTE FUNCTION count_run();
