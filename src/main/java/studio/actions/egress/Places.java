package studio.actions.egress;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;

/** So many requests at once to one host; the others stand in line. */
final class Places {

    private final int perHost;
    private final Map<String, Host> hosts = new HashMap<>();

    Places(int perHost) {
        this.perHost = perHost;
    }

    /** Takes a place if one is free and nobody stands in line. */
    boolean tryEnter(String name) {
        synchronized (hosts) {
            Host host = hosts.computeIfAbsent(name, unseen -> new Host());
            if (host.taken == perHost) {
                return false;
            }
            host.taken++;
            return true;
        }
    }

    /** Runs as soon as there is a place, which may be at once. Whoever enters must {@link #leave}. */
    void enter(String name, Runnable turn) {
        synchronized (hosts) {
            Host host = hosts.computeIfAbsent(name, unseen -> new Host());
            if (host.taken == perHost) {
                host.line.add(turn);
                return;
            }
            host.taken++;
        }
        turn.run();
    }

    void leave(String name) {
        Runnable next;
        synchronized (hosts) {
            Host host = hosts.get(name);
            next = host.line.poll();
            if (next == null && --host.taken == 0) {
                hosts.remove(name);
            }
        }
        if (next != null) {
            next.run();
        }
    }

    private static final class Host {
        private int taken;
        private final Queue<Runnable> line = new ArrayDeque<>();
    }
}
