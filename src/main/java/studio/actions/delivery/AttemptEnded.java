package studio.actions.delivery;

import studio.actions.egress.Reply;

/** CDI event: an attempt to send a delivery has ended in this process. */
public record AttemptEnded(Reply reply) {
}
