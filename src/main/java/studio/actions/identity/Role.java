package studio.actions.identity;

/** The roles of people in Zou. Zou's spelling is used in JSON, in the database and here. */
public enum Role {
    admin,
    manager,
    supervisor,
    user,
    client,
    vendor
}
