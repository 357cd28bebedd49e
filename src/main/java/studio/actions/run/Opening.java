package studio.actions.run;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import studio.actions.egress.FailureKind;
import studio.actions.problem.Problem.Code;

/** What the browser is to open for a selection: each URL once, and what there is none for. */
public record Opening(List<Link> links, List<Refused> refused) {

    /** A filled URL. The name is that of the first entity it stands for; null where none is known. */
    public record Link(String name, String url) {

        /** Whether it is a page, and no desktop program. */
        public boolean web() {
            return url.regionMatches(true, 0, "http:", 0, 5) || url.regionMatches(true, 0, "https:", 0, 6);
        }
    }

    /** The name is null where the caller may not know it. */
    public record Refused(String name, FailureKind kind, String why) {
    }

    static Opening of(List<PlannedDelivery> planned) {
        Map<String, Link> links = new LinkedHashMap<>();
        planned.stream().filter(one -> !one.refused())
                .forEach(one -> links.putIfAbsent(one.url(), new Link(one.target().entityName(), one.url())));
        return new Opening(List.copyOf(links.values()), planned.stream().filter(PlannedDelivery::refused)
                .map(one -> new Refused(one.target().entityName(), one.refusal(), one.why())).toList());
    }

    /** How it went, in the words for a run. */
    Run.State state() {
        return links.isEmpty() ? Run.State.failed : refused.isEmpty() ? Run.State.succeeded : Run.State.partial;
    }

    /** Why there is nothing to open; null where there is something. */
    public Code trouble() {
        if (!links.isEmpty()) {
            return null;
        }
        Code code = RunProblem.of(refused.stream().map(Refused::kind).collect(Collectors.toSet()));
        // Nothing was to be delivered: what is left is a value that no URL can hold.
        return code == Code.NOT_VISIBLE || code == Code.NOT_ALLOWED ? code : Code.NOT_FOR_SELECTION;
    }
}
