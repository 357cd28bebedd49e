package studio.actions.address;

import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

import jakarta.inject.Singleton;

import org.jboss.logging.Logger;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import studio.actions.address.AddressPolicy.Reason;
import studio.actions.address.AddressPolicy.Refusal;
import studio.actions.log.PrintableText;

/** Metrics and log lines, for the operator, about addresses that {@link AddressPolicy} refused. */
@Singleton
public class Refusals {

    private static final Logger LOG = Logger.getLogger(Refusals.class);

    /** The most bytes of a log line for the description of the run or action, and for the caller's name with email. */
    private static final int SHOWN = 500;

    private final Map<Reason, Counter> counters = new EnumMap<>(Reason.class);

    Refusals(MeterRegistry meters) {
        for (Reason reason : Reason.values()) {
            counters.put(reason, Counter.builder("custom_actions.egress.refused")
                    .description("Addresses that were refused: when an action was saved or tried out, and in runs, one for "
                            + "each delivery.")
                    .tag("reason", spelled(reason)).register(meters));
        }
    }

    /**
     * Returns a recorder for the refusals of one run, or of one action that is saved or tried out.
     *
     * @param what the run or the action, in words
     * @param caller the caller's id; comes first in the log line, so that no name can pass for another caller's id
     * @param name the caller's name
     * @param email the caller's email; null if there is none
     */
    public Of of(String what, UUID caller, String name, String email) {
        return new Of(caller + " (" + shown(email == null ? name : name + ", " + email) + ") " + shown(what));
    }

    /**
     * Cuts a text and replaces its line breaks, for a log line. The text may contain the name of an invalid action, which may
     * be as long as the body of its request.
     */
    private static String shown(String text) {
        return PrintableText.cut(PrintableText.of(text), SHOWN).replaceAll("[\\p{Cf}\\p{Zl}\\p{Zp}\n\t]", "\ufffd");
    }

    /**
     * A recorder for the refusals of one run or action. Counts every refusal by its reason, but logs equal refusals only once:
     * a press for a thousand shots must not write a thousand lines.
     */
    public final class Of {

        private final String who;
        private final Set<Refusal> told = ConcurrentHashMap.newKeySet();

        private Of(String who) {
            this.who = who;
        }

        public void note(Refusal refusal) {
            counters.get(refusal.reason()).increment();
            if (told.add(refusal)) {
                LOG.warnf("Egress refused (%s) caller %s: %s%s", spelled(refusal.reason()), who, refusal.sentence(),
                        refusal.found() == null ? "" : " Resolved address: " + refusal.found().getHostAddress() + ".");
            }
        }
    }

    private static String spelled(Reason reason) {
        return reason.name().toLowerCase(Locale.ROOT);
    }
}
