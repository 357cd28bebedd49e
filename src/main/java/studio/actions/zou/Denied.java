package studio.actions.zou;

/**
 * Zou's refusal of a request: status 403, or 404 for an unknown object. If the request was to change something in Zou, other
 * statuses such as 400 occur, too.
 */
final class Denied extends RuntimeException {

    private static final long serialVersionUID = 1L;
    final int status;

    Denied(int status, String reason) {
        super(reason, null, false, false);
        this.status = status;
    }
}
