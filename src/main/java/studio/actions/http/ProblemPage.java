package studio.actions.http;

import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import io.quarkus.qute.TemplateInstance;
import studio.actions.html.Page;
import studio.actions.problem.Problem;

/**
 * A problem as an HTML page for a browser's tab. Kitsu posts a press to a new tab unless the action has {@code is_ajax}, and
 * people paste trigger links into tabs. All other clients get problems as JSON.
 */
public record ProblemPage(String title, String detail, String advice, int status, String code, UUID id, String style)
        implements
            TemplateInstance {

    /** The paths of trigger links, to which Kitsu posts forms. */
    private static final Pattern TRIGGER = Pattern.compile("/api/data/custom-actions/[^/]+/(?:run|open)/?");

    private static final Pattern HTML = Pattern.compile("(?:^|,)\\s*(?:text/html|application/xhtml\\+xml)\\s*(?:;|,|$)",
            Pattern.CASE_INSENSITIVE);

    /**
     * Returns true if a browser's tab will show the answer. Requests from tabs accept HTML; Kitsu's XHR and scripts do not.
     *
     * @param accept the values of the request header {@code Accept}
     */
    static boolean isWanted(String path, Stream<String> accept) {
        return (TRIGGER.matcher(path).matches() || path.startsWith(Page.APP))
                && accept.anyMatch(value -> HTML.matcher(value).find());
    }

    /**
     * Returns the page of a problem, worded for the person who pressed the button in Kitsu.
     *
     * @param retryAfter the value of {@code Retry-After}; null if there is none
     */
    static ProblemPage of(Problem problem, String retryAfter) {
        String code = problem.errors() == null ? problem.code() : problem.errors().get(0).code();
        boolean again = retryAfter != null;
        if (problem.instance() != null && problem.instance().startsWith(Page.APP)) {
            return page(problem.title(), problem.detail(), again ? "Try again in " + seconds(retryAfter) + "." : null, problem);
        }
        return switch (code) {
            case "unauthenticated", "malformed_token" -> page("You are signed out of Kitsu",
                    "Sign in to Kitsu in this browser, then press the button again.", null, problem);
            case "quota_exceeded" -> page("Too many presses", problem.detail(),
                    again ? "You can press again in " + seconds(retryAfter) + "." : null, problem);
            case "not_found" -> page("This action is gone",
                    "It was deleted or disabled, or you may no longer run it. Nothing was run.",
                    "Reload Kitsu to see the current actions.", problem);
            case "action_disabled" -> page("This action is disabled", "Nothing was run.",
                    "An admin of Kitsu can enable it.", problem);
            case "ajax", "not_ajax" -> page("Reload Kitsu",
                    "This action was changed after Kitsu was loaded in your browser. Nothing was run.",
                    "Reload Kitsu, then press the button again.", problem);
            case "empty_selection" -> page("Nothing is selected", "Select at least one task in Kitsu, then press the button.",
                    "If tasks were selected: some versions of Kitsu do not send the selection with an action that opens a tab. "
                            + "An update of Kitsu fixes that.",
                    problem);
            case "method_not_allowed" -> page("This link is for Kitsu's action panel",
                    "The link works, but opening it here runs nothing: Kitsu's action panel posts the selected tasks to it.",
                    "Select a task in Kitsu, open the action panel and press the button.", problem);
            case "unavailable" -> page("Kitsu does not answer", problem.detail(),
                    again ? "Try again in " + seconds(retryAfter) + "." : null, problem);
            default -> page(problem.title(), problem.detail(), again ? "Try again in " + seconds(retryAfter) + "." : null,
                    problem);
        };
    }

    private static ProblemPage page(String title, String detail, String advice, Problem problem) {
        return new ProblemPage(title, detail, advice, problem.status(), problem.code(), problem.id(), Page.STYLE);
    }

    private static String seconds(String retryAfter) {
        return retryAfter + (retryAfter.equals("1") ? " second" : " seconds");
    }
}
