package studio.actions.start;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import studio.actions.start.Manifests.PrometheusRule;

/** The Prometheus queries in the dashboard and the alerts. */
final class Monitoring {

    /** A candidate for a metric's name: a lower-case name that is not a function. {@code WORDS} are PromQL's keywords. */
    private static final Pattern NAME = Pattern.compile("(?<![\\w$\"~=|])([a-z][a-z0-9_]*)\\b(?!\\s*\\()");
    private static final Set<String> WORDS = Set.of("by", "and", "or", "unless", "offset", "without");

    private Monitoring() {
    }

    static JsonNode dashboard() throws IOException {
        return new ObjectMapper().readTree(Files.readString(Manifests.MONITORING.resolve("dashboard.json")));
    }

    static List<PrometheusRule.Alert> alerts() throws IOException {
        return Manifests.read(Manifests.MONITORING.resolve("alerts.yaml")).stream().map(PrometheusRule.class::cast)
                .flatMap(rule -> rule.spec().groups().stream()).flatMap(group -> group.rules().stream()).toList();
    }

    static List<String> expressions() throws IOException {
        var expressions = new ArrayList<>(dashboard().findValuesAsText("expr"));
        alerts().forEach(alert -> expressions.add(alert.expr()));
        return expressions;
    }

    /** Returns the names of our own metrics in all queries, spelled as in a scrape. */
    static Set<String> metricsNamed() throws IOException {
        return allMetricsNamed().stream().filter(name -> name.startsWith("custom_actions_"))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** Returns the names of all metrics in all queries, also of Quarkus' and Prometheus' own. */
    static Set<String> allMetricsNamed() throws IOException {
        var names = new TreeSet<String>();
        for (String expression : expressions()) {
            // Removes selectors, ranges and label lists.
            String bare = expression.replaceAll("\\{[^}]*}", " ").replaceAll("\\[[^]]*]", " ")
                    .replaceAll("\\b(by|without)\\s*\\([^)]*\\)", " ");
            NAME.matcher(bare).results().map(MatchResult::group).filter(name -> !WORDS.contains(name)).forEach(names::add);
        }
        return names;
    }
}
