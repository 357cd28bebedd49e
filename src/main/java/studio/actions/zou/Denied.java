package studio.actions.zou;

/** A refusal by Zou: 403, or 404 for an unknown object. A refused change may have another status, such as 400. */
final class Denied extends RuntimeException {

    private static final long serialVersionUID = 1L;
    final int status;

    Denied(int status, String reason) {
        super(reason, null, false, false);
        this.status = status;
    }
}
