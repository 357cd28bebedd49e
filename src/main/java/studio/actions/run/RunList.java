package studio.actions.run;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.identity.Caller;

/**
 * A page of the list of runs for people, newest first: each run with a target, a reason and its replay.
 *
 * @param next the cursor of the next page; null on the last page
 */
public record RunList(List<Entry> entries, String next) {

    /**
     * A run in the list.
     *
     * @param sample a few of its deliveries
     * @param replay the latest run that sends deliveries of this run again; null if there is none
     */
    public record Entry(Run run, RunJson.Counts counts, DeliveryStore.Sample sample, Run replay) {

        /** Returns the delivery to name: the one that was searched for, else a failed one, else the first; null if none. */
        public Delivery shown() {
            return sample.named() != null ? sample.named() : sample.failure() != null ? sample.failure() : sample.first();
        }

        /** Returns why the shown delivery failed; null if it has not. */
        public String why() {
            Delivery shown = shown();
            return shown == null || !shown.state.isFailure() ? null : shown.failureMessage;
        }

        /** Returns whether the run was cancelled, but requests that were being sent then have not ended. */
        public boolean stopping() {
            return run.cancelledAt != null && run.finishedAt == null;
        }

        /** Returns whether this person may cancel the run, and has not done so. */
        public boolean cancellableBy(Caller caller) {
            return run.cancelledAt == null && run.finishedAt == null && run.belongsTo(caller);
        }

        public long others() {
            return counts.total() - 1;
        }
    }

    /**
     * Returns the first targets of the newest runs that the caller may see, newest first.
     *
     * @param action the action of the runs; null for all actions
     */
    public static List<Target> lastTargets(UUID action, RunAccess.Access access, int limit) {
        return read(new RunStore.Filter(action, null, null, null, null, null, null), access, limit).entries().stream()
                .map(entry -> entry.sample().first()).filter(Objects::nonNull)
                .map(Delivery::target).toList();
    }

    /** Reads a page of the runs that match the filter and that the caller may see. */
    public static RunList read(RunStore.Filter filter, RunAccess.Access access, int limit) {
        return QuarkusTransaction.requiringNew().call(() -> {
            RunStore.Page page = RunStore.list(filter, access, limit);
            List<UUID> ids = page.ids();
            Map<UUID, Map<Delivery.State, Long>> counts = DeliveryStore.counts(ids);
            Map<UUID, DeliveryStore.Sample> samples = DeliveryStore.samples(ids, filter.name());
            Map<UUID, Run> replays = new HashMap<>();
            RunStore.replaysOf(ids).forEach(replay -> replays.put(replay.replayOf, replay));
            return new RunList(page.runs().stream().map(run -> new Entry(run, RunJson.Counts.of(counts.get(run.id)),
                    samples.get(run.id), replays.get(run.id))).toList(), page.next());
        });
    }
}
