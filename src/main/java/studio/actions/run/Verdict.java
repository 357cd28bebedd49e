package studio.actions.run;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import studio.actions.egress.FailureKind;
import studio.actions.problem.Problem.Code;
import studio.actions.problem.Problem.Fault;
import studio.actions.problem.ProblemException;

/** A press that did not do all it should as one problem, for those who tell success from failure by a status alone. */
public final class Verdict {

    private static final int SHOWN = 20;

    /** What a receiver that is too busy commonly asks for; what this one asked for is not kept. */
    private static final int BUSY_SECONDS = 60;

    private Verdict() {
    }

    /** Of a run that has ended and did not succeed; it says where the run can be read. */
    public static ProblemException of(RunJson.View run) {
        RunJson.Counts counts = run.counts();
        List<RunJson.DeliveryView> all = run.deliveries();
        List<Fault> faults = IntStream.range(0, all.size()).filter(i -> all.get(i).failure() != null).limit(SHOWN)
                .mapToObj(i -> new Fault("/deliveries/" + i, all.get(i).failure().kind().name(),
                        all.get(i).failure().message()))
                .toList();
        Set<FailureKind> kinds = all.stream().filter(one -> one.failure() != null).map(one -> one.failure().kind())
                .collect(Collectors.toSet());
        String first = faults.isEmpty() ? "" : faults.get(0).message();
        String detail = counts.total() == 1 ? first
                : counts.delivered() + " of " + counts.total() + " were delivered. " + first
                        + (faults.size() > 1 ? " The run says it of each." : "");
        Code code = counts.delivered() > 0 ? Code.NOT_DELIVERED : of(kinds);
        ProblemException problem = ProblemException.of(code, detail, faults)
                .with("Location", "/api/custom-actions/runs/" + run.id());
        return code == Code.RECEIVER_BUSY ? problem.with("Retry-After", Integer.toString(BUSY_SECONDS)) : problem;
    }

    /** Where nothing came of it, and all of it has one kind of reason, that; else that it did not arrive. */
    static Code of(Set<FailureKind> kinds) {
        if (Set.of(FailureKind.timeout, FailureKind.connect_timeout).containsAll(kinds)) {
            return Code.RECEIVER_TIMEOUT;
        }
        if (kinds.equals(Set.of(FailureKind.rate_limited))) {
            return Code.RECEIVER_BUSY;
        }
        if (kinds.equals(Set.of(FailureKind.not_visible))) {
            return Code.NOT_VISIBLE;
        }
        return Set.of(FailureKind.not_visible, FailureKind.wrong_entity_type, FailureKind.missing_variable).containsAll(kinds)
                ? Code.NOT_FOR_SELECTION
                : Code.NOT_DELIVERED;
    }
}
