package studio.actions.identity;

/** Zou's roles, spelled as Zou spells them: on the wire, in the database and here. */
public enum Role {
    admin,
    manager,
    supervisor,
    user,
    client,
    vendor
}
