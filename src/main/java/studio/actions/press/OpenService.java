package studio.actions.press;

import jakarta.inject.Singleton;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.smallrye.mutiny.Uni;
import studio.actions.action.Action;
import studio.actions.audit.AuditEntry;
import studio.actions.audit.AuditEntry.Verb;
import studio.actions.identity.Requester;
import studio.actions.limit.Quota;
import studio.actions.plan.PressPlanner;
import studio.actions.plan.Selection;
import studio.actions.plan.TargetLookup;
import studio.actions.statistics.RunStatistics;
import studio.actions.statistics.StatisticsStore;

/**
 * Handles presses of actions whose URLs the browser opens. The browser sends the requests. The service only fills in the URLs,
 * and records the press in the audit log and the statistics.
 */
@Singleton
public class OpenService {

    private final PressPlanner planner;
    private final Admission admission;
    private final StatisticsStore statistics;
    private final RunStatistics counting;

    OpenService(PressPlanner planner, Admission admission, StatisticsStore statistics, RunStatistics counting) {
        this.planner = planner;
        this.admission = admission;
        this.statistics = statistics;
        this.counting = counting;
    }

    /**
     * Returns the URLs that the browser is to open.
     *
     * @return the URLs and the refused targets; fails with {@code quota_exceeded}, or if {@link TargetLookup} fails
     */
    public Uni<Opening> open(Requester requester, Action action, Selection selection) {
        Quota left = admission.quota();
        return admission.admit(left, () -> planner.plan(requester, action, selection)).map(planned -> {
            Opening opening = Opening.of(planned);
            left.show(admission.take(requester.caller()));
            admission.check(left);
            QuarkusTransaction.requiringNew().run(() -> {
                AuditEntry.of(Verb.opened, requester, opening.state().name()).about(action.id, action.name)
                        .with("urls", opening.links().size()).with("refused", opening.refused().size()).persist();
                statistics.opened(action.id, opening.state());
            });
            counting.wake();
            return opening;
        });
    }
}
