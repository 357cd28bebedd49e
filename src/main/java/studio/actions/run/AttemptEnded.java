package studio.actions.run;

import studio.actions.egress.Reply;

/** CDI event: an attempt to send a delivery has ended in this process. */
public record AttemptEnded(Reply reply) {
}
