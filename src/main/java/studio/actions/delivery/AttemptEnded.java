package studio.actions.delivery;

import jakarta.enterprise.event.Event;

import io.quarkus.arc.Arc;
import studio.actions.egress.Reply;

/** CDI event: an attempt to send a delivery has ended in this process. */
public record AttemptEnded(Reply reply) {

    /** Fires the event. Does nothing if CDI has shut down, because an attempt may end later than that. */
    static void fire(Event<AttemptEnded> event, Reply reply) {
        if (Arc.container() != null) {
            event.fire(new AttemptEnded(reply));
        }
    }
}
