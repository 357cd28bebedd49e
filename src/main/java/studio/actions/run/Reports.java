package studio.actions.run;

import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import studio.actions.action.Action;
import studio.actions.identity.Credential;
import studio.actions.log.LogContext;
import studio.actions.zou.Production;

/**
 * Tells in Kitsu what came of a press: a comment by the caller on each task of a delivery, whichever replica has sent it. A
 * report lives as long as the process that was pressed, for the credential that it comments with is written nowhere.
 */
@Singleton
class Reports {

    private static final Logger LOG = Logger.getLogger(Reports.class);

    /** Comments of one run that are under way at once. */
    private static final int AT_ONCE = 4;

    private final RunStreams streams;
    private final Production kitsu;
    private final Set<UUID> open = ConcurrentHashMap.newKeySet();
    private volatile boolean ending;

    Reports(RunStreams streams, Production kitsu) {
        this.streams = streams;
        this.kitsu = kitsu;
    }

    /** Reports on a run from its beginning to its end. */
    void begin(Run run, Action.Report when, Credential credential) {
        if (when == Action.Report.none || credential == null) {
            return;
        }
        open.add(run.id);
        streams.follow(run.id, 0, () -> ending, () -> LOG.debugf("Comments on run %s are slow", run.id))
                .onItem().transformToUniAndConcatenate(look -> tell(run, when, credential, look.outcomes()))
                .onTermination().invoke(() -> open.remove(run.id))
                .subscribe().with(told -> {
                }, failure -> LogContext.about(run.callerId, run.actionId, run.id,
                        () -> LOG.warnf("Run %s is reported on no more: %s", run.id, failure.getMessage())));
    }

    /** Tells what there is to tell by now, and no more. */
    void end() {
        ending = true;
        streams.flush();
    }

    /** Whether all is told. */
    boolean idle() {
        return open.isEmpty();
    }

    private Uni<Void> tell(Run run, Action.Report when, Credential credential, List<Delivery> outcomes) {
        return Multi.createFrom().iterable(outcomes).filter(delivery -> told(when, delivery))
                .onItem().transformToMultiAndConcatenate(delivery -> Multi.createFrom().iterable(delivery.taskIds)
                        .map(task -> new Comment(task, delivery.id, sentence(run, delivery))))
                .onItem().transformToUni(comment -> write(run, credential, comment)).merge(AT_ONCE)
                .onItem().ignoreAsUni();
    }

    private static boolean told(Action.Report when, Delivery delivery) {
        return delivery.state.ended() && delivery.state != Delivery.State.cancelled
                && (delivery.state != Delivery.State.delivered || when == Action.Report.always);
    }

    /** The outcome, and of a failure its kind: never a secret, never the receiver's text. */
    private static String sentence(Run run, Delivery delivery) {
        String outcome = switch (delivery.state) {
            case delivered -> "delivered";
            case refused -> "not sent (" + delivery.failureKind + ")";
            default -> delivery.state + (delivery.failureKind.name().equals(delivery.state.name()) ? ""
                    : " (" + delivery.failureKind + ")");
        };
        return run.actionName + ": " + outcome + ".";
    }

    private record Comment(UUID task, UUID delivery, String text) {
    }

    private Uni<Void> write(Run run, Credential credential, Comment comment) {
        return kitsu.comment(credential, comment.task(), comment.text())
                .onFailure().invoke(failure -> LogContext.about(run.callerId, run.actionId, run.id,
                        () -> LOG.warnf("No comment on task %s tells of delivery %s (\"%s\"): %s", comment.task(),
                                comment.delivery(), comment.text(), failure.getMessage())))
                .onFailure().recoverWithNull();
    }
}
