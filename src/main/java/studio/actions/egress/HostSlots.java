package studio.actions.egress;

import java.util.HashMap;
import java.util.Map;

/** So many requests at once to one host. */
final class HostSlots {

    private final int perHost;
    private final Map<String, Integer> taken = new HashMap<>();

    HostSlots(int perHost) {
        this.perHost = perHost;
    }

    /** Takes a slot if one is free. Whoever has it must {@link #release}. */
    synchronized boolean tryTake(String host) {
        if (taken.getOrDefault(host, 0) == perHost) {
            return false;
        }
        taken.merge(host, 1, Integer::sum);
        return true;
    }

    synchronized void release(String host) {
        taken.computeIfPresent(host, (same, count) -> count == 1 ? null : count - 1);
    }

    /** How many are free where any is taken. */
    synchronized Map<String, Integer> free() {
        Map<String, Integer> free = new HashMap<>(taken);
        free.replaceAll((host, count) -> perHost - count);
        return free;
    }
}
