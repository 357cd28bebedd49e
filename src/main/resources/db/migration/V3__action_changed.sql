-- Every replica holds the list of actions in memory, and listens here for when to forget it.
CREATE FUNCTION tell_action_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('action_changed', '');
    RETURN NULL;
END $$;
CREATE TRIGGER action_changed AFTER INSERT OR UPDATE OR DELETE ON action
    FOR EACH STATEMENT EXECUTE FUNCTION tell_action_changed();
