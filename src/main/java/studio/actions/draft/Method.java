package studio.actions.draft;

/** The HTTP method of an action's deliveries. An action that the browser opens does not use it. */
public enum Method {
    POST,
    GET,
    PUT,
    PATCH,
    DELETE
}
