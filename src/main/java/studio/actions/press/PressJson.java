package studio.actions.press;

import java.util.List;
import java.util.Map;
import java.util.UUID;

import com.fasterxml.jackson.databind.node.ObjectNode;

import studio.actions.draft.Draft;
import studio.actions.draft.Method;
import studio.actions.egress.FailureKind;
import studio.actions.plan.Selection;
import studio.actions.problem.ProblemException;
import studio.actions.run.Target;

/** The JSON types of the endpoints for presses, previews and replays. */
public final class PressJson {

    private PressJson() {
    }

    public record Press(
            List<UUID> selection,
            List<Target> targets) {
    }

    /**
     * Returns the selection in the body of a press.
     *
     * @throws ProblemException {@code invalid_body} if there is no body, or the selection in it is invalid
     */
    static Selection selection(Press press, int limit) {
        if (press == null) {
            throw ProblemException.invalid("", "required", "The body is required: {\"targets\": […]} or {\"selection\": […]}.");
        }
        return Selection.of(press.selection(), press.targets(), limit);
    }

    public record DraftPress(
            Draft action,
            List<UUID> selection,
            List<Target> targets) {
    }

    /** A target to preview an action on, and in words where it comes from. */
    public record Sample(Target target, String from) {
    }

    public record Preview(List<Would> deliveries) {

        public record Would(Target target, Method method,
                String url,
                Map<String, String> headers,
                ObjectNode body,
                Trouble problem) {
        }

        public record Trouble(FailureKind code, String message) {
        }
    }

    /** The parameter {@code only}: which deliveries of a run a replay sends again. */
    public enum Only {
        failed,
        all
    }
}
