package studio.actions.run;

import java.time.Clock;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

import jakarta.inject.Singleton;

/** The runs that this process sends at the moment. */
@Singleton
class Leases {

    private final Set<UUID> held = ConcurrentHashMap.newKeySet();
    private final RunConfig.Run config;
    private final Clock clock;

    Leases(RunConfig config, Clock clock) {
        this.config = config.run();
        this.clock = clock;
    }

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
