-- Every version that an action has had, and what it was when it was deleted. An action that is gone comes back from here.
CREATE TABLE action_version (
    id           uuid PRIMARY KEY,
    action_id    uuid NOT NULL,
    version      integer NOT NULL,
    at           timestamptz NOT NULL,
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

-- What became of the runs in the audit, for as long as their entries are kept: the runs themselves are removed before.
CREATE TABLE audit_outcome (
    run_id uuid PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    result text NOT NULL,
    -- Deliveries by how they ended.
    detail jsonb NOT NULL
);
CREATE INDEX audit_outcome_oldest ON audit_outcome (at);
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit_outcome FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER audit_whole BEFORE TRUNCATE ON audit_outcome FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
