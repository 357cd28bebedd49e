package studio.actions.run;

import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

import jakarta.inject.Singleton;

/** The runs that this process sends at the moment. */
@Singleton
class Leases {

    private final Set<UUID> held = ConcurrentHashMap.newKeySet();

    void hold(UUID run) {
        held.add(run);
    }

    void release(UUID run) {
        held.remove(run);
    }

    Set<UUID> held() {
        return Set.copyOf(held);
    }
}
