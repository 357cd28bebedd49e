package studio.actions.egress;

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
import studio.actions.egress.AddressPolicy.Reason;
import studio.actions.egress.AddressPolicy.Refusal;

/** What {@link AddressPolicy} refused, for those who run the service: each is counted by its reason, and logged. */
@Singleton
public class Refusals {

    private static final Logger LOG = Logger.getLogger(Refusals.class);

    /** Bytes of what, and of who. */
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
     * Those to one run, or to one action that is saved or tried out.
     *
     * @param what the run or the action, in words
     * @param caller whose id comes first in the line, where no name can pretend to be another
     * @param name the caller's
     * @param email the caller's; null where there is none
     */
    public Of of(String what, UUID caller, String name, String email) {
        return new Of(caller + " (" + shown(email == null ? name : name + ", " + email) + ") " + shown(what));
    }

    /** On one line, and no longer than a name that may be saved; what is refused may be as long as a body. */
    private static String shown(String text) {
        return PrintableText.cut(PrintableText.of(text), SHOWN).replaceAll("[\\p{Cf}\\p{Zl}\\p{Zp}\n\t]", "\ufffd");
    }

    /** Counts each refusal; logs those that say the same once, since a press may be for a thousand shots. */
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
                        refusal.found() == null ? "" : " What was found is " + refusal.found().getHostAddress() + ".");
            }
        }
    }

    private static String spelled(Reason reason) {
        return reason.name().toLowerCase(Locale.ROOT);
    }
}
