-- Where a run was pressed, for whoever sends what it owes; null where nobody traces.
ALTER TABLE run ADD COLUMN traceparent text;
