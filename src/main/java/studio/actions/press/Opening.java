package studio.actions.press;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import studio.actions.egress.FailureKind;
import studio.actions.plan.PlannedDelivery;
import studio.actions.problem.Problem.Code;
import studio.actions.run.Run;
import studio.actions.run.RunProblem;

/** The URLs that the browser is to open for a selection, each URL once, and the refused targets. */
public record Opening(List<Link> links, List<Refused> refused) {

    /**
     * A URL to open and the name of the first entity that it is for. The name is null if it is not known, or if one delivery is
     * for entities with different names.
     */
    public record Link(String name, String url) {

        /** Returns whether the URL is the address of a web page; with another scheme it opens a desktop program. */
        public boolean web() {
            return url.regionMatches(true, 0, "http:", 0, 5) || url.regionMatches(true, 0, "https:", 0, 6);
        }
    }

    /** A target without a URL to open. The name is null if it is not known or the caller may not see the target. */
    public record Refused(String name, FailureKind kind, String why) {
    }

    static Opening of(List<PlannedDelivery> planned) {
        Map<String, Link> links = new LinkedHashMap<>();
        planned.stream().filter(one -> !one.refused())
                .forEach(one -> links.putIfAbsent(one.url(), new Link(one.target().entityName(), one.url())));
        return new Opening(List.copyOf(links.values()), planned.stream().filter(PlannedDelivery::refused)
                .map(one -> new Refused(one.target().entityName(), one.refusal(), one.why())).toList());
    }

    /** Returns the state that a run would have if the service sent the URLs. No run is saved. */
    Run.State state() {
        return links.isEmpty() ? Run.State.failed : refused.isEmpty() ? Run.State.succeeded : Run.State.partial;
    }

    /** Returns the problem code that says why there is no URL to open; null if there is at least one URL. */
    public Code trouble() {
        if (!links.isEmpty()) {
            return null;
        }
        Code code = RunProblem.of(refused.stream().map(Refused::kind).collect(Collectors.toSet()));
        // NOT_DELIVERED would be wrong, since the service sends nothing. Here it means that a URL was unsafe or too long.
        return code == Code.NOT_VISIBLE || code == Code.NOT_ALLOWED ? code : Code.NOT_FOR_SELECTION;
    }
}
