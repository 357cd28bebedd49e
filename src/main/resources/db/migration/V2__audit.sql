-- Who did what. Rows are written once.
CREATE TABLE audit_entry (
    id           uuid PRIMARY KEY,
    at           timestamptz NOT NULL,
    verb         text NOT NULL,
    subject      uuid NOT NULL,
    subject_name text NOT NULL,
    caller_id    uuid NOT NULL,
    caller_name  text NOT NULL,
    caller_email text,
    caller_role  text NOT NULL,
    from_address text,
    result       text NOT NULL
);
CREATE INDEX audit_entry_of_subject ON audit_entry (subject, at DESC);
