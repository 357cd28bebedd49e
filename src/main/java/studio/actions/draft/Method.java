package studio.actions.draft;

/** The HTTP method of deliveries. A browser that opens an action uses its own method. */
public enum Method {
    POST,
    GET,
    PUT,
    PATCH,
    DELETE
}
