-- Whether a run has anything under way is asked every few seconds, of every run that has not ended.
CREATE INDEX delivery_owned_of_run ON delivery (run_id) WHERE owner IS NOT NULL;
