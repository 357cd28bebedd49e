package studio.actions.run;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import io.quarkus.narayana.jta.QuarkusTransaction;
import studio.actions.egress.FailureKind;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;

/**
 * Makes the problem response for a run that did not fully succeed, because Kitsu tells success from failure by the HTTP status
 * alone.
 */
public final class RunProblem {

    private static final int SHOWN = 20;

    /** Seconds in {@code Retry-After} if receivers were busy. A usual value, since the receiver's own value is not stored. */
    private static final int BUSY_SECONDS = 60;

    private RunProblem() {
    }

    /**
     * Returns the problem for a run that ended without full success, with the run's URL in {@code Location}. The failures of
     * all deliveries decide the HTTP status; if the view lacks some deliveries, the failures are read from the database.
     */
    public static ProblemException of(RunJson.View run) {
        RunJson.Counts counts = run.counts();
        List<RunJson.DeliveryView> shown = run.page().deliveries();
        List<RunJson.DeliveryView> unsuccessful = shown.stream().filter(one -> one.failure() != null).toList();
        List<RunJson.DeliveryView> failures = run.page().failures().isEmpty() ? unsuccessful : run.page().failures();
        List<Fault> faults = IntStream.range(0, Math.min(SHOWN, failures.size()))
                .mapToObj(i -> new Fault("/failures/" + i, failures.get(i).failure().kind().name(),
                        failures.get(i).failure().message()))
                .toList();
        String first = faults.isEmpty() ? "" : faults.get(0).message();
        String detail = counts.total() == 1 ? first
                : counts.delivered() + " of " + counts.total() + " were delivered. " + first
                        + (faults.size() > 1 ? " The run has the failure of each delivery." : "");
        Set<FailureKind> kinds = shown.size() == counts.total()
                ? unsuccessful.stream().map(one -> one.failure().kind()).collect(Collectors.toSet())
                : QuarkusTransaction.requiringNew().call(() -> DeliveryStore.failureKinds(run.id()));
        Code code = counts.delivered() > 0 ? Code.NOT_DELIVERED : of(kinds);
        ProblemException problem = ProblemException.of(code, detail, faults)
                .with("Location", "/api/custom-actions/runs/" + run.id());
        return code == Code.RECEIVER_BUSY ? problem.with("Retry-After", Integer.toString(BUSY_SECONDS)) : problem;
    }

    /**
     * Returns the problem code for a run that delivered nothing: a specific code if all failures are of one kind or of similar
     * kinds, else {@code NOT_DELIVERED}.
     */
    public static Code of(Set<FailureKind> kinds) {
        if (Set.of(FailureKind.timeout, FailureKind.connect_timeout).containsAll(kinds)) {
            return Code.RECEIVER_TIMEOUT;
        }
        if (kinds.equals(Set.of(FailureKind.rate_limited))) {
            return Code.RECEIVER_BUSY;
        }
        if (kinds.equals(Set.of(FailureKind.not_visible))) {
            return Code.NOT_VISIBLE;
        }
        if (kinds.equals(Set.of(FailureKind.not_allowed))) {
            return Code.NOT_ALLOWED;
        }
        return Set.of(FailureKind.not_visible, FailureKind.not_allowed, FailureKind.wrong_entity_type,
                FailureKind.missing_variable).containsAll(kinds)
                        ? Code.NOT_FOR_SELECTION
                        : Code.NOT_DELIVERED;
    }
}
