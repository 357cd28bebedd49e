-- Token buckets: how much of a limit is left, and since when, by this database's clock. No row is a full bucket.
CREATE TABLE bucket (
    kind    text NOT NULL,
    -- Who or what is limited.
    subject text NOT NULL,
    -- What it holds, and how many seconds it takes to fill.
    quota   integer NOT NULL,
    seconds double precision NOT NULL,
    tokens  double precision NOT NULL,
    -- A second, small bucket, which counts as long as the first has run out: so that what piles up while nobody can take it, as when
    -- a process stands still for a moment, does not go out at once.
    pace    double precision NOT NULL,
    short   boolean NOT NULL,
    -- What the last take got: INSERT … ON CONFLICT cannot return what was there before.
    granted integer NOT NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (kind, subject)
) WITH (fillfactor = 50);

-- Where all of its deliveries go.
ALTER TABLE run ADD COLUMN host text;

-- What its action allows, for when that is deleted before the run has ended. Replicas of the version before do not write it.
ALTER TABLE run ADD COLUMN rate_per_minute integer NOT NULL DEFAULT 600;

-- What an action has waiting, and what of it was pressed first.
DROP INDEX run_unfinished;
CREATE INDEX run_unfinished ON run (action_id, created_at, id) WHERE finished_at IS NULL;
