-- What has ended is counted a moment later, by the day (UTC) on which it was pressed, for its action and for 'all': a question
-- about a million deliveries reads some hundred rows.
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
    -- Empty where it did not fail.
    failure_kind text NOT NULL,
    count        bigint NOT NULL,
    PRIMARY KEY (subject, day, state, failure_kind)
) WITH (fillfactor = 50);
CREATE TABLE duration_count (
    subject text NOT NULL,
    day     date NOT NULL,
    -- Of the last attempt, as duration_bucket says.
    took_ms integer NOT NULL,
    count   bigint NOT NULL,
    PRIMARY KEY (subject, day, took_ms)
) WITH (fillfactor = 50);

-- Up to 31 ms as they are; above, the five leading bits: 16 buckets for each doubling, as HdrHistogram has them.
CREATE FUNCTION duration_bucket(ms integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT (ms >> greatest(0, length(ltrim(ms::bit(32)::text, '0')) - 5)) << greatest(0, length(ltrim(ms::bit(32)::text, '0')) - 5)
$$;

CREATE TABLE uncounted_opening (
    id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    action_id uuid NOT NULL,
    state     text NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- For their retention. Whoever writes runs waits from here on.
CREATE INDEX run_finished ON run (finished_at) WHERE finished_at IS NOT NULL;

-- What is to be counted: by triggers, so that replicas of the version before, which go on for a while, tell of their runs as well;
-- and not in a column of run, whose rows they read whole.
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
    FOR EACH ROW WHEN (NEW.finished_at IS NOT NULL) EXECUTE FUNCTION count_run();
INSERT INTO uncounted_run (run_id) SELECT id FROM run WHERE finished_at IS NOT NULL;
