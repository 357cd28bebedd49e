package studio.actions.egress;

/** The reason why a delivery was not delivered; spelled as in the API and in the database. */
public enum FailureKind {
    forbidden_address,
    dns,
    connect_refused,
    connect_timeout,
    tls,
    timeout,
    connection_lost,
    protocol,
    too_large,
    redirect,
    client_error,
    server_error,
    rate_limited,
    missing_variable,
    wrong_entity_type,
    not_visible,
    not_allowed,
    cancelled,
    lost
}
