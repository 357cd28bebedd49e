package studio.actions.zou;

import java.util.UUID;
import java.util.concurrent.CompletableFuture;

import jakarta.inject.Singleton;

import io.quarkus.cache.Cache;
import io.quarkus.cache.CacheName;
import io.quarkus.cache.CaffeineCache;

/**
 * A cache of Zou's names of productions, sequences, episodes and types, each kept for a minute. It is shared by all callers, so
 * it must not decide who may see an object.
 */
@Singleton
class ZouNames {

    private record Key(String collection, UUID id) {
    }

    private final CaffeineCache known;

    ZouNames(@CacheName("zou-names") Cache known) {
        this.known = known.as(CaffeineCache.class);
    }

    /** Returns an object that was cached in the last minute; null if there is none. */
    ZouObject get(String collection, UUID id) {
        CompletableFuture<ZouObject> object = known.getIfPresent(new Key(collection, id));
        return object == null ? null : object.join();
    }

    void put(String collection, ZouObject object) {
        known.put(new Key(collection, object.id()), CompletableFuture.completedFuture(object));
    }
}
