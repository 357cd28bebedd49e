-- An action is what an admin defines: the button.
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
    report          text NOT NULL,
    roles           text[] NOT NULL,
    project_ids     uuid[] NOT NULL,
    version         integer NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    created_by      uuid NOT NULL,
    updated_by      uuid NOT NULL
);
CREATE INDEX action_by_name ON action (lower(name), name, id);

-- A run is one press of the button. It holds what every delivery of it is sent with, so that an action that is changed or
-- deleted in the meantime changes nothing about a press that was made.
CREATE TABLE run (
    id             uuid PRIMARY KEY,
    action_id      uuid NOT NULL,
    action_name    text NOT NULL,
    state          text NOT NULL,
    caller_id      uuid NOT NULL,
    caller_name    text NOT NULL,
    caller_email   text,
    caller_role    text NOT NULL,
    method         text NOT NULL,
    headers        jsonb NOT NULL,
    timeout_ms     integer NOT NULL,
    signing_secret text,
    created_at     timestamptz NOT NULL,
    finished_at    timestamptz,
    lease_until    timestamptz,
    unfinished     integer NOT NULL
);
CREATE INDEX run_newest ON run (created_at DESC, id DESC);
CREATE INDEX run_of_action ON run (action_id, created_at DESC, id DESC);
CREATE INDEX run_of_caller ON run (caller_id, created_at DESC, id DESC);
CREATE INDEX run_unfinished ON run (lease_until) WHERE finished_at IS NULL;

-- A delivery is one request owed by a run.
CREATE TABLE delivery (
    id              uuid PRIMARY KEY,
    run_id          uuid NOT NULL REFERENCES run ON DELETE CASCADE,
    position        integer NOT NULL,
    entity_id       uuid,
    entity_type     text,
    production_id   uuid,
    task_id         uuid,
    method          text NOT NULL,
    url             text,
    body            text,
    state           text NOT NULL,
    status          integer,
    attempts        integer NOT NULL,
    duration_ms     integer,
    failure_kind    text,
    failure_message text,
    response        text,
    UNIQUE (run_id, position)
);
