package studio.actions.log;

import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

import org.jboss.logging.MDC;

/**
 * The ids that log lines carry in addition to their text: {@code caller}, {@code action} and {@code run}. In JSON logs they are
 * fields of the object {@code mdc}.
 */
public final class LogContext {

    private static final String CALLER = "caller";
    private static final String ACTION = "action";
    private static final String RUN = "run";

    private LogContext() {
    }

    /** Adds the caller's id to all later log lines of the current request. */
    public static void caller(UUID caller) {
        MDC.put(CALLER, caller.toString());
    }

    /** Adds the action's id to all later log lines of the current request. */
    public static void action(UUID action) {
        MDC.put(ACTION, action.toString());
    }

    /** Adds the run's id to all later log lines of the current request. */
    public static void run(UUID run) {
        MDC.put(RUN, run.toString());
    }

    /** Runs code that belongs to no request and writes log lines with these ids, then restores the previous ids. */
    public static void about(UUID caller, UUID action, UUID run, Runnable lines) {
        Map<String, String> about = Map.of(CALLER, caller.toString(), ACTION, action.toString(), RUN, run.toString());
        Map<String, Object> before = new HashMap<>();
        about.forEach((key, id) -> before.put(key, MDC.put(key, id)));
        try {
            lines.run();
        } finally {
            before.forEach((key, was) -> {
                if (was == null) {
                    MDC.remove(key);
                } else {
                    MDC.put(key, was);
                }
            });
        }
    }
}
