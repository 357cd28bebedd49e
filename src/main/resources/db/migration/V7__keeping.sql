-- Every version that an action has had, and what it was when it was deleted. An action that is gone comes back from here.
CREATE TABLE action_version (
    id           uuid PRIMARY KEY,
    action_id    uuid NOT NULL,
    version      integer NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    verb         text NOT NULL,
    caller_id    uuid NOT NULL,
    -- Null in what was written before there was a history.
    caller_name  text,
    caller_email text,
    caller_role  text,
    -- What an admin would send to get this version.
    draft        jsonb NOT NULL,
    -- Of the action, for when it comes back.
    created_at   timestamptz NOT NULL,
    created_by   uuid NOT NULL,
    UNIQUE (action_id, version)
);
INSERT INTO action_version (id, action_id, version, at, verb, caller_id, draft, created_at, created_by)
SELECT gen_random_uuid(), id, version, updated_at, CASE WHEN version = 1 THEN 'created' ELSE 'changed' END, updated_by,
       jsonb_build_object('name', name, 'url', url, 'entity_type', entity_type, 'is_ajax', is_ajax, 'description', description,
           'enabled', enabled, 'method', method, 'headers', headers, 'timeout_ms', timeout_ms, 'max_attempts', max_attempts,
           'rate_per_minute', rate_per_minute, 'signing_secret', signing_secret, 'report', report, 'roles', to_jsonb(roles),
           'project_ids', to_jsonb(project_ids)),
       created_at, created_by
  FROM action;

-- The audit. Its times are this database's, so that no replica's clock can make an entry older than it is.
ALTER TABLE audit_entry
    ALTER COLUMN at SET DEFAULT clock_timestamp(),
    -- An import is about no action in particular.
    ALTER COLUMN subject DROP NOT NULL,
    ALTER COLUMN subject_name DROP NOT NULL,
    ADD COLUMN run_id uuid,
    ADD COLUMN detail jsonb NOT NULL DEFAULT '{}';
DROP INDEX audit_entry_of_subject;
CREATE INDEX audit_entry_newest ON audit_entry (at DESC, id DESC);
CREATE INDEX audit_entry_of_subject ON audit_entry (subject, at DESC, id DESC);
CREATE INDEX audit_entry_of_caller ON audit_entry (caller_id, at DESC, id DESC);
CREATE INDEX audit_entry_of_verb ON audit_entry (verb, at DESC, id DESC);
CREATE INDEX audit_entry_of_run ON audit_entry (run_id) WHERE run_id IS NOT NULL;

-- How long an entry is kept at the least: retention.audit, as the service was started with it last.
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

-- What ends is counted as it ends, by the day (UTC) on which it was pressed: a question about a million deliveries reads some
-- hundred rows. The action of zeros stands for all of them.
CREATE TABLE press_count (
    action_id uuid NOT NULL,
    day       date NOT NULL,
    kind      text NOT NULL,
    state     text NOT NULL,
    count     bigint NOT NULL,
    last      timestamptz NOT NULL,
    PRIMARY KEY (action_id, day, kind, state)
);
CREATE TABLE delivery_count (
    action_id    uuid NOT NULL,
    day          date NOT NULL,
    state        text NOT NULL,
    -- Empty where it did not fail.
    failure_kind text NOT NULL,
    count        bigint NOT NULL,
    PRIMARY KEY (action_id, day, state, failure_kind)
);
CREATE TABLE duration_count (
    action_id uuid NOT NULL,
    day       date NOT NULL,
    -- Of the last attempt, as duration_bucket says.
    took_ms   integer NOT NULL,
    count     bigint NOT NULL,
    PRIMARY KEY (action_id, day, took_ms)
);

-- Up to 31 ms as they are; above, the five leading bits: 16 buckets for each doubling, as HdrHistogram has them.
CREATE FUNCTION duration_bucket(ms integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT (ms >> low) << low FROM (SELECT greatest(0, length(ltrim(ms::bit(32)::text, '0')) - 5) AS low) bits
$$;

INSERT INTO press_count (action_id, day, kind, state, count, last)
SELECT coalesce(action_id, '00000000-0000-0000-0000-000000000000'), day, kind, state, count(*), max(created_at)
  FROM (SELECT action_id, (created_at AT TIME ZONE 'UTC')::date AS day,
               CASE WHEN replay_of IS NULL THEN 'run' ELSE 'replay' END AS kind, state, created_at
          FROM run WHERE finished_at IS NOT NULL) ended
 GROUP BY GROUPING SETS ((action_id, day, kind, state), (day, kind, state));
INSERT INTO delivery_count (action_id, day, state, failure_kind, count)
SELECT coalesce(action_id, '00000000-0000-0000-0000-000000000000'), day, state, failure_kind, count(*)
  FROM (SELECT r.action_id, (r.created_at AT TIME ZONE 'UTC')::date AS day, d.state,
               coalesce(d.failure_kind, '') AS failure_kind
          FROM run r JOIN delivery d ON d.run_id = r.id WHERE r.finished_at IS NOT NULL) ended
 GROUP BY GROUPING SETS ((action_id, day, state, failure_kind), (day, state, failure_kind));
INSERT INTO duration_count (action_id, day, took_ms, count)
SELECT coalesce(action_id, '00000000-0000-0000-0000-000000000000'), day, took_ms, count(*)
  FROM (SELECT r.action_id, (r.created_at AT TIME ZONE 'UTC')::date AS day, duration_bucket(d.duration_ms) AS took_ms
          FROM run r JOIN delivery d ON d.run_id = r.id
         WHERE r.finished_at IS NOT NULL AND d.duration_ms IS NOT NULL) ended
 GROUP BY GROUPING SETS ((action_id, day, took_ms), (day, took_ms));

-- For their retention.
CREATE INDEX run_finished ON run (finished_at) WHERE finished_at IS NOT NULL;
