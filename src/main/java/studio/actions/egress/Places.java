package studio.actions.egress;

import java.util.HashMap;
import java.util.Map;

/** So many requests at once to one host. */
final class Places {

    private final int perHost;
    private final Map<String, Integer> taken = new HashMap<>();

    Places(int perHost) {
        this.perHost = perHost;
    }

    /** Takes a place if one is free. Whoever has it must {@link #leave}. */
    synchronized boolean tryEnter(String host) {
        if (taken.getOrDefault(host, 0) == perHost) {
            return false;
        }
        taken.merge(host, 1, Integer::sum);
        return true;
    }

    synchronized void leave(String host) {
        taken.computeIfPresent(host, (same, count) -> count == 1 ? null : count - 1);
    }

    /** How many are free where any is taken. */
    synchronized Map<String, Integer> free() {
        Map<String, Integer> free = new HashMap<>(taken);
        free.replaceAll((host, count) -> perHost - count);
        return free;
    }
}
