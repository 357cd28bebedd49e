package studio.actions.log;

import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

import org.jboss.logging.MDC;

/**
 * Whom and what a line in the log is about, beside its words: {@code caller}, {@code action} and {@code run}, as ids. In JSON
 * they stand under {@code mdc}.
 */
public final class LogContext {

    private static final String CALLER = "caller";
    private static final String ACTION = "action";
    private static final String RUN = "run";

    private LogContext() {
    }

    /** For all lines of the request that is being served, wherever they are written. */
    public static void caller(UUID caller) {
        MDC.put(CALLER, caller.toString());
    }

    /** As {@link #caller}. */
    public static void action(UUID action) {
        MDC.put(ACTION, action.toString());
    }

    /** As {@link #caller}. */
    public static void run(UUID run) {
        MDC.put(RUN, run.toString());
    }

    /** For the lines that are written meanwhile, by whoever has no request. What was there before comes back. */
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
