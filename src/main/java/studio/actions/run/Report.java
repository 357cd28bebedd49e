package studio.actions.run;

import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.jboss.logging.Logger;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import studio.actions.action.Action;
import studio.actions.egress.Reply;
import studio.actions.identity.Credential;
import studio.actions.zou.Production;

/**
 * Tells in Kitsu what came of a press: a comment by the caller on each task of a delivery. It lives as long as the press, for
 * the credential that it comments with is written nowhere; a run that another process takes over ends without comments.
 *
 * @param tasks by delivery
 */
record Report(Action.Report when, String actionName, Credential credential, Map<UUID, List<UUID>> tasks, Production kitsu) {

    private static final Logger LOG = Logger.getLogger(Report.class);

    /** Comments of one delivery that are under way at once. */
    private static final int AT_ONCE = 4;

    static final Report NONE = new Report(Action.Report.none, null, null, Map.of(), null);

    /** One sentence with the outcome, and of a failure its kind: never a secret, never the receiver's text. Does not fail. */
    Uni<Void> tell(UUID delivery, Reply reply) {
        boolean delivered = reply instanceof Reply.Delivered;
        if (when == Action.Report.none || delivered && when == Action.Report.failures) {
            return Uni.createFrom().voidItem();
        }
        String outcome = reply instanceof Reply.Failed failed ? "failed (" + failed.kind() + ")"
                : reply instanceof Reply.Refused refused ? "not sent (" + refused.kind() + ")" : "delivered";
        return Multi.createFrom().iterable(tasks.getOrDefault(delivery, List.of()))
                .onItem().transformToUni(task -> kitsu.comment(credential, task, actionName + ": " + outcome + ".")
                        .onFailure().invoke(failure -> LOG.warnf("No comment on task %s tells of delivery %s, which was %s: %s",
                                task, delivery, outcome, failure.getMessage()))
                        .onFailure().recoverWithNull())
                .merge(AT_ONCE).onItem().ignoreAsUni();
    }
}
