package studio.actions.press;

import studio.actions.identity.Requester;
import studio.actions.limit.Quota;
import studio.actions.run.Run;
import studio.actions.run.RunEvents;
import studio.actions.webhook.Tracing;

/**
 * A press that is being handled, and its caller, who waits for the end of the run. The caller may disconnect before the run is
 * committed.
 */
final class Press {

    final Requester requester;
    final IdempotencyKey key;
    final Quota quota;
    final String traceparent = Tracing.current();
    private final RunEvents events;
    private volatile RunEvents.Watch watch;
    private volatile boolean gone;

    Press(Requester requester, IdempotencyKey key, Quota quota, RunEvents events) {
        this.requester = requester;
        this.key = key;
        this.quota = quota;
        this.events = events;
    }

    /** Starts to watch for the end of a run. Stops watching the run of the previous call, if there was one. */
    RunEvents.Watch on(Run run) {
        close(watch);
        watch = events.watch(run.id);
        if (gone) {
            watch.close();
        }
        return watch;
    }

    RunEvents.Watch watch() {
        return watch;
    }

    void hangUp() {
        gone = true;
        close(watch);
    }

    private static void close(RunEvents.Watch watch) {
        if (watch != null) {
            watch.close();
        }
    }
}
