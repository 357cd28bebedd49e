package studio.actions.zou;

/**
 * Zou's refusal of a request: 403, or 404 for an unknown object. Other statuses, such as 400, occur only if Zou refuses a
 * change.
 */
final class Denied extends RuntimeException {

    private static final long serialVersionUID = 1L;
    final int status;

    Denied(int status, String reason) {
        super(reason, null, false, false);
        this.status = status;
    }
}
