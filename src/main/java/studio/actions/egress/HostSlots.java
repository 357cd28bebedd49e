package studio.actions.egress;

import java.util.HashMap;
import java.util.Map;

/** The limit of concurrent requests to each host. */
final class HostSlots {

    private final int perHost;
    private final Map<String, Integer> taken = new HashMap<>();

    HostSlots(int perHost) {
        this.perHost = perHost;
    }

    /** Takes a slot if one is free, else returns false. The holder must {@link #release} it. */
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

    /** Returns the number of free slots at each host where a slot is taken. */
    synchronized Map<String, Integer> free() {
        Map<String, Integer> free = new HashMap<>(taken);
        free.replaceAll((host, count) -> perHost - count);
        return free;
    }
}
